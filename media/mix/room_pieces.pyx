"""A room without sockets or threads, for tests: its parties are streams, and it ticks when it is told to."""

from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free

from media.mix.room cimport (
    room_begin, room_close, room_find, room_gain, room_join_stream, room_leave, room_rate, room_speak, room_tick,
)
from media.mix.seat cimport Room, room_lay_out, room_size
from media.mix.stream cimport Stream
from media.ring cimport EventRing, event_done, event_next
from media.wheel cimport wheel_init
from media.worker cimport Worker


cdef class TickedRoom:
    """A room and the worker it needs."""

    cdef Worker* w
    cdef Room* room
    cdef list _streams

    def __cinit__(self, uint32_t rate, int most):
        self.w = <Worker*> calloc(1, sizeof(Worker))
        self.room = <Room*> calloc(1, room_size(most))
        if self.w == NULL or self.room == NULL:
            raise MemoryError
        self.w.events = <EventRing*> calloc(1, sizeof(EventRing))
        if self.w.events == NULL:
            raise MemoryError
        wheel_init(self.w)
        room_lay_out(self.room, 1, rate, most, 0)
        room_begin(self.w, self.room)
        self._streams = []

    def __dealloc__(self):
        free(self.w.events)
        free(self.w)
        free(self.room)

    def join(self, stream, *, bint speaks=True, int hears=1, bint fade=False):
        """`hears`: 0 nothing, 1 the mix, 2 tracks."""
        self._streams.append(stream)
        room_join_stream(self.w, self.room, <Stream*> <uintptr_t> stream.address, speaks, hears, fade)

    def leave(self, uint64_t party):
        room_leave(self.w, room_find(self.room, party))

    def gain(self, uint64_t speaker, uint64_t listener, int gain):
        room_gain(self.room, speaker, listener, gain)

    def speak(self, uint64_t party, bint speaks):
        room_speak(self.room, party, speaks)

    def rate(self, uint32_t rate):
        room_rate(self.room, rate)

    def tick(self, int times=1):
        for _ in range(times):
            room_tick(self.w, self.room)

    def close(self):
        room_close(self.w, self.room)

    def told(self):
        """(kind, party, number, second number) of every event since the last call."""
        cdef list out = []
        event = event_next(self.w.events)
        while event != NULL:
            out.append((event.kind, event.leg, event.number, event.second_number))
            event_done(self.w.events)
            event = event_next(self.w.events)
        return out

    @property
    def limiter_gain(self):
        """Of the mix of everybody."""
        return self.room.limiter.gain

    @property
    def seats_used(self):
        return self.room.used
