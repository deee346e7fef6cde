"""SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966); any other scheme is kept, unread."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.grammar import CACHED_TEXT_LIMIT, HOST
from softswitch.sip.parameters import NO_PARAMETERS, Parameters
from softswitch.value import value_class

_UNRESERVED = r"A-Za-z0-9\-_.!~*'()"
# RFC 3261 25.1 user-unreserved, and "#": phones dial it unescaped and it delimits nothing in a SIP URI.
_USER_CHARS = rf"{_UNRESERVED}&=+$,;?/%#"
_PARAMETER_CHARS = rf"{_UNRESERVED}\[\]/:&+$%"
_PARAMETERS = rf"(?:;[{_PARAMETER_CHARS}]++(?:=[{_PARAMETER_CHARS}=]++)?)*"
_HEADERS = rf"[{_UNRESERVED}\[\]/?:+$%=&]++"

_SIP = re.compile(
    rf"(?:([{_USER_CHARS}]++)(?::([{_UNRESERVED}&=+$,%]*+))?@)?({HOST})(?::([0-9]{{1,5}}))?({_PARAMETERS})(?:\?({_HEADERS}))?"
).fullmatch
# RFC 3966 3: global-number / local-number, visual separators included.
_TEL = re.compile(rf"(\+?[0-9A-Fa-f*#\-.()]++)({_PARAMETERS})").fullmatch
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*").fullmatch
_OPAQUE = re.compile(r"[!#-;=?-~]+").fullmatch
_ESCAPE = re.compile(r"%(?:([0-9A-Fa-f]{2}))?")
_IS_UNRESERVED = re.compile(f"[{_UNRESERVED}]").fullmatch
_NOT_USER = re.compile(rf"[^{_UNRESERVED}&=+$,;?/]")
_WRITABLE = re.compile(r"[!#-;=?-~]*").fullmatch

# RFC 3261 19.1.4: these never match when only one of two URIs has them.
_SIGNIFICANT_ALONE = ("user", "ttl", "method", "maddr", "transport")


@value_class(frozen=True, slots=True)
class Uri:
    """A URI by its parts, in the form RFC 3261 writes them: escapes stay (except needless ones), IPv6 in brackets."""

    scheme: str
    """Lower case: `sip`, `sips`, `tel`, or a scheme this switch does not route (416)."""
    user: str | None = None
    """User part without the password; the number of a `tel` URI."""
    host: str = ""
    """hostname, IPv4address or `[IPv6]`; empty for `tel` and opaque URIs."""
    port: int | None = None
    parameters: Parameters = NO_PARAMETERS
    headers: str = ""
    """What follows the question mark, as written."""
    password: str | None = None
    opaque: str = ""
    """All that follows the colon of an unknown scheme."""

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read one URI; RemoteProtocolError if it is malformed, which an unknown scheme is not (RFC 4475 3.3.2)."""
        return _parse(text) if len(text) > CACHED_TEXT_LIMIT else _parse_cached(text)

    @property
    def is_sip(self) -> bool:
        """Whether RFC 3261 routes it: scheme `sip` or `sips`."""
        return self.scheme in ("sip", "sips")

    @property
    def address(self) -> str:
        """`host` as sockets and resolvers want it: IPv6 without its brackets."""
        return self.host.strip("[]")

    def with_parameter(self, name: str, value: str | None) -> Uri:
        """A copy with this URI parameter set."""
        return replace(self, parameters=self.parameters.with_(name, value))

    def equivalent(self, other: Uri) -> bool:
        """RFC 3261 19.1.4, which is not transitive and therefore not `==`."""
        if self.scheme != other.scheme:
            return False
        if not self.is_sip:
            return (_number(self.user), self.opaque) == (_number(other.user), other.opaque) and sorted(
                self.parameters
            ) == sorted(other.parameters)
        return (
            (self.user, self.password, self.port) == (other.user, other.password, other.port)
            and _same_host(self.host, other.host)
            and _same_parameters(self.parameters, other.parameters)
            and _header_set(self.headers) == _header_set(other.headers)
        )

    def __str__(self) -> str:
        if self.opaque:
            text = f"{self.scheme}:{self.opaque}"
        elif self.scheme == "tel":
            text = f"tel:{self.user}{self.parameters}"
        else:
            text = self.host if self.port is None else f"{self.host}:{self.port}"
            if self.user is not None:
                text = f"{self.user}@{text}" if self.password is None else f"{self.user}:{self.password}@{text}"
            text = f"{self.scheme}:{text}{self.parameters}" if self.parameters else f"{self.scheme}:{text}"
            if self.headers:
                text += f"?{self.headers}"
        if not _WRITABLE(text):
            raise LocalProtocolError(
                f"expected a URI without spaces, quotes and brackets, got {text!r}; escape the user"
            )
        return text


def escape_user(text: str) -> str:
    """Any text as a user part: what RFC 3261 does not allow there becomes %HH of its UTF-8 form."""
    return _NOT_USER.sub(lambda match: "".join(f"%{octet:02X}" for octet in match[0].encode()), text)


