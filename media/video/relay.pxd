"""The path of a video packet: counted, recorded, and passed on as it is, but for its encryption.

Both far ends have agreed on the same payload types and extensions, so nothing of it is rewritten: payload type, numbering
and synchronization source are the sender's (RFC 3550 7.1, a translator). Their own congestion control, retransmission and
key frame requests then work from end to end (media.video.feedback).

Who begins to see is shown nothing until there is a key frame: so the sender is asked for one whenever a packet goes to
somebody its last one did not go to.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from media.leg cimport DROP_FOREIGN_SSRC, DROP_SEND_FAILED, WIRE_CONNECTED, Leg
from media.net.latch cimport latch_destination
from media.net.udp cimport Address, address_known, udp_send, udp_send_connected
from media.rtp.packet cimport RtpPacket, write16, write32
from media.rtp.rtcp cimport RTCP_RR
from media.send.rtcp_send cimport rtcp_destination, send_rtcp
from media.srtp.guard cimport seal_packet
from media.srtp.session cimport SRTP_TRAILER
from media.video.state cimport (
    VIDEO_SOURCES, Video, VideoSource, source_count, video_has, video_meet, video_pay, video_source,
)
from media.video.tap cimport video_tap_packet
from media.worker cimport Worker, drop

cdef enum:
    ASK_AGAIN = 500000           # microseconds before we ask for another key frame


cdef inline Leg* video_viewer(const Leg* leg) noexcept nogil:
    """Whom the leg's video is shown to; NULL: nobody."""
    cdef Leg* target = leg.peer
    if target == NULL or target.video == NULL or not target.video.may_send or not leg.video.may_receive:
        return NULL
    return target if address_known(latch_destination(&target.latch)) else NULL


cdef inline int _picture_loss(uint8_t* at, uint32_t ours, uint32_t theirs) noexcept nogil:
    """Picture Loss Indication (RFC 4585 6.3.1). Gives the octets written."""
    at[0] = 0x81
    at[1] = 206
    write16(at + 2, 2)
    write32(at + 4, ours)
    write32(at + 8, theirs)
    return 12


cdef inline void video_ask(Worker* w, Leg* leg) noexcept nogil:
    """Ask the leg's far end for a key frame of each of its pictures."""
    cdef uint8_t data[8 + 12 * VIDEO_SOURCES + SRTP_TRAILER]
    cdef const Address* to = rtcp_destination(leg)
    cdef Video* v = leg.video
    cdef int length = 8
    cdef int i
    if to == NULL or v.asked_at and w.now - v.asked_at < ASK_AGAIN:
        return
    for i in range(v.source_count):
        if not v.sources[i].repairs:
            length += _picture_loss(data + length, leg.sent.ssrc, v.sources[i].ssrc)
    if length == 8:
        return
    data[0] = 0x80
    data[1] = RTCP_RR
    write16(data + 2, 1)
    write32(data + 4, leg.sent.ssrc)
    v.asked_at = w.now
    v.pictures_wanted += 1
    send_rtcp(w, leg, data, length, to)


cdef inline void video_connected(Worker* w, Leg* leg) noexcept nogil:
    """The leg may have somebody new to show its video to."""
    cdef Leg* viewer
    if leg.video == NULL:
        return
    viewer = video_viewer(leg)
    if viewer != NULL and viewer.id != leg.video.shown_to:
        leg.video.shown_to = viewer.id
        video_ask(w, leg)


cdef inline bint _send(Worker* w, Leg* target, const uint8_t* data, int length) noexcept nogil:
    cdef ssize_t done
    if target.sealing != NULL:
        memcpy(w.sealed, data, length)
        data = w.sealed
        length = seal_packet(w, target, w.sealed, length, False)
        if length < 0:
            return False
    if target.wire == WIRE_CONNECTED:
        done = udp_send_connected(target.fd, data, length)
    else:
        done = udp_send(target.fd, data, length, latch_destination(&target.latch))
    if done < 0:
        drop(w, target, DROP_SEND_FAILED)
        return False
    w.packets_sent += 1
    return True


cdef inline void _pass_on(
    Worker* w, Leg* leg, const VideoSource* source, const RtpPacket* packet, const uint8_t* data, int length
) noexcept nogil:
    cdef Video* v = leg.video
    cdef Leg* target = video_viewer(leg)
    if target == NULL or not video_has(target.video.takes, packet.payload_type):
        v.nowhere += 1
        v.shown_to = 0
        return
    if packet.ssrc == target.sent.ssrc:
        # Their number for video is ours for audio there: one key stream for both, and nobody could tell them apart.
        v.refused += 1
        drop(w, leg, DROP_FOREIGN_SSRC)
        return
    if v.shown_to != target.id:
        v.shown_to = target.id
        if source.packets > 1:
            video_ask(w, leg)
    if _send(w, target, data, length):
        v.relayed += 1


cdef inline void video_packet(
    Worker* w, Leg* leg, const RtpPacket* packet, const uint8_t* data, int length
) noexcept nogil:
    """A packet of an agreed video payload type, decrypted; `data`, `length`: all of it."""
    cdef Video* v = leg.video
    cdef VideoSource* s
    cdef bint repairs = video_has(v.repairs, packet.payload_type)
    if not video_pay(v, length, w.now):
        v.refused += 1
        return
    s = video_source(v, packet.ssrc)
    if s == NULL:
        if packet.ssrc != leg.received.ssrc or not leg.received.started:
            s = video_meet(v, packet.ssrc, packet.sequence, repairs, w.now)
        if s == NULL:
            v.refused += 1
            drop(w, leg, DROP_FOREIGN_SSRC)
            return
    source_count(s, packet.sequence, w.now)
    v.packets += 1
    v.octets += length
    if not v.may_receive:
        v.nowhere += 1
        v.shown_to = 0
        return
    if v.tap != NULL:
        video_tap_packet(v, w.now_ns, packet, repairs, data, length)
    _pass_on(w, leg, s, packet, data, length)
