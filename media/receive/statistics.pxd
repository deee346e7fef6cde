"""What one received RTP stream went through: loss, duplicates, order, jitter, late packets (RFC 3550 A.1, A.3, A.8).

Beyond the RFC, a 64-packet window of what arrived tells duplicates from reordering and counts loss *events* (runs of
lost packets) once they can no longer be filled, and a virtual jitter buffer counts what a receiver would have thrown
away as late. Probation is one packet: in a call the source is known from signalling.

The virtual buffer adapts as those of phones do: its depth is a quarter more than the second largest delay of the last
4 to 8 s, beyond the least one. The largest alone may be a stray; a fixed depth would call a jittery path lossy that
every phone copes with, and charge a clean one for a delay that no phone adds. Where a leg is really played out
(media.receive.playout), that buffer judges instead.

Times are microseconds of one monotonic clock; all RTP arithmetic is modulo 2^32.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    MAX_DROPOUT = 3000
    MAX_MISORDER = 100
    WINDOW = 64
    BUFFER_LEAST_MS = 40    # depth of the virtual jitter buffer: two packets
    BUFFER_FIRST_MS = 60    # before anything is known
    BUFFER_MOST_MS = 200
    GMIN = 16               # packets received in a row that end a burst (RFC 3611 4.7.2)
    LATE_RUN = 10           # so many late packets in a row: a receiver would have moved its playout point
    DELAY_BUCKET_MS = 4000  # the least delay is sought over one to two of these

cdef enum Verdict:
    FRESH
    REORDERED
    DUPLICATE
    JUMPED     # too far off to belong to the sequence; not counted until a second one confirms it


# Loss and discards as bursts and gaps: the counters of RFC 3611 appendix A.2, by their names there.
cdef struct BurstCounters:
    uint32_t c11               # received within gaps
    uint32_t c13               # a gap ended
    uint32_t c14               # missing alone, within gaps
    uint32_t c22               # received within bursts
    uint32_t c23
    uint32_t c33               # missing right after a missing one
    uint32_t run               # received since the last missing one
    uint32_t missing           # in this burst


cdef struct ReceiveStream:
    uint32_t ssrc
    uint8_t started
    uint8_t timed              # transit holds a value
    uint8_t oldest_lost        # whether the newest packet that left the window was lost
    uint8_t late_run
    uint16_t max_sequence
    uint32_t bad_sequence
    uint32_t cycles
    uint32_t base_sequence
    uint32_t rate
    uint64_t window            # bit n: max_sequence - n has arrived
    uint64_t late              # bit n: and came too late to be played
    uint8_t payload_type       # of the newest audio packet
    uint8_t first_octet        # of its payload: with some codecs it tells the mode
    uint8_t behind             # place in the window of the packet counted last; WINDOW: none
    uint8_t buffered           # a real jitter buffer judges what is late
    uint16_t buffered_ms       # its delay
    uint8_t unreal             # bits of the window that stand for packets before the first
    uint32_t transit
    uint32_t jitter            # 16 times the estimate, in timestamp units (A.8)
    uint32_t least_transit
    uint32_t least_transit_before
    int64_t bucket_end
    uint32_t most_delay        # beyond the least delayed packet, in this bucket
    uint32_t second_delay
    uint32_t second_delay_before
    uint32_t depth             # of the virtual jitter buffer, timestamp units
    uint32_t received          # in this sequence run, duplicates included (A.3)
    uint32_t unique            # in this sequence run
    uint32_t expected_prior
    uint32_t received_prior
    uint32_t expected_before   # in earlier runs of this leg
    uint32_t unique_before
    uint32_t duplicates
    uint32_t reordered
    uint32_t discarded
    uint32_t loss_events
    BurstCounters bursts
    uint64_t packets
    uint64_t octets


cdef extern from * nogil:
    """
    #define count_bits(x) ((uint32_t) __builtin_popcountll(x))
    """
    uint32_t count_bits(uint64_t value)


cdef inline uint32_t stream_expected(const ReceiveStream* s) noexcept nogil:
    """Packets the current run should have brought (A.3)."""
    if not s.started:
        return 0
    return s.cycles + s.max_sequence - s.base_sequence + 1


cdef inline uint64_t _starts(const ReceiveStream* s) noexcept nogil:
    """Bits of the window at which a run of lost packets begins."""
    cdef uint64_t lost = ~s.window
    return lost & ~((lost >> 1) | (<uint64_t> s.oldest_lost << 63))


cdef inline uint32_t stream_loss_events(const ReceiveStream* s) noexcept nogil:
    """Runs of lost packets, those still inside the window included."""
    return s.loss_events + (count_bits(_starts(s)) if s.started else 0)


cdef inline void _missing(BurstCounters* b, uint32_t packets) noexcept nogil:
    """So many packets in a row were lost or came too late (RFC 3611 A.2, without its burst before the first loss)."""
    if b.run >= GMIN or b.missing == 0:
        if b.missing == 1:
            b.c14 += 1
        elif b.missing:
            b.c13 += 1
        b.missing = 1
        b.c11 += b.run
    else:
        b.missing += 1
        if b.run == 0:
            b.c33 += 1
        else:
            b.c23 += 1
            b.c22 += b.run - 1
    b.run = 0
    b.missing += packets - 1
    b.c33 += packets - 1


cdef inline void _final(ReceiveStream* s, uint32_t packets) noexcept nogil:
    """The oldest packets of the window leave it, 64 at most: nothing can change any more what became of them."""
    cdef uint64_t played = s.window & ~s.late
    cdef uint32_t i
    cdef uint32_t unreal = packets if packets < s.unreal else s.unreal
    s.unreal -= unreal
    packets -= unreal
    if packets == 0:
        return
    if unreal:
        played <<= unreal
    if (played >> (WINDOW - packets)) == (~<uint64_t> 0 >> (WINDOW - packets)):
        s.bursts.run += packets
        return
    for i in range(packets):
        if (played >> (WINDOW - 1 - i)) & 1:
            s.bursts.run += 1
        else:
            _missing(&s.bursts, 1)


cdef inline void _begin(ReceiveStream* s, uint16_t sequence) noexcept nogil:
    """A.1 init_seq: a new run of sequence numbers; what earlier runs counted is kept beside it."""
    if s.started:
        s.loss_events = stream_loss_events(s)
        _final(s, WINDOW)
        s.expected_before += stream_expected(s)
        s.unique_before += s.unique
    s.started = 1
    s.base_sequence = sequence
    s.max_sequence = sequence
    s.bad_sequence = 0x10000 + 1
    s.cycles = 0
    s.received = 0
    s.unique = 0
    s.expected_prior = 0
    s.received_prior = 0
    s.window = ~<uint64_t> 0
    s.late = 0
    s.unreal = WINDOW - 1
    s.oldest_lost = 0


cdef inline void stream_restart(ReceiveStream* s, uint32_t ssrc, uint16_t sequence) noexcept nogil:
    """A new synchronisation source takes over."""
    _begin(s, sequence)
    s.ssrc = ssrc
    s.timed = 0
    s.jitter = 0


cdef inline void _slide(ReceiveStream* s, uint32_t by) noexcept nogil:
    """Move the window on; runs of loss that leave it are final."""
    cdef uint64_t leaving
    _final(s, by if by < WINDOW else WINDOW)
    if by < WINDOW:
        s.late <<= by
        leaving = ~<uint64_t> 0 << (WINDOW - by)
        s.loss_events += count_bits(_starts(s) & leaving)
        s.oldest_lost = ((~s.window) >> (WINDOW - by)) & 1
        s.window = (s.window << by) | 1
    else:
        s.loss_events += count_bits(_starts(s))
        s.oldest_lost = (~s.window) & 1
        if by > WINDOW:
            if not s.oldest_lost:
                s.loss_events += 1
            s.oldest_lost = 1
            _missing(&s.bursts, by - WINDOW)
        s.window = 1
        s.late = 0


cdef inline Verdict stream_sequence(ReceiveStream* s, uint32_t ssrc, uint16_t sequence) noexcept nogil:
    """Count one packet's sequence number (A.1 update_seq)."""
    cdef uint16_t ahead
    cdef uint32_t behind
    if not s.started or ssrc != s.ssrc:
        stream_restart(s, ssrc, sequence)
    ahead = <uint16_t> (sequence - s.max_sequence)
    s.behind = 0
    if 0 < ahead < MAX_DROPOUT:
        if sequence < s.max_sequence:
            s.cycles += 0x10000
        s.max_sequence = sequence
        _slide(s, ahead)
        s.received += 1
        s.unique += 1
        return FRESH
    if ahead == 0 and s.received == 0:
        s.received = 1
        s.unique = 1
        return FRESH
    if 0 < ahead <= 0x10000 - MAX_MISORDER:
        if sequence != s.bad_sequence:
            s.bad_sequence = (sequence + 1) & 0xFFFF
            return JUMPED
        _begin(s, <uint16_t> (sequence - 1))
        s.received = 1
        s.unique = 1
        return stream_sequence(s, ssrc, sequence)
    behind = <uint16_t> (s.max_sequence - sequence)
    s.behind = <uint8_t> min(behind, <uint32_t> WINDOW)
    s.received += 1
    if behind < WINDOW:
        if behind <= s.cycles + s.max_sequence - s.base_sequence:
            if (s.window >> behind) & 1:
                s.duplicates += 1
                return DUPLICATE
            s.window |= <uint64_t> 1 << behind
            s.unique += 1
    elif behind <= s.cycles + s.max_sequence - s.base_sequence:
        s.unique += 1
    s.reordered += 1
    return REORDERED


