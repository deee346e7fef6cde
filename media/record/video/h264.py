"""H.264 in RTP (RFC 6184): single NAL units, several in one packet (STAP-A), one over several packets (FU-A)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_START: Final = b"\x00\x00\x00\x01"
_IDR, _SPS, _PPS, _DELIMITER, _STAP_A, _FU_A = 5, 7, 8, 9, 24, 28


class H264:
    """See Payloads. Pictures are Annex B byte streams; each key frame carries its parameter sets."""

    codec = "h264"

    def __init__(self) -> None:
        self._sets: dict[int, bytes] = {}
        """The last sequence and picture parameter sets, by NAL unit type."""

    def begins(self, payload: bytes) -> bool:
        """Nothing in a packet tells the first slice from others; what comes before all slices does."""
        kind = payload[0] & 0x1F if payload else 0
        if kind == _STAP_A and len(payload) > 3:
            kind = payload[3] & 0x1F
        return kind in (_SPS, _DELIMITER)

    def join(self, payloads: Sequence[bytes]) -> bytes:
        units = list(_units(payloads))
        kinds = {unit[0] & 0x1F for unit in units}
        for unit in units:
            if unit[0] & 0x1F in (_SPS, _PPS):
                self._sets[unit[0] & 0x1F] = unit
        if _IDR in kinds and not {_SPS, _PPS} <= kinds and len(self._sets) == 2:
            # Some send the sets once and never again: a decoder that begins here needs them.
            units = [self._sets[_SPS], self._sets[_PPS], *units]
        return b"".join([_START + unit for unit in units])

    def is_key(self, picture: bytes) -> bool:
        kinds = {unit[0] & 0x1F for unit in picture.split(_START) if unit}
        return {_IDR, _SPS, _PPS} <= kinds


def _units(payloads: Sequence[bytes]) -> Iterator[bytes]:
    pieces: list[bytes] = []
    for payload in payloads:
        if len(payload) < 2:
            raise ValueError("an H.264 packet without a NAL unit")
        kind = payload[0] & 0x1F
        if pieces and kind != _FU_A:
            raise ValueError("an H.264 NAL unit that does not end")
        if 1 <= kind <= 23:
            yield payload
        elif kind == _STAP_A:
            yield from _aggregated(payload)
        elif kind == _FU_A:
            flags = payload[1]
            if bool(flags & 0x80) == bool(pieces):
                raise ValueError("pieces of H.264 NAL units that do not belong together")
            if not pieces:
                pieces = [bytes([payload[0] & 0xE0 | flags & 0x1F])]
            pieces.append(payload[2:])
            if flags & 0x40:  # E
                yield b"".join(pieces)
                pieces = []
        else:
            raise ValueError(f"H.264 packets of type {kind} belong to packetization mode 2, which nobody agreed on")
    if pieces:
        raise ValueError("an H.264 NAL unit that does not end")


def _aggregated(payload: bytes) -> Iterator[bytes]:
    at = 1
    while at < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        unit = payload[at + 2 : at + 2 + size]
        if not size or len(unit) < size:
            raise ValueError("an H.264 aggregate that is longer than its packet")
        yield unit
        at += 2 + size
