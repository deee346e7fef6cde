"""The pieces of the packet path one at a time, with time as an argument: for tests and tools, not for calls.

They are the very functions the worker inlines, so what holds here holds there.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from media.net.latch cimport (
    ACCEPTED, LOCKED_NOW, STRANGER, Latch, latch_admit, latch_destination, latch_open, latch_settled, latch_signal,
)
from media.net.udp cimport Address, address_clear, address_host, address_make, address_port
from media.receive.statistics cimport (
    DUPLICATE, FRESH, JUMPED, REORDERED, ReceiveStream, stream_expected, stream_loss_events, stream_sequence,
    stream_timing,
)
from media.receive.telephone_event cimport Digit, DigitWatch, digit_lost_end, digit_packet
from media.rtp.packet cimport RtpPacket, rtp_parse
from media.rtp.rtcp cimport RtcpCompound, rtcp_parse
from media.send.packetize cimport SendStream, send_highest, send_number

_VERDICTS = {FRESH: "fresh", REORDERED: "reordered", DUPLICATE: "duplicate", JUMPED: "jumped"}
_ADMISSIONS = {STRANGER: "stranger", ACCEPTED: "accepted", LOCKED_NOW: "locked"}


def parse_rtp(bytes data not None):
    """(payload type, marker, sequence, timestamp, SSRC, payload), or None when the packet is malformed."""
    cdef RtpPacket packet
    cdef bytearray copy = bytearray(data)
    if not rtp_parse(copy, <int> len(data), &packet):
        return None
    return (
        packet.payload_type, bool(packet.marker), packet.sequence, packet.timestamp, packet.ssrc,
        (<const uint8_t*> packet.payload)[:packet.payload_length],
    )


def parse_rtcp(bytes data not None, uint32_t ssrc, bint reduced=False):
    """(sender SSRC, middle of the NTP time | None, report block about `ssrc` | None, BYE), or None when malformed."""
    cdef RtcpCompound compound
    if not rtcp_parse(data, <int> len(data), ssrc, reduced, &compound):
        return None
    block = &compound.block
    return (
        compound.sender_ssrc,
        compound.ntp_middle if compound.has_sender_info else None,
        (
            block.fraction_lost, block.cumulative_lost, block.highest_sequence, block.jitter, block.last_sr,
            block.delay_since_last_sr,
        ) if compound.has_block else None,
        bool(compound.bye),
    )


cdef class StreamStatistics:
    """One received stream's statistics."""

    cdef ReceiveStream stream

    def __cinit__(self):
        memset(&self.stream, 0, sizeof(self.stream))

    def packet(self, uint32_t ssrc, uint16_t sequence):
        """Count a sequence number: "fresh", "reordered", "duplicate" or "jumped"."""
        return _VERDICTS[stream_sequence(&self.stream, ssrc, sequence)]

    def arrival(self, uint32_t timestamp, uint32_t rate, int64_t now):
        """Time one packet that arrived at `now` (microseconds)."""
        stream_timing(&self.stream, timestamp, rate, now)

    @property
    def counts(self):
        """expected, received (unique), loss events, duplicates, reordered, discarded; cumulative."""
        s = &self.stream
        return (
            s.expected_before + stream_expected(s), s.unique_before + s.unique, stream_loss_events(s), s.duplicates,
            s.reordered, s.discarded,
        )

    @property
    def jitter(self):
        """Timestamp units, as a report carries it."""
        return self.stream.jitter >> 4


cdef class SourceLatch:
    """Source locking of one leg. Addresses are (4 bytes, port); times microseconds."""

    cdef Latch latch
    cdef int64_t window
    cdef int64_t grace

    def __cinit__(self, *, int64_t window, int64_t grace):
        memset(&self.latch, 0, sizeof(self.latch))
        self.window = window
        self.grace = grace

    def signal(self, address, int64_t now):
        """SDP named an address; None for none."""
        cdef Address value = _address(address)
        latch_signal(&self.latch, &value, now, self.window)

    def open(self, int64_t now):
        """Media is expected from now on."""
        latch_open(&self.latch, now, self.window)

    def packet(self, address, uint32_t ssrc, int64_t now):
        """"stranger", "accepted" or "locked"."""
        cdef Address value = _address(address)
        return _ADMISSIONS[latch_admit(&self.latch, &value, ssrc, now, self.grace)]

    def settled(self, int64_t now):
        """Whether only a new SDP address can move the lock."""
        return bool(latch_settled(&self.latch, now))

    @property
    def destination(self):
        """Where we would send, or None."""
        cdef uint8_t host[16]
        cdef int length = address_host(latch_destination(&self.latch), host)
        return ((<const uint8_t*> host)[:length], address_port(latch_destination(&self.latch))) if length else None


cdef Address _address(address):
    cdef Address value
    address_clear(&value)
    if address is not None:
        host = address[0]
        address_make(&value, host, <int> len(host), address[1])
    return value


cdef class SendNumbers:
    """The numbering of one sent stream."""

    cdef SendStream stream

    def __cinit__(self, *, uint16_t sequence, uint32_t timestamp):
        memset(&self.stream, 0, sizeof(self.stream))
        self.stream.sequence = sequence
        self.stream.timestamp = timestamp

    def packet(self, uint64_t source, uint16_t sequence, uint32_t timestamp, uint32_t rate, int64_t now):
        """(sequence, timestamp, whether the marker is set) of the packet as it would be sent."""
        cdef bint marker = send_number(&self.stream, source, rate, now, &sequence, &timestamp)
        return sequence, timestamp, bool(marker)

    @property
    def highest(self):
        """Extended highest sequence number, and the first."""
        return send_highest(&self.stream), self.stream.first_sequence


cdef class Digits:
    """Telephone events of one stream."""

    cdef DigitWatch watch

    def __cinit__(self):
        memset(&self.watch, 0, sizeof(self.watch))

    def packet(
        self, bytes payload not None, uint32_t timestamp, uint32_t rate, int64_t now, *, uint32_t ssrc=1,
        bint marker=False,
    ):
        """The digits this packet finished: [(event, milliseconds)]."""
        cdef Digit digits[2]
        cdef int told = digit_packet(
            &self.watch, payload, <int> len(payload), ssrc, timestamp, marker, rate, now, digits
        )
        return [(digits[i].event, digits[i].duration_ms) for i in range(told)]

    def quiet(self, int64_t now):
        """The digit whose end was lost, if it is due."""
        cdef Digit digit
        return (digit.event, digit.duration_ms) if digit_lost_end(&self.watch, now, &digit) else None
