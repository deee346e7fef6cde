"""Telephone events of one received stream: each key press told once, with its length (RFC 4733 section 2.5).

An event is known by its RTP timestamp. It ends with the E bit, which is sent three times; if all three are lost, it
ends when another event begins or nothing more of it comes for LOST_END.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from media.rtp.packet cimport read16

cdef enum:
    LOST_END = 200000     # microseconds without a packet of an unfinished event
    LAST_EVENT = 16       # 0-9 * # A-D and flash

cdef enum DigitState:
    NO_DIGIT
    DIGIT_DOWN
    DIGIT_TOLD


cdef struct DigitWatch:
    uint32_t timestamp
    uint16_t duration
    uint8_t event
    uint8_t state
    uint32_t rate
    int64_t seen


cdef struct Digit:
    uint8_t event
    uint32_t duration_ms


cdef inline bint digit_end(DigitWatch* watch, Digit* digit) noexcept nogil:
    """Tell the digit that is down, if one is."""
    if watch.state != DIGIT_DOWN:
        return False
    watch.state = DIGIT_TOLD
    digit.event = watch.event
    digit.duration_ms = <uint32_t> (<int64_t> watch.duration * 1000 // watch.rate) if watch.rate else 0
    return True


cdef inline bint digit_lost_end(DigitWatch* watch, int64_t now, Digit* digit) noexcept nogil:
    """Tell a digit whose end never came."""
    if watch.state != DIGIT_DOWN or now - watch.seen < LOST_END:
        return False
    return digit_end(watch, digit)


cdef inline int digit_packet(
    DigitWatch* watch, const uint8_t* payload, int length, uint32_t timestamp, uint32_t rate, int64_t now, Digit* digits
) noexcept nogil:
    """Feed one telephone-event payload; writes up to two finished digits and gives their number."""
    cdef int told = 0
    cdef uint16_t duration
    if length < 4 or payload[0] > LAST_EVENT:
        return 0
    if watch.state == NO_DIGIT or timestamp != watch.timestamp:
        if watch.state != NO_DIGIT and <int> (timestamp - watch.timestamp) < 0:
            return 0          # a straggler of an event already told
        if digit_end(watch, &digits[0]):
            told = 1
        watch.state = DIGIT_DOWN
        watch.timestamp = timestamp
        watch.event = payload[0]
        watch.duration = 0
        watch.rate = rate
    elif payload[0] != watch.event:
        return 0
    watch.seen = now
    duration = read16(payload + 2)
    if duration > watch.duration:
        watch.duration = duration
    if payload[1] & 0x80 and digit_end(watch, &digits[told]):
        told += 1
    return told