def user_part(number: str) -> str:
    """A dialled number as the user part of a URI: nothing in it can become a parameter, a password or a host."""
    if number.isalnum() and number.isascii():
        return number
    return "".join(f"%{ord(char):02X}" if char in ";?/,&=$" else char for char in escape_user(number))


def unescape(text: str) -> str:
    """%HH resolved for showing and matching; octets that are not UTF-8 become U+FFFD. RemoteProtocolError if broken."""
    if "%" not in text:
        return text
    octets = bytearray()
    position = 0
    for match in _ESCAPE.finditer(text):
        octets += text[position : match.start()].encode()
        octets.append(int(_hex_pair(match), 16))
        position = match.end()
    return (octets + text[position:].encode()).decode("utf-8", "replace")


@lru_cache(4096)
def check_ipv6_reference(host: str) -> str:
    """A well-formed `[IPv6]`, or RemoteProtocolError.

    RFC 5118 4.10: RFC 3261's grammar also generates a third colon before an embedded IPv4 address; "an
    implementation must tolerate both". It is read as the two that were meant.
    """
    address = host[1:-1]
    if ":::" in address and "." in address:
        address = address.replace(":::", "::", 1)
    try:
        IPv6Address(address)
    except AddressValueError as error:
        raise RemoteProtocolError("Malformed IPv6 reference", host[:80]) from error
    return f"[{address}]"


def _parse(text: str) -> Uri:
    scheme, colon, rest = text.partition(":")
    lower = scheme.lower()
    if lower in ("sip", "sips"):
        match = _SIP(rest)
        if match is None:
            raise RemoteProtocolError(
                "Malformed SIP URI", f"expected sip:[user@]host[:port][;params], got {text[:200]!r}"
            )
        user, password, host, port, parameters, headers = match.groups()
        if "%" in rest:
            user, password = _normalise(user), _normalise(password)
            unescape(rest)
        number = None
        if port is not None:
            number = int(port)
            if number > 65535:
                raise RemoteProtocolError("Port out of range in a SIP URI", text[:200])
        if host[0] == "[":
            host = check_ipv6_reference(host)
        return Uri(
            lower,
            user,
            host,
            number,
            _split_parameters(parameters) if parameters else NO_PARAMETERS,
            headers or "",
            password,
        )
    if lower == "tel":
        match = _TEL(rest)
        if match is None:
            raise RemoteProtocolError("Malformed tel URI", f"expected tel:number[;params], got {text[:200]!r}")
        return Uri("tel", match[1], parameters=Parameters.split(match[2]) if match[2] else NO_PARAMETERS)
    if not colon or not _SCHEME(scheme) or not _OPAQUE(rest):
        raise RemoteProtocolError("Malformed URI", f"expected scheme:..., got {text[:200]!r}")
    return Uri(lower, opaque=rest)


# `;lr`, `;user=phone`, `;transport=tcp`: a few texts are nearly all there is.
_split_parameters = lru_cache(512)(Parameters.split)
_parse_cached = lru_cache(2048)(_parse)


def _hex_pair(match: re.Match[str]) -> str:
    pair: str | None = match[1]
    if pair is None:
        raise RemoteProtocolError("Malformed escape in a URI", f"expected %HH in {match.string[:200]!r}")
    return pair


def _normalise(text: str | None) -> str | None:
    """Escapes of unreserved characters mean the character (RFC 3261 19.1.4); the others stay, in upper case."""
    if text is None or "%" not in text:
        return text

    def resolve(match: re.Match[str]) -> str:
        pair = _hex_pair(match)
        character = chr(int(pair, 16))
        return character if _IS_UNRESERVED(character) else f"%{pair.upper()}"

    return _ESCAPE.sub(resolve, text)


def _number(user: str | None) -> str | None:
    """RFC 3966 4: visual separators do not count."""
    return None if user is None else re.sub(r"[\-.()]", "", user).lower()


def _same_host(one: str, other: str) -> bool:
    if one[:1] == "[" and other[:1] == "[":
        return IPv6Address(one[1:-1]) == IPv6Address(other[1:-1])
    return one.lower() == other.lower()


def _same_parameters(one: Parameters, other: Parameters) -> bool:
    mine, theirs = dict(one), dict(other)
    for name in mine.keys() & theirs.keys():
        first, second = mine[name], theirs[name]
        if (first is None) != (second is None) or unescape(first or "").lower() != unescape(second or "").lower():
            return False
    return not any((name in mine) != (name in theirs) for name in _SIGNIFICANT_ALONE)


def _header_set(headers: str) -> list[tuple[str, str]]:
    """Headers compare in any order, names without case (19.1.4)."""
    pairs = (piece.partition("=") for piece in headers.split("&"))
    return sorted((unescape(name).lower(), unescape(value)) for name, _, value in pairs)
