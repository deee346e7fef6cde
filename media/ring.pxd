"""Commands in, events out: two single-producer single-consumer rings of fixed entries between Python and a worker.

Neither side ever waits: a full ring says so, and its producer keeps the entry. Positions only grow; the place is
position modulo size, so that head - tail is the fill.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from media.leg cimport FORMATS, PLAY_SOUNDS, Coders, Format
from media.net.udp cimport Address
from media.play.source cimport play_source

cdef extern from * nogil:
    """
    #ifndef MEDIA_RING_ATOMICS
    #define MEDIA_RING_ATOMICS
    #define load_acquire(at) __atomic_load_n((at), __ATOMIC_ACQUIRE)
    #define store_release(at, value) __atomic_store_n((at), (value), __ATOMIC_RELEASE)
    #define store_ordered(at, value) __atomic_store_n((at), (value), __ATOMIC_SEQ_CST)
    #define exchange_ordered(at, value) __atomic_exchange_n((at), (value), __ATOMIC_SEQ_CST)
    #endif
    """
    uint64_t load_acquire(const uint64_t* at)
    void store_release(uint64_t* at, uint64_t value)
    void store_ordered(uint32_t* at, uint32_t value)
    uint32_t exchange_ordered(uint32_t* at, uint32_t value)

cdef enum:
    COMMANDS = 2048
    DIGITS_ORDERED = 32          # in one command
    EVENTS = 16384
    EVENTS_KEPT = 4096           # room that only events nobody may miss can use

cdef enum CommandKind:
    COMMAND_OPEN = 1
    COMMAND_CLOSE = 2
    COMMAND_SET_REMOTE = 3
    COMMAND_SET_FORMATS = 4
    COMMAND_SET_DIRECTION = 5
    COMMAND_CONNECT = 6
    COMMAND_DISCONNECT = 7
    COMMAND_PLAY = 8
    COMMAND_STOP_PLAY = 9
    COMMAND_ECHO = 10
    COMMAND_START_TAP = 11
    COMMAND_STOP_TAP = 12
    COMMAND_MEDIA_TIMEOUT = 13
    COMMAND_SET_VOICE = 14
    COMMAND_SET_CODERS = 15
    COMMAND_SET_PLAYOUT = 20
    COMMAND_ANNOUNCE = 16
    COMMAND_SET_DIGITS = 30      # flag: sent as media; pointer: the listener, or NULL
    COMMAND_SEND_DIGITS = 31
    COMMAND_SET_KEYS = 40
    COMMAND_RETIRE_KEYS = 41
    COMMAND_SET_VIDEO = 50       # pointer: the state, or NULL; flag, second_flag: may send, may receive
    COMMAND_START_VIDEO_TAP = 51
    COMMAND_STOP_VIDEO_TAP = 52
    COMMAND_ASK_FOR_PICTURE = 53
    COMMAND_EXTENDED = 60        # flag: reference times, second_flag: VoIP Metrics
    COMMAND_SET_PATH = 70        # of a browser leg
    COMMAND_BIND_ADDRESS = 71    # the same
    COMMAND_SET_REPAIR = 72      # the same; number: payload types red_in | red_out << 8 | red_of << 16
    COMMAND_SCORES = 61          # number: R << 16 | MOS-LQ << 8 | MOS-CQ, as an extended report has them
    COMMAND_STOP_WORKER = 200    # from here on: not of one leg, `target` is whatever the command says
    COMMAND_OPEN_ROOM = 210      # of rooms (media.mix.room_orders): `target` is the room
    COMMAND_CLOSE_ROOM = 211
    COMMAND_JOIN_ROOM = 212
    COMMAND_JOIN_STREAM = 213
    COMMAND_LEAVE_ROOM = 214
    COMMAND_SET_GAIN = 215
    COMMAND_LET_SPEAK = 216
    COMMAND_ROOM_RATE = 217

# EngineCore.read gives these numbers to media.translate.
cdef enum EventKind:
    EVENT_STARTED = 0
    EVENT_TIMEOUT = 1
    EVENT_DIGIT = 2
    EVENT_PLAYBACK_FINISHED = 3
    EVENT_GONE = 4
    EVENT_RELEASED = 5           # number: the token of what the worker has let go of
    EVENT_SILENCE = 6            # the far end stops sending in pauses, and its partner cannot be told of them
    EVENT_ROOM_CHANGED = 20      # number: the room, second number: parties in it
    EVENT_ROOM_CLOSED = 21       # number: the room
    EVENT_MARK_REACHED = 22      # leg: the stream, number: the mark
    EVENT_STREAM_LEFT = 23       # leg: the stream; the worker has let go of it

cdef enum PlaybackEnd:
    PLAYBACK_END
    PLAYBACK_STOPPED
    PLAYBACK_NO_ENCODER


cdef struct RemoteOrder:
    Address address
    Address rtcp_address


cdef struct FormatsOrder:
    uint8_t count
    uint8_t send_count
    uint8_t ptime
    Format formats[FORMATS]
    Format send_formats[FORMATS]


cdef struct PlayOrder:
    const play_source* sounds[PLAY_SOUNDS]
    uint32_t position           # ticks into the first that plays
    uint8_t count
    uint8_t first
    int ducked                  # Announce: gain of the music meanwhile


cdef struct DigitsOrder:
    uint16_t duration_ms
    uint16_t gap_ms
    uint8_t count
    uint8_t events[DIGITS_ORDERED]


cdef struct VideoOrder:
    uint64_t takes[2]           # a bit a payload type
    uint64_t repairs[2]


# What a command says beyond a few numbers; each kind uses one of these.
cdef union Order:
    RemoteOrder remote
    FormatsOrder formats
    Coders coders
    DigitsOrder digits
    PlayOrder play
    VideoOrder video


cdef struct Command:
    void* target                # where the leg lives; its id there tells whether it still does
    uint64_t leg
    void* pointer               # what Python made for it: the second leg, a tap ring, a voice, SRTP
    uint64_t other              # the second leg's id, or SRTP
    int64_t number
    uint8_t kind
    uint8_t flag
    uint8_t second_flag
    Order order


cdef struct Event:
    uint64_t leg
    int64_t number
    int64_t second_number
    uint32_t kind
    Address address


cdef struct CommandRing:
    uint64_t head               # the producer's
    uint64_t pad[7]
    uint64_t tail               # the consumer's
    uint64_t pad_after[7]
    Command entries[COMMANDS]


cdef struct EventRing:
    uint64_t head
    uint64_t pad[7]
    uint64_t tail
    uint64_t pad_after[7]
    Event entries[EVENTS]


cdef inline Command* command_room(CommandRing* ring) noexcept nogil:
    """Where the next command may be written, or NULL when the ring is full."""
    if ring.head - load_acquire(&ring.tail) >= COMMANDS:
        return NULL
    return &ring.entries[ring.head % COMMANDS]


cdef inline void command_post(CommandRing* ring) noexcept nogil:
    store_release(&ring.head, ring.head + 1)


cdef inline const Command* command_next(CommandRing* ring) noexcept nogil:
    """The oldest command, or NULL."""
    if ring.tail == load_acquire(&ring.head):
        return NULL
    return &ring.entries[ring.tail % COMMANDS]


cdef inline void command_done(CommandRing* ring) noexcept nogil:
    store_release(&ring.tail, ring.tail + 1)


cdef inline Event* event_room(EventRing* ring, bint must) noexcept nogil:
    """Where the next event may be written, or NULL when the ring is full."""
    if ring.head - load_acquire(&ring.tail) >= <uint64_t> (EVENTS if must else EVENTS - EVENTS_KEPT):
        return NULL
    return &ring.entries[ring.head % EVENTS]


cdef inline bint event_crowded(const EventRing* ring) noexcept nogil:
    """Whether only the room for events nobody may miss is left: time to take no more commands, each may make some."""
    return ring.head - load_acquire(&ring.tail) >= EVENTS - EVENTS_KEPT


cdef inline void event_post(EventRing* ring) noexcept nogil:
    store_release(&ring.head, ring.head + 1)


cdef inline const Event* event_next(EventRing* ring) noexcept nogil:
    """The oldest event, or NULL."""
    if ring.tail == load_acquire(&ring.head):
        return NULL
    return &ring.entries[ring.tail % EVENTS]


cdef inline void event_done(EventRing* ring) noexcept nogil:
    store_release(&ring.tail, ring.tail + 1)
