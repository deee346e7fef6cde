"""Audio out of a playout's packets, and for want of them: decoded, recovered, guessed, noise, silence."""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t
from libc.string cimport memmove, memset

from audiocodecs.coder cimport audio_decoder
from media.receive.comfort_noise cimport noise_make, noise_read
from media.receive.concealment cimport conceal_begin, conceal_join, conceal_make
from media.receive.jitter_buffer cimport LEAST, Waiting, transit_note, transit_share, waiting_payload, waiting_remove
from media.receive.playout_state cimport (
    CONCEALED, FADED, GIVEN_UP, LATE_RUN, NEAR, NOISE, PLAYOUT_FORMATS, PLAYOUT_LATE, PLAYOUT_NOISE,
    PLAYOUT_SAMPLES, SILENT, UNSURE, UNSURE_WAIT, VOICE, WORTH, Heard, Playout, delay_changed, is_pause, make_room,
    played_transit, samples_of, span_of, surplus_of, target_transit,
)


cdef inline void _made(Playout* p, int samples, int64_t ticks, Heard heard) noexcept nogil:
    """Samples that were in no packet lie ahead now."""
    p.count += samples
    p.edge += ticks
    p.invented += ticks
    p.ahead = <uint8_t> heard
    p.heard |= <uint8_t> heard


cdef inline void _guessed(Playout* p, int samples, bint pause) noexcept nogil:
    """Count what was made for want of a packet."""
    if pause:
        p.counters.noise += span_of(p, samples)
    else:
        p.counters.concealed += span_of(p, samples)
        p.unresolved += span_of(p, samples)


cdef inline void _resolve(Playout* p, bint pause) noexcept nogil:
    """The packet after a guess has come: nothing was lost if the far end has only paused."""
    if pause:
        p.counters.concealed -= p.unresolved
        p.counters.noise += p.unresolved
        p.pauses = 1
    p.unresolved = 0


