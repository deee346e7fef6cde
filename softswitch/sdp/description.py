"""A whole session description (RFC 4566, RFC 8866), read once and written back byte for byte.

Lines are kept as they came and in their order; only what offer/answer needs is interpreted. Tolerated, because
common equipment does it: LF alone as line end, a missing last line end, blank lines at the end, lines out of order
inside a section, unknown line types (kept), spaces in the user name of o=, a missing t=.
"""

from __future__ import annotations

import re

from softswitch.sdp.errors import SdpError
from softswitch.sdp.media import Connection, MediaDescription, find_attribute, lines_of
from softswitch.value import value_class

MAX_BYTES = 65536
MAX_LINES = 500
MAX_MEDIA = 100


@value_class(frozen=True, slots=True)
class Origin:
    """The o= line (RFC 4566 5.2). `version` grows with every change of the description (RFC 3264 8)."""

    username: str
    session_id: int
    version: int
    address: str

    @classmethod
    def parse(cls, value: str, line: int) -> Origin:
        """Read the value of an o= line. Raises SdpError 400."""
        words = value.rsplit(None, 5)
        if len(words) != 6 or not _is_number(words[1]) or not _is_number(words[2]):
            raise SdpError("origin unreadable", expected="o=<user> <number> <number> IN IP4|IP6 <address>", line=line)
        return cls(words[0], int(words[1]), int(words[2]), words[5])


@value_class(frozen=True, slots=True)
class SessionDescription:
    """An SDP body. `lines` are the raw session-level lines, `media` the sections in their order."""

    lines: tuple[str, ...]
    media: tuple[MediaDescription, ...]
    origin: Origin
    connection: Connection | None

    @classmethod
    def parse(cls, body: bytes) -> SessionDescription:
        """Read `body`. Raises SdpError: 400 unreadable or beyond the limits, 488 too many streams."""
        head, *sections = _text(body).split("\nm=")
        session = tuple(head.split("\n"))
        if session[0] != "v=0":
            raise SdpError("no protocol version", expected="v=0 as the first line", line=1)
        if len(sections) > MAX_MEDIA:
            raise SdpError(f"{len(sections)} media sections", expected=f"at most {MAX_MEDIA}", status=488)
        origin: Origin | None = None
        connection: Connection | None = None
        named = False
        for number, line in enumerate(session, 1):
            kind = line[0]
            if kind == "o" and origin is None:
                origin = Origin.parse(line[2:], number)
            elif kind == "c" and connection is None:
                connection = Connection.parse(line[2:], number)
            elif kind == "s":
                named = True
        if origin is None or not named:
            missing = "o=" if origin is None else "s="
            raise SdpError(f"no {missing} line", expected=f"one {missing} line before the first m= line")
        media: list[MediaDescription] = []
        number = len(session) + 1
        for section in sections:
            first, _, rest = section.partition("\n")
            lines = lines_of(rest)
            media.append(MediaDescription.parse("m=" + first, lines, number))
            number += len(lines) + 1
        return cls(session, tuple(media), origin, connection)

    def encode(self) -> bytes:
        """Write the description; equal to what was parsed when that was valid."""
        lines = list(self.lines)
        for section in self.media:
            lines.append(section.m_line)
            lines.extend(section.lines)
        lines.append("")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")

    def attribute(self, name: str) -> str | None:
        """Give the value of the first session-level attribute of that name ("" for a flag), None when absent."""
        return find_attribute(self.lines, name)

    @property
    def timing(self) -> str:
        """The value of the first t= line, `0 0` in its absence: a permanent session (RFC 4566 5.9)."""
        for line in self.lines:
            if line[0] == "t":
                return line[2:]
        return "0 0"


_WELL_FORMED = re.compile("(?:[A-Za-z]=[^\\r\\n\\0]*\n)*[A-Za-z]=[^\\r\\n\\0]*")


def _text(body: bytes) -> str:
    """Give the lines, joined by LF and without a last one, every one of them `<letter>=<value>`."""
    if len(body) > MAX_BYTES:
        raise SdpError(f"{len(body)} bytes", expected=f"at most {MAX_BYTES}")
    # Bytes that are no UTF-8 (a=charset, RFC 4566 6) survive as surrogates and are written back unchanged.
    text = body.decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n")
    if text.count("\n") >= MAX_LINES:
        raise SdpError(f"{text.count(chr(10)) + 1} lines", expected=f"at most {MAX_LINES}", line=MAX_LINES + 1)
    # One pass in C for what is nearly always in order; only a fault is searched for line by line.
    if _WELL_FORMED.fullmatch(text) is None:
        raise _first_fault(text)
    return text


def _first_fault(text: str) -> SdpError:
    if not text:
        return SdpError("empty body", expected="a session description")
    for number, line in enumerate(text.split("\n"), 1):
        if line[1:2] != "=" or not (line[0].isascii() and line[0].isalpha()):
            return SdpError("no type letter", expected="<letter>=<value>", line=number)
        if "\r" in line or "\0" in line:
            return SdpError("control character", expected="neither CR nor NUL inside a line", line=number)
    return SdpError("unreadable", expected="lines of <letter>=<value>")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20
