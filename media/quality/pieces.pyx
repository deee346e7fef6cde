"""What verdicts are made of, as the worker counts and says it: for tests and tools, not for calls."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from media.receive.statistics cimport (
    DUPLICATE, JUMPED, ReceiveStream, Verdict, stream_depth_ms, stream_sequence, stream_timing,
)
from media.rtp.rtcp cimport RTCP_ROOM, RtcpCompound, rtcp_parse
from media.rtp.rtcp_xr cimport XR_UNAVAILABLE, VoipBlock
from media.send.packetize cimport SendStream, send_number, send_skipped
from media.send.sender_report cimport Reports, report_read, report_write, voip_bursts


cdef tuple _raw(const VoipBlock* m):
    return (
        m.loss_rate, m.discard_rate, m.burst_density, m.gap_density, m.burst_duration, m.gap_duration, m.round_trip,
        m.end_system, m.signal_level, m.noise_level, m.rerl, m.gmin, m.r, m.external_r, m.mos_lq, m.mos_cq, m.config,
        m.jb_nominal, m.jb_maximum, m.jb_absolute,
    )


def parse_extended(bytes data not None, uint32_t ssrc):
    """(reference time | None, (last reference, delay) | None, VoIP Metrics | None) of a compound, None: malformed."""
    cdef RtcpCompound compound
    if not rtcp_parse(data, <int> len(data), ssrc, False, &compound):
        return None
    x = &compound.extended
    return (
        x.reference if x.has_reference else None,
        (x.last_reference, x.delay_since) if x.has_dlrr else None,
        _raw(&x.voip) if x.has_voip else None,
    )


cdef class Reporter:
    """One side of a call: a stream it sends, one it receives, and its RTCP. Times are microseconds."""

    cdef ReceiveStream received
    cdef SendStream sent
    cdef Reports reports
    cdef uint64_t ntp_start

    def __cinit__(self, *, uint32_t ssrc, bint reference, bint metrics, uint64_t ntp_start=0):
        memset(&self.received, 0, sizeof(self.received))
        memset(&self.sent, 0, sizeof(self.sent))
        memset(&self.reports, 0, sizeof(self.reports))
        self.sent.ssrc = ssrc
        self.reports.rtt = -1
        self.reports.by_reference = reference
        self.reports.by_metrics = metrics
        self.reports.our_r = self.reports.our_mos_lq = self.reports.our_mos_cq = XR_UNAVAILABLE
        self.reports.cname_length = 4
        memcpy(self.reports.cname, b"side", 4)
        self.ntp_start = ntp_start

    def send(self, uint16_t sequence, uint32_t timestamp, int64_t now):
        """Count a packet as sent."""
        send_number(&self.sent, 1, 8000, now, &sequence, &timestamp)
        self.sent.packets += 1
        self.sent.octets += 160

    def receive(self, uint32_t ssrc, uint16_t sequence, uint32_t timestamp, int64_t now):
        """Count a packet as received."""
        cdef Verdict verdict = stream_sequence(&self.received, ssrc, sequence)
        if verdict != DUPLICATE and verdict != JUMPED:
            stream_timing(&self.received, timestamp, 8000, now)

    def score(self, uint8_t r, uint8_t mos_lq, uint8_t mos_cq):
        """What control makes of what is received."""
        self.reports.our_r, self.reports.our_mos_lq, self.reports.our_mos_cq = r, mos_lq, mos_cq

    def write(self, int64_t now, double packet_ms=20):
        """The compound that is due now."""
        cdef uint8_t data[RTCP_ROOM]
        cdef int length = report_write(
            data, &self.reports, &self.sent, &self.received, now, self.ntp_start, False, packet_ms
        )
        return (<const uint8_t*> data)[:length]

    def read(self, bytes data not None, int64_t now):
        """Take a compound in; False when it is malformed."""
        cdef RtcpCompound compound
        if not rtcp_parse(data, <int> len(data), self.sent.ssrc, False, &compound):
            return False
        report_read(&self.reports, &compound, &self.sent, &self.received, now, self.ntp_start)
        return True

    @property
    def round_trip(self):
        """(microseconds, whether by an extended report), None: not known."""
        return (self.reports.rtt, bool(self.reports.rtt_extended)) if self.reports.rtt >= 0 else None

    @property
    def metrics(self):
        """The far end's VoIP Metrics, raw, None before the first."""
        return _raw(&self.reports.metrics) if self.reports.has_metrics else None

    @property
    def discarded(self):
        """Packets the virtual jitter buffer threw away."""
        return self.received.discarded

    @property
    def depth_ms(self):
        """Nominal depth of the virtual jitter buffer."""
        return stream_depth_ms(&self.received)

    @property
    def skipped(self):
        """Numbers passed over in sending."""
        return send_skipped(&self.sent)

    def bursts(self, double packet_ms=20):
        """(burst density, gap density, of 256; burst duration, gap duration, ms): of what has left the window."""
        cdef VoipBlock block
        memset(&block, 0, sizeof(block))
        voip_bursts(&self.received.bursts, packet_ms, &block)
        return block.burst_density, block.gap_density, block.burst_duration, block.gap_duration
