"""What one worker thread owns: its rings, its legs, its clock, its counters."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from audiocodecs.coder cimport CODER_MOST_SAMPLES
from media.leg cimport DROP_REASONS, DropReason, Leg, PlayQueue, WheelEntry
from media.net.batch cimport Batch
from media.net.steer cimport SteerEntry
from media.receive.telephone_event cimport Digit
from media.srtp.session cimport SRTP_TRAILER
from media.web.bindings cimport Bindings
from media.web.handshakes cimport HandshakeRing
from media.ring cimport (
    EVENT_DIGIT, EVENT_GONE, EVENT_PLAYBACK_FINISHED, EVENT_RELEASED, EVENT_STARTED, EVENT_TIMEOUT,
    CommandRing, Event, EventKind, EventRing, PlaybackEnd, event_post, event_room,
)

cdef enum:
    WHEEL_SLOTS = 128        # milliseconds
    DATAGRAM_ROOM = 2048     # more than an Ethernet frame carries
    ROOM_FRAME = 960         # samples of 20 ms at 48 kHz
    ROOMS_AHEAD = 3          # whose legs are fetched into the cache before their turn (media.foresee)
    CONVERTED = 480          # samples converted to another rate at a time
    CONVERTED_ROOM = 2881    # what becomes of them at most: 8 to 48 kHz, and one more


cdef struct Worker:
    int64_t now              # microseconds of CLOCK_MONOTONIC, read once per batch
    int64_t now_ns
    int64_t latch_window
    int64_t latch_grace
    int64_t rtcp_interval
    uint64_t ntp_start       # NTP time of moment zero
    uint64_t dice
    uint64_t datagrams       # of any kind, on any leg's ports
    uint64_t packets_received
    uint64_t packets_steered # of those received, by the shared socket
    uint64_t packets_sent
    uint64_t rtcp_received
    uint64_t rtcp_sent
    uint64_t events_lost
    uint64_t wakeups
    uint64_t drops[DROP_REASONS]
    CommandRing* commands
    EventRing* events
    HandshakeRing* handshakes
    Leg** active             # legs that are open; room for every leg there can be
    uint32_t active_count
    uint32_t sweep_at        # the next leg the sweep looks at
    int64_t sweep_due
    WheelEntry wheel[WHEEL_SLOTS]   # rings: each slot's head, which serves nobody
    uint64_t wheel_used[2]   # a bit a slot: it may have entries
    int64_t wheel_due        # the millisecond whose slot is served, or next
    int64_t wheel_skipped    # milliseconds the wheel stood still because the worker was held up
    uint32_t wheel_count
    uint32_t wheel_turn      # spreads those who begin over the milliseconds of their period
    uint8_t wheel_serving
    Leg* untold              # legs whose end found no room in the event ring, by untold_next
    Batch* batch             # the shared socket's; NULL: every leg is served by its own
    SteerEntry* steer        # by port
    Leg** by_port            # whose packets the shared socket may bring
    uint32_t number
    int epoll
    int wake_fd              # Python wakes the worker
    int event_fd             # the worker wakes Python
    uint32_t sleeping
    uint32_t told            # Python has been woken and has not drained yet
    int browser_fd           # of the port browser legs share; -1: none
    uint16_t browser_port
    Bindings* bindings       # and which of them an address is
    uint8_t events_written
    uint8_t stopping
    uint8_t gathering
    uint8_t catching_up      # how many further datagrams to take from a socket
    uint8_t running
    uint8_t batching         # what is sent now lies in the batch's memory
    uint8_t making           # that memory is free for packets that are made here
    int64_t load_window_end
    int64_t busy_until       # gather at least so long
    uint64_t load_datagrams
    int64_t boundary
    int64_t worst_delay      # microseconds the worker came late at most, since last asked
    int64_t worst_lately     # the same, for the verdicts on calls, which ask by themselves
    uint8_t buffer[DATAGRAM_ROOM]       # what came, and packets that are played
    uint8_t made[DATAGRAM_ROOM]         # packets encoded here
    int16_t pcm[CODER_MOST_SAMPLES]     # decoded from one packet
    int16_t converted[CONVERTED_ROOM]   # a part of it at another rate
    const void* rooms_ahead[ROOMS_AHEAD]    # media.mix.seat.Room, or NULL: who ticks next
    int32_t room_total[ROOM_FRAME]      # of the room that ticks: what all say, ...
    int32_t room_mix[ROOM_FRAME]        # ... what one party hears of it, ...
    int16_t room_together[ROOM_FRAME]   # ... what those hear who say nothing, ...
    int16_t room_out[ROOM_FRAME]        # ... and as it is said
    uint8_t sealed[DATAGRAM_ROOM + SRTP_TRAILER]    # where a packet is encrypted that may not be where it lies


cdef inline void drop(Worker* w, Leg* leg, DropReason reason) noexcept nogil:
    leg.drops[<int> reason] += 1
    w.drops[<int> reason] += 1


cdef inline uint64_t roll(Worker* w) noexcept nogil:
    """xorshift64*: dice for timers, not for secrets."""
    w.dice ^= w.dice >> 12
    w.dice ^= w.dice << 25
    w.dice ^= w.dice >> 27
    return w.dice * <uint64_t> 0x2545F4914F6CDD1D


cdef inline bint tell(
    Worker* w, uint64_t leg, EventKind kind, bint must, int64_t number, int64_t second_number
) noexcept nogil:
    """Tell Python; False when the ring has no room. `must`: nobody may miss it, and it may use the last room."""
    cdef Event* event = event_room(w.events, must)
    if event == NULL:
        w.events_lost += 0 if kind == EVENT_GONE else 1
        return False
    event.leg = leg
    event.kind = kind
    event.number = number
    event.second_number = second_number
    event_post(w.events)
    w.events_written = 1
    return True


cdef inline void tell_started(Worker* w, Leg* leg) noexcept nogil:
    """Thousands of legs may start at once: one that finds no room is told of by the sweep."""
    cdef Event* event = event_room(w.events, False)
    leg.start_untold = event == NULL
    if event != NULL:
        event.leg = leg.id
        event.kind = EVENT_STARTED
        event.address = leg.latch.source
        event_post(w.events)
        w.events_written = 1


cdef inline void tell_timeout(Worker* w, Leg* leg, int64_t silent_for) noexcept nogil:
    tell(w, leg.id, EVENT_TIMEOUT, True, silent_for, 0)


cdef inline void tell_digit(Worker* w, Leg* leg, const Digit* digit) noexcept nogil:
    tell(w, leg.id, EVENT_DIGIT, False, digit.event, digit.duration_ms)


cdef inline void tell_playback(Worker* w, Leg* leg, const PlayQueue* queue, PlaybackEnd end) noexcept nogil:
    """Why it ended, and where it was: 8 bits for each of the first two, then ticks."""
    tell(
        w, leg.id, EVENT_PLAYBACK_FINISHED, True, queue.id,
        <int64_t> end | <int64_t> queue.at << 8 | <int64_t> queue.position << 16,
    )


cdef inline void tell_released(Worker* w, Leg* leg, int64_t token) noexcept nogil:
    """Should it be lost after all, what it speaks of is freed with the leg."""
    if token:
        tell(w, leg.id, EVENT_RELEASED, True, token, 0)


cdef inline void tell_gone(Worker* w, Leg* leg) noexcept nogil:
    """This one may not be lost: a leg it could not be told of waits in `untold`."""
    if not tell(w, leg.id, EVENT_GONE, True, 0, 0):
        leg.untold_next = w.untold
        w.untold = leg
