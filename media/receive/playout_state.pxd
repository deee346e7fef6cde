"""What a playout (media.receive.playout) keeps, and what its parts ask of it."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memmove, memset

from audiocodecs.coder cimport audio_decoder
from media.receive.comfort_noise cimport ComfortNoise, noise_begin
from media.receive.concealment cimport Concealment
from media.receive.jitter_buffer cimport LEAST, MOST_950, MOST_980, TICKS, JitterBuffer, transit_share

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
    PlayoutCounters counters
    JitterBuffer buffer
    # what lies before this, and the first packet that waits, are touched for every packet (media.foresee)
    uint16_t late[PLAYOUT_LATE]  # sequence numbers, since they were told last
    int64_t stray_transit
    int64_t stray_since
    Seen seen[PLAYOUT_SEEN]
    ComfortNoise noise
    Concealment guess
    int16_t pcm[PLAYOUT_SAMPLES]


cdef inline int64_t ticks_of(int64_t now_us) noexcept nogil:
    return now_us * 6 // 125


cdef inline int span_of(const Playout* p, int samples) noexcept nogil:
    """Ticks that samples last."""
    return <int> (<int64_t> samples * 48000 // p.rate)


cdef inline int samples_of(const Playout* p, int64_t ticks) noexcept nogil:
    """Samples that ticks last, the last one whole."""
    return <int> ((ticks * p.rate + 47999) // 48000)


cdef inline int history_of(const Playout* p) noexcept nogil:
    return <int> p.rate // 20


cdef inline void empty(Playout* p, uint32_t rate) noexcept nogil:
    """Nothing ahead and silence behind, at this rate."""
    p.rate = rate
    p.next_rate = 0
    p.start = history_of(p)
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
    empty(p, 8000)


cdef inline void playout_bound(Playout* p, int milliseconds) noexcept nogil:
    """Nothing is played later than this after the network at its quickest."""
    p.most_delay = milliseconds * TICKS


cdef inline void playout_decoder(Playout* p, uint8_t index, audio_decoder* decoder) noexcept nogil:
    """Packets of a format are decoded by this from now on; NULL: by nothing. The rate is first that of the first one."""
    cdef int i
    if index >= PLAYOUT_FORMATS:
        return
    if decoder != p.decoders[index] and index == p.index:
        p.index = PLAYOUT_NONE   # the other one knows nothing of what was heard, and may have another rate
    p.decoders[index] = decoder
    if p.anchored:
        return
    for i in range(PLAYOUT_FORMATS):
        if p.decoders[i] != NULL:
            empty(p, p.decoders[i].sample_rate)
            return


cdef inline uint32_t playout_rate(const Playout* p) noexcept nogil:
    """Of the next pull, Hz."""
    return p.rate


cdef inline int64_t playout_delay_us(const Playout* p) noexcept nogil:
    """How much later than on the quickest way audio is played, of the last second or so."""
    return <int64_t> p.delay * 1000 // TICKS


cdef inline int64_t target_transit(const Playout* p) noexcept nogil:
    """The transit at which packets are to be played."""
    cdef int64_t least, target
    if p.buffer.filled == 0:
        return 0
    least = transit_share(&p.buffer, LEAST)
    target = min(<int64_t> transit_share(&p.buffer, MOST_980), 2 * <int64_t> transit_share(&p.buffer, MOST_950) - least)
    if p.fec_wait and p.fec_missed < NO_FEC and p.index < PLAYOUT_FORMATS and p.decoders[p.index] != NULL:
        if p.decoders[p.index].recover != NULL:
            target += p.frame
    return min(target, least + p.most_delay)


cdef inline void make_room(Playout* p, int samples) noexcept nogil:
    """Room for so many samples behind those ahead."""
    cdef int history = history_of(p)
    if p.start + p.count + samples > PLAYOUT_SAMPLES or p.start > 4 * history:
        memmove(p.pcm, p.pcm + p.start - history, (history + p.count) * sizeof(int16_t))
        p.start = history


cdef inline void delay_changed(Playout* p) noexcept nogil:
    """The delay is another now: what was seen of it counts no more."""
    p.pulls = 0
    p.least_surplus = <int64_t> 1 << 62
    p.most_surplus = -p.least_surplus


cdef inline int64_t surplus_of(const Playout* p, int64_t now, int samples, int64_t transit) noexcept nogil:
    """How much audio could be left out, if every packet took `transit`, before a pull misses one; negative: does miss.

    Packets come whole: the delay that is needed depends on where in a packet the pulls begin.
    """
    cdef int64_t there = now - transit - p.edge
    cdef int64_t frame = max(p.frame, TICKS)
    there = there // frame + 1 if there >= 0 else -((-there - 1) // frame)
    return span_of(p, p.count - samples) + there * frame


cdef inline int64_t played_transit(const Playout* p, int64_t now) noexcept nogil:
    """The transit of the sample that is given next."""
    return now - (p.edge - span_of(p, p.count))


cdef inline bint is_pause(const Playout* p) noexcept nogil:
    """Whether a pause may be stretched and cut: nobody speaks in it."""
    return not p.started or p.noisy or p.paused or p.invented >= FADED
