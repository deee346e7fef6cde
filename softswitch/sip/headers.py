"""Header values: frozen, parsed from the text after the colon and printed back (RFC 3261 20, 25.1).

`X.parse(text)` raises RemoteProtocolError and nothing else; `X.parse(str(x)) == x` for every x that can be printed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from softswitch.sip.auth import AuthChallenge, AuthCredentials
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.grammar import (
    CACHED_TEXT_LIMIT,
    HOST,
    QUOTED_STRING,
    TOKEN_CHARS,
    is_token,
    parse_digits,
    quote,
    unquote,
)
from softswitch.sip.parameters import NO_PARAMETERS, VALUE, Parameters
from softswitch.sip.uri import Uri, check_ipv6_reference
from softswitch.value import value_class

__all__ = [
    "MAX_CSEQ",
    "MAX_DELTA_SECONDS",
    "AuthChallenge",
    "AuthCredentials",
    "CSeq",
    "MediaType",
    "NameAddr",
    "Reason",
    "RetryAfter",
    "Via",
    "branch_of",
    "parse_delta_seconds",
    "tag_of",
]

MAX_CSEQ = 2**31 - 1
"""RFC 3261 8.1.1.5: "expressible as a 32-bit unsigned integer and MUST be less than 2**31"."""
MAX_DELTA_SECONDS = 2**32 - 1

# The time to refuse a text must not grow with the square of its length: every repetition here and in the other modules
# is possessive where another one could take over its characters. Only repetitions of a single character class are,
# though; CPython before 3.11.5 mismatches possessive quantifiers of groups. A repeated group is linear because each
# pass starts with a character that the pass before cannot end in.

# Unquoted display names are tokens (RFC 4475 3.1.2.15); names in UTF-8 without quotes are common and unambiguous.
_NAME_ADDR = re.compile(
    rf"(?:({QUOTED_STRING})[ \t]*+|([{TOKEN_CHARS} \t\x80-\U0010ffff]*+))<([^<>]*+)>[ \t]*+(;.*)?", re.DOTALL
).fullmatch
_ADDR_SPEC = re.compile(r"([^;?,<>\" \t]++)[ \t]*+(;.*)?", re.DOTALL).fullmatch

_SENT_BY = rf"({HOST})(?:[ \t]*+:[ \t]*+([0-9]{{1,5}}))?[ \t]*+(;.*)?"
_VIA = re.compile(
    rf"([{TOKEN_CHARS}]++)[ \t]*+/[ \t]*+([{TOKEN_CHARS}]++)[ \t]*+/[ \t]*+([{TOKEN_CHARS}]++)[ \t]++{_SENT_BY}",
    re.DOTALL,
).fullmatch
_MEDIA_TYPE = re.compile(rf"([{TOKEN_CHARS}]++)[ \t]*+/[ \t]*+([{TOKEN_CHARS}]++)[ \t]*+(;.*)?", re.DOTALL).fullmatch
_REASON = re.compile(rf"([{TOKEN_CHARS}]++)[ \t]*+(;.*)?", re.DOTALL).fullmatch
_RETRY_AFTER = re.compile(r"([0-9]++)[ \t]*+(\([^()]*+\))?[ \t]*+(;.*)?", re.DOTALL).fullmatch

# Most addresses and Vias are as plain as these: one match checks them, where the typed form costs several times as
# much and most messages are never asked for it. What does not match is read in full, so each must match nothing that
# the full reading refuses or understands otherwise (tests/unit/sip/test_plain_headers.py).
_PORT = r"(?:[0-9]{1,4}|[1-5][0-9]{4})"
_PLAIN_HOST = r"[A-Za-z0-9_][A-Za-z0-9_.\-]*+"
_PLAIN_ADDRESS = re.compile(
    rf'(?:"[^"\\\x00-\x08\x0a-\x1f\x7f]*+" ?|[{TOKEN_CHARS} ]*+)'
    rf"<sips?:(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#]++@)?{_PLAIN_HOST}(?::{_PORT})?(?:;[a-z]++(?:=[A-Za-z0-9.\-]++)?)?>"
    rf"(?:;tag=({VALUE}))?"
).fullmatch
_RPORT, _RECEIVED = rf";rport(?:={_PORT})?", r";received=[0-9A-Za-z.:]++"
_PLAIN_VIA = re.compile(
    rf"SIP/2\.0/([A-Z]++) ({_PLAIN_HOST})(?::({_PORT}))?("
    rf";branch=({VALUE})(?:{_RPORT}(?:{_RECEIVED})?|{_RECEIVED}(?:{_RPORT})?)?"
    rf"|(?:{_RPORT}(?:{_RECEIVED})?|{_RECEIVED}(?:{_RPORT})?);branch=({VALUE}))"
).fullmatch


@value_class(frozen=True, slots=True)
class NameAddr:
    """From, To, Contact, Route, Record-Route, P-Asserted-Identity ...: `"Name" <uri>;parameters` (20.10)."""

    display_name: str
    """Unquoted; empty when there is none."""
    uri: Uri
    parameters: Parameters = NO_PARAMETERS

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read a name-addr or addr-spec; parameters of an addr-spec belong to the header (20: no `?` or `;` in it)."""
        return _parse_name_addr(text) if len(text) > CACHED_TEXT_LIMIT else _parse_name_addr_cached(text)

    @property
    def tag(self) -> str | None:
        """The dialog tag (19.3)."""
        return self.parameters.get("tag")

    def with_tag(self, tag: str) -> NameAddr:
        """The same address with this tag."""
        return replace(self, parameters=self.parameters.with_("tag", tag))

    def __str__(self) -> str:
        if self.display_name:
            return f"{quote(self.display_name)} <{self.uri}>{self.parameters}"
        return f"<{self.uri}>{self.parameters}"


