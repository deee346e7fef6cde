"""From packets as they come to audio as it is needed: exactly so many samples, every time they are asked for.

Packets wait (media.receive.jitter_buffer) as long as most of them need to arrive: 98 of 100, but at most twice the
jitter of 95. How long that is changes with the network: speech is shortened and lengthened by whole pitch periods
(media.receive.time_scale), and pauses by what they need. Lost packets are recovered from the next one (in-band FEC; while
there are losses, one packet longer is waited for it), else guessed by the codec or by media.receive.concealment. A
packet that comes in order but late is still played, unless that delays the rest by more than `most_delay`; one that was
overtaken is not waited for. Comfort noise (RFC 3389) and discontinuous transmission last until the next packet.

A far end that jumps (timestamps, sequence numbers, clock rate, source) is followed from the second consistent packet on,
the third where packets may have been held up.

All memory is the struct's. One thread at a time; times are microseconds of one monotonic clock.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t
from libc.string cimport memcpy, memset

from media.receive.concealment cimport conceal_begin
from media.receive.jitter_buffer cimport LEAST, TICKS, Waiting, transit_share, waiting_remove
from media.receive.playout_arrival cimport playout_noise, playout_put, playout_restart
from media.receive.playout_making cimport decode_first, make_more, take_noise
from media.receive.playout_state cimport (
    CONCEALED, FAST, NEAR, NOISE, PLAYOUT_FORMATS, PLAYOUT_MOST_DELAY_MS, PLAYOUT_MOST_PULL_MS, PULLS, SILENT, SLOW,
    SURE, VOICE, Playout, delay_changed, empty, make_room, played_transit, playout_bound, playout_decoder,
    playout_delay_us, playout_init, playout_rate, samples_of, span_of, surplus_of, target_transit, ticks_of,
)
from media.receive.statistics cimport ReceiveStream, stream_buffered, stream_discard
from media.receive.time_scale cimport lengthen, shorten


cdef inline bint _follows(Playout* p) noexcept nogil:
    """Whether the first packet continues what is ahead."""
    cdef Waiting* packet = &p.buffer.waiting[0]
    if p.buffer.count == 0 or packet.index != p.index or p.invented or p.next_rate:
        return False
    return p.decoders[p.index] != NULL and -NEAR <= packet.time - p.edge <= NEAR


cdef inline void _keep_time(Playout* p, int64_t now, int samples) noexcept nogil:
    """Shorten or lengthen the audio ahead when all of the last pulls found the delay too long or too short."""
    cdef int64_t target = target_transit(p), excess
    cdef int changed
    cdef double alike = 0.85
    p.least_surplus = min(
        p.least_surplus, surplus_of(p, now, samples, target + max(SURE, (target - transit_share(&p.buffer, LEAST)) >> 3))
    )
    p.most_surplus = max(p.most_surplus, surplus_of(p, now, samples, target))
    p.pulls += 1
    if p.pulls < PULLS and p.least_surplus < 60 * TICKS:
        return
    excess = p.least_surplus if p.least_surplus > FAST else p.most_surplus
    delay_changed(p)
    if not p.started or p.invented or p.noisy or p.paused or -SLOW <= excess <= FAST:
        return
    if excess > 80 * TICKS:
        alike = 0.0
    elif excess > 40 * TICKS:
        alike = 0.5
    elif excess > 20 * TICKS:
        alike = 0.7
    if excess > 0:
        while p.count < <int> p.rate * 3 // 100 and _follows(p):
            decode_first(p)
        if p.count == 0:
            return
        changed = shorten(p.pcm, p.start, p.count, <int> p.rate, samples_of(p, excess), alike)
        p.count -= changed
        p.counters.accelerated += span_of(p, changed)
        return
    if p.count < <int> p.rate // 100 and _follows(p):
        decode_first(p)
    make_room(p, <int> p.rate // 50)
    changed = lengthen(p.pcm, p.start, p.count, <int> p.rate, samples_of(p, FAST - excess), alike)
    p.count += changed
    p.counters.expanded += span_of(p, changed)


cdef inline void _catch_up(Playout* p, int64_t now) noexcept nogil:
    """More delay than may be (nobody pulled for a while, or speech would not get shorter): leave some audio out."""
    cdef int64_t excess
    if not p.started or p.buffer.filled == 0:
        return
    excess = played_transit(p, now) - transit_share(&p.buffer, LEAST) - p.most_delay
    if excess <= 20 * TICKS:
        return
    excess = played_transit(p, now) - target_transit(p)
    if not p.guessing:
        conceal_begin(&p.guess, <int> p.rate, p.pcm, p.start)
        p.guessing = 1
    p.edge += excess - span_of(p, p.count)
    p.count = 0
    p.invented = 0
    while p.buffer.count and p.buffer.waiting[0].time + p.buffer.waiting[0].duration < p.edge:
        if p.buffer.waiting[0].duration == 0:
            take_noise(p)
            continue
        p.counters.discarded += 1
        waiting_remove(&p.buffer, 0)
    delay_changed(p)


cdef inline void _turn_rate(Playout* p) noexcept nogil:
    """Once what is ahead has been given, the rate is that of the next packet."""
    cdef uint8_t index
    if p.next_rate == 0 and p.count == 0 and p.buffer.count and p.buffer.waiting[0].time <= p.edge + NEAR:
        index = p.buffer.waiting[0].index
        if index < PLAYOUT_FORMATS and p.decoders[index] != NULL and p.decoders[index].sample_rate != p.rate:
            p.next_rate = p.decoders[index].sample_rate
    if p.next_rate:
        empty(p, p.next_rate)


cdef inline int playout_pull(Playout* p, int64_t now_us, int16_t* pcm, int samples) noexcept nogil:
    """Exactly `samples` (at most PLAYOUT_MOST_PULL_MS) at `playout_rate`, whatever came; what they are, as Heard."""
    cdef int64_t now = ticks_of(now_us)
    if not p.anchored or samples <= 0 or samples > <int> p.rate // 1000 * PLAYOUT_MOST_PULL_MS:
        memset(pcm, 0, max(0, samples) * sizeof(int16_t))
        return SILENT
    _catch_up(p, now)
    _keep_time(p, now, samples)
    p.heard = p.ahead if p.count else 0
    while p.count < samples:
        make_more(p, now, samples)
    if p.started and p.buffer.filled:
        p.delay += <int32_t> ((played_transit(p, now) - transit_share(&p.buffer, LEAST) - p.delay) >> 5)
    memcpy(pcm, p.pcm + p.start, samples * sizeof(int16_t))
    p.start += samples
    p.count -= samples
    if p.next_rate or p.count == 0:
        _turn_rate(p)
    return p.heard


cdef inline void playout_judge(Playout* p, ReceiveStream* stream) noexcept nogil:
    """After a pull: tell the statistics of the stream what was discarded, and the delay."""
    cdef int i
    for i in range(p.late_count):
        stream_discard(stream, p.late[i])
    p.late_count = 0
    stream_buffered(stream, <uint16_t> max(0, p.delay // TICKS))
