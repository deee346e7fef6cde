"""What is ordered of a leg's video, carried out by its worker."""

from libc.string cimport memcpy

from media.leg cimport Leg
from media.record.tap cimport tap_close, tap_ring
from media.ring cimport Command
from media.video.relay cimport video_connected
from media.video.state cimport Video
from media.video.tap cimport video_untap
from media.worker cimport Worker


cdef inline void video_close(Leg* leg) noexcept nogil:
    """No video any more; what was counted stays with the leg."""
    if leg.video != NULL:
        video_untap(leg.video)
        leg.video.shown_to = 0
        leg.video = NULL


cdef inline void video_set(Worker* w, Leg* leg, const Command* command) noexcept nogil:
    """What was agreed: payload types, directions, octets a second at most. Without a state: no video."""
    cdef Video* v = <Video*> command.pointer
    if v == NULL:
        video_close(leg)
        return
    leg.video = v
    memcpy(v.takes, command.order.video.takes, sizeof(v.takes))
    memcpy(v.repairs, command.order.video.repairs, sizeof(v.repairs))
    v.may_send = command.flag
    v.may_receive = command.second_flag
    v.octets_a_second = command.number
    video_connected(w, leg)
    if leg.peer != NULL:
        video_connected(w, leg.peer)


cdef inline void video_start_tap(Leg* leg, tap_ring* ring) noexcept nogil:
    """A leg without video has nothing to record: its ring is closed at once."""
    if leg.video == NULL:
        tap_close(ring)
        return
    video_untap(leg.video)
    leg.video.tap = ring
