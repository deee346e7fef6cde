"""The header fields of one message: ordered, repeatable, named without case (RFC 3261 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.grammar import is_token, split_list
from softswitch.sip.headers import NameAddr, tag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

COMPACT_FORMS = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
"""IANA "SIP Parameters", compact forms."""


def _words(text: str) -> list[str]:
    return text.split()


# RFC 3261 7.3.1: only headers defined as comma-separated lists may be split. User-Agent, Date, Subject, Server,
# Call-ID, From, To and the four authentication headers hold commas of their own.
LIST_HEADERS = frozenset(
    _words("""
        Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Call-Info Call-Path Contact
        Content-Encoding Content-Language Diversion Error-Info History-Info In-Reply-To P-Asserted-Identity
        P-Associated-URI P-Preferred-Identity Path Privacy Proxy-Require Reason Record-Route Reject-Contact
        Request-Disposition Require Route Security-Client Security-Server Security-Verify Service-Route Supported
        Unsupported Via Warning
    """)
)
_OTHERS = _words("""
    Authentication-Info Authorization Content-Disposition CSeq Date Expires From Geolocation Max-Forwards
    Min-Expires Min-SE MIME-Version Organization P-Access-Network-Info P-Charging-Vector P-Early-Media Priority
    Proxy-Authenticate Proxy-Authorization RAck Replaces Reply-To Remote-Party-ID Retry-After RSeq Server SIP-ETag
    SIP-If-Match Subscription-State Target-Dialog Timestamp To User-Agent User-to-User WWW-Authenticate
