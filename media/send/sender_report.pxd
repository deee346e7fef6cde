"""One leg's RTCP: what we report of their stream, and what they report of ours (RFC 3550 sections 6.3, 6.4, A.3, A.7;
RFC 3611 4.4, 4.5, 4.7).

A remote report is believed only as far as it fits what we know: it must speak of our SSRC, cover packets we sent and
answer a sender report we made. Times are microseconds of one monotonic clock.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from media.receive.statistics cimport (
    BUFFER_MOST_MS, GMIN, BurstCounters, ReceiveStream, stream_depth_ms, stream_expected,
)
from media.rtp.rtcp cimport (
    CNAME_ROOM, ReportBlock, RtcpCompound, rtcp_write_bye, rtcp_write_cname, rtcp_write_report,
)
from media.rtp.rtcp_xr cimport (
    XR_UNAVAILABLE, VoipBlock, XrCompound, xr_begin, xr_end, xr_write_dlrr, xr_write_reference, xr_write_voip,
)
from media.send.packetize cimport SendStream, send_highest

cdef enum:
    MOST_RTT = 10000000      # microseconds; more is a lie or a broken clock


cdef struct Reports:
    int64_t next_at
    uint64_t packets_told        # our packet count at the last report: SR only when it grew
    uint32_t their_sr            # middle of their last SR's NTP time
    int64_t their_sr_at
    uint32_t our_sr              # middle of our last two SRs' NTP time
    uint32_t our_sr_before
    int64_t heard_at             # last valid RTCP
    uint32_t told_expected       # what they should have of our stream, by their last report
    uint32_t told_lost
    uint32_t told_jitter         # timestamp units
    int32_t rtt                  # microseconds, -1 unknown
    uint8_t rtt_extended         # it comes from an extended report
    uint8_t told
    uint8_t by_reference         # what was agreed to go into extended reports: reference times (RFC 3611 4.4, 4.5)
    uint8_t by_metrics           # and VoIP Metrics (4.7)
    uint8_t has_metrics
    uint8_t metrics_told         # counts the blocks heard
    uint32_t their_reference_ssrc
    uint32_t their_reference     # middle of the NTP time in their last Receiver Reference Time
    int64_t their_reference_at
    uint32_t our_reference       # and in our last two
    uint32_t our_reference_before
    VoipBlock metrics            # theirs, about our stream
    uint8_t our_r                # what control makes of what we receive; XR_UNAVAILABLE: nothing
    uint8_t our_mos_lq
    uint8_t our_mos_cq
    uint8_t cname_length
    uint8_t cname[CNAME_ROOM]


cdef inline uint64_t ntp_time(int64_t now, uint64_t ntp_start) noexcept nogil:
    """64-bit NTP time of a monotonic moment; `ntp_start` is the NTP time of moment zero. Wall clock steps do not show."""
    return ntp_start + (<uint64_t> (now // 1000000) << 32) + (<uint64_t> (now % 1000000) << 32) // 1000000


cdef inline void _describe(ReceiveStream* s, const Reports* r, int64_t now, ReportBlock* block) noexcept nogil:
    """A.3: cumulative loss clamped to 24 bits, fraction over the interval since the last report."""
    cdef uint32_t expected = stream_expected(s)
    cdef int64_t lost = <int64_t> expected - s.received
    cdef int64_t expected_interval = <int64_t> expected - s.expected_prior
    cdef int64_t lost_interval = expected_interval - (<int64_t> s.received - s.received_prior)
    s.expected_prior = expected
    s.received_prior = s.received
    block.ssrc = s.ssrc
    block.fraction_lost = 0
    if expected_interval > 0 and lost_interval > 0:
        block.fraction_lost = <uint8_t> min(<int64_t> 255, (lost_interval << 8) // expected_interval)
    block.cumulative_lost = <int32_t> max(<int64_t> -0x800000, min(<int64_t> 0x7FFFFF, lost))
    block.highest_sequence = s.cycles + s.max_sequence
    block.jitter = s.jitter >> 4
    block.last_sr = r.their_sr
    block.delay_since_last_sr = <uint32_t> ((now - r.their_sr_at) * 65536 // 1000000) if r.their_sr else 0


cdef inline uint8_t _of_256(double share) noexcept nogil:
    return <uint8_t> min(255.0, max(0.0, share * 256))


cdef inline uint16_t _milliseconds(double time) noexcept nogil:
    return <uint16_t> min(65535.0, max(0.0, time))


cdef inline void voip_bursts(const BurstCounters* b, double packet_ms, VoipBlock* out) noexcept nogil:
    """Density and mean length of bursts and gaps (RFC 3611 4.7.2), `packet_ms` being the audio in one packet.

    Shares are taken from the counts themselves, not from the transition probabilities of appendix A.2, which come to
    the same; a single missing packet lies within a gap, also the first and the last one of a call.
    """
    cdef double bursts = b.c13 + (1 if b.missing > 1 else 0)
    cdef double alone = b.c14 + (1 if b.missing == 1 else 0)
    cdef double in_gaps = alone + b.c11 + b.run
    cdef double missing = bursts + b.c23 + b.c33
    cdef double in_bursts = missing + b.c22 + b.c23
    if bursts:
        out.burst_density = _of_256(missing / in_bursts)
        out.burst_duration = _milliseconds(in_bursts / bursts * packet_ms)
    if in_gaps > 0:
        out.gap_density = _of_256(alone / in_gaps)
    out.gap_duration = _milliseconds(in_gaps / max(1.0, bursts) * packet_ms)


cdef inline void _metrics(const ReceiveStream* s, const Reports* r, double packet_ms, VoipBlock* out) noexcept nogil:
    """How their stream sounded here, since its beginning. Levels and echo we do not measure."""
    cdef double expected = <double> s.expected_before + stream_expected(s)
    cdef double unique = <double> s.unique_before + s.unique
    cdef uint32_t depth = stream_depth_ms(s)
    memset(out, 0, sizeof(VoipBlock))
    if expected > 0:
        out.loss_rate = _of_256((expected - unique) / expected)
        out.discard_rate = _of_256(s.discarded / expected)
    voip_bursts(&s.bursts, packet_ms, out)
    out.round_trip = _milliseconds(r.rtt / 1000.0) if r.rtt >= 0 else 0
    out.end_system = _milliseconds(depth + packet_ms)
    out.signal_level = XR_UNAVAILABLE
    out.noise_level = XR_UNAVAILABLE
    out.rerl = XR_UNAVAILABLE
    out.gmin = GMIN
    out.r = r.our_r
    out.external_r = XR_UNAVAILABLE
    out.mos_lq = r.our_mos_lq
    out.mos_cq = r.our_mos_cq
    out.config = 3 << 6 | 3 << 4       # standard concealment, an adaptive buffer
    out.jb_nominal = <uint16_t> depth
    out.jb_maximum = <uint16_t> depth
    out.jb_absolute = BUFFER_MOST_MS


cdef inline int _write_extended(
    uint8_t* at, Reports* r, uint32_t ssrc, const ReceiveStream* received, bint sender, int64_t now, uint64_t ntp,
    double packet_ms,
) noexcept nogil:
    """What was agreed, if there is anything to say. Gives the octets written.

    Our time goes along only when no sender report carries it: then they cannot measure us otherwise.
    """
    cdef VoipBlock block
    cdef int size = xr_begin(at, ssrc)
    if r.by_reference and not sender:
        size += xr_write_reference(at + size, ntp)
        r.our_reference_before = r.our_reference
        r.our_reference = <uint32_t> (ntp >> 16)
    if r.by_reference and r.their_reference:
        size += xr_write_dlrr(
            at + size, r.their_reference_ssrc, r.their_reference,
            <uint32_t> ((now - r.their_reference_at) * 65536 // 1000000),
        )
    if r.by_metrics and received.started:
        _metrics(received, r, packet_ms, &block)
        size += xr_write_voip(at + size, received.ssrc, &block)
    if size == 8:
        return 0
    xr_end(at, size)
    return size


cdef inline int report_write(
    uint8_t* at, Reports* r, const SendStream* sent, ReceiveStream* received, int64_t now, uint64_t ntp_start, bint bye,
    double packet_ms,
) noexcept nogil:
    """A compound of SR or RR, SDES CNAME, what was agreed of XR and perhaps BYE. Gives the bytes written."""
    cdef ReportBlock block
    cdef bint about_them = received.started
    cdef bint sender = sent.packets != r.packets_told
    cdef uint64_t ntp = ntp_time(now, ntp_start)
    cdef uint32_t timestamp = sent.timestamp + <uint32_t> ((now - sent.sent_at) * sent.rate // 1000000)
    cdef int size
    if about_them:
        _describe(received, r, now, &block)
    size = rtcp_write_report(
        at, sent.ssrc, sender, ntp, timestamp, <uint32_t> sent.packets, <uint32_t> sent.octets,
        &block if about_them else NULL,
    )
    if sender:
        r.packets_told = sent.packets
        r.our_sr_before = r.our_sr
        r.our_sr = <uint32_t> (ntp >> 16)
    size += rtcp_write_cname(at + size, sent.ssrc, r.cname, r.cname_length)
    if r.by_reference or r.by_metrics:
        size += _write_extended(at + size, r, sent.ssrc, received, sender, now, ntp, packet_ms)
    if bye:
        size += rtcp_write_bye(at + size, sent.ssrc)
    return size


cdef inline int32_t _round_trip(uint32_t last, uint32_t delay, int64_t now, uint64_t ntp_start) noexcept nogil:
    """Microseconds since `last`, less their `delay`; -1 when it cannot be."""
    cdef int64_t rtt = <int64_t> <uint32_t> ((ntp_time(now, ntp_start) >> 16) - last)
    rtt = (rtt - delay) * 1000000 // 65536
    # A tick of either clock may make a very short trip negative: that is zero, more is implausible.
    if -1000 <= rtt <= MOST_RTT:
        return <int32_t> max(<int64_t> 0, rtt)
    return -1


cdef inline void _believe_block(
    Reports* r, const ReportBlock* block, const SendStream* sent, int64_t now, uint64_t ntp_start
) noexcept nogil:
    """Take loss, jitter and round trip from a report about us, if they can be true."""
    cdef uint32_t behind = <uint16_t> (sent.sequence - <uint16_t> block.highest_sequence)
    cdef int64_t expected = <int64_t> send_highest(sent) - behind - sent.first_sequence + 1
    cdef int32_t rtt
    cdef uint32_t lost
    if not sent.started or expected < r.told_expected or block.cumulative_lost > expected:
        return
    lost = <uint32_t> max(0, block.cumulative_lost)
    r.told = 1
    r.told_expected = <uint32_t> expected
    r.told_lost = lost
    r.told_jitter = block.jitter
    if block.last_sr == 0 or block.last_sr not in (r.our_sr, r.our_sr_before):
        return
    rtt = _round_trip(block.last_sr, block.delay_since_last_sr, now, ntp_start)
    if rtt >= 0:
        r.rtt = rtt
        r.rtt_extended = 0


cdef inline void _believe_extended(
    Reports* r, const XrCompound* extended, uint32_t ssrc, const SendStream* sent, int64_t now, uint64_t ntp_start
) noexcept nogil:
    """Take what was agreed. Whether the figures themselves can be true is control's to say."""
    cdef int32_t rtt
    if r.by_reference and extended.has_reference:
        r.their_reference = extended.reference
        r.their_reference_ssrc = ssrc
        r.their_reference_at = now
    if r.by_reference and extended.has_dlrr and extended.last_reference and (
        extended.last_reference in (r.our_reference, r.our_reference_before)
    ):
        rtt = _round_trip(extended.last_reference, extended.delay_since, now, ntp_start)
        if rtt >= 0:
            r.rtt = rtt
            r.rtt_extended = 1
    if extended.has_voip and sent.started:
        r.has_metrics = 1
        r.metrics_told += 1
        r.metrics = extended.voip


cdef inline void report_read(
    Reports* r, const RtcpCompound* compound, const SendStream* sent, const ReceiveStream* received, int64_t now,
    uint64_t ntp_start
) noexcept nogil:
    """Learn from a valid compound of an accepted source. A BYE says nothing here: signalling ends calls."""
    r.heard_at = now
    if compound.has_sender_info and compound.sender_ssrc == received.ssrc:
        r.their_sr = compound.ntp_middle
        r.their_sr_at = now
    if compound.has_block:
        _believe_block(r, &compound.block, sent, now, ntp_start)
    # Who never sent a packet has no SSRC we could know, and is who needs this most.
    if compound.sender_ssrc == received.ssrc or not received.started:
        _believe_extended(r, &compound.extended, compound.sender_ssrc, sent, now, ntp_start)