@value_class(frozen=True, slots=True)
class Via:
    """One hop of the response's way back (20.42)."""

    transport: str
    """`UDP`, `TCP`, `TLS`, `WS`, `WSS`, or a transport nobody knows yet (RFC 4475 3.1.1.10)."""
    host: str
    """sent-by host; IPv6 in brackets."""
    port: int | None = None
    parameters: Parameters = NO_PARAMETERS
    protocol: str = "SIP/2.0"

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one Via value (a list must be split before)."""
        plain = _PLAIN_VIA(text)
        if plain is not None:
            transport, host, port, parameters = plain.group(1, 2, 3, 4)
            return cls(transport, host, int(port) if port else None, Parameters.unrepeated(parameters))
        match = _VIA(text)
        if match is None:
            raise RemoteProtocolError(
                "Malformed Via", f"expected SIP/2.0/transport host[:port][;params], got {text[:200]!r}"
            )
        name, version, transport, host, port, parameters = match.groups()
        number = None
        if port is not None:
            number = int(port)
            if number > 65535:
                raise RemoteProtocolError("Port out of range in Via", text[:200])
        if host[0] == "[":
            host = check_ipv6_reference(host)
        return cls(
            transport.upper(),
            host,
            number,
            Parameters.parse(parameters) if parameters else NO_PARAMETERS,
            "SIP/2.0" if version == "2.0" and name == "SIP" else f"{name.upper()}/{version}",
        )

    @property
    def branch(self) -> str | None:
        """The transaction's id; unique only with the magic cookie `z9hG4bK` (8.1.1.7)."""
        return self.parameters.get("branch")

    @property
    def received(self) -> str | None:
        """Source address as the next hop saw it, without brackets (18.2.1; RFC 5118 4.5 asks for both forms)."""
        value = self.parameters.get("received")
        return value.strip("[]") if value else None

    @property
    def rport(self) -> int | None:
        """Source port as the next hop saw it (RFC 3581); `"rport" in parameters` tells whether it is asked for."""
        value = self.parameters.get("rport")
        return parse_digits(value, 65535) if value else None

    def with_source(self, address: str, port: int) -> Via:
        """What a server notes on a request's top Via (18.2.1, RFC 3581 4): `received`, and `rport` when asked for."""
        parameters = self.parameters
        if "rport" in parameters:
            parameters = parameters.with_("rport", str(port)).with_("received", address)
        elif self.host.strip("[]") != address:
            parameters = parameters.with_("received", address)
        else:
            return self
        return replace(self, parameters=parameters)

    def __str__(self) -> str:
        if self.port is None:
            return f"{self.protocol}/{self.transport} {self.host}{self.parameters}"
        return f"{self.protocol}/{self.transport} {self.host}:{self.port}{self.parameters}"


@value_class(frozen=True, slots=True)
class CSeq:
    """Sequence number and method of a request (20.16)."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read `number method`, the number below 2**31."""
        return _parse_cseq(text) if len(text) > CACHED_TEXT_LIMIT else _parse_cseq_cached(text)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@value_class(frozen=True, slots=True)
