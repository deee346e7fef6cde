"""Keys on their way to a far end: what telephone-event packets say, and when (RFC 4733 section 2.5.1).

A queue of presses, each with its length and the pause behind it in milliseconds; one of unknown length (a key that is
down on another leg) lasts until it is released and never claims more than is known. No socket and no clock here:
whoever serves the sender asks every few milliseconds what is to be sent.

The first packet of an event carries the marker. Its timestamp stays, its duration grows; the end is told three times.
Beyond 0xFFFF units the event goes on in another segment, whose timestamp is where the last one ended (2.5.1.3).
Packets go every 10 ms at first, because a short press must survive 30 % of loss: 100 ms of it are twelve packets.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from media.rtp.packet cimport write16

cdef enum:
    PRESSES = 64             # that wait
    OFTEN_MS = 10            # between packets of an event, at first and at its end
    SELDOM_MS = 20           # and once it has lasted
    LASTED_MS = 120
    ENDS = 3
    SEGMENT = 0xFFFF         # units
    VOLUME = 10              # -10 dBm0 (2.3.3)
    LEAST_MS = 10            # nothing shorter is claimed
    FORGOTTEN_MS = 1000      # a key nobody tells anything of for so long is up

cdef enum PressPhase:
    PRESS_NONE
    PRESS_DOWN
    PRESS_ENDING             # the end has been told, but not yet ENDS times
    PRESS_PAUSE


cdef struct Press:
    uint16_t duration_ms     # 0: until `press_release`
    uint16_t gap_ms
    uint8_t event


cdef struct PressSender:
    uint8_t first
    uint8_t count
    uint8_t phase            # PressPhase
    uint8_t event            # of the press under way
    uint8_t held             # its length is not known yet
    uint8_t ends             # end packets sent
    uint8_t presses          # counts them, so that each can be numbered as a source of its own
    uint32_t elapsed_ms      # since the press began
    uint32_t length_ms       # of the press; while it is held, what is known of it
    uint32_t gap_ms
    uint32_t segment         # units before this segment
    Press queue[PRESSES]


cdef struct EventPacket:
    uint8_t payload[4]
    uint32_t ahead           # units by which its timestamp lies behind that of the press
    uint8_t marker


cdef inline bint press_queue(PressSender* s, uint8_t event, uint16_t duration_ms, uint16_t gap_ms) noexcept nogil:
    """Let a press wait its turn; False when too many do."""
    cdef Press* place
    if s.count == PRESSES:
        return False
    place = &s.queue[(s.first + s.count) % PRESSES]
    place.event = event
    place.duration_ms = duration_ms
    place.gap_ms = gap_ms
    s.count += 1
    return True


cdef inline Press* _newest(PressSender* s) noexcept nogil:
    return &s.queue[(s.first + s.count - 1) % PRESSES]


cdef inline void press_hold(PressSender* s, uint32_t known_ms) noexcept nogil:
    """The key queued last is still down, and has been for so long."""
    if s.count == 0 and s.held and known_ms > s.length_ms:
        s.length_ms = known_ms


cdef inline void press_release(PressSender* s, uint32_t duration_ms) noexcept nogil:
    """The key queued last was down for so long."""
    cdef uint32_t length = max(duration_ms, <uint32_t> LEAST_MS)
    if s.count:
        if _newest(s).duration_ms == 0:
            _newest(s).duration_ms = <uint16_t> min(length, <uint32_t> 0xFFFF)
    elif s.held:
        s.held = 0
        s.length_ms = max(length, s.length_ms)


cdef inline bint press_busy(const PressSender* s) noexcept nogil:
    """Whether a press or the pause behind it is under way, or one waits."""
    return s.phase != PRESS_NONE or s.count != 0


cdef inline bint press_begin(PressSender* s) noexcept nogil:
    """Take the next press, if none is under way and one waits."""
    cdef Press* press
    if s.phase != PRESS_NONE or s.count == 0:
        return False
    press = &s.queue[s.first]
    s.first = (s.first + 1) % PRESSES
    s.count -= 1
    s.phase = PRESS_DOWN
    s.event = press.event
    s.held = press.duration_ms == 0
    s.length_ms = max(<uint32_t> press.duration_ms, <uint32_t> LEAST_MS)
    s.gap_ms = press.gap_ms
    s.elapsed_ms = 0
    s.ends = 0
    s.segment = 0
    s.presses += 1
    return True


cdef inline void _write(const PressSender* s, EventPacket* packet, uint32_t units, bint end) noexcept nogil:
    packet.payload[0] = s.event
    packet.payload[1] = (0x80 if end else 0) | VOLUME
    write16(packet.payload + 2, <uint16_t> units)
    packet.ahead = s.segment


cdef inline int press_packet(PressSender* s, uint32_t rate, EventPacket* packet, bint* send) noexcept nogil:
    """What is to be sent now, `rate` being the clock of the telephone events. Gives the milliseconds until it is asked
    for again, 0 when nothing is left to do."""
    cdef uint32_t claimed
    cdef int64_t units
    cdef int wait
    send[0] = False
    packet.marker = 0
    if s.phase == PRESS_PAUSE:
        s.phase = PRESS_NONE
    if s.phase == PRESS_NONE:
        if not press_begin(s):
            return 0
        packet.marker = 1
    send[0] = True
    # A packet tells the key down until the next one goes, as one of audio would hold that time.
    wait = OFTEN_MS if s.elapsed_ms < LASTED_MS else SELDOM_MS
    if s.held and s.elapsed_ms > s.length_ms + FORGOTTEN_MS:
        s.held = 0
    claimed = s.elapsed_ms + wait
    if s.phase == PRESS_ENDING or (not s.held and claimed >= s.length_ms):
        units = <int64_t> s.length_ms * rate // 1000 - s.segment
        if units <= SEGMENT:
            s.phase = PRESS_ENDING
            s.ends += 1
            _write(s, packet, <uint32_t> units, True)
            s.elapsed_ms += OFTEN_MS
            if s.ends < ENDS:
                return OFTEN_MS
            s.phase = PRESS_PAUSE
            # The pause runs from the end of the press; the last ends were told in it.
            return <int> max(
                <int64_t> OFTEN_MS, <int64_t> s.length_ms + s.gap_ms - s.elapsed_ms + OFTEN_MS
            )
    elif s.held:
        units = <int64_t> min(claimed, max(s.length_ms, <uint32_t> LEAST_MS)) * rate // 1000 - s.segment
    else:
        units = <int64_t> claimed * rate // 1000 - s.segment
    if units > SEGMENT:
        _write(s, packet, SEGMENT, False)
        s.segment += SEGMENT
    else:
        _write(s, packet, <uint32_t> max(units, <int64_t> 1), False)
    s.elapsed_ms += wait
    return wait
