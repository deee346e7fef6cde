"""Packets into a playout: each gets its place on the time line, or is one too many."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from audiocodecs.coder cimport audio_decoder
from media.receive.jitter_buffer cimport LEAST, MIDDLE, TICKS, Waiting, transit_note, transit_share, waiting_add
from media.receive.playout_state cimport (
    ALIKE, DOZE, EARLY, NEAR, PLAYOUT_FORMATS, PLAYOUT_NOISE, PLAYOUT_SEEN, UNSURE, WAKE, Playout, Seen, empty, ticks_of,
)


cdef inline void playout_restart(Playout* p) noexcept nogil:
    """Another source speaks from the next packet on (a new SSRC)."""
    p.clock = 0
    memset(p.seen, 0, sizeof(p.seen))


cdef inline int32_t _usual(const Playout* p) noexcept nogil:
    """Transit of the middle packet."""
    return transit_share(&p.buffer, MIDDLE) if p.buffer.filled else 0


cdef inline void _anchor(Playout* p, int64_t now, uint32_t timestamp, uint32_t clock) noexcept nogil:
    """The far end's timestamps mean something new: this packet took as long as the middle one."""
    p.clock = clock
    p.last_timestamp = timestamp
    p.last_time = now - _usual(p)
    p.strays = 0
    p.counters.resynchronised += p.anchored
    p.anchored = 1


cdef inline bint _astray(Playout* p, int64_t now, int64_t transit) noexcept nogil:
    """Whether a packet is off the time line. So many that agree move the line: late ones also come in bursts."""
    cdef int64_t least = transit_share(&p.buffer, LEAST) if p.buffer.filled else 0
    if least - (EARLY if p.buffer.filled >= UNSURE else 3 * EARLY) < transit < _usual(p) + p.most_delay:
        p.strays = 0
        return False
    if p.strays and -ALIKE < transit - p.stray_transit < ALIKE:
        p.strays += p.strays < 255
    else:
        p.strays = 1
        p.stray_since = now
        p.stray_transit = transit
    return True


cdef inline bint _duplicate(Playout* p, uint16_t sequence, uint32_t timestamp) noexcept nogil:
    cdef Seen* seen = &p.seen[sequence % PLAYOUT_SEEN]
    if seen.used and seen.sequence == sequence and seen.timestamp == timestamp:
        return True
    seen.used = 1
    seen.sequence = sequence
    seen.timestamp = timestamp
    return False


cdef inline void _weigh_loss(Playout* p, uint16_t sequence) noexcept nogil:
    """A running share of lost packets; one that comes later after all is taken off again."""
    cdef int step = <int16_t> (sequence - p.last_sequence)
    if not p.anchored or step > 100 or step < -100:
        p.last_sequence = sequence
    elif step > 0:
        p.last_sequence = sequence
        p.loss -= p.loss >> 6
        while step > 1:
            p.loss += (65536 - p.loss) >> 6
            step -= 1
    elif p.loss >= 1024:
        p.loss -= 1024
    if p.loss >= WAKE:
        p.fec_wait = 1
    elif p.loss < DOZE:
        p.fec_wait = 0


cdef inline void _put(
    Playout* p, int64_t now_us, uint8_t index, uint32_t clock, uint16_t sequence, uint32_t timestamp,
    const uint8_t* payload, int length, int32_t duration,
) noexcept nogil:
    cdef Waiting packet
    cdef int64_t now = ticks_of(now_us), transit, step
    cdef int gone
    p.counters.packets += 1
    if _duplicate(p, sequence, timestamp):
        p.counters.duplicates += 1
        return
    _weigh_loss(p, sequence)
    if p.clock != clock:
        _anchor(p, now, timestamp, clock)
    step = <int64_t> <int32_t> (timestamp - p.last_timestamp) * 48000 // clock
    transit = now - p.last_time - step
    if _astray(p, now, transit):
        if p.strays < 2 or (transit > _usual(p) and (p.strays < 3 or now - p.stray_since < 40 * TICKS - NEAR)):
            p.counters.discarded += 1
            return
        _anchor(p, now, timestamp, clock)
        step = 0
        transit = now - p.last_time
    packet.time = p.last_time + step
    packet.duration = duration
    packet.length = <uint16_t> length
    packet.sequence = sequence
    packet.index = index
    packet.overtaken = step < 0
    if step >= 0:
        p.last_time = packet.time
        p.last_timestamp = timestamp
    p.last_transit = <int32_t> transit
    transit_note(&p.buffer, p.last_transit)
    gone = waiting_add(&p.buffer, &packet, payload)
    if gone < 0:
        p.counters.duplicates += 1
    else:
        p.counters.discarded += gone


cdef inline void playout_put(
    Playout* p, int64_t now_us, uint8_t index, uint16_t sequence, uint32_t timestamp, bint marker,
    const uint8_t* payload, int length,
) noexcept nogil:
    """A packet of a format arrived. The marker tells nothing that the timestamp does not."""
    cdef audio_decoder* decoder = p.decoders[index] if index < PLAYOUT_FORMATS else NULL
    cdef int samples
    if decoder == NULL or length > 0xFFFF:
        p.counters.packets += 1
        p.counters.discarded += 1
        return
    samples = decoder.samples(decoder, payload, length)
    if samples <= 0:
        p.counters.packets += 1
        p.counters.discarded += 1
        return
    if not p.started and p.count == 0:
        empty(p, decoder.sample_rate)
    _put(
        p, now_us, index, decoder.clock_rate, sequence, timestamp, payload, length,
        <int32_t> (<int64_t> samples * 48000 // decoder.sample_rate),
    )


cdef inline void playout_noise(
    Playout* p, int64_t now_us, uint16_t sequence, uint32_t timestamp, const uint8_t* payload, int length
) noexcept nogil:
    """A comfort noise packet arrived (RFC 3389), on the clock of the audio it stands between."""
    if length < 1 or length > 255:
        p.counters.packets += 1
        p.counters.discarded += 1
        return
    _put(p, now_us, PLAYOUT_NOISE, p.clock if p.clock else 8000, sequence, timestamp, payload, length, 0)
