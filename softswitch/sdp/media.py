"""One media section: its m= line and all lines below it, kept as they came."""

from __future__ import annotations

from functools import lru_cache

from softswitch.sdp.errors import SdpError
from softswitch.value import value_class


@value_class(frozen=True, slots=True)
class Connection:
    """The c= line (RFC 4566 5.7), without a multicast TTL or count."""

    network_type: str
    address_type: str
    address: str

    @classmethod
    def parse(cls, value: str, line: int) -> Connection:
        """Read the value of a c= line. Raises SdpError 400."""
        words = value.split()
        if len(words) != 3:
            raise SdpError(f"connection {_shown(value)}", expected="c=IN IP4|IP6 <address>", line=line)
        network_type, kind, address = words
        if "/" in address:
            address = address.partition("/")[0]
        if network_type != "IN" or kind not in ("IP4", "IP6") or not address:
            raise SdpError(f"connection {_shown(value)}", expected="c=IN IP4|IP6 <address>", status=488, line=line)
        return cls(network_type, kind, address)


@value_class(frozen=True, slots=True)
class MediaDescription:
    """One media section. `lines` are the raw lines below the m= line, in their order, unknown ones included."""

    m_line: str
    """The m= line as it came."""
    media: str
    port: int
    """0: the stream is refused or removed (RFC 3264 5.1)."""
    protocol: str
    formats: tuple[str, ...]
    """As written; payload type numbers for RTP profiles."""
    lines: tuple[str, ...]
    connection: Connection | None
    """The section's own c= line; None: the session's applies."""
    line_number: int

    @classmethod
    def parse(cls, m_line: str, lines: tuple[str, ...], line_number: int) -> MediaDescription:
        """Read one section, `m_line` being its whole first line. Raises SdpError."""
        words = m_line[2:].split()
        if len(words) < 4:
            raise SdpError(
                f"media {_shown(m_line)}",
                expected="m=<media> <port>[/<count>] <protocol> <format> ...",
                line=line_number,
            )
        port = words[1]
        if "/" in port:
            port = port.partition("/")[0]
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
            raise SdpError(f"port {_shown(words[1])}", expected="a port from 0 to 65535", line=line_number)
        connection = None
        for offset, line in enumerate(lines, 1):
            if line[0] == "c":
                connection = Connection.parse(line[2:], line_number + offset)
                break
        return cls(m_line, words[0], int(port), words[2], tuple(words[3:]), lines, connection, line_number)

    def attribute(self, name: str) -> str | None:
        """Give the value of the first attribute of that name ("" for a flag), None when absent."""
        return find_attribute(self.lines, name)


def lines_of(text: str) -> tuple[str, ...]:
    """The lines below an m= line. Equal texts share one tuple, which others remember what they have read from."""
    if len(text) > _LONGEST_REMEMBERED or "a=crypto" in text:
        # Keys are of one call; nobody else is to find them in memory.
        return tuple(text.split("\n"))
    return _remembered_lines(text) if text else ()


# A peer says the same of its codecs in every call; only its m= line, above these, names a new port.
_LONGEST_REMEMBERED = 1024
_remembered_lines = lru_cache(256)(lambda text: tuple(text.split("\n")))


def find_attribute(lines: tuple[str, ...], name: str) -> str | None:
    """Look an attribute up among raw lines."""
    flag = f"a={name}"
    start = f"a={name}:"
    for line in lines:
        if line.startswith(start):
            return line[len(start) :]
        if line == flag:
            return ""
    return None


def _shown(text: str) -> str:
    """Quote what came, shortened: error texts end up in logs."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
