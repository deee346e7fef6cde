"""Parameters of URIs and header values: `;name=value;flag` (RFC 3261 7.3.1, 19.1.1, 25.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.grammar import QUOTED_STRING, TOKEN_CHARS, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Item = tuple[str, str | None]

# gen-value = token / host / quoted-string. Base64 tags ("abc==") and slashes are seen in the wild and cannot be
# misread, so every printable ASCII character that delimits nothing is taken.
VALUE = r"[!#-+\--:=@-~]++"
_PLAIN = re.compile(rf"(?:;[{TOKEN_CHARS}]++(?:={VALUE})?)*").fullmatch
_SPACED = re.compile(rf"[ \t]*+;[ \t]*+([{TOKEN_CHARS}]++)(?:[ \t]*+=[ \t]*+({VALUE}|{QUOTED_STRING}))?").match
_WRITABLE = re.compile(rf"(?:{VALUE}|{QUOTED_STRING})").fullmatch
_NAME = re.compile(rf"[{TOKEN_CHARS}\[\]/:&$()]+").fullmatch


class Parameters:
    """An ordered, immutable mapping with case-insensitive names; a flag's value is None.

    Names are kept in lower case, values as they stand on the wire (a quoted-string keeps its quotes; `text` gives
    its content), so that what was parsed is written back byte for byte.
    """

    __slots__ = ("_items",)
    _items: tuple[Item, ...]

    def __init__(self, items: Iterable[Item] = ()) -> None:
        """Raise LocalProtocolError for a name or value that cannot stand in a message, or a repeated name."""
        self._items = tuple((name.lower(), value) for name, value in items)
        for name, value in self._items:
            if not _NAME(name) or (value is not None and not _WRITABLE(value)):
                raise LocalProtocolError(
                    f"expected a parameter `token[=token|quoted-string]`, got {name!r}={value!r}; quote the value"
                )
        if len({name for name, _ in self._items}) != len(self._items):
            raise LocalProtocolError(f"a parameter is given twice in {self._items!r}")

    @classmethod
    def trusted(cls, items: tuple[Item, ...]) -> Parameters:
        """`items` as they are: a parser has already checked them."""
        if not items:
            return NO_PARAMETERS
        self = cls.__new__(cls)
        self._items = items
        return self

    @classmethod
    def parse(cls, text: str) -> Parameters:
        """Header parameters, `text` being empty or starting at the first semicolon."""
        if not text:
            return NO_PARAMETERS
        if _PLAIN(text):
            return cls.split(text)
        items: list[Item] = []
        position, end = 0, len(text.rstrip(" \t"))
        while position < end:
            match = _SPACED(text, position)
            if match is None:
                raise RemoteProtocolError(
                    "Malformed header parameter", f"expected ;name[=value], got {text[position : position + 60]!r}"
                )
            items.append((match[1].lower(), match[2]))
            position = match.end()
        _refuse_repeated(items)
        return cls.trusted(tuple(items))

    @classmethod
    def split(cls, text: str) -> Parameters:
        """Parameters whose syntax is already known to be `;name[=value]` without spaces and quotes."""
        self = cls.unrepeated(text)
        if len(self._items) > 1:
            _refuse_repeated(self._items)
        return self

    @classmethod
    def unrepeated(cls, text: str) -> Parameters:
        """The same where it is known, too, that no name comes twice."""
        self = cls.__new__(cls)
        items: list[Item] = []
        for piece in text[1:].split(";"):
            name, equals, value = piece.partition("=")
            items.append((name.lower(), value if equals else None))
        self._items = tuple(items)
        return self

    def get(self, name: str) -> str | None:
        """The value as written; None for a flag and for a parameter that is not there (tell them by `in`)."""
        name = name.lower()
        for key, value in self._items:
            if key == name:
                return value
        return None

    def text(self, name: str) -> str | None:
        """The value without its quotes."""
        value = self.get(name)
        return unquote(value) if value else value

    def with_(self, name: str, value: str | None) -> Parameters:
        """A copy in which `name` has this value, in its old place or at the end."""
        name = name.lower()
        if name not in self:
            return Parameters((*self._items, (name, value)))
        return Parameters((key, value if key == name else old) for key, old in self._items)

    def without(self, name: str) -> Parameters:
        """A copy that lacks `name`."""
        name = name.lower()
        return Parameters.trusted(tuple(item for item in self._items if item[0] != name))

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            name = name.lower()
            for key, _ in self._items:
                if key == name:
                    return True
        return False

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parameters) and self._items == other._items

    def __hash__(self) -> int:
        return hash(self._items)

    def __str__(self) -> str:
        if not self._items:
            return ""
        return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in self._items])

    def __repr__(self) -> str:
        return f"Parameters({list(self._items)!r})"


def _refuse_repeated(items: Sequence[Item]) -> None:
    """RFC 3261 7.3.1: "any given parameter-name MUST NOT appear more than once"."""
    if len(dict(items)) != len(items):
        raise RemoteProtocolError("Repeated parameter", repr([name for name, _ in items])[:200])


NO_PARAMETERS = Parameters()
