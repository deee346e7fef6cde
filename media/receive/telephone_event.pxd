"""Telephone events of one received stream: each key press told once, with its length (RFC 4733 section 2.5).

An event is known by its RTP timestamp. It ends with the E bit, which is sent three times; if all three are lost, it
ends when another event begins or nothing more of it comes for LOST_END. What is no new press:

- the next segment of one longer than 0xFFFF units: no marker, and a timestamp where the last segment ended (2.5.1.3);
- a packet whose timestamp moved as far as its duration grew, or an end told again under another timestamp: far ends
  exist that move it with every packet;
- a straggler of an earlier event, unless so much time has passed that the far end must have begun anew.

Durations count in the clock of the payload type. Where an event visibly grows several times faster or slower than time
passes, the far end counts in another clock than it said, and its length is taken from the wall.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from media.rtp.packet cimport read16

cdef enum:
    LOST_END = 250000        # microseconds without a packet of an unfinished event
    LONG_AGO = 2000000       # microseconds after which no straggler comes any more
    LAST_EVENT = 16          # 0-9 * # A-D and flash
    LONG_SEGMENT = 0xF000    # units from which on an event may go on in another segment
    WATCHED = 60000          # microseconds an event must be watched for to judge its clock
    JITTER_MS = 60           # an end told again comes so soon

cdef enum DigitState:
    NO_DIGIT
    DIGIT_DOWN
    DIGIT_TOLD


cdef struct DigitWatch:
    uint32_t ssrc
    uint32_t timestamp       # of the newest segment
    uint32_t before          # units of the segments before it
    uint16_t duration        # units of this one
    uint8_t event
    uint8_t state
    uint8_t ended            # by its E bit
    uint32_t rate
    uint32_t first_length    # units when it was first seen
    int64_t first_seen
    int64_t seen


cdef struct Digit:
    uint8_t event
    uint32_t duration_ms


cdef inline uint32_t digit_length_ms(const DigitWatch* watch) noexcept nogil:
    """How long the key has been down, as far as packets have told."""
    cdef int64_t length = <int64_t> watch.before + watch.duration
    cdef int64_t watched = watch.seen - watch.first_seen
    cdef int64_t grown
    if not watch.rate:
        return 0
    grown = (length - watch.first_length) * 1000000 // watch.rate
    if watched >= WATCHED and grown and (2 * grown > 7 * watched or 7 * grown < 2 * watched):
        # The clocks in use are 8, 16 and 48 kHz: six times, three times, or twice as fast.
        return <uint32_t> (length * 1000 // watch.rate * watched // grown)
    return <uint32_t> (length * 1000 // watch.rate)


cdef inline bint digit_end(DigitWatch* watch, Digit* digit) noexcept nogil:
    """Tell the digit that is down, if one is."""
    if watch.state != DIGIT_DOWN:
        return False
    watch.state = DIGIT_TOLD
    digit.event = watch.event
    digit.duration_ms = digit_length_ms(watch)
    return True


cdef inline bint digit_lost_end(DigitWatch* watch, int64_t now, Digit* digit) noexcept nogil:
    """Tell a digit whose end never came."""
    if watch.state != DIGIT_DOWN or now - watch.seen < LOST_END:
        return False
    return digit_end(watch, digit)


cdef inline bint _goes_on(
    const DigitWatch* watch, uint8_t event, uint16_t duration, bint end, bint marker, int32_t ahead, uint32_t rate
) noexcept nogil:
    """Whether a packet with a later timestamp is about the press that is known already."""
    if event != watch.event or marker:
        return False
    if not watch.ended:
        if LONG_SEGMENT < ahead <= 0xFFFF and ahead - <int32_t> watch.duration < <int32_t> (rate // 4):
            return True
        return watch.state == DIGIT_DOWN and ahead == <int32_t> duration - <int32_t> watch.duration
    return end and duration == watch.duration and ahead * 1000 <= <int64_t> rate * JITTER_MS


cdef inline int digit_packet(
    DigitWatch* watch, const uint8_t* payload, int length, uint32_t ssrc, uint32_t timestamp, bint marker,
    uint32_t rate, int64_t now, Digit* digits,
) noexcept nogil:
    """Feed one telephone-event payload; writes up to two finished digits and gives their number."""
    cdef int told = 0
    cdef uint16_t duration
    cdef int32_t ahead = <int32_t> (timestamp - watch.timestamp)
    cdef bint same_stream = watch.state != NO_DIGIT and ssrc == watch.ssrc and now - watch.seen < LONG_AGO
    cdef bint end
    if length < 4 or payload[0] > LAST_EVENT:
        return 0
    end = payload[1] & 0x80
    duration = read16(payload + 2)
    if same_stream and ahead < 0:
        return 0              # a straggler of an event already told
    if same_stream and ahead == 0:
        if payload[0] != watch.event:
            return 0
        if duration > watch.duration:
            watch.duration = duration
    elif same_stream and _goes_on(watch, payload[0], duration, end, marker, ahead, rate):
        watch.timestamp = timestamp
        if ahead > LONG_SEGMENT:
            watch.before += <uint32_t> ahead
            watch.duration = duration
        elif duration > watch.duration:
            watch.duration = duration
    else:
        if digit_end(watch, &digits[0]):
            told = 1
        watch.state = DIGIT_DOWN
        watch.ssrc = ssrc
        watch.timestamp = timestamp
        watch.event = payload[0]
        watch.before = 0
        watch.duration = duration
        watch.ended = 0
        watch.rate = rate
        watch.first_length = duration
        watch.first_seen = now
    watch.seen = now
    if end:
        watch.ended = 1
        if digit_end(watch, &digits[told]):
            told += 1
    return told
