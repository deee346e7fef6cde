# One leg's packets on their way to a recording: they wait in order of stream time until nothing can come between them
# any more, and are then decoded into a window at the file's rate.
#
# Stream time counts units of 125 us whatever the codec; the file has `scale` samples a unit. What was lost is recovered
# from the packet after it (FEC), else guessed by the codec or by media.receive.concealment, for GUESSED units at most.
# A pause that the sender made (no sequence number is missing, or comfort noise came) is silence: nobody spoke.

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memmove, memset

from audiocodecs.coder cimport CODER_MOST_SAMPLES, audio_decoder
from audiocodecs.resampling cimport Resampler, resampler_init, resampler_run
from media.receive.concealment cimport Concealment, conceal_begin, conceal_join, conceal_make
from media.receive.jitter_buffer cimport JitterBuffer, Waiting, waiting_add, waiting_payload, waiting_remove

cdef enum:
    UNIT_RATE = 8000
    WINDOW = 4096               # units; reordering, one step, and the longest packet
    MOST_SCALE = 2              # 16 kHz
    TAPE_CODERS = 6             # a leg's decoders
    TAPE_NOISE = 255            # instead of a decoder: comfort noise
    HEARD_UNITS = 400           # 50 ms, what concealment looks at
    GUESSED = 480               # 60 ms
    GRAIN = 20                  # 2.5 ms: codecs guess multiples of this

ctypedef struct tape:
    int64_t edge                # stream time up to which the window is filled
    int scale
    int guessed                 # units since the last packet
    int frame                   # units the last packet had
    uint16_t sequence           # of the last packet
    uint8_t coder               # of the last packet
    bint started
    bint paused                 # comfort noise since the last packet
    bint guessing
    audio_decoder *decoders[TAPE_CODERS]
    uint8_t coder_count
    uint32_t resampled_from
    Resampler resampler
    Concealment guess
    JitterBuffer waiting
    int16_t heard[HEARD_UNITS * MOST_SCALE]
    int16_t pcm[CODER_MOST_SAMPLES]
    int16_t moved[CODER_MOST_SAMPLES + 16]
    int16_t window[WINDOW * MOST_SCALE]     # stream time & (WINDOW - 1)


cdef inline int64_t before_wrap(int64_t start, int64_t count) noexcept nogil:
    """How many of `count` units from stream time `start` lie in one piece in the window."""
    cdef int64_t room = WINDOW - (start & (WINDOW - 1))
    return room if room < count else count


cdef inline int16_t *tape_at(tape *t, int64_t time) noexcept nogil:
    return t.window + (time & (WINDOW - 1)) * t.scale


cdef inline void tape_clear(tape *t, int64_t start, int64_t count) noexcept nogil:
    """Silence in the window."""
    cdef int64_t head = before_wrap(start, count)
    memset(tape_at(t, start), 0, head * t.scale * sizeof(int16_t))
    memset(t.window, 0, (count - head) * t.scale * sizeof(int16_t))


cdef inline void tape_read(tape *t, int64_t start, int16_t *out, int64_t count) noexcept nogil:
    """Take `count` units out of the window."""
    cdef int64_t head = before_wrap(start, count)
    memcpy(out, tape_at(t, start), head * t.scale * sizeof(int16_t))
    memcpy(out + head * t.scale, t.window, (count - head) * t.scale * sizeof(int16_t))
    tape_clear(t, start, count)


cdef inline void _remember(tape *t, const int16_t *pcm, int samples) noexcept nogil:
    """The last 50 ms; NULL is silence."""
    cdef int room = HEARD_UNITS * t.scale
    if samples >= room:
        if pcm == NULL:
            memset(t.heard, 0, room * sizeof(int16_t))
        else:
            memcpy(t.heard, pcm + samples - room, room * sizeof(int16_t))
        return
    memmove(t.heard, t.heard + samples, (room - samples) * sizeof(int16_t))
    if pcm == NULL:
        memset(t.heard + room - samples, 0, samples * sizeof(int16_t))
    else:
        memcpy(t.heard + room - samples, pcm, samples * sizeof(int16_t))


cdef inline void _write(tape *t, const int16_t *pcm, int64_t units) noexcept nogil:
    """Samples at the file's rate follow the edge."""
    cdef int64_t head = before_wrap(t.edge, units)
    memcpy(tape_at(t, t.edge), pcm, head * t.scale * sizeof(int16_t))
    memcpy(t.window, pcm + head * t.scale, (units - head) * t.scale * sizeof(int16_t))
    _remember(t, pcm, <int>units * t.scale)
    t.edge += units


cdef inline const int16_t *_at_file_rate(tape *t, uint32_t rate, int *samples) noexcept nogil:
    """What lies in `pcm`, at the file's rate; `samples` becomes theirs."""
    cdef uint32_t wanted = UNIT_RATE * t.scale
    if rate == wanted:
        return t.pcm
    if t.resampled_from != rate:
        resampler_init(&t.resampler, rate, wanted)
        t.resampled_from = rate
    samples[0] = resampler_run(&t.resampler, t.pcm, samples[0], t.moved)
    return t.moved


