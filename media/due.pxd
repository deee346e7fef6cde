"""Whoever is due on the wheel gets served: one line for each kind of owner."""

from media.foresee cimport foresee_span
from media.leg cimport WHEEL_KEYS, WHEEL_PAUSE, WHEEL_PLAYBACK, WHEEL_ROOM, Leg, WheelEntry
from media.mix.bridge cimport send_queued
from media.mix.room cimport ROOM_HOT, room_turn
from media.mix.seat cimport Room
from media.mix.silence cimport silence_turn
from media.send.keys cimport keys_turn
from media.send.playback cimport playback_turn
from media.wheel cimport wheel_ahead, wheel_take
from media.worker cimport ROOMS_AHEAD, Worker


cdef inline void _foresee(Worker* w) noexcept nogil:
    """Look who is behind the room that is being served."""
    cdef const WheelEntry* entry = wheel_ahead(w, NULL)
    cdef int i
    for i in range(ROOMS_AHEAD):
        w.rooms_ahead[i] = NULL
        if entry != NULL and entry.kind == WHEEL_ROOM:
            w.rooms_ahead[i] = entry.owner
            entry = wheel_ahead(w, entry)
    if entry != NULL:
        foresee_span(entry, ROOM_HOT)            # not read yet; a room begins with it


cdef inline void serve_due(Worker* w) noexcept nogil:
    cdef WheelEntry* entry = wheel_take(w)
    if entry == NULL:
        return
    w.making = w.batch != NULL
    while entry != NULL:
        if entry.kind == WHEEL_PLAYBACK:
            playback_turn(w, <Leg*> entry.owner)
        elif entry.kind == WHEEL_PAUSE:
            silence_turn(w, <Leg*> entry.owner)
        elif entry.kind == WHEEL_ROOM:
            _foresee(w)
            room_turn(w, <Room*> entry.owner)
        elif entry.kind == WHEEL_KEYS:
            keys_turn(w, <Leg*> entry.owner)
        entry = wheel_take(w)
    w.making = 0
    if w.batch != NULL:
        send_queued(w)
