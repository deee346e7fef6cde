"""Packets that wait to be played, in order of media time, and how long the network takes.

Media time counts ticks of 1/48000 s on a line of the receiver's own: a step of the far end's timestamps moves packets to
another place of the line, never the line. A packet's transit is its arrival minus its media time: the smallest of them
are the network at its quickest, what the others have more is jitter. The last TRANSITS of them are kept sorted, so that
any share of them can be read off exactly; a clock that runs away drags them all along. They are kept as what they differ
from one of them by, in 16 bits: half the memory to go through for every packet.

Payloads lie in a ring of octets in order of arrival; one that has been overwritten is gone.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t
from libc.string cimport memcpy, memmove

cdef enum:
    TICKS = 48                # per millisecond
    PLACES = 64               # packets that can wait
    OCTETS = 16384            # of payload that can
    TRANSITS = 256            # 5 s of 20 ms packets
    FURTHEST = 32000          # ticks (667 ms) from the origin that are told apart

cdef enum Share:              # of the packets, in thousandths
    LEAST                     # 0
    MIDDLE                    # 500
    MOST_950
    MOST_980
    SHARES_READ


cdef struct Waiting:
    int64_t time              # media time of the first sample
    int64_t at                # octets ever written before its payload
    int32_t duration          # ticks; 0: comfort noise, which lasts until something else comes
    uint16_t length           # octets
    uint16_t sequence
    uint8_t index             # of the format
    uint8_t overtaken         # a later one had come already


cdef struct JitterBuffer:
    int count
    int filled                # transits there are
    int oldest                # of them, in recent
    int32_t origin            # of the transits in recent and ordered
    int32_t shares[SHARES_READ]
    int64_t written           # octets
    Waiting waiting[PLACES]   # by time
    int16_t recent[TRANSITS]
    int16_t ordered[TRANSITS]
    uint8_t octets[OCTETS]


cdef inline int _place(const int16_t* ordered, int count, int16_t value) noexcept nogil:
    """How many of the values are less. Counting them all takes no branches, and many are compared at once."""
    cdef uint16_t less = 0
    cdef int i
    for i in range(count):
        less += ordered[i] < value
    return less


cdef inline int16_t _within(int64_t difference) noexcept nogil:
    return <int16_t> min(max(difference, -<int64_t> FURTHEST), <int64_t> FURTHEST)


cdef inline void _move_origin(JitterBuffer* b, int32_t origin) noexcept nogil:
    cdef int64_t by = <int64_t> origin - b.origin
    cdef int i
    b.origin = origin
    for i in range(b.filled):
        b.recent[i] = _within(b.recent[i] - by)
        b.ordered[i] = _within(b.ordered[i] - by)


cdef inline void transit_note(JitterBuffer* b, int32_t transit) noexcept nogil:
    """One more packet; the oldest of TRANSITS is forgotten."""
    cdef int at, gone = b.filled
    cdef int16_t value
    if not -FURTHEST < <int64_t> transit - b.origin < FURTHEST:
        _move_origin(b, transit)
    value = <int16_t> (transit - b.origin)
    at = _place(b.ordered, b.filled, value)
    if b.filled == TRANSITS:
        gone = _place(b.ordered, TRANSITS, b.recent[b.oldest])
    else:
        b.filled += 1
    if at <= gone:
        memmove(&b.ordered[at + 1], &b.ordered[at], (gone - at) * sizeof(int16_t))
    else:
        at -= 1
        memmove(&b.ordered[gone], &b.ordered[gone + 1], (at - gone) * sizeof(int16_t))
    b.ordered[at] = value
    b.recent[b.oldest] = value
    b.oldest = (b.oldest + 1) % TRANSITS
    b.shares[<int> LEAST] = b.origin + b.ordered[0]
    b.shares[<int> MIDDLE] = b.origin + b.ordered[(b.filled * 500 + 999) // 1000 - 1]
    b.shares[<int> MOST_950] = b.origin + b.ordered[(b.filled * 950 + 999) // 1000 - 1]
    b.shares[<int> MOST_980] = b.origin + b.ordered[(b.filled * 980 + 999) // 1000 - 1]


cdef inline int32_t transit_share(const JitterBuffer* b, Share share) noexcept nogil:
    """What this share of the packets took at most. Only when there are some."""
    return b.shares[<int> share]


cdef inline const uint8_t* waiting_payload(const JitterBuffer* b, const Waiting* packet) noexcept nogil:
    return b.octets + packet.at % OCTETS


cdef inline void waiting_remove(JitterBuffer* b, int at) noexcept nogil:
    b.count -= 1
    memmove(&b.waiting[at], &b.waiting[at + 1], (b.count - at) * sizeof(Waiting))
    if b.count == 0:
        b.written = 0            # the next one finds the memory that is still in the cache


cdef inline int waiting_add(JitterBuffer* b, const Waiting* packet, const uint8_t* payload) noexcept nogil:
    """Keep a packet; how many others had to go for it, -1 when one of its time waits already."""
    cdef int at = b.count, gone = 0, i
    cdef int64_t written = b.written
    while at > 0 and b.waiting[at - 1].time > packet.time:
        at -= 1
    if at > 0 and b.waiting[at - 1].time == packet.time:
        return -1
    if b.count == PLACES:
        if at == 0:
            return 1             # it is the oldest itself
        waiting_remove(b, 0)
        gone = 1
        at -= 1
    if written % OCTETS + packet.length > OCTETS:
        written += OCTETS - written % OCTETS
    memmove(&b.waiting[at + 1], &b.waiting[at], (b.count - at) * sizeof(Waiting))
    b.count += 1
    b.waiting[at] = packet[0]
    b.waiting[at].at = written
    memcpy(b.octets + written % OCTETS, payload, packet.length)
    b.written = written + packet.length
    if b.written > OCTETS:
        i = 0
        while i < b.count:
            if b.written - b.waiting[i].at > OCTETS:
                waiting_remove(b, i)
                gone += 1
            else:
                i += 1
    return gone
