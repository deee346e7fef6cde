"""VP9 in RTP (RFC 9628 4.2): a descriptor with what scalability needs, then a piece of the frame of one layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORT = "a VP9 packet shorter than its descriptor"


class Vp9:
    """See Payloads."""

    codec = "vp9"

    def begins(self, payload: bytes) -> bool:
        return bool(payload) and bool(payload[0] & 0x08)  # B

    def join(self, payloads: Sequence[bytes]) -> bytes:
        layers: list[list[bytes]] = []
        for payload in payloads:
            at = _descriptor(payload)
            if self.begins(payload) or not layers:
                layers.append([])
            layers[-1].append(payload[at:])
        frames = [b"".join(layer) for layer in layers]
        return frames[0] if len(frames) == 1 else _superframe(frames)

    def is_key(self, picture: bytes) -> bool:
        """The uncompressed header begins with marker, profile, whether it was shown before, and type (VP9 6.2)."""
        if not picture or picture[0] >> 6 != 2:
            return False
        has_reserved_bit = picture[0] & 0x30 == 0x30  # profile 3
        return not picture[0] & (0x06 if has_reserved_bit else 0x0C)


def _superframe(frames: list[bytes]) -> bytes:
    """The layers of one picture with an index behind them (VP9 bitstream specification, annex B)."""
    if len(frames) > 8:
        raise ValueError(f"{len(frames)} layers in a VP9 picture; there are at most 8")
    size = max((len(frame).bit_length() + 7) // 8 for frame in frames)
    marker = bytes([0xC0 | size - 1 << 3 | len(frames) - 1])
    sizes = b"".join(len(frame).to_bytes(size, "little") for frame in frames)
    return b"".join([*frames, marker, sizes, marker])


def _descriptor(payload: bytes) -> int:
    """Octets before the frame's. Raises ValueError."""
    try:
        length = _length(payload)
    except IndexError:
        raise ValueError(_SHORT) from None
    if length >= len(payload):
        raise ValueError(_SHORT)
    return length


def _length(payload: bytes) -> int:
    first = payload[0]
    at = 1
    if first & 0x80:  # I: picture id
        at += 2 if payload[at] & 0x80 else 1
    if first & 0x20:  # L: layer, and its TL0PICIDX without flexible mode
        at += 1 if first & 0x10 else 2
    if first & 0x50 == 0x50:  # P and F: up to three references, N says that one more follows
        for _ in range(3):
            at += 1
            if not payload[at - 1] & 1:
                break
    if first & 0x02:  # V: scalability structure
        structure = payload[at]
        at += 1
        if structure & 0x10:  # Y: a size for each layer
            at += 4 * ((structure >> 5) + 1)
        if structure & 0x08:  # G: a group of pictures, each with its references
            pictures = payload[at]
            at += 1
            for _ in range(pictures):
                at += 1 + (payload[at] >> 2 & 3)
    return at
