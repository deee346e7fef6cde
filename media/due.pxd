"""Whoever is due on the wheel gets served: one line for each kind of owner."""

from media.leg cimport WHEEL_KEYS, WHEEL_PAUSE, WHEEL_PLAYBACK, WHEEL_ROOM, Leg, WheelEntry
from media.mix.bridge cimport send_queued
from media.mix.room cimport room_turn
from media.mix.seat cimport Room
from media.mix.silence cimport silence_turn
from media.send.keys cimport keys_turn
from media.send.playback cimport playback_turn
from media.wheel cimport wheel_take
from media.worker cimport Worker


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
            room_turn(w, <Room*> entry.owner)
        elif entry.kind == WHEEL_KEYS:
            keys_turn(w, <Leg*> entry.owner)
        entry = wheel_take(w)
    w.making = 0
    if w.batch != NULL:
        send_queued(w)
