"""How much audio goes into a packet: a wish of the receiver's (RFC 8866 6.4), as far as codec and network allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from softswitch.sdp.opus import OpusParameters

if TYPE_CHECKING:
    from softswitch.sdp.codec import Codec

SHORTEST: Final = 10
LONGEST: Final = 60
"""Milliseconds, in steps of 10."""

_OPUS: Final = (60, 40, 20, 10)
"""What an Opus frame can last (RFC 6716 3.1); 30 and 50 ms would need several in a packet."""
_MOST_OCTETS: Final = 1360
"""Of payload, so that a packet with all headers fits into an Ethernet frame and is not fragmented."""


def packet_time(codec: Codec, wanted: int) -> int:
    """Milliseconds a packet of `codec` to send to who would like `wanted`: the same or, failing that, the next less.

    `codec` is theirs: where Opus says what the shortest packet is that they can take, that is kept.
    """
    time = min(max(wanted // 10 * 10, SHORTEST), LONGEST)
    name = codec.name.lower()
    if name == "opus":
        least = OpusParameters.read(codec.fmtp).minptime or SHORTEST
        shortest = next((each for each in reversed(_OPUS) if each >= least), LONGEST)
        return max(shortest, next(each for each in _OPUS if each <= time))
    if name == "l16":
        octets_per_ms = 2 * codec.channels * codec.clock_rate // 1000
        return min(time, max(_MOST_OCTETS // octets_per_ms // 10 * 10, SHORTEST))
    return time
