"""VP8 in RTP (RFC 7741 4.2): a descriptor of one to six octets, then a piece of the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORT = "a VP8 packet shorter than its descriptor"


class Vp8:
    """See Payloads."""

    codec = "vp8"

    def begins(self, payload: bytes) -> bool:
        return bool(payload) and payload[0] & 0x17 == 0x10  # S, and partition 0

    def join(self, payloads: Sequence[bytes]) -> bytes:
        return b"".join([payload[_descriptor(payload) :] for payload in payloads])

    def is_key(self, picture: bytes) -> bool:
        return len(picture) > 9 and not picture[0] & 1 and picture[3:6] == b"\x9d\x01\x2a"  # RFC 6386 9.1


def _descriptor(payload: bytes) -> int:
    """Octets before the frame's. Raises ValueError."""
    try:
        length = 1
        if payload[0] & 0x80:  # X
            extended = payload[1]
            length = 2
            if extended & 0x80:  # I
                length += 2 if payload[2] & 0x80 else 1
            length += bool(extended & 0x40) + bool(extended & 0x30)  # L; T or K
    except IndexError:
        raise ValueError(_SHORT) from None
    if length >= len(payload):
        raise ValueError(_SHORT)
    return length
