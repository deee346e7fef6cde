"""RTCP about video, taken out of compounds that speak of audio as well, and passed on to the leg's partner.

What is passed on: sender reports, on our clock (media.video.clock); report blocks; key frame requests (PLI of RFC 4585,
FIR of RFC 5104); NACK; transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01: its numbers are those
of video alone, for our audio carries none); REMB (draft-alvestrand-rmcat-remb-03); BYE of a source. All else is ours, or
nobody's. Feedback names the leg's own source as its sender, so that a far end hears one party and SRTP needs no key
stream for each number somebody makes up. It always begins with a receiver report: an RFC 3550 compound, wherever reduced
size (RFC 5506) was not agreed.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from media.leg cimport Leg
from media.net.udp cimport Address
from media.rtp.packet cimport read16, read32, write16, write32
from media.rtp.rtcp cimport CNAME_ROOM, RTCP_BYE, RTCP_RR, RTCP_SR, rtcp_write_bye, rtcp_write_cname
from media.send.rtcp_send cimport rtcp_destination, send_rtcp
from media.srtp.session cimport SRTP_TRAILER
from media.video.clock cimport clock_audio, clock_moment, clock_ours
from media.video.relay cimport video_viewer
from media.video.state cimport VIDEO_REPORTS, Video, video_pay, video_source
from media.video.tap cimport video_tap_moment
from media.worker cimport DATAGRAM_ROOM, Worker

cdef enum:
    RTCP_RTPFB = 205             # RFC 4585 6.2
    RTCP_PSFB = 206              # 6.3
    FB_NACK = 1
    FB_TRANSPORT_CC = 15
    FB_PLI = 1
    FB_FIR = 4
    FB_APPLICATION = 15
    REMB = 0x52454D42
    MOST_BLOCKS = 31
    HEAD = 8 + 24 * 31           # a receiver report as long as it can be
    MOST_FEEDBACK = DATAGRAM_ROOM - (8 + 24 * 31)


# What becomes of a compound on its way to the partner.
cdef struct Passing:
    Leg* leg                     # whose far end sent it
    Leg* partner                 # NULL: nobody with video
    int blocks
    int length                   # of what is behind the report
    uint8_t data[HEAD + MOST_FEEDBACK + SRTP_TRAILER]


cdef inline bint _shown(const Passing* p, uint32_t ssrc) noexcept nogil:
    """Whether it is a picture of the partner's far end, which the feedback may be about."""
    return p.partner != NULL and video_source(p.partner.video, ssrc) != NULL


cdef inline uint8_t* _room(Passing* p, int octets) noexcept nogil:
    """Where so many octets more can be written; NULL: nowhere, a compound that long is none of a browser's."""
    cdef uint8_t* at = p.data + HEAD + p.length
    if p.partner == NULL or p.length + octets > MOST_FEEDBACK:
        return NULL
    p.length += octets
    return at


cdef inline uint32_t _came(const Video* v, uint32_t ssrc, uint32_t told) noexcept nogil:
    """The time in a report we passed on, as its sender had written it; 0: none of the last."""
    cdef int i
    for i in range(VIDEO_REPORTS):
        if told and v.reports[i].told == told and v.reports[i].ssrc == ssrc:
            return v.reports[i].came
    return 0


cdef inline void _block(Passing* p, const uint8_t* block) noexcept nogil:
    """A report about a picture (RFC 3550 6.4.1): the time it names becomes the sender's own again."""
    cdef uint8_t* at = p.data + 8 + 24 * p.blocks
    cdef uint32_t came
    if p.blocks == MOST_BLOCKS or not _shown(p, read32(block)):
        return
    came = _came(p.partner.video, read32(block), read32(block + 16))
    memcpy(at, block, 24)
    write32(at + 16, came)
    if not came:
        write32(at + 20, 0)
    p.blocks += 1


cdef inline void _sender(Worker* w, Passing* p, const uint8_t* report) noexcept nogil:
    """The first 28 octets of a sender report (6.4.1)."""
    cdef Leg* leg = p.leg
    cdef Video* v = leg.video
    cdef uint32_t ssrc = read32(report + 4)
    cdef uint64_t ntp = <uint64_t> read32(report + 8) << 32 | read32(report + 12)
    cdef uint64_t ours
    cdef Leg* viewer = video_viewer(leg)
    cdef uint8_t* at
    if leg.received.started and ssrc == leg.received.ssrc:
        clock_audio(&v.clock, ntp, read32(report + 16))
        return
    if video_source(v, ssrc) == NULL or not v.may_receive:
        return
    ours = clock_ours(w, leg, viewer, ntp)
    if v.tap != NULL:
        video_tap_moment(v, clock_moment(ours, w.ntp_start), ssrc, read32(report + 16))
    if viewer == NULL or ssrc == viewer.sent.ssrc:
        return
    at = _room(p, 28)
    if at == NULL:
        return
    memcpy(at, report, 28)
    at[0] = 0x80
    write16(at + 2, 6)
    write32(at + 8, <uint32_t> (ours >> 32))
    write32(at + 12, <uint32_t> ours)
    v.reports[v.reports_at].ssrc = ssrc
    v.reports[v.reports_at].told = <uint32_t> (ours >> 16)
    v.reports[v.reports_at].came = <uint32_t> (ntp >> 16)
    v.reports_at = (v.reports_at + 1) % VIDEO_REPORTS
    at = _room(p, 4 + 4 + 2 + CNAME_ROOM + 4)
    if at != NULL:
        # All that comes from us is one participant (6.5.1), and so played in step.
        p.length -= 4 + 4 + 2 + CNAME_ROOM + 4
        p.length += rtcp_write_cname(at, ssrc, viewer.reports.cname, viewer.reports.cname_length)


