"""Lip sync: sender reports of video say when a picture was taken by the sender's clock; those of audio are ours.

The receiver plays what was captured at one moment together, by one clock for all (RFC 3550 6.4.1). What we say of audio
is when it was passed on here; so a picture is told to be as old as the audio its sender captured with it. Where that
audio is not passed on as it came (transcoded, mixed, muted), the picture was captured when its report came: the way here
is taken to be as long for both.

NTP times are 64 bits, their differences 2^-32 s.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from media.leg cimport Leg
from media.send.sender_report cimport ntp_time
from media.video.state cimport VideoClock
from media.worker cimport Worker

cdef enum:
    OLDEST_AUDIO = 60            # seconds that what audio was last reported to be is believed
    SMOOTHING = 2                # a quarter of each new measurement is taken over
cdef extern from * nogil:
    """
    #define VIDEO_CLOCK_STEP ((int64_t) 1 << 31)     /* half a second: their clock was set, or they moved */
    """
    int64_t VIDEO_CLOCK_STEP


cdef inline void clock_audio(VideoClock* c, uint64_t ntp, uint32_t timestamp) noexcept nogil:
    """What their sender report about audio says."""
    c.audio_ntp = ntp
    c.audio_timestamp = timestamp
    c.audio_known = 1


cdef inline bint _by_audio(Worker* w, const Leg* leg, const Leg* viewer, int64_t* offset) noexcept nogil:
    """As our own reports to the viewer put that audio."""
    cdef const VideoClock* c = &leg.video.clock
    cdef int64_t units
    if viewer == NULL or not c.audio_known or not viewer.sent.rate:
        return False
    if viewer.sent.source != (<uint64_t> <uint32_t> leg.id << 32 | leg.received.ssrc):
        return False
    units = <int32_t> (c.audio_timestamp + viewer.sent.timestamp_offset - viewer.sent.timestamp)
    if not -OLDEST_AUDIO * <int64_t> viewer.sent.rate < units < <int64_t> viewer.sent.rate:
        return False
    offset[0] = <int64_t> (ntp_time(viewer.sent.sent_at, w.ntp_start) - c.audio_ntp) + (units << 32) // viewer.sent.rate
    return True


cdef inline uint64_t clock_ours(Worker* w, Leg* leg, const Leg* viewer, uint64_t ntp) noexcept nogil:
    """Our time of a moment that the leg's far end reports just now; `viewer` NULL: for nobody but the tap."""
    cdef VideoClock* c = &leg.video.clock
    cdef int64_t offset = 0
    cdef uint64_t to = 0 if viewer == NULL else viewer.id
    cdef bint by_audio = _by_audio(w, leg, viewer, &offset)
    if not by_audio:
        offset = <int64_t> (ntp_time(w.now, w.ntp_start) - ntp)
    if not c.known or c.by_audio != by_audio or c.viewer != to or not (
        -VIDEO_CLOCK_STEP < offset - c.offset < VIDEO_CLOCK_STEP
    ):
        c.offset = offset
    else:
        c.offset += (offset - c.offset) >> SMOOTHING
    c.known = 1
    c.by_audio = by_audio
    c.viewer = to
    return ntp + <uint64_t> c.offset


cdef inline int64_t clock_moment(uint64_t ours, uint64_t ntp_start) noexcept nogil:
    """Nanoseconds of CLOCK_MONOTONIC at one of our NTP times."""
    cdef uint64_t since = ours - ntp_start
    return <int64_t> (since >> 32) * 1000000000 + <int64_t> (<uint64_t> <uint32_t> since * <uint64_t> 1000000000 >> 32)