cdef inline void _silent(tape *t, int64_t units) noexcept nogil:
    _remember(t, NULL, <int>(units if units < HEARD_UNITS else HEARD_UNITS) * t.scale)
    t.guessing = False
    t.edge += units


cdef inline bint _asked(tape *t, const Waiting *following, int64_t units) noexcept nogil:
    """The codec's own idea of what was lost, out of the next packet or its memory; False: it has none."""
    cdef audio_decoder *decoder = t.decoders[t.coder]
    cdef int samples = <int>(units * decoder.sample_rate // UNIT_RATE), given = 0
    cdef const int16_t *pcm
    if units % GRAIN:
        return False
    if following != NULL and following.index == t.coder and decoder.recover != NULL and (
        t.edge + units == following.time and units == following.duration
    ):
        given = decoder.recover(
            decoder, waiting_payload(&t.waiting, following), following.length, t.pcm, samples
        )
    if given <= 0 and decoder.conceal != NULL:
        given = decoder.conceal(decoder, t.pcm, samples)
    if given != samples:
        return False
    pcm = _at_file_rate(t, decoder.sample_rate, &given)
    _write(t, pcm, given // t.scale)
    return True


cdef inline void _gap(tape *t, const Waiting *following, int64_t units) noexcept nogil:
    """Fill `units` for which no packet has come; `following` is the next one there is, or NULL."""
    cdef int64_t repeated
    if not t.started or t.paused or t.guessed >= GUESSED or (
        following != NULL and (<uint16_t>(following.sequence - t.sequence) == 1 or following.index == TAPE_NOISE)
    ):
        _silent(t, units)
        return
    if units > GUESSED - t.guessed:
        units = GUESSED - t.guessed
    if not t.guessing:
        repeated = following.duration if following != NULL else t.frame
        if following != NULL and t.edge + units == following.time and units > repeated:
            units -= repeated           # the last of them may be in the packet that follows
        if units > t.frame:
            units = t.frame
        if _asked(t, following, units):
            t.guessed += <int>units
            return
        conceal_begin(&t.guess, UNIT_RATE * t.scale, t.heard, HEARD_UNITS * t.scale)
        t.guessing = True
    if units * t.scale > CODER_MOST_SAMPLES:
        units = CODER_MOST_SAMPLES // t.scale
    conceal_make(&t.guess, t.pcm, 0, <int>units * t.scale)
    t.guessed += <int>units
    _write(t, t.pcm, units)


cdef inline void _decode(tape *t) noexcept nogil:
    """The first packet that waits; what of it has been filled already is left out."""
    cdef Waiting packet = t.waiting.waiting[0]
    cdef audio_decoder *decoder = t.decoders[packet.index]
    cdef const int16_t *pcm
    cdef int samples, skip = <int>(t.edge - packet.time)
    if t.started and packet.index != t.coder and decoder.reset != NULL:
        decoder.reset(decoder)
    samples = decoder.decode(
        decoder, waiting_payload(&t.waiting, &packet), packet.length, t.pcm, CODER_MOST_SAMPLES
    )
    waiting_remove(&t.waiting, 0)
    if samples <= 0:
        return
    pcm = _at_file_rate(t, decoder.sample_rate, &samples)
    t.sequence = packet.sequence
    t.coder = packet.index
    t.frame = packet.duration
    t.started = True
    t.paused = False
    t.guessed = 0
    if samples // t.scale <= skip:
        return
    pcm += skip * t.scale
    if t.guessing:
        conceal_join(&t.guess, <int16_t *>pcm, 0, samples - skip * t.scale)
        t.guessing = False
    _write(t, pcm, samples // t.scale - skip)


cdef inline void tape_fill(tape *t, int64_t until) noexcept nogil:
    """Fill the window up to a stream time (or a little further). No packet before it may come any more."""
    cdef Waiting *first
    while t.edge < until:
        if t.waiting.count == 0:
            _gap(t, NULL, until - t.edge)
            continue
        first = &t.waiting.waiting[0]
        if first.time > t.edge:
            _gap(t, first, (first.time if first.time < until else until) - t.edge)
        elif first.index == TAPE_NOISE:
            t.paused = True
            t.sequence = first.sequence
            waiting_remove(&t.waiting, 0)
        elif first.time + first.duration <= t.edge:
            waiting_remove(&t.waiting, 0)
        else:
            _decode(t)


cdef inline void tape_put(
    tape *t, int64_t time, int64_t units, uint16_t sequence, uint8_t coder, const uint8_t *payload, uint16_t length
) noexcept nogil:
    cdef Waiting packet
    packet.time = time
    packet.duration = <int>units
    packet.length = length
    packet.sequence = sequence
    packet.index = coder
    packet.overtaken = 0
    waiting_add(&t.waiting, &packet, payload)
