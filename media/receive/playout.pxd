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

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from audiocodecs.coder cimport audio_decoder
from media.receive.comfort_noise cimport ComfortNoise, noise_begin, noise_make, noise_read
from media.receive.concealment cimport Concealment, conceal_begin, conceal_join, conceal_make
from media.receive.jitter_buffer cimport (
    TICKS, JitterBuffer, Waiting, transit_note, transit_share, waiting_add, waiting_payload, waiting_remove,
)
from media.receive.statistics cimport ReceiveStream, stream_buffered, stream_discard
from media.receive.time_scale cimport lengthen, shorten

cdef enum:
    PLAYOUT_FORMATS = 12         # as a leg may have (media.leg)
    PLAYOUT_NOISE = 254          # index of a comfort noise packet
    PLAYOUT_NONE = 255
    PLAYOUT_SAMPLES = 12288      # 50 ms behind, 120 ms of a packet and a pull ahead, at 48 kHz, and room to move
    PLAYOUT_LATE = 64            # packets that a pull can find late: all that wait
    PLAYOUT_SEEN = 64            # packets among which a duplicate is known
    PLAYOUT_MOST_PULL_MS = 60
    PLAYOUT_MOST_DELAY_MS = 200  # unless told otherwise
    NEAR = 120                   # ticks (2.5 ms): so far from its place a packet still follows the one before
    WORTH = 240                  # ticks (5 ms) of a late packet that are still worth playing
    FADED = 2880                 # ticks (60 ms) after which a guess has died away
    GIVEN_UP = 48000             # ticks (1 s) after which a codec that does not know of a pause is not asked any more
    EARLY = 2880                 # ticks (60 ms) sooner than ever: another time line
    LATE_RUN = 5                 # packets in a row that came in order and too late: the network has become slower
    ALIKE = 2880                 # ticks within which two strays belong together
    PULLS = 4                    # between two changes of speed
    FAST = 240                   # ticks (5 ms) too much delay that are left alone
    SLOW = 96                    # ticks (2 ms) too little
    SURE = 144                   # ticks (3 ms) by which the wanted delay may waver
    UNSURE = 16                  # packets from which on jitter is believed
    UNSURE_WAIT = 960            # ticks (20 ms)
    WAKE = 1300                  # of 65536: lost packets (2 %) from which on FEC is waited for ...
    DOZE = 200                   # ... and until when (0.3 %)
    NO_FEC = 8                   # packets in a row without any: it is not there

cdef enum Heard:                 # what a pull gave, as a sum
    VOICE = 1
    CONCEALED = 2
    NOISE = 4
    SILENT = 8


cdef struct Seen:
    uint32_t timestamp
    uint16_t sequence
    uint8_t used


cdef struct PlayoutCounters:
    uint32_t packets             # put, duplicates included
    uint32_t duplicates
    uint32_t late                # too late to be played, or overtaken
    uint32_t discarded           # unreadable, astray, or too many at once
    uint32_t recovered           # from the packet after
    uint32_t resynchronised
    uint64_t concealed           # ticks, 48 a millisecond; as the others
    uint64_t accelerated
    uint64_t expanded
    uint64_t noise
    uint64_t voice


