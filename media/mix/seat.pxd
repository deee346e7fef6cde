"""Rooms and who sits in them. A room's memory is made by Python in one piece and never grows."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from media.leg cimport Leg, WheelEntry
from media.mix.gain cimport UNITY, Limiter
from media.mix.stream cimport FRAME, Stream

cdef enum Party:
    PARTY_NONE                   # the seat is free
    PARTY_LEG
    PARTY_STREAM
    PARTY_GONE                   # left, and its last sound dies away

cdef enum Hearing:
    HEARS_NOTHING
    HEARS_MIX                    # everybody but itself, by the gains of its row
    HEARS_TRACKS                 # each voice for itself (streams only)


# From one voice to one listener, in units of gain.UNITY.
cdef struct Gain:
    int16_t now
    int16_t wanted


cdef struct Seat:
    Room* room
    Leg* leg
    Stream* stream
    uint64_t id                  # of the leg or stream
    int16_t* pcm                 # what it says in this tick
    uint8_t party                # Party
    uint8_t speaks               # what it says may be heard; 0: it is never even asked
    uint8_t hears                # Hearing
    uint8_t speaking             # `pcm` is part of this tick's sum
    uint8_t voice                # this tick had any sound from it, gated or not
    uint8_t quiet                # ticks of next to nothing in a row
    uint8_t waits                # ticks it may still wait for the voice that was relayed to it until now
    uint16_t odd                 # gains of its row that are not, or not going to be, UNITY
    int16_t voice_now            # gain of what it says: comes and goes with it
    int16_t ears_now             # gain of what it hears
    Limiter limiter


cdef struct Room:
    WheelEntry turn
    int64_t id
    int64_t tick                 # 20 ms each, from when the room was opened
    uint32_t rate                # Hz
    int samples                  # of a tick
    uint16_t most                # seats
    uint16_t used                # seats that may be taken lie before this one
    uint16_t parties
    uint16_t speakers            # of this tick, in `speaking`
    uint8_t together_used        # the last tick had somebody who heard everybody
    uint32_t worker
    Room* after                  # Python's: the next of all rooms
    Limiter limiter              # of the mix of everybody
    Limiter limiter_before       # as it was at the end of the last tick
    Seat* seats
    Gain* gains                  # most x most, a row for each listener
    uint16_t* speaking


cdef inline size_t room_size(int most) noexcept nogil:
    """Octets of a room of `most` seats."""
    return (
        sizeof(Room) + most * (sizeof(Seat) + most * sizeof(Gain) + sizeof(uint16_t) + FRAME * sizeof(int16_t)) + 64
    )


cdef inline void room_lay_out(Room* room, int64_t id, uint32_t rate, int most, uint32_t worker) noexcept nogil:
    """Memory of `room_size`, zeroed, becomes an empty room."""
    cdef int i
    cdef int16_t* pcm
    room.id = id
    room.rate = rate
    room.samples = <int> (rate // 50)
    room.most = <uint16_t> most
    room.worker = worker
    room.limiter.gain = 1.0
    room.seats = <Seat*> (room + 1)
    pcm = <int16_t*> (room.seats + most)
    room.gains = <Gain*> (pcm + most * FRAME)
    room.speaking = <uint16_t*> (room.gains + most * most)
    for i in range(most):
        room.seats[i].pcm = pcm + i * FRAME
    for i in range(most * most):
        room.gains[i].now = room.gains[i].wanted = <int16_t> UNITY
