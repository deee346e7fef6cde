"""AV1 in RTP (AV1 RTP payload format 4.3 to 4.5): OBUs without their sizes, whole or in pieces.

A file wants each OBU with its size (AV1 specification 5.2, low-overhead format), and no temporal delimiters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEQUENCE_HEADER: Final = 1
_LEFT_OUT: Final = frozenset({2, 8, 15})
"""Temporal delimiter, tile list, padding."""


class Av1:
    """See Payloads."""

    codec = "av1"

    def begins(self, payload: bytes) -> bool:
        return bool(payload) and not payload[0] & 0x80  # Z

    def join(self, payloads: Sequence[bytes]) -> bytes:
        units: list[bytes] = []
        goes_on = False
        for payload in payloads:
            if len(payload) < 2:
                raise ValueError("an AV1 packet without an OBU")
            continues, goes_on_next = bool(payload[0] & 0x80), bool(payload[0] & 0x40)
            if continues != goes_on:
                raise ValueError("pieces of AV1 OBUs that do not belong together")
            elements = _elements(payload)
            if continues:
                units[-1] += elements.pop(0)
            units.extend(elements)
            goes_on = goes_on_next
        if goes_on:
            raise ValueError("an AV1 OBU that does not end")
        return b"".join([_with_size(unit) for unit in units if unit and unit[0] >> 3 & 15 not in _LEFT_OUT])

    def is_key(self, picture: bytes) -> bool:
        """A sequence header comes with every key frame, and first."""
        return bool(picture) and picture[0] >> 3 & 15 == _SEQUENCE_HEADER


def _elements(payload: bytes) -> list[bytes]:
    """All but the last with their lengths before them; the last as well unless their count is said."""
    count = payload[0] >> 4 & 3
    found: list[bytes] = []
    at = 1
    while at < len(payload):
        if count and len(found) == count - 1:
            found.append(payload[at:])
            return found
        size, at = _leb128(payload, at)
        if at + size > len(payload):
            raise ValueError("an AV1 OBU that is longer than its packet")
        found.append(payload[at : at + size])
        at += size
    if not found or (count and len(found) != count):
        raise ValueError("an AV1 packet without the OBUs it counts")
    return found


def _with_size(unit: bytes) -> bytes:
    header = 2 if unit[0] & 0x04 else 1
    if unit[0] & 0x02:  # it has its size already
        return unit
    if len(unit) < header:
        raise ValueError("an AV1 OBU shorter than its header")
    body = unit[header:]
    return bytes([unit[0] | 0x02]) + unit[1:header] + _to_leb128(len(body)) + body


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number and what is behind it (AV1 specification 4.10.5)."""
    value = 0
    for index in range(min(8, len(data) - at)):
        value |= (data[at + index] & 0x7F) << 7 * index
        if not data[at + index] & 0x80:
            return value, at + index + 1
    raise ValueError("an AV1 length that does not end")


def _to_leb128(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)
