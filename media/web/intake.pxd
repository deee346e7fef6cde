"""The path of a datagram that came to a browser leg's port, where everything shares one (RFC 7983, RFC 5761)."""

from libc.stdint cimport int16_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from media.leg cimport DROP_HANDSHAKE, DROP_MALFORMED, DROP_STRANGER, DROP_UNAUTHENTICATED, Leg
from media.net.demux cimport HANDSHAKE, NOT_MEDIA, RTP, Kind, browser_datagram_kind
from media.net.latch cimport ACCEPTED, Admission, latch_admit
from media.net.udp cimport Address, address_same
from media.receive.accepted cimport rtcp_accepted, rtp_accepted
from media.rtp.packet cimport RTP_HEADER, RtpPacket, rtp_parse
from media.rtp.rtcp cimport RtcpCompound, rtcp_parse
from media.srtp.guard cimport open_packet
from media.web.feedback cimport feedback_ask, feedback_read
from media.video.feedback cimport video_rtcp
from media.video.relay cimport video_packet
from media.video.state cimport video_has
from media.web.handshakes cimport (
    HANDSHAKE_BURST, HANDSHAKE_PACE, HANDSHAKE_ROOM, UNBOUND_BURST, UNBOUND_PACE, handshake_allowed, handshake_put,
)
from media.web.red cimport RED_BLOCKS, RED_LONGEST, RedBlock, red_parse
from media.web.repair cimport repair_reported
from media.web.repair_state cimport Repair
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


cdef inline void _said_again(
    Worker* w, Leg* leg, const RtpPacket* packet, const RedBlock* block, uint16_t behind
) noexcept nogil:
    """A packet that was lost, as a later one repeats it. It is moved: what it becomes is written around it."""
    cdef uint8_t room[RTP_HEADER + RED_LONGEST]
    cdef RtpPacket said
    memcpy(room + RTP_HEADER, block.payload, block.length)
    said.payload_type = block.payload_type
    said.marker = 0
    said.sequence = <uint16_t> (packet.sequence - behind)
    said.timestamp = packet.timestamp - block.back
    said.ssrc = packet.ssrc
    said.payload = room + RTP_HEADER
    said.payload_length = block.length
    rtp_accepted(w, leg, &said, ACCEPTED, True)


cdef inline void _redundant(
    Worker* w, Leg* leg, const Repair* repair, RtpPacket* packet, Admission admission, int missing
) noexcept nogil:
    """Those of the `missing` packets before this one that it repeats, in their order, then what it says itself.

    Blocks carry timestamps and no numbers: the packets between are taken to be equally long.
    """
    cdef RedBlock blocks[RED_BLOCKS]
    cdef int count = red_parse(packet.payload, packet.payload_length, blocks)
    cdef uint32_t step = 0, elapsed = packet.timestamp - repair.timestamp
    cdef int i
    if count == 0:
        drop(w, leg, DROP_MALFORMED)
        return
    if 0 < missing < RED_BLOCKS and elapsed % <uint32_t> (missing + 1) == 0:
        step = elapsed // <uint32_t> (missing + 1)
    for i in range(count - 1 if step else 0):
        if blocks[i].length and blocks[i].back % step == 0 and 1 <= blocks[i].back // step <= <uint32_t> missing:
            _said_again(w, leg, packet, &blocks[i], <uint16_t> (blocks[i].back // step))
    packet.payload_type = blocks[count - 1].payload_type
    packet.payload = blocks[count - 1].payload
    packet.payload_length = blocks[count - 1].length
    rtp_accepted(w, leg, packet, admission, False)


cdef inline void _repairable(
    Worker* w, Leg* leg, Repair* repair, RtpPacket* packet, Admission admission
) noexcept nogil:
    """A packet of a stream whose losses can be made up for."""
    cdef uint32_t timestamp = packet.timestamp
    cdef bint known = leg.received.started and leg.received.ssrc == packet.ssrc
    cdef int16_t ahead = <int16_t> (packet.sequence - leg.received.max_sequence) if known else 1
    if packet.payload_type == repair.red_in:
        _redundant(w, leg, repair, packet, admission, ahead - 1)
    else:
        rtp_accepted(w, leg, packet, admission, False)
    if ahead > 0:
        repair.timestamp = timestamp
    if ahead > 1 and repair.asks:
        feedback_ask(w, leg, ahead - 1)


cdef inline void _rtp(Worker* w, Leg* leg, uint8_t* data, int length, const Address* source) noexcept nogil:
    cdef RtpPacket packet
    cdef Admission admission
    length = open_packet(w, leg, data, length, False)
    if length < 0:
        return
    if not rtp_parse(data, length, &packet):
        drop(w, leg, DROP_MALFORMED)
        return
    if leg.video != NULL and video_has(leg.video.takes, packet.payload_type):
        video_packet(w, leg, &packet, data, length)
        return
    admission = latch_admit(&leg.latch, source, packet.ssrc, w.now, 0)
    if leg.browser.repair == NULL:
        rtp_accepted(w, leg, &packet, admission, False)
    else:
        _repairable(w, leg, leg.browser.repair, &packet, admission)


cdef inline void _rtcp(Worker* w, Leg* leg, uint8_t* data, int length) noexcept nogil:
    cdef RtcpCompound compound
    length = open_packet(w, leg, data, length, True)
    if length < 0:
        return
    if rtcp_parse(data, length, leg.sent.ssrc, True, &compound):
        rtcp_accepted(w, leg, &compound)
        feedback_read(w, leg, data, length)
        if leg.browser.repair != NULL:
            repair_reported(leg.browser.repair, leg.reports.told_expected, leg.reports.told_lost)
        if leg.video != NULL:
            video_rtcp(w, leg, data, length)
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
