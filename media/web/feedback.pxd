"""Transport feedback of a browser (RFC 4585 6): packets it asks for again, and those it is asked for.

What else it sends (transport-wide congestion control, REMB) speaks of nothing we adapt, and is passed over.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from media.leg cimport Leg
from media.net.latch cimport latch_destination
from media.net.udp cimport address_known, udp_send
from media.rtp.packet cimport read16, read32, write16, write32
from media.srtp.guard cimport seal_packet
from media.srtp.session cimport SRTP_TRAILER
from media.web.repair cimport repair_again
from media.web.repair_state cimport Kept
from media.worker cimport Worker

cdef enum:
    RTCP_RTPFB = 205
    GENERIC_NACK = 1
    FEEDBACK_HEADER = 12     # with the SSRCs of who says it and of whose stream
    ASKED_MOST = 17          # packets one entry of a NACK names


cdef inline void _again(Worker* w, Leg* leg, uint16_t sequence) noexcept nogil:
    cdef const Kept* kept = repair_again(leg.browser.repair, sequence)
    if kept != NULL and leg.may_send and address_known(latch_destination(&leg.latch)):
        udp_send(leg.fd, kept.data, kept.length, latch_destination(&leg.latch))


cdef inline void _asked(Worker* w, Leg* leg, const uint8_t* packet, int size) noexcept nogil:
    """Generic NACK: numbers, each with a bit mask of the sixteen behind it."""
    cdef int at = FEEDBACK_HEADER, i
    cdef uint16_t first, others
    while at + 4 <= size:
        first = read16(packet + at)
        others = read16(packet + at + 2)
        _again(w, leg, first)
        for i in range(16):
            if others >> i & 1:
                _again(w, leg, <uint16_t> (first + 1 + i))
        at += 4


cdef inline void feedback_read(Worker* w, Leg* leg, const uint8_t* data, int length) noexcept nogil:
    """All that a compound packet holds which rtcp_parse has found well formed."""
    cdef int at = 0, size
    while at < length:
        size = 4 + 4 * read16(data + at + 2)
        if (
            data[at + 1] == RTCP_RTPFB and data[at] & 0x1F == GENERIC_NACK and size > FEEDBACK_HEADER
            and read32(data + at + 8) == leg.sent.ssrc and leg.browser.repair != NULL
        ):
            _asked(w, leg, data + at, size - (data[at + size - 1] if data[at] & 0x20 else 0))
        at += size


cdef inline void feedback_ask(Worker* w, Leg* leg, int missing) noexcept nogil:
    """Behind a gap of so many numbers: ask for those of them that did not come, once."""
    cdef uint8_t data[FEEDBACK_HEADER + 4 + SRTP_TRAILER]
    cdef uint64_t arrived = leg.received.window
    cdef uint16_t others = 0
    cdef int first = 0, n, length
    for n in range(min(missing, <int> ASKED_MOST), 0, -1):
        if arrived >> n & 1:
            continue
        if not first:
            first = n
        else:
            others |= 1 << (first - n - 1)
    if not first or not address_known(latch_destination(&leg.latch)):
        return
    data[0] = 0x80 | GENERIC_NACK
    data[1] = RTCP_RTPFB
    write16(data + 2, 3)
    write32(data + 4, leg.sent.ssrc)
    write32(data + 8, leg.received.ssrc)
    write16(data + 12, <uint16_t> (leg.received.max_sequence - first))
    write16(data + 14, others)
    length = seal_packet(w, leg, data, FEEDBACK_HEADER + 4, True)
    if length >= 0 and udp_send(leg.fd, data, length, latch_destination(&leg.latch)) >= 0:
        w.rtcp_sent += 1
