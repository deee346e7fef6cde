"""Attributes of an RTP media section that offer/answer turns on: direction, rtpmap, fmtp, ptime, rtcp."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Direction(Enum):
    """RFC 4566 6, always from the point of view of the description's author."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    def __init__(self, value: str) -> None:
        self.sends = value in ("sendrecv", "sendonly")
        self.receives = value in ("sendrecv", "recvonly")
        self.reversed: Direction
        """The same streams seen from the other side."""

    def within(self, limit: Direction) -> Direction:
        """Keep of this direction what `limit` allows as well."""
        return direction_of(send=self.sends and limit.sends, receive=self.receives and limit.receives)


def direction_of(*, send: bool, receive: bool) -> Direction:
    """Name the direction of a side that sends and receives as told."""
    if send:
        return _SENDRECV if receive else _SENDONLY
    return _RECVONLY if receive else _INACTIVE


_SENDRECV, _SENDONLY, _RECVONLY, _INACTIVE = Direction
for _each in Direction:
    _each.reversed = direction_of(send=_each.receives, receive=_each.sends)
_DIRECTION_LINES = {f"a={direction.value}": direction for direction in Direction}


def read_direction(lines: Iterable[str], default: Direction) -> Direction:
    """Give the direction stated in `lines`, else `default` (media level overrides session level, RFC 4566 6)."""
    for line in lines:
        direction = _DIRECTION_LINES.get(line)
        if direction is not None:
            return direction
    return default


class RtpAttributes:
    """What one media section says about its RTP streams, read in a single pass. Unreadable values count as absent.

    Shared by all sections that say the same: read only.
    """

    __slots__ = ("direction", "fmtp", "maxptime", "ptime", "rtcp", "rtcp_mux", "rtcp_xr", "rtpmap")

    def __init__(self, lines: Iterable[str], default: Direction = Direction.SENDRECV) -> None:
        self.direction = default
        self.rtpmap: dict[str, str] = {}
        """Payload type as written to `name/rate[/channels]`."""
        self.fmtp: dict[str, str] = {}
        self.ptime: int | None = None
        """Milliseconds of audio a packet the author would like to receive."""
        self.maxptime: int | None = None
        self.rtcp: tuple[int, str | None] | None = None
        """RFC 3605: port, and an address when it differs from the RTP address."""
        self.rtcp_mux = False
        self.rtcp_xr: str | None = None
        """RFC 3611 5.1: the formats of extended reports, as written."""
        for line in lines:
            if line[0] != "a":
                continue
            name, _, value = line[2:].partition(":")
            if name == "rtpmap":
                number, _, mapping = value.partition(" ")
                self.rtpmap.setdefault(number, mapping)
            elif name == "fmtp":
                number, _, parameters = value.partition(" ")
                self.fmtp.setdefault(number, parameters.strip())
            elif name == "ptime":
                self.ptime = _milliseconds(value)
            elif name == "maxptime":
                self.maxptime = _milliseconds(value)
            elif name == "rtcp":
                self.rtcp = _rtcp(value)
            elif name == "rtcp-mux":
                self.rtcp_mux = True
            elif name == "rtcp-xr":
                self.rtcp_xr = value
            elif not value:
                self.direction = _DIRECTION_LINES.get(line, self.direction)


def _milliseconds(value: str) -> int | None:
    """RFC 8866 6.4 allows reals; whole milliseconds are all that RTP audio uses."""
    whole = value.strip().partition(".")[0]
    if whole.isascii() and whole.isdigit() and len(whole) <= 5:
        return int(whole) or None
    return None


def _rtcp(value: str) -> tuple[int, str | None] | None:
    """`53020` or `53020 IN IP6 2001:db8::1` (RFC 3605 2.1)."""
    words = value.split()
    if not words or not (words[0].isascii() and words[0].isdigit() and len(words[0]) <= 5):
        return None
    port = int(words[0])
    if not 0 < port <= 65535:
        return None
    return port, (words[3] if len(words) == 4 and words[1] == "IN" else None)