cdef struct Playout:
    audio_decoder* decoders[PLAYOUT_FORMATS]
    uint32_t rate                # of the audio given, Hz
    uint32_t next_rate           # 0: stays
    uint32_t clock               # of the timestamps
    uint32_t last_timestamp      # of the newest packet ...
    int64_t last_time            # ... and its media time
    uint16_t last_sequence
    uint8_t anchored             # there was a packet
    uint8_t started              # and audio
    uint8_t index                # decoder in use
    uint8_t noisy                # comfort noise since the last packet
    uint8_t paused               # the codec said that nothing will come for a while
    uint8_t guessing             # `guess` has gone on from the audio there is
    uint8_t pauses               # the far end has sent nothing for a while without losing anything
    uint8_t fec_wait             # losses: wait for the packet after
    uint8_t fec_missed
    uint8_t heard                # what this pull is made of
    uint8_t ahead                # and what was made last
    uint8_t late_run
    uint8_t strays
    uint8_t late_count
    uint16_t late[PLAYOUT_LATE]  # sequence numbers, since they were told last
    int64_t stray_transit
    int64_t stray_since
    uint32_t loss                # recent share of lost packets, of 65536
    int32_t most_delay           # ticks
    uint16_t played_sequence     # of the last packet ...
    int64_t played_end           # ... and its media time, behind its last sample
    int64_t unresolved           # ticks guessed since then: loss or pause, the next packet tells
    int64_t edge                 # media time of the next sample to be made
    int64_t invented             # ticks before it that were not in any packet
    int64_t least_surplus        # of the last pulls, in ticks: with a little more than the delay that is wanted ...
    int64_t most_surplus         # ... and with just that
    int pulls
    int start                    # pcm[start : start + count] is ahead, what was given lies before
    int count
    int32_t delay                # ticks, smoothed
    int32_t frame                # ticks the last packet lasted
    int32_t last_transit
    JitterBuffer buffer
    Seen seen[PLAYOUT_SEEN]
    PlayoutCounters counters
    ComfortNoise noise
    Concealment guess
    int16_t pcm[PLAYOUT_SAMPLES]


cdef inline int64_t _ticks(int64_t now_us) noexcept nogil:
    return now_us * 6 // 125