cdef inline void _resize(ReceiveStream* s) noexcept nogil:
    """The depth for the delays seen: a quarter more than the second largest, within bounds."""
    cdef uint32_t wanted = max(s.second_delay, s.second_delay_before)
    wanted += wanted >> 2
    s.depth = min(max(wanted, s.rate * BUFFER_LEAST_MS // 1000), s.rate * BUFFER_MOST_MS // 1000)


cdef inline uint32_t stream_depth_ms(const ReceiveStream* s) noexcept nogil:
    """Depth of the real or the virtual jitter buffer, milliseconds."""
    if s.buffered:
        return s.buffered_ms
    return s.depth * 1000 // s.rate if s.rate else BUFFER_FIRST_MS


cdef inline void _discard(ReceiveStream* s, uint32_t behind) noexcept nogil:
    """The packet at this place in the window came too late to be played."""
    s.discarded += 1
    if behind < WINDOW:
        s.late |= <uint64_t> 1 << behind


cdef inline void stream_discard(ReceiveStream* s, uint16_t sequence) noexcept nogil:
    """A real jitter buffer could not play this packet any more."""
    _discard(s, <uint16_t> (s.max_sequence - sequence))


cdef inline void stream_buffered(ReceiveStream* s, uint16_t milliseconds) noexcept nogil:
    """A real jitter buffer delays the stream by so much, and tells what it discards."""
    s.buffered = 1
    s.buffered_ms = milliseconds


cdef inline void stream_unbuffered(ReceiveStream* s) noexcept nogil:
    """The virtual buffer judges again."""
    s.buffered = 0


cdef inline void _late(ReceiveStream* s, int64_t now) noexcept nogil:
    """The virtual jitter buffer: late is what comes more than its depth after the least delayed packet of the last
    seconds."""
    cdef uint32_t reference, delay, depth
    if now >= s.bucket_end:
        s.least_transit_before = s.least_transit
        s.least_transit = s.transit
        s.second_delay_before = s.second_delay
        s.second_delay = 0
        s.most_delay = 0
        s.bucket_end = now + DELAY_BUCKET_MS * 1000
        _resize(s)
    elif <int32_t> (s.transit - s.least_transit) < 0:
        s.least_transit = s.transit
    reference = s.least_transit_before
    if <int32_t> (s.least_transit - reference) < 0:
        reference = s.least_transit
    delay = <uint32_t> max(0, <int32_t> (s.transit - reference))
    depth = s.depth
    if delay > s.second_delay:
        s.second_delay = min(delay, s.most_delay)
        s.most_delay = max(delay, s.most_delay)
        _resize(s)
    if delay <= depth or s.buffered:
        s.late_run = 0
        return
    _discard(s, s.behind)
    s.late_run += 1
    if s.late_run >= LATE_RUN:
        s.late_run = 0
        s.least_transit = s.transit
        s.least_transit_before = s.transit


cdef inline void stream_timing(ReceiveStream* s, uint32_t timestamp, uint32_t rate, int64_t now) noexcept nogil:
    """Jitter (A.8) and lateness of one unique audio packet that arrived at `now`.

    A step of more than a second is a timestamp that was reset or a path that was down, not jitter: the clock is only
    set again.
    """
    cdef uint32_t transit = <uint32_t> (now * rate // 1000000) - timestamp
    cdef int32_t step
    if not s.timed or rate != s.rate:
        s.timed = 1
        s.rate = rate
        s.transit = transit
        s.least_transit = transit
        s.least_transit_before = transit
        s.bucket_end = now + DELAY_BUCKET_MS * 1000
        s.late_run = 0
        s.most_delay = 0
        s.second_delay = 0
        s.second_delay_before = rate * BUFFER_FIRST_MS // 1250
        _resize(s)
        return
    step = <int32_t> (transit - s.transit)
    s.transit = transit
    if step < 0:
        step = -step
    if step <= <int32_t> rate:
        s.jitter += step - ((s.jitter + 8) >> 4)
    _late(s, now)
