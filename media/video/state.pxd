"""What the engine knows of a leg's video: who sends what, to whom it was shown last, and what became of it.

A leg whose far end has no video has none of this. Made by Python when video is agreed, freed with the leg.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from media.record.tap cimport tap_ring

cdef enum:
    VIDEO_SOURCES = 16           # synchronization sources at a time: a camera and a screen, each with its repairs, and more
    VIDEO_SOURCES_EVER = 128     # in a leg's life: each costs the partner's SRTP session a kilobyte that it keeps
    VIDEO_REPORTS = 8            # sender reports passed on that reports about them may name
    VIDEO_QUIET = 2000000        # microseconds after which a source may lose its place to a new one
    VIDEO_JUMP = 3000            # sequence numbers; more is a stream that began anew (RFC 3550 A.1)
    VIDEO_BURST = 500000         # microseconds of the highest rate that may come at once: a key frame


cdef struct VideoSource:
    uint32_t ssrc
    uint16_t highest             # sequence number
    uint8_t repairs              # retransmissions or FEC: what of them is lost is lost twice
    int64_t heard_at
    uint64_t expected
    uint64_t packets


# A sender report as it was passed on, and as it came.
cdef struct VideoReport:
    uint32_t ssrc
    uint32_t told                # the middle of its NTP time, by our clock
    uint32_t came                # by theirs


# Their wall clock, and ours.
cdef struct VideoClock:
    uint64_t audio_ntp           # of their last sender report about audio
    uint32_t audio_timestamp
    uint8_t audio_known
    uint8_t known
    uint8_t by_audio             # how `offset` was measured
    uint64_t viewer              # and for whom: the leg's id
    int64_t offset               # ours less theirs, in 2^-32 s


cdef struct Video:
    uint64_t takes[2]            # a bit a payload type: agreed
    uint64_t repairs[2]          # of these: not pictures, but what repairs them
    uint8_t may_send             # by the answer in force, as for audio
    uint8_t may_receive
    uint8_t source_count
    uint32_t sources_ever
    int64_t credit               # octets it may send at once
    int64_t credit_at
    int64_t octets_a_second      # at most
    uint64_t shown_to            # the leg that the last packet was passed on to; 0: nobody
    int64_t asked_at             # for a key frame, by us
    tap_ring* tap
    VideoClock clock
    uint8_t reports_at
    VideoReport reports[VIDEO_REPORTS]
    VideoSource sources[VIDEO_SOURCES]
    # counters, since the leg was opened
    uint64_t packets             # accepted
    uint64_t octets              # of them, headers included
    uint64_t relayed             # to the connected leg
    uint64_t nowhere             # there was nobody to relay to
    uint64_t refused             # over the highest rate, too many sources, or one that is taken
    uint64_t lost_before         # of sources that have left `sources`
    uint32_t pictures_asked      # key frames the viewer asked for (PLI, FIR)
    uint32_t pictures_wanted     # that we asked for
    uint32_t repairs_asked       # NACKs of the viewer
    uint32_t tap_overruns


cdef inline bint video_has(const uint64_t* types, uint8_t payload_type) noexcept nogil:
    return types[payload_type >> 6] >> (payload_type & 63) & 1


cdef inline VideoSource* video_source(Video* v, uint32_t ssrc) noexcept nogil:
    """NULL: none of this number."""
    cdef int i
    for i in range(v.source_count):
        if v.sources[i].ssrc == ssrc:
            return &v.sources[i]
    return NULL


cdef inline uint64_t source_lost(const VideoSource* s) noexcept nogil:
    return s.expected - s.packets if s.expected > s.packets and not s.repairs else 0


cdef inline VideoSource* video_meet(Video* v, uint32_t ssrc, uint16_t sequence, bint repairs, int64_t now) noexcept nogil:
    """A place for a source that is new, be it that of one long quiet; NULL: there are too many."""
    cdef VideoSource* s = NULL
    cdef int i
    if v.sources_ever >= VIDEO_SOURCES_EVER:
        return NULL
    if v.source_count < VIDEO_SOURCES:
        s = &v.sources[v.source_count]
        v.source_count += 1
    else:
        for i in range(VIDEO_SOURCES):
            if now - v.sources[i].heard_at > VIDEO_QUIET and (s == NULL or v.sources[i].heard_at < s.heard_at):
                s = &v.sources[i]
        if s == NULL:
            return NULL
        v.lost_before += source_lost(s)
    v.sources_ever += 1
    memset(s, 0, sizeof(VideoSource))
    s.ssrc = ssrc
    s.highest = <uint16_t> (sequence - 1)
    s.repairs = repairs
    return s


cdef inline void source_count(VideoSource* s, uint16_t sequence, int64_t now) noexcept nogil:
    cdef int16_t ahead = <int16_t> (sequence - s.highest)
    s.heard_at = now
    s.packets += 1
    if ahead > 0 and ahead < VIDEO_JUMP:
        s.expected += ahead
        s.highest = sequence
    elif ahead >= VIDEO_JUMP or ahead < -VIDEO_JUMP:
        s.expected += 1
        s.highest = sequence


cdef inline bint video_pay(Video* v, int octets, int64_t now) noexcept nogil:
    """Whether it may send so many octets more."""
    cdef int64_t most = v.octets_a_second * VIDEO_BURST // 1000000
    cdef int64_t elapsed = min(now - v.credit_at, <int64_t> VIDEO_BURST)
    v.credit = min(most, v.credit + elapsed * v.octets_a_second // 1000000)
    v.credit_at = now
    if v.credit < octets:
        return False
    v.credit -= octets
    return True


cdef inline uint64_t video_lost(const Video* v) noexcept nogil:
    cdef uint64_t lost = v.lost_before
    cdef int i
    for i in range(v.source_count):
        lost += source_lost(&v.sources[i])
    return lost