cdef inline void _invent(Playout* p, int samples) noexcept nogil:
    """At least so many samples without a packet; what they are depends on what was heard last."""
    cdef audio_decoder* decoder = p.decoders[p.index] if p.index < PLAYOUT_FORMATS else NULL
    cdef int grain = <int> p.rate // 100, given
    cdef int16_t* ahead
    cdef bint pause
    make_room(p, samples + grain)
    ahead = p.pcm + p.start + p.count
    if not p.started:
        memset(ahead, 0, samples * sizeof(int16_t))
        _made(p, samples, span_of(p, samples), SILENT)
        return
    if p.noisy:
        noise_make(&p.noise, p.pcm, p.start + p.count, samples)
        p.counters.noise += span_of(p, samples)
        _made(p, samples, span_of(p, samples), NOISE)
        return
    if decoder != NULL and decoder.conceal != NULL and decoder.sample_rate == p.rate and not p.next_rate:
        given = 0
        if p.invented < GIVEN_UP:
            given = decoder.conceal(decoder, ahead, (samples + grain - 1) // grain * grain)
        if given > 0:
            pause = p.paused or (p.pauses and p.invented >= FADED)
            _guessed(p, given, pause)
            _made(p, given, span_of(p, given), NOISE if pause else CONCEALED)
            return
    if not p.guessing:
        conceal_begin(&p.guess, <int> p.rate, p.pcm, p.start + p.count)
        p.guessing = 1
    conceal_make(&p.guess, p.pcm, p.start + p.count, samples)
    if p.invented < FADED:
        _guessed(p, samples, False)
    _made(p, samples, span_of(p, samples), CONCEALED if p.invented < FADED else SILENT)


cdef inline bint _recover(Playout* p, const Waiting* packet, int64_t missing) noexcept nogil:
    """The lost audio before a packet, out of it; False: it holds none."""
    cdef audio_decoder* decoder = p.decoders[packet.index]
    cdef int samples = <int> (missing * p.rate // 48000), given
    if packet.index != p.index or decoder.recover == NULL or samples <= 0:
        return False
    make_room(p, samples)
    given = decoder.recover(
        decoder, waiting_payload(&p.buffer, packet), packet.length, p.pcm + p.start + p.count, samples
    )
    if given <= 0:
        p.fec_missed += p.fec_missed < 255
        return False
    p.fec_missed = 0
    p.counters.recovered += 1
    p.count += given
    p.edge += span_of(p, given)
    p.ahead = VOICE
    p.heard |= VOICE
    return True


cdef inline void decode_first(Playout* p) noexcept nogil:
    """The first packet becomes audio ahead. What of it was played already, or guessed instead, is left out."""
    cdef Waiting packet = p.buffer.waiting[0]
    cdef audio_decoder* decoder = p.decoders[packet.index]
    cdef int samples = <int> (<int64_t> packet.duration * p.rate // 48000), skip = 0, at
    if packet.index != p.index:
        if decoder.reset != NULL:
            decoder.reset(decoder)
        p.index = packet.index
        p.fec_missed = 0
        if p.started and not p.guessing:
            conceal_begin(&p.guess, <int> p.rate, p.pcm, p.start + p.count)
            p.guessing = 1
    make_room(p, samples)
    at = p.start + p.count
    samples = decoder.decode(
        decoder, waiting_payload(&p.buffer, &packet), packet.length, p.pcm + at, PLAYOUT_SAMPLES - at
    )
    waiting_remove(&p.buffer, 0)
    if samples <= 0:
        p.counters.discarded += 1
        return
    if p.edge - packet.time > NEAR:
        skip = min(samples, samples_of(p, p.edge - packet.time))
        memmove(p.pcm + at, p.pcm + at + skip, (samples - skip) * sizeof(int16_t))
    _resolve(
        p, <uint16_t> (packet.sequence - p.played_sequence) == 1 and packet.time - p.played_end > NEAR and p.started
    )
    p.edge = packet.time + span_of(p, samples)
    p.played_sequence = packet.sequence
    p.played_end = p.edge
    samples -= skip
    if p.guessing:
        conceal_join(&p.guess, p.pcm, at, samples)
    p.guessing = 0
    p.started = 1
    p.noisy = 0
    p.paused = packet.length <= 2 and decoder.conceal != NULL
    p.invented = 0
    p.count += samples
    p.counters.voice += span_of(p, samples)
    p.ahead = NOISE if p.paused else VOICE
    p.heard |= p.ahead
    p.late_run = 0
    p.frame = packet.duration


cdef inline bint _next(Playout* p, int64_t now) noexcept nogil:
    """Bring the first packet that can still be played to the front, and the edge back to it if it comes late.

    False: there is none.
    """
    cdef Waiting* packet
    cdef int64_t behind
    while p.buffer.count:
        packet = &p.buffer.waiting[0]
        if packet.index < PLAYOUT_FORMATS and p.decoders[packet.index] == NULL:
            p.counters.discarded += 1
            waiting_remove(&p.buffer, 0)
            continue
        behind = p.edge - packet.time
        if behind <= NEAR or (packet.index == PLAYOUT_NOISE and behind <= p.invented + NEAR):
            return True
        if behind <= p.invented + NEAR and not packet.overtaken:
            if played_transit(p, now) + behind - transit_share(&p.buffer, LEAST) <= p.most_delay:
                p.edge = packet.time
                p.invented = max(<int64_t> 0, p.invented - behind)
                delay_changed(p)
                return True
        if packet.duration - behind >= WORTH:
            return True
        p.counters.late += 1
        if p.late_count < PLAYOUT_LATE:
            p.late[p.late_count] = packet.sequence
            p.late_count += 1
        p.late_run += not packet.overtaken
        waiting_remove(&p.buffer, 0)
        if p.late_run >= LATE_RUN:
            p.late_run = 0
            p.buffer.filled = 0
            p.buffer.oldest = 0
            transit_note(&p.buffer, p.last_transit)
    return False


cdef inline void take_noise(Playout* p) noexcept nogil:
    cdef Waiting* packet = &p.buffer.waiting[0]
    if not p.started:
        p.started = 1
    noise_read(&p.noise, waiting_payload(&p.buffer, packet), packet.length)
    _resolve(p, True)
    p.played_sequence = packet.sequence
    p.noisy = 1
    p.paused = 0
    p.guessing = 0
    p.edge = max(p.edge, packet.time)
    waiting_remove(&p.buffer, 0)


cdef inline void _resume(Playout* p, int64_t now, int samples) noexcept nogil:
    """Before the first packet, and in a pause: stretch or cut what is left of it, so that the delay is what it should.

    Bears on a pull of `samples`; what the next one is to wait still, it will see.
    """
    cdef int64_t real = p.edge - p.invented, target = target_transit(p)
    if p.buffer.filled < UNSURE:
        target = max(target, <int64_t> transit_share(&p.buffer, LEAST) + UNSURE_WAIT)
    p.edge = p.buffer.waiting[0].time
    if p.buffer.waiting[0].duration:
        p.frame = p.buffer.waiting[0].duration
    p.edge -= max(<int64_t> 0, -surplus_of(p, now, samples, target))
    p.invented = max(<int64_t> 0, p.edge - real)
    delay_changed(p)


cdef inline void make_more(Playout* p, int64_t now, int samples) noexcept nogil:
    """Some of the `samples` of this pull that are missing: one packet, or a part of a gap."""
    cdef Waiting* packet
    cdef int64_t gap, repeated
    if p.next_rate or not _next(p, now):
        _invent(p, samples - p.count)
        return
    packet = &p.buffer.waiting[0]
    if is_pause(p) and p.edge - packet.time <= NEAR:
        _resume(p, now, samples)
    samples -= p.count
    gap = packet.time - p.edge
    if packet.index == PLAYOUT_NOISE:
        if gap > NEAR:
            _invent(p, min(samples, samples_of(p, gap)))
        else:
            take_noise(p)
        return
    if gap > NEAR:
        repeated = gap - packet.duration
        if not p.started or p.noisy or p.paused:
            repeated = 0
        elif -NEAR <= repeated <= NEAR and _recover(p, packet, gap):
            return
        elif repeated > NEAR and p.decoders[packet.index].recover != NULL:
            gap = repeated
        _invent(p, min(samples, samples_of(p, gap)))
        return
    if p.decoders[packet.index].sample_rate != p.rate:
        p.next_rate = p.decoders[packet.index].sample_rate
        return
    decode_first(p)