""")
_KNOWN = sorted(LIST_HEADERS.union(_OTHERS, COMPACT_FORMS.values()))
CANONICAL: dict[str, str] = {
    **{spelling: name for name in _KNOWN for spelling in (name, name.lower(), name.upper())},
    **{spelling: name for letter, name in COMPACT_FORMS.items() for spelling in (letter, letter.upper())},
}
"""Every usual spelling of a known header name -> the name as RFC 3261 writes it."""


def canonical_name(name: str) -> str:
    """The key of a header: its RFC spelling, or the lower-case name of a header nobody here knows."""
    return CANONICAL.get(name) or CANONICAL.get(lower := name.lower()) or lower


class Headers:
    """Raw header values by canonical name. Nothing that could end a line can be put in (header injection).

    Values of one name keep their order, names the order in which they first came; RFC 3261 gives the order of
    different names no meaning. Typed values read through `typed` are kept until that header changes.
    """

    __slots__ = ("_spelling", "_typed", "_values")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        self._spelling: dict[str, str] | None = None
        self._typed: dict[str, object] = {}
        for name, value in items:
            self.add(name, value)

    @classmethod
    def from_lines(cls, lines: list[str]) -> Headers | None:
        """Header lines of a message, free of CR and LF; RemoteProtocolError for one without a name.

        None if a line continues the one before it: unfold and come again. Folding is so rare that every message
        would pay for looking.
        """
        self = cls.__new__(cls)
        self._spelling = None
        self._typed = {}
        values: dict[str, list[str]] = {}
        self._values = values
        canonical = CANONICAL
        for line in lines:
            name, colon, value = line.partition(":")
            try:
                key = canonical[name] if colon else None
            except KeyError:
                key = None
            if key is None:
                if line[:1] in (" ", "\t"):
                    return None
                name = name.rstrip(" \t")
                if not colon or not is_token(name):
                    raise RemoteProtocolError("Malformed header line", f"expected `name: value`, got {line[:80]!r}")
                key = canonical_name(name)
                if key == name.lower() and key not in canonical:
                    self._remember_spelling(key, name)
            value = value.strip(" \t")
            if key in values:
                values[key].append(value)
            else:
                values[key] = [value]
        return self

    def get(self, name: str) -> str | None:
        """The first value as written, None if there is none."""
        values = self._values.get(name)
        if values is None:
            key = canonical_name(name)
            if key == name:
                return None
            values = self._values.get(key)
        return values[0] if values else None

    def get_all(self, name: str) -> list[str]:
        """Every value in order; comma-separated lists split where the grammar makes them lists.

        RemoteProtocolError if quotes or brackets in a list are not balanced.
        """
        key = canonical_name(name)
        values = self._values.get(key, [])
        if key not in LIST_HEADERS:
            return values.copy()
        if not any("," in value for value in values):
            return [value for value in values if value]
        return [element for value in values if value for element in split_list(value)]

    def lines(self, name: str) -> list[str]:
        """The values of a canonical name as written, one a line; not a copy, not to be changed."""
        return self._values.get(name, [])

    def add(self, name: str, value: str) -> None:
        """Append a value after those of the same name."""
        self._values.setdefault(self._key(name, value), []).append(value)

    def prepend(self, name: str, value: str) -> None:
        """Put a value before those of the same name (Via, Record-Route)."""
        self._values.setdefault(self._key(name, value), []).insert(0, value)

    def set(self, name: str, value: str) -> None:
        """Replace all values of this name by one."""
        self._values[self._key(name, value)] = [value]

    def replace_top(self, name: str, value: str) -> None:
        """Replace the first element of a list header and leave the rest (noting `received` on the top Via)."""
        key = self._key(name, value)
        values = self._values.get(key)
        if values is None:
            self._values[key] = [value]
        elif "," in values[0]:
            try:
                rest = split_list(values[0])[1:]
            except RemoteProtocolError:
                # A salvaged message: an answer needs the top alone, the rest goes back as it came.
                rest = [values[0].partition(",")[2]]
            values[0] = ", ".join([value, *rest])
        else:
            values[0] = value

    def remove(self, name: str) -> None:
        """Drop all values of this name, if there are any."""
        key = canonical_name(name)
        self._values.pop(key, None)
        self._typed.pop(key, None)

    def items(self) -> Iterator[tuple[str, str]]:
        """(name, value) of every line, in the order of writing."""
        spelling = self._spelling
        for key, values in self._values.items():
            name = key if spelling is None else spelling.get(key, key)
            for value in values:
                yield name, value

    def copy(self) -> Headers:
        """An independent copy."""
        other = Headers.__new__(Headers)
        other._values = {key: values.copy() for key, values in self._values.items()}
        other._spelling = self._spelling.copy() if self._spelling else None
        other._typed = self._typed.copy()
        return other

    def copy_of(self, names: Iterable[str]) -> Headers:
        """New headers that hold only these canonical names, as far as they are here."""
        other = Headers.__new__(Headers)
        mine = self._values
        other._values = {name: mine[name].copy() for name in names if name in mine}
        other._spelling = None
        other._typed = {}
        return other

    def essential(self) -> tuple[str, str, str, str, str]:
        """The first Via, From, To, Call-ID and CSeq as written. Raises KeyError if one is not here (8.1.1, 20)."""
        values = self._values
        return values["Via"][0], values["From"][0], values["To"][0], values["Call-ID"][0], values["CSeq"][0]

    def typed(self, name: str, read: Callable[[str], T]) -> T:
        """The first value of `name` (canonical) as `read` gives it, remembered until the header changes."""
        known = self._typed.get(name)
        if known is None:
            known = self._typed[name] = read(self._values[name][0])
        return known  # type: ignore[return-value]

    def addresses(self, name: str) -> tuple[NameAddr, ...]:
        """Every address of a list header (canonical name), remembered until it changes; `*` is none (10.2.2)."""
        known = self._typed.get(name)
        if known is None:
            values = self._values.get(name)
            if values is None:
                return ()
            if len(values) > 1 or "," in values[0]:
                values = self.get_all(name)
            known = () if values == ["*"] else tuple([NameAddr.parse(value) for value in values])
            self._typed[name] = known
        return known  # type: ignore[return-value]

    def check_addresses(self, names: Iterable[str]) -> None:
        """Raise RemoteProtocolError if `addresses` would for one of these; types none that is as plain as most are."""
        for name in names:
            for text in self._values.get(name, ()):
                if not text or "," in text or text == "*":
                    self.addresses(name)
                else:
                    tag_of(text)

    def assume(self, name: str, value: object) -> None:
        """Let `typed` answer with `value` whatever the text is: for salvaging a broken message."""
        self._typed[name] = value

    def write(self, lines: list[str]) -> None:
        """Append `name: value` lines, but not Content-Length: the message counts its body itself."""
        spelling = self._spelling
        for key, values in self._values.items():
            if key != "Content-Length":
                name = key if spelling is None else spelling.get(key, key)
                if len(values) == 1:
                    lines.append(f"{name}: {values[0]}")
                else:
                    lines += [f"{name}: {value}" for value in values]

    def _key(self, name: str, value: str) -> str:
        """The canonical name, after refusing what would break the message apart; its typed value is forgotten."""
        key = CANONICAL.get(name)
        if key is None:
            if not is_token(name):
                raise LocalProtocolError(f"expected a header name of token characters, got {name!r}")
            key = canonical_name(name)
            if key not in CANONICAL:
                self._remember_spelling(key, name)
        if "\r" in value or "\n" in value:
            raise LocalProtocolError(f"{key}: a header value must not hold CR or LF, got {value!r}; drop them")
        self._typed.pop(key, None)
        return key

    def _remember_spelling(self, key: str, name: str) -> None:
        if self._spelling is None:
            self._spelling = {}
        self._spelling.setdefault(key, name)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        if name in self._values:
            return True
        return isinstance(name, str) and (key := canonical_name(name)) != name and key in self._values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._values == other._values

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({list(self.items())!r})"
