"""A leg's video on its way to a recording: the ring of `media.record.tap`, with two kinds of entries.

`payload_type` 0-127, a packet: the ring's payload is the whole RTP packet as its sender made it (header, extensions,
padding), decrypted. `arrival_ns` is CLOCK_MONOTONIC when it was read from the socket; `ssrc`, `timestamp`, `sequence`
repeat its header; `codec` is 1 for what repairs (retransmission, FEC), else 0; `clock` is 90 (kHz). What the payload type
means is what SDP agreed on.

`payload_type` 200, a moment (VIDEO_MOMENT), without payload: what `ssrc` captured under `timestamp` belongs to audio that
was passed on at `arrival_ns` of the same clock. It comes with each sender report, and is what lip sync needs; a stream
about which nothing was reported yet has its arrival times.

Packets that may not be shown (hold) are not in it; what is lost is not either, nor is it repaired or put in order here.
"""

from libc.stdint cimport int64_t, uint32_t, uint8_t, uint16_t

from media.record.tap cimport tap_close, tap_push
from media.rtp.packet cimport RtpPacket
from media.video.state cimport Video

cdef enum:
    VIDEO_MOMENT = 200
    VIDEO_CLOCK = 90             # kHz


cdef inline void video_tap_packet(
    Video* v, int64_t now_ns, const RtpPacket* packet, bint repairs, const uint8_t* data, int length
) noexcept nogil:
    if not tap_push(
        v.tap, now_ns, packet.ssrc, packet.timestamp, packet.sequence, packet.payload_type, repairs, VIDEO_CLOCK, data,
        <uint16_t> length,
    ):
        v.tap_overruns += 1


cdef inline void video_tap_moment(Video* v, int64_t moment_ns, uint32_t ssrc, uint32_t timestamp) noexcept nogil:
    if not tap_push(v.tap, moment_ns, ssrc, timestamp, 0, VIDEO_MOMENT, 0, VIDEO_CLOCK, NULL, 0):
        v.tap_overruns += 1


cdef inline void video_untap(Video* v) noexcept nogil:
    if v.tap != NULL:
        tap_close(v.tap)
        v.tap = NULL
