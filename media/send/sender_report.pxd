"""One leg's RTCP: what we report of their stream, and what they report of ours (RFC 3550 sections 6.3, 6.4, A.3, A.7).

A remote report is believed only as far as it fits what we know: it must speak of our SSRC, cover packets we sent and
answer a sender report we made. Times are microseconds of one monotonic clock.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from media.receive.statistics cimport ReceiveStream, stream_expected
from media.rtp.rtcp cimport (
    CNAME_ROOM, ReportBlock, RtcpCompound, rtcp_write_bye, rtcp_write_cname, rtcp_write_report,
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
    uint8_t told
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


cdef inline int report_write(
    uint8_t* at, Reports* r, const SendStream* sent, ReceiveStream* received, int64_t now, uint64_t ntp_start, bint bye
) noexcept nogil:
    """A compound of SR or RR, SDES CNAME and perhaps BYE. Gives the bytes written."""
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
    if bye:
        size += rtcp_write_bye(at + size, sent.ssrc)
    return size


cdef inline void _believe_block(
    Reports* r, const ReportBlock* block, const SendStream* sent, int64_t now, uint64_t ntp_start
) noexcept nogil:
    """Take loss, jitter and round trip from a report about us, if they can be true."""
    cdef uint32_t behind = <uint16_t> (sent.sequence - <uint16_t> block.highest_sequence)
    cdef int64_t expected = <int64_t> send_highest(sent) - behind - sent.first_sequence + 1
    cdef int64_t rtt
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
    rtt = <int64_t> <uint32_t> ((ntp_time(now, ntp_start) >> 16) - block.last_sr)
    rtt = (rtt - block.delay_since_last_sr) * 1000000 // 65536
    # A tick of either clock may make a very short trip negative: that is zero, more is implausible.
    if -1000 <= rtt <= MOST_RTT:
        r.rtt = <int32_t> max(<int64_t> 0, rtt)


cdef inline void report_read(
    Reports* r, const RtcpCompound* compound, const SendStream* sent, uint32_t their_ssrc, int64_t now,
    uint64_t ntp_start
) noexcept nogil:
    """Learn from a valid compound of an accepted source. A BYE says nothing here: signalling ends calls."""
    r.heard_at = now
    if compound.has_sender_info and compound.sender_ssrc == their_ssrc:
        r.their_sr = compound.ntp_middle
        r.their_sr_at = now
    if compound.has_block:
        _believe_block(r, &compound.block, sent, now, ntp_start)
