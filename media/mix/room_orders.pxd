"""Commands about rooms, carried out by the worker the room lives on."""

from media.leg cimport LEG_OPEN, Leg
from media.mix.room cimport (
    room_begin, room_close, room_find, room_gain, room_join_leg, room_join_stream, room_leave, room_rate, room_speak,
)
from media.mix.seat cimport PARTY_STREAM, Room, Seat
from media.mix.stream cimport Stream
from media.ring cimport (
    COMMAND_CLOSE_ROOM, COMMAND_JOIN_ROOM, COMMAND_JOIN_STREAM, COMMAND_LEAVE_ROOM, COMMAND_LET_SPEAK,
    COMMAND_OPEN_ROOM, COMMAND_ROOM_RATE, COMMAND_SET_GAIN, EVENT_STREAM_LEFT, Command,
)
from media.worker cimport Worker, tell

cdef enum:
    FADES_IN = 256               # beside a Hearing in the number of a join


cdef inline void _leave(Worker* w, Room* room, const Command* command) noexcept nogil:
    cdef Seat* seat = room_find(room, command.leg)
    cdef bint stream = seat != NULL and seat.party == PARTY_STREAM
    room_leave(w, seat)
    if stream:
        tell(w, command.leg, EVENT_STREAM_LEFT, True, 0, 0)


cdef inline void obey_room(Worker* w, const Command* command) noexcept nogil:
    """`leg` is the party (of a gain: who is heard), `other` who hears, `pointer` the leg or stream that joins."""
    cdef Room* room = <Room*> command.target
    cdef Leg* leg
    cdef bint fade = (command.number & FADES_IN) != 0
    if command.kind == COMMAND_OPEN_ROOM:
        room_begin(w, room)
    elif command.kind == COMMAND_CLOSE_ROOM:
        room_close(w, room)
    elif command.kind == COMMAND_JOIN_ROOM:
        leg = <Leg*> command.pointer
        if leg.id == command.leg and leg.state == LEG_OPEN:
            room_join_leg(w, room, leg, command.flag, command.number & 0xff, fade)
    elif command.kind == COMMAND_JOIN_STREAM:
        room_join_stream(w, room, <Stream*> command.pointer, command.flag, command.number & 0xff, fade)
    elif command.kind == COMMAND_LEAVE_ROOM:
        _leave(w, room, command)
    elif command.kind == COMMAND_SET_GAIN:
        room_gain(room, command.leg, command.other, <int> command.number)
    elif command.kind == COMMAND_LET_SPEAK:
        room_speak(room, command.leg, command.flag)
    elif command.kind == COMMAND_ROOM_RATE:
        room_rate(room, <unsigned int> command.number)