cdef inline bint _concerns(Passing* p, const uint8_t* at, int size) noexcept nogil:
    """Whether feedback is of a kind that is passed on, well formed, and about the partner's pictures."""
    cdef uint8_t kind = at[0] & 0x1F
    cdef int i
    cdef Video* v
    if p.partner == NULL or size < 12 or at[0] & 0x20:
        return False
    v = p.leg.video
    if at[1] == RTCP_RTPFB:
        if not _shown(p, read32(at + 8)) or size < 16:
            return False
        v.repairs_asked += kind == FB_NACK
        return kind == FB_NACK or kind == FB_TRANSPORT_CC and size >= 20
    if kind == FB_PLI:
        v.pictures_asked += size == 12 and _shown(p, read32(at + 8))
        return size == 12 and _shown(p, read32(at + 8))
    if kind == FB_FIR:
        for i in range(12, size - 7, 8):
            if _shown(p, read32(at + i)):
                v.pictures_asked += 1
                return True
        return False
    return kind == FB_APPLICATION and size >= 20 and read32(at + 12) == REMB


cdef inline void _goodbye(Passing* p, const uint8_t* at) noexcept nogil:
    """BYE (6.6) of a picture; its reason stays behind."""
    cdef int i
    cdef uint32_t ssrc
    cdef uint8_t* to
    for i in range(at[0] & 0x1F):
        ssrc = read32(at + 4 + 4 * i)
        if video_source(p.leg.video, ssrc) == NULL or p.partner == NULL or ssrc == p.partner.sent.ssrc:
            continue
        to = _room(p, 8)
        if to != NULL:
            rtcp_write_bye(to, ssrc)


cdef inline void _part(Worker* w, Passing* p, const uint8_t* at, int size) noexcept nogil:
    """One packet of the compound."""
    cdef int i
    cdef int offset = 28 if at[1] == RTCP_SR else 8
    cdef uint8_t* to
    if at[1] == RTCP_SR or at[1] == RTCP_RR:
        if at[1] == RTCP_SR:
            _sender(w, p, at)
        for i in range(at[0] & 0x1F):
            _block(p, at + offset + 24 * i)
    elif at[1] == RTCP_RTPFB or at[1] == RTCP_PSFB:
        if _concerns(p, at, size):
            to = _room(p, size)
            if to != NULL:
                memcpy(to, at, size)
                write32(to + 4, p.partner.sent.ssrc)
    elif at[1] == RTCP_BYE:
        _goodbye(p, at)


cdef inline void _go(Worker* w, Passing* p) noexcept nogil:
    """The receiver report in front of the rest; nothing, if there is nothing to tell."""
    cdef const Address* to
    cdef uint8_t* at
    cdef int report = 8 + 24 * p.blocks
    if p.partner == NULL or not p.blocks and not p.length:
        return
    to = rtcp_destination(p.partner)
    if to == NULL or not video_pay(p.leg.video, report + p.length, w.now):
        return
    # Report and rest are one behind the other: what is shorter moves.
    at = p.data + HEAD - report
    if p.blocks and p.blocks != MOST_BLOCKS:
        memmove(at + 8, p.data + 8, 24 * p.blocks)
    at[0] = 0x80 | p.blocks
    at[1] = RTCP_RR
    write16(at + 2, report // 4 - 1)
    write32(at + 4, p.partner.sent.ssrc)
    send_rtcp(w, p.partner, at, report + p.length, to)


cdef inline void video_rtcp(Worker* w, Leg* leg, const uint8_t* data, int length) noexcept nogil:
    """Pass on what a compound from the leg's far end says of video; it is plain, and rtcp_parse found it well formed."""
    cdef Passing p
    cdef int at = 0
    cdef int size
    p.leg = leg
    p.partner = leg.peer if leg.peer != NULL and leg.peer.video != NULL else NULL
    p.blocks = 0
    p.length = 0
    while at < length:
        size = 4 + 4 * read16(data + at + 2)
        _part(w, &p, data + at, size)
        at += size
    _go(w, &p)
