"""The path of a received datagram: what it is, and whether its sender may speak."""

from libc.stdint cimport uint8_t

from media.leg cimport DROP_MALFORMED, DROP_STRANGER, Leg
from media.net.demux cimport RTCP, RTP, Kind, datagram_kind
from media.net.latch cimport STRANGER, Admission, latch_admit, latch_refuses
from media.net.udp cimport Address, address_known, address_same_host, udp_receive
from media.net.wiring cimport wire_receive
from media.receive.accepted cimport rtcp_accepted, rtp_accepted
from media.rtp.packet cimport RtpPacket, rtp_parse
from media.rtp.rtcp cimport RtcpCompound, rtcp_parse
from media.srtp.guard cimport open_packet
from media.web.intake cimport browser_datagram
from media.worker cimport DATAGRAM_ROOM, Worker, drop


cdef inline void _rtp(Worker* w, Leg* leg, uint8_t* data, int length, const Address* source) noexcept nogil:
    cdef RtpPacket packet
    cdef Admission admission
    if leg.opening != NULL:
        if latch_refuses(&leg.latch, source, w.now):
            drop(w, leg, DROP_STRANGER)
            return
        length = open_packet(w, leg, data, length, False)
        if length < 0:
            return
    if not rtp_parse(data, length, &packet):
        drop(w, leg, DROP_MALFORMED)
        return
    admission = latch_admit(&leg.latch, source, packet.ssrc, w.now, w.latch_grace)
    if admission == STRANGER:
        drop(w, leg, DROP_STRANGER)
        return
    rtp_accepted(w, leg, &packet, admission, False)


cdef inline void _rtcp(Worker* w, Leg* leg, uint8_t* data, int length, const Address* source) noexcept nogil:
    """RTCP counts only from the host that is locked, or the one SDP named for it; its port may be rewritten."""
    cdef RtcpCompound compound
    if not (leg.latch.locked and address_same_host(source, &leg.latch.source)) and not (
        address_known(&leg.rtcp_signalled) and address_same_host(source, &leg.rtcp_signalled)
    ):
        drop(w, leg, DROP_STRANGER)
        return
    if leg.opening != NULL:
        length = open_packet(w, leg, data, length, True)
        if length < 0:
            return
    if not rtcp_parse(data, length, leg.sent.ssrc, False, &compound):
        drop(w, leg, DROP_MALFORMED)
        return
    leg.rtcp_source = source[0]
    rtcp_accepted(w, leg, &compound)


cdef inline void rtp_datagram(Worker* w, Leg* leg, uint8_t* data, ssize_t length, const Address* source) noexcept nogil:
    """What came to a leg's RTP port, by whatever socket; cut when it is longer than DATAGRAM_ROOM."""
    cdef Kind kind = datagram_kind(data, length)
    w.datagrams += 1
    w.packets_received += 1
    if leg.is_browser:
        browser_datagram(w, leg, data, length, source)
    elif length > DATAGRAM_ROOM:
        drop(w, leg, DROP_MALFORMED)
    elif kind == RTP:
        _rtp(w, leg, data, <int> length, source)
    elif kind == RTCP and leg.rtcp_mux:
        _rtcp(w, leg, data, <int> length, source)
    else:
        drop(w, leg, DROP_MALFORMED)


cdef inline bint rtp_ready(Worker* w, Leg* leg) noexcept nogil:
    """One datagram from a leg's RTP socket; False when there was none."""
    cdef Address source
    cdef ssize_t length = wire_receive(w, leg, &source)
    if length < 0:
        return False
    rtp_datagram(w, leg, w.buffer, length, &source)
    return True


cdef inline void rtcp_ready(Worker* w, Leg* leg) noexcept nogil:
    """One datagram from a leg's RTCP socket."""
    cdef Address source
    cdef ssize_t length = udp_receive(leg.rtcp_fd, w.buffer, DATAGRAM_ROOM, &source)
    if length < 0:
        return
    w.datagrams += 1
    if length > DATAGRAM_ROOM or datagram_kind(w.buffer, length) != RTCP:
        drop(w, leg, DROP_MALFORMED)
        return
    _rtcp(w, leg, w.buffer, <int> length, &source)
