"""Where a leg's RTCP goes, and how: reports of its audio (media.sweep) and what is told of its video (media.video)."""

from libc.stdint cimport uint8_t

from media.leg cimport Leg
from media.net.latch cimport latch_destination
from media.net.udp cimport Address, address_known, udp_send
from media.srtp.guard cimport seal_packet
from media.worker cimport Worker


cdef inline const Address* rtcp_destination(const Leg* leg) noexcept nogil:
    """NULL: nowhere, or the far end is not to be sent anything."""
    cdef const Address* to
    if leg.rtcp_mux:
        to = latch_destination(&leg.latch)
    else:
        to = &leg.rtcp_source if address_known(&leg.rtcp_source) else &leg.rtcp_signalled
    return to if address_known(to) and address_known(&leg.latch.signalled) else NULL


cdef inline void send_rtcp(Worker* w, Leg* leg, uint8_t* data, int length, const Address* to) noexcept nogil:
    """A compound, SRTP_TRAILER octets of room behind it, sealed when the leg has a key for it."""
    if leg.sealing != NULL:
        length = seal_packet(w, leg, data, length, True)
        if length < 0:
            return
    if udp_send(leg.fd if leg.rtcp_mux else leg.rtcp_fd, data, length, to) >= 0:
        w.rtcp_sent += 1
