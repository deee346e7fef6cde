"""The path of a datagram that came to a browser leg's port, where everything shares one (RFC 7983, RFC 5761)."""

from libc.stdint cimport uint8_t

from media.leg cimport DROP_HANDSHAKE, DROP_MALFORMED, DROP_STRANGER, DROP_UNAUTHENTICATED, Leg
from media.net.demux cimport HANDSHAKE, NOT_MEDIA, RTP, Kind, browser_datagram_kind
from media.net.latch cimport latch_admit
from media.net.udp cimport Address, address_same
from media.receive.accepted cimport rtcp_accepted, rtp_accepted
from media.rtp.packet cimport RtpPacket, rtp_parse
from media.rtp.rtcp cimport RtcpCompound, rtcp_parse
from media.srtp.guard cimport open_packet
from media.web.handshakes cimport (
    HANDSHAKE_BURST, HANDSHAKE_PACE, HANDSHAKE_ROOM, UNBOUND_BURST, UNBOUND_PACE, handshake_allowed, handshake_put,
)
from media.worker cimport DATAGRAM_ROOM, Worker, drop


cdef inline void _handshake(Worker* w, Leg* leg, const uint8_t* data, int length, const Address* source) noexcept nogil:
    cdef bint on_path = address_same(source, &leg.browser.path)
    if length > HANDSHAKE_ROOM:
        drop(w, leg, DROP_MALFORMED)
    elif handshake_allowed(
        &leg.browser.path_handshakes if on_path else &leg.browser.other_handshakes, w.now, HANDSHAKE_PACE,
        HANDSHAKE_BURST,
    ) and handshake_put(w.handshakes, leg.id, data, length, source):
        w.events_written = 1
    else:
        drop(w, leg, DROP_HANDSHAKE)


cdef inline void browser_unbound(Worker* w, const uint8_t* data, ssize_t length, const Address* source) noexcept nogil:
    """What came to the shared port from an address of no leg: it may be the first check of a browser."""
    cdef Kind kind = browser_datagram_kind(data, length)
    w.datagrams += 1
    w.packets_received += 1
    if kind == NOT_MEDIA or length > HANDSHAKE_ROOM:
        w.drops[<int> DROP_MALFORMED] += 1
    elif kind != HANDSHAKE:
        w.drops[<int> DROP_STRANGER] += 1
    elif handshake_allowed(&w.bindings.handshakes, w.now, UNBOUND_PACE, UNBOUND_BURST) and handshake_put(
        w.handshakes, 0, data, <int> length, source
    ):
        w.events_written = 1
    else:
        w.drops[<int> DROP_HANDSHAKE] += 1


cdef inline void _rtp(Worker* w, Leg* leg, uint8_t* data, int length, const Address* source) noexcept nogil:
    cdef RtpPacket packet
    length = open_packet(w, leg, data, length, False)
    if length < 0:
        return
    if not rtp_parse(data, length, &packet):
        drop(w, leg, DROP_MALFORMED)
        return
    rtp_accepted(w, leg, &packet, latch_admit(&leg.latch, source, packet.ssrc, w.now, 0))


cdef inline void _rtcp(Worker* w, Leg* leg, uint8_t* data, int length) noexcept nogil:
    cdef RtcpCompound compound
    length = open_packet(w, leg, data, length, True)
    if length < 0:
        return
    if rtcp_parse(data, length, leg.sent.ssrc, True, &compound):
        rtcp_accepted(w, leg, &compound)
    else:
        drop(w, leg, DROP_MALFORMED)


cdef inline void browser_datagram(
    Worker* w, Leg* leg, uint8_t* data, ssize_t length, const Address* source
) noexcept nogil:
    """As rtp_datagram (media.receive.intake). Nothing is decrypted but what comes along the path (media.web.path)."""
    cdef Kind kind = browser_datagram_kind(data, length)
    if length > DATAGRAM_ROOM or kind == NOT_MEDIA:
        drop(w, leg, DROP_MALFORMED)
    elif kind == HANDSHAKE:
        _handshake(w, leg, data, <int> length, source)
    elif not address_same(source, &leg.latch.signalled):
        # From the right place, but before there are keys: a browser may begin as soon as its side of DTLS is done.
        drop(w, leg, DROP_UNAUTHENTICATED if address_same(source, &leg.browser.path) else DROP_STRANGER)
    elif kind == RTP:
        _rtp(w, leg, data, <int> length, source)
    else:
        _rtcp(w, leg, data, <int> length)
