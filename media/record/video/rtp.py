"""A whole RTP packet taken apart, and what was sent again put back (RFC 3550 5.1, RFC 4588 4)."""

from __future__ import annotations

from media.record.video.pictures import VideoPacket


def read_packet(data: bytes, arrival: int, *, repairs: bool) -> VideoPacket | None:
    """What a packet holds of a picture; None: nothing. `repairs`: a retransmission, with its original's number."""
    if len(data) < 12:
        return None
    start = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    payload = data[start:end] if start < end else b""
    sequence = int.from_bytes(data[2:4], "big")
    if repairs:
        if len(payload) <= 2:
            return None
        sequence, payload = int.from_bytes(payload[:2], "big"), payload[2:]
    return VideoPacket(sequence, int.from_bytes(data[4:8], "big"), bool(data[1] & 0x80), payload, arrival)