cdef inline int _span(const Playout* p, int samples) noexcept nogil:
    """Ticks that samples last."""
    return <int> (<int64_t> samples * 48000 // p.rate)


cdef inline int _samples(const Playout* p, int64_t ticks) noexcept nogil:
    """Samples that ticks last, the last one whole."""
    return <int> ((ticks * p.rate + 47999) // 48000)


cdef inline int _history(const Playout* p) noexcept nogil:
    return <int> p.rate // 20


cdef inline void _empty(Playout* p, uint32_t rate) noexcept nogil:
    """Nothing ahead and silence behind, at this rate."""
    p.rate = rate
    p.next_rate = 0
    p.start = _history(p)
    p.count = 0
    p.guessing = 0
    memset(p.pcm, 0, p.start * sizeof(int16_t))


cdef inline void playout_init(Playout* p) noexcept nogil:
    """Memory that is zeroed becomes a playout without decoders."""
    p.index = PLAYOUT_NONE
    p.most_delay = PLAYOUT_MOST_DELAY_MS * TICKS
    p.least_surplus = <int64_t> 1 << 62
    p.most_surplus = -p.least_surplus
    noise_begin(&p.noise)
    _empty(p, 8000)


cdef inline void playout_bound(Playout* p, int milliseconds) noexcept nogil:
    """Nothing is played later than this after the network at its quickest."""
    p.most_delay = milliseconds * TICKS


cdef inline void playout_decoder(Playout* p, uint8_t index, audio_decoder* decoder) noexcept nogil:
    """Packets of a format are decoded by this from now on; NULL: by nothing. The rate is first that of the first one."""
    cdef int i
    if index >= PLAYOUT_FORMATS:
        return
    p.decoders[index] = decoder
    if p.anchored:
        return
    for i in range(PLAYOUT_FORMATS):
        if p.decoders[i] != NULL:
            _empty(p, p.decoders[i].sample_rate)
            return


cdef inline uint32_t playout_rate(const Playout* p) noexcept nogil:
    """Of the next pull, Hz."""
    return p.rate


cdef inline int64_t playout_delay_us(const Playout* p) noexcept nogil:
    """How much later than on the quickest way audio is played, of the last second or so."""
    return <int64_t> p.delay * 1000 // TICKS


cdef inline void playout_restart(Playout* p) noexcept nogil:
    """Another source speaks from the next packet on (a new SSRC)."""
    p.clock = 0
    memset(p.seen, 0, sizeof(p.seen))


# Packets in.

cdef inline int32_t _usual(const Playout* p) noexcept nogil:
    """Transit of the middle packet."""
    return transit_share(&p.buffer, 500) if p.buffer.filled else 0


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
    cdef int64_t least = transit_share(&p.buffer, 0) if p.buffer.filled else 0
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
    cdef int64_t now = _ticks(now_us), transit, step
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
        _empty(p, decoder.sample_rate)
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


# Audio out.

cdef inline int64_t _target(const Playout* p) noexcept nogil:
    """The transit at which packets are to be played."""
    cdef int64_t least, target
    if p.buffer.filled == 0:
        return 0
    least = transit_share(&p.buffer, 0)
    target = min(<int64_t> transit_share(&p.buffer, 980), 2 * <int64_t> transit_share(&p.buffer, 950) - least)
    if p.fec_wait and p.fec_missed < NO_FEC and p.index < PLAYOUT_FORMATS and p.decoders[p.index] != NULL:
        if p.decoders[p.index].recover != NULL:
            target += p.frame
    return min(target, least + p.most_delay)


cdef inline void _room(Playout* p, int samples) noexcept nogil:
    """Room for so many samples behind those ahead."""
    cdef int history = _history(p)
    if p.start + p.count + samples > PLAYOUT_SAMPLES or p.start > 4 * history:
        memmove(p.pcm, p.pcm + p.start - history, (history + p.count) * sizeof(int16_t))
        p.start = history


cdef inline void _changed(Playout* p) noexcept nogil:
    """The delay is another now: what was seen of it counts no more."""
    p.pulls = 0
    p.least_surplus = <int64_t> 1 << 62
    p.most_surplus = -p.least_surplus


cdef inline int64_t _surplus(const Playout* p, int64_t now, int samples, int64_t transit) noexcept nogil:
    """How much audio could be left out, if every packet took `transit`, before a pull misses one; negative: does miss.

    Packets come whole: the delay that is needed depends on where in a packet the pulls begin.
    """
    cdef int64_t there = now - transit - p.edge
    cdef int64_t frame = max(p.frame, TICKS)
    there = there // frame + 1 if there >= 0 else -((-there - 1) // frame)
    return _span(p, p.count - samples) + there * frame


cdef inline int64_t _played(const Playout* p, int64_t now) noexcept nogil:
    """The transit of the sample that is given next."""
    return now - (p.edge - _span(p, p.count))


cdef inline bint _waits(const Playout* p) noexcept nogil:
    """Whether a pause may be stretched and cut: nobody speaks in it."""
    return not p.started or p.noisy or p.paused or p.invented >= FADED


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
        p.counters.noise += _span(p, samples)
    else:
        p.counters.concealed += _span(p, samples)
        p.unresolved += _span(p, samples)


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
    _room(p, samples + grain)
    ahead = p.pcm + p.start + p.count
    if not p.started:
        memset(ahead, 0, samples * sizeof(int16_t))
        _made(p, samples, _span(p, samples), SILENT)
        return
    if p.noisy:
        noise_make(&p.noise, p.pcm, p.start + p.count, samples)
        p.counters.noise += _span(p, samples)
        _made(p, samples, _span(p, samples), NOISE)
        return
    if decoder != NULL and decoder.conceal != NULL and decoder.sample_rate == p.rate and not p.next_rate:
        given = 0
        if p.invented < GIVEN_UP:
            given = decoder.conceal(decoder, ahead, (samples + grain - 1) // grain * grain)
        if given > 0:
            pause = p.paused or (p.pauses and p.invented >= FADED)
            _guessed(p, given, pause)
            _made(p, given, _span(p, given), NOISE if pause else CONCEALED)
            return
    if not p.guessing:
        conceal_begin(&p.guess, <int> p.rate, p.pcm, p.start + p.count)
        p.guessing = 1
    conceal_make(&p.guess, p.pcm, p.start + p.count, samples)
    if p.invented < FADED:
        _guessed(p, samples, False)
    _made(p, samples, _span(p, samples), CONCEALED if p.invented < FADED else SILENT)


cdef inline bint _recover(Playout* p, const Waiting* packet, int64_t missing) noexcept nogil:
    """The lost audio before a packet, out of it; False: it holds none."""
    cdef audio_decoder* decoder = p.decoders[packet.index]
    cdef int samples = <int> (missing * p.rate // 48000), given
    if packet.index != p.index or decoder.recover == NULL or samples <= 0:
        return False
    _room(p, samples)
    given = decoder.recover(
        decoder, waiting_payload(&p.buffer, packet), packet.length, p.pcm + p.start + p.count, samples
    )
    if given <= 0:
        p.fec_missed += p.fec_missed < 255
        return False
    p.fec_missed = 0
    p.counters.recovered += 1
    p.count += given
    p.edge += _span(p, given)
    p.ahead = VOICE
    p.heard |= VOICE
    return True


cdef inline void _decode(Playout* p) noexcept nogil:
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
    _room(p, samples)
    at = p.start + p.count
    samples = decoder.decode(
        decoder, waiting_payload(&p.buffer, &packet), packet.length, p.pcm + at, PLAYOUT_SAMPLES - at
    )
    waiting_remove(&p.buffer, 0)
    if samples <= 0:
        p.counters.discarded += 1
        return
    if p.edge - packet.time > NEAR:
        skip = min(samples, _samples(p, p.edge - packet.time))
        memmove(p.pcm + at, p.pcm + at + skip, (samples - skip) * sizeof(int16_t))
    _resolve(
        p, <uint16_t> (packet.sequence - p.played_sequence) == 1 and packet.time - p.played_end > NEAR and p.started
    )
    p.edge = packet.time + _span(p, samples)
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
    p.counters.voice += _span(p, samples)
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
            if _played(p, now) + behind - transit_share(&p.buffer, 0) <= p.most_delay:
                p.edge = packet.time
                p.invented = max(<int64_t> 0, p.invented - behind)
                _changed(p)
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


cdef inline void _take_noise(Playout* p) noexcept nogil:
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
    cdef int64_t real = p.edge - p.invented, target = _target(p)
    if p.buffer.filled < UNSURE:
        target = max(target, <int64_t> transit_share(&p.buffer, 0) + UNSURE_WAIT)
    p.edge = p.buffer.waiting[0].time
    if p.buffer.waiting[0].duration:
        p.frame = p.buffer.waiting[0].duration
    p.edge -= max(<int64_t> 0, -_surplus(p, now, samples, target))
    p.invented = max(<int64_t> 0, p.edge - real)
    _changed(p)


cdef inline void _more(Playout* p, int64_t now, int samples) noexcept nogil:
    """Some of the `samples` of this pull that are missing: one packet, or a part of a gap."""
    cdef Waiting* packet
    cdef int64_t gap, repeated
    if p.next_rate or not _next(p, now):
        _invent(p, samples - p.count)
        return
    packet = &p.buffer.waiting[0]
    if _waits(p) and p.edge - packet.time <= NEAR:
        _resume(p, now, samples)
    samples -= p.count
    gap = packet.time - p.edge
    if packet.index == PLAYOUT_NOISE:
        if gap > NEAR:
            _invent(p, min(samples, _samples(p, gap)))
        else:
            _take_noise(p)
        return
    if gap > NEAR:
        repeated = gap - packet.duration
        if not p.started or p.noisy or p.paused:
            repeated = 0
        elif -NEAR <= repeated <= NEAR and _recover(p, packet, gap):
            return
        elif repeated > NEAR and p.decoders[packet.index].recover != NULL:
            gap = repeated
        _invent(p, min(samples, _samples(p, gap)))
        return
    if p.decoders[packet.index].sample_rate != p.rate:
        p.next_rate = p.decoders[packet.index].sample_rate
        return
    _decode(p)


cdef inline bint _follows(Playout* p) noexcept nogil:
    """Whether the first packet continues what is ahead."""
    cdef Waiting* packet = &p.buffer.waiting[0]
    if p.buffer.count == 0 or packet.index != p.index or p.invented or p.next_rate:
        return False
    return p.decoders[p.index] != NULL and -NEAR <= packet.time - p.edge <= NEAR


cdef inline void _keep_time(Playout* p, int64_t now, int samples) noexcept nogil:
    """Shorten or lengthen the audio ahead when all of the last pulls found the delay too long or too short."""
    cdef int64_t target = _target(p), excess
    cdef int changed
    cdef double alike = 0.85
    p.least_surplus = min(
        p.least_surplus, _surplus(p, now, samples, target + max(SURE, (target - transit_share(&p.buffer, 0)) >> 3))
    )
    p.most_surplus = max(p.most_surplus, _surplus(p, now, samples, target))
    p.pulls += 1
    if p.pulls < PULLS and p.least_surplus < 60 * TICKS:
        return
    excess = p.least_surplus if p.least_surplus > FAST else p.most_surplus
    _changed(p)
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
            _decode(p)
        if p.count == 0:
            return
        changed = shorten(p.pcm, p.start, p.count, <int> p.rate, _samples(p, excess), alike)
        p.count -= changed
        p.counters.accelerated += _span(p, changed)
        return
    if p.count < <int> p.rate // 100 and _follows(p):
        _decode(p)
    _room(p, <int> p.rate // 50)
    changed = lengthen(p.pcm, p.start, p.count, <int> p.rate, _samples(p, FAST - excess), alike)
    p.count += changed
    p.counters.expanded += _span(p, changed)


cdef inline void _catch_up(Playout* p, int64_t now) noexcept nogil:
    """More delay than may be (nobody pulled for a while, or speech would not get shorter): leave some audio out."""
    cdef int64_t excess
    if not p.started or p.buffer.filled == 0:
        return
    excess = _played(p, now) - transit_share(&p.buffer, 0) - p.most_delay
    if excess <= 20 * TICKS:
        return
    excess = _played(p, now) - _target(p)
    if not p.guessing:
        conceal_begin(&p.guess, <int> p.rate, p.pcm, p.start)
        p.guessing = 1
    p.edge += excess - _span(p, p.count)
    p.count = 0
    p.invented = 0
    while p.buffer.count and p.buffer.waiting[0].time + p.buffer.waiting[0].duration < p.edge:
        if p.buffer.waiting[0].duration == 0:
            _take_noise(p)
            continue
        p.counters.discarded += 1
        waiting_remove(&p.buffer, 0)
    _changed(p)


cdef inline void _turn_rate(Playout* p) noexcept nogil:
    """Once what is ahead has been given, the rate is that of the next packet."""
    cdef uint8_t index
    if p.next_rate == 0 and p.count == 0 and p.buffer.count and p.buffer.waiting[0].time <= p.edge + NEAR:
        index = p.buffer.waiting[0].index
        if index < PLAYOUT_FORMATS and p.decoders[index] != NULL and p.decoders[index].sample_rate != p.rate:
            p.next_rate = p.decoders[index].sample_rate
    if p.next_rate:
        _empty(p, p.next_rate)


cdef inline int playout_pull(Playout* p, int64_t now_us, int16_t* pcm, int samples) noexcept nogil:
    """Exactly `samples` (at most PLAYOUT_MOST_PULL_MS) at `playout_rate`, whatever came; what they are, as Heard."""
    cdef int64_t now = _ticks(now_us)
    if not p.anchored or samples <= 0 or samples > <int> p.rate // 1000 * PLAYOUT_MOST_PULL_MS:
        memset(pcm, 0, max(0, samples) * sizeof(int16_t))
        return SILENT
    _catch_up(p, now)
    _keep_time(p, now, samples)
    p.heard = p.ahead if p.count else 0
    while p.count < samples:
        _more(p, now, samples)
    if p.started and p.buffer.filled:
        p.delay += <int32_t> ((_played(p, now) - transit_share(&p.buffer, 0) - p.delay) >> 5)
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
