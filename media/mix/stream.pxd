"""A party without a socket: audio in and out of a room through two rings of frames between Python and a worker.

What the stream says lies in a ring that Python fills and the worker empties, a frame of 20 ms a tick; `clear_to` takes
back what was not said yet. What the others say lies in a ring that the worker writes whether or not Python reads: who
reads too late loses the oldest and can count them, because every entry carries its number. Nobody ever waits.
"""

from libc.stdint cimport int16_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from audiocodecs.resampling cimport Resampler, resampler_init, resampler_run
from media.ring cimport load_acquire, store_release

cdef enum:
    FRAME = 960                  # samples of 20 ms at 48 kHz, the highest rate
    EVERYBODY = 0                # party of a frame that holds the mix


# What the stream says. `mark`, unless 0, is told when the frame has been said.
cdef struct Utterance:
    int64_t mark
    int16_t pcm[FRAME]


# What was heard at a tick: of one party, or the mix.
cdef struct TrackFrame:
    uint64_t number              # position + 1, 0 while it is written
    uint64_t party
    int64_t tick
    uint32_t rate
    uint32_t samples
    int16_t pcm[FRAME]


cdef struct Stream:
    uint64_t said_to             # Python's: frames given
    uint64_t clear_to            # Python's: frames before this one are not to be said any more
    uint64_t pad[6]
    uint64_t said                # the worker's: frames taken
    uint64_t heard               # the worker's: frames written
    uint64_t pad_after[6]
    uint64_t id
    uint32_t rate                # of what it says
    uint32_t utterances          # entries of each ring
    uint32_t hearings
    Utterance* saying
    TrackFrame* hearing
    Resampler resampler


cdef inline void stream_join(Stream* stream, uint32_t rate) noexcept nogil:
    """The room mixes at `rate`."""
    resampler_init(&stream.resampler, stream.rate, rate)


cdef inline bint stream_pull(Stream* stream, int16_t* pcm, uint32_t rate, int64_t* mark) noexcept nogil:
    """The next 20 ms the stream says, at the room's rate; False when it says nothing."""
    cdef uint64_t given = load_acquire(&stream.said_to)
    cdef uint64_t cleared = load_acquire(&stream.clear_to)
    cdef const Utterance* utterance
    mark[0] = 0
    if stream.resampler.to_rate != rate:
        stream_join(stream, rate)
    if stream.said < cleared:
        store_release(&stream.said, cleared)
    if stream.said >= given:
        return False
    utterance = &stream.saying[stream.said % stream.utterances]
    resampler_run(&stream.resampler, utterance.pcm, <int> (stream.rate // 50), pcm)
    mark[0] = utterance.mark
    store_release(&stream.said, stream.said + 1)
    return True


cdef inline void stream_push(
    Stream* stream, uint64_t party, int64_t tick, const int16_t* pcm, uint32_t rate
) noexcept nogil:
    """Let the stream hear 20 ms; what Python has not read in time is written over."""
    cdef TrackFrame* heard = &stream.hearing[stream.heard % stream.hearings]
    store_release(&heard.number, 0)
    heard.party = party
    heard.tick = tick
    heard.rate = rate
    heard.samples = rate // 50
    memcpy(heard.pcm, pcm, heard.samples * sizeof(int16_t))
    store_release(&heard.number, stream.heard + 1)
    store_release(&stream.heard, stream.heard + 1)