class MediaType:
    """Content-Type, and one element of Accept (20.15)."""

    type: str
    """Lower case, as are subtypes: they compare without case."""
    subtype: str
    parameters: Parameters = NO_PARAMETERS

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Read `type/subtype[;parameters]`."""
        return _parse_media_type(text) if len(text) > CACHED_TEXT_LIMIT else _parse_media_type_cached(text)

    @property
    def essence(self) -> str:
        """`type/subtype` alone."""
        return f"{self.type}/{self.subtype}"

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}{self.parameters}"


@value_class(frozen=True, slots=True)
class Reason:
    """Why a request was sent: `Q.850;cause=16;text="Normal call clearing"` (RFC 3326)."""

    protocol: str
    """`SIP` or `Q.850`, as written; compares without case in practice."""
    cause: int | None = None
    text: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reason:
        """Read one reason-value; extensions are dropped."""
        match = _REASON(text)
        if match is None:
            raise RemoteProtocolError("Malformed Reason", f"expected protocol;cause=n, got {text[:80]!r}")
        parameters = Parameters.parse(match[2] or "")
        cause = parameters.get("cause")
        return cls(match[1], parse_digits(cause, 9999) if cause else None, parameters.text("text"))

    def __str__(self) -> str:
        text = self.protocol
        if self.cause is not None:
            text += f";cause={self.cause}"
        if self.text is not None:
            text += f";text={quote(self.text)}"
        return text


@value_class(frozen=True, slots=True)
class RetryAfter:
    """When to try again (20.33)."""

    seconds: int
    comment: str = ""
    parameters: Parameters = NO_PARAMETERS

    @classmethod
    def parse(cls, text: str) -> RetryAfter:
        """Read delta-seconds, an optional comment and parameters; overlarge numbers are refused (RFC 4475 3.1.2.5)."""
        match = _RETRY_AFTER(text)
        seconds = parse_digits(match[1], MAX_DELTA_SECONDS) if match else None
        if match is None or seconds is None:
            raise RemoteProtocolError("Malformed Retry-After", f"expected seconds, got {text[:80]!r}")
        return cls(seconds, (match[2] or "")[1:-1], Parameters.parse(match[3] or ""))

    def __str__(self) -> str:
        return (
            f"{self.seconds} ({self.comment}){self.parameters}" if self.comment else f"{self.seconds}{self.parameters}"
        )


def parse_delta_seconds(text: str, default: int) -> int:
    """An expiry in seconds; "treat them as if they contained the default" if out of range (RFC 4475 3.1.2.4)."""
    seconds = parse_digits(text.strip(" \t"), MAX_DELTA_SECONDS)
    return default if seconds is None else seconds


def _parse_name_addr(text: str) -> NameAddr:
    match = _NAME_ADDR(text)
    if match is not None:
        quoted, name, uri, parameters = match.groups()
        display_name = unquote(quoted) if quoted else name.strip(" \t")
        return NameAddr(display_name, Uri.parse(uri), Parameters.parse(parameters) if parameters else NO_PARAMETERS)
    match = _ADDR_SPEC(text)
    if match is None:
        raise RemoteProtocolError("Malformed address", f'expected ["name"] <uri>[;params], got {text[:200]!r}')
    return NameAddr("", Uri.parse(match[1]), Parameters.parse(match[2]) if match[2] else NO_PARAMETERS)


def _parse_cseq(text: str) -> CSeq:
    pieces = text.split()
    number = parse_digits(pieces[0], MAX_CSEQ) if len(pieces) == 2 else None
    if number is None or not is_token(pieces[1]):
        raise RemoteProtocolError("Malformed CSeq", f"expected 0..2**31-1 and a method, got {text[:80]!r}")
    return CSeq(number, pieces[1])


def _parse_media_type(text: str) -> MediaType:
    match = _MEDIA_TYPE(text)
    if match is None:
        raise RemoteProtocolError("Malformed media type", f"expected type/subtype, got {text[:80]!r}")
    return MediaType(match[1].lower(), match[2].lower(), Parameters.parse(match[3] or ""))


def tag_of(text: str) -> str | None:
    """The tag of an address that is From, To or Contact. RemoteProtocolError if NameAddr.parse would raise it."""
    return _tag_of(text) if len(text) > CACHED_TEXT_LIMIT else _tag_of_cached(text)


def branch_of(text: str) -> str | None:
    """The branch of one Via. RemoteProtocolError if Via.parse would raise it, or for another protocol than SIP/2.0."""
    match = _PLAIN_VIA(text)
    if match is not None:
        return match[5] or match[6]
    via = Via.parse(text)
    if via.protocol != "SIP/2.0":
        raise RemoteProtocolError("Malformed Via", f"expected SIP/2.0, got {via.protocol[:40]!r}")
    return via.branch


def _tag_of(text: str) -> str | None:
    match = _PLAIN_ADDRESS(text)
    return NameAddr.parse(text).tag if match is None else match[1]


# The same addresses come in every message of a dialog.
_tag_of_cached = lru_cache(4096)(_tag_of)
_parse_cseq_cached = lru_cache(1024)(_parse_cseq)
_parse_media_type_cached = lru_cache(64)(_parse_media_type)
_parse_name_addr_cached = lru_cache(2048)(_parse_name_addr)
