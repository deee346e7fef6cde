"""A wheel of milliseconds: who is due when, for everything that is paced (playback, rooms, digits).

An entry is embedded in its owner and served once; an owner that goes on puts it back. Served late, it counts its
delay from the millisecond it was due, so that what the worker missed is caught up; a worker held up for more than
LATE_SLOTS lets the wheel stand still for that time, and everybody keeps their place.

    entry = wheel_take(w)
    while entry != NULL:            # serve it; wheel_add(w, entry, 20) puts it back
        entry = wheel_take(w)
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from media.leg cimport WheelEntry, WheelKind
from media.worker cimport WHEEL_SLOTS, Worker

cdef extern from * nogil:
    """
    #define lowest_bit(x) __builtin_ctzll(x)
    """
    int lowest_bit(uint64_t value)

cdef enum:
    LATE_SLOTS = 64              # milliseconds that are caught up at most
    LONGEST_DELAY = 63           # milliseconds; with LATE_SLOTS, less than once round the wheel


cdef inline void wheel_init(Worker* w) noexcept nogil:
    cdef int i
    for i in range(WHEEL_SLOTS):
        w.wheel[i].next = &w.wheel[i]
        w.wheel[i].previous = &w.wheel[i]


cdef inline bint wheel_waits(const WheelEntry* entry) noexcept nogil:
    """Whether the entry is on the wheel."""
    return entry.next != NULL


cdef inline int64_t _today(Worker* w) noexcept nogil:
    """The wheel's time now, in milliseconds; what it cannot catch up is skipped."""
    cdef int64_t today = w.now // 1000 - w.wheel_skipped
    if w.wheel_count == 0 and not w.wheel_serving:
        w.wheel_due = today
    elif today - w.wheel_due > LATE_SLOTS:
        w.wheel_skipped += today - w.wheel_due
        today = w.wheel_due
    return today


cdef inline void wheel_remove(Worker* w, WheelEntry* entry) noexcept nogil:
    """Nothing, when it is not on the wheel."""
    if entry.next == NULL:
        return
    entry.previous.next = entry.next
    entry.next.previous = entry.previous
    entry.next = NULL
    entry.previous = NULL
    w.wheel_count -= 1


cdef inline void wheel_add(Worker* w, WheelEntry* entry, int delay_ms) noexcept nogil:
    """Due in 1 to LONGEST_DELAY ms: from the moment it was due, while it is served, else from now."""
    cdef int64_t today = _today(w)
    cdef WheelEntry* slot
    cdef uint32_t place
    wheel_remove(w, entry)
    entry.due = (w.wheel_due if w.wheel_serving else today) + min(max(delay_ms, 1), <int> LONGEST_DELAY)
    place = <uint32_t> (entry.due % WHEEL_SLOTS)
    slot = &w.wheel[place]
    entry.next = slot
    entry.previous = slot.previous
    slot.previous.next = entry
    slot.previous = entry
    w.wheel_used[place >> 6] |= <uint64_t> 1 << (place & 63)
    w.wheel_count += 1


cdef inline void wheel_begin(
    Worker* w, WheelEntry* entry, WheelKind kind, void* owner, int period_ms
) noexcept nogil:
    """Put an owner on the wheel who is served every `period_ms` from now on: within the first, spread evenly."""
    entry.kind = kind
    entry.owner = owner
    w.wheel_turn += 1
    wheel_add(w, entry, 1 + <int> (w.wheel_turn % <uint32_t> max(period_ms, 1)))


cdef inline WheelEntry* wheel_take(Worker* w) noexcept nogil:
    """The next entry that is due, off the wheel; NULL when all are served."""
    cdef int64_t today = _today(w)
    cdef WheelEntry* entry
    cdef uint32_t place
    w.wheel_serving = 1
    while w.wheel_count and w.wheel_due <= today:
        place = <uint32_t> (w.wheel_due % WHEEL_SLOTS)
        entry = w.wheel[place].next
        if entry != &w.wheel[place]:
            wheel_remove(w, entry)
            return entry
        w.wheel_used[place >> 6] &= ~(<uint64_t> 1 << (place & 63))
        w.wheel_due += 1
    w.wheel_serving = 0
    return NULL


cdef inline const WheelEntry* wheel_ahead(const Worker* w, const WheelEntry* entry) noexcept nogil:
    """Who is served behind `entry` in this millisecond; NULL: behind the one that was taken last; none: NULL."""
    cdef const WheelEntry* slot = &w.wheel[w.wheel_due % WHEEL_SLOTS]
    cdef const WheelEntry* ahead = slot.next if entry == NULL else entry.next
    return NULL if ahead == slot else ahead


cdef inline int64_t wheel_next(const Worker* w) noexcept nogil:
    """When somebody is due next (microseconds of the clock, never too late), or -1."""
    cdef uint32_t place = <uint32_t> (w.wheel_due % WHEEL_SLOTS)
    cdef uint32_t bit = place & 63
    cdef uint64_t here = w.wheel_used[place >> 6]
    cdef uint64_t there = w.wheel_used[(place >> 6) ^ 1]
    cdef int64_t ahead
    if w.wheel_count == 0:
        return -1
    if here >> bit:
        ahead = lowest_bit(here >> bit)
    elif there:
        ahead = 64 - bit + lowest_bit(there)
    elif here:
        ahead = 128 - bit + lowest_bit(here)
    else:
        return -1
    return (w.wheel_due + ahead + w.wheel_skipped) * 1000
