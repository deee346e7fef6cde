"""Python's side of a stream's rings."""

from libc.stdint cimport uintptr_t
from libc.stdlib cimport calloc, free


cdef class StreamRings:
    """The memory of one stream, and what Python does with it. All methods belong to one thread.

    `rate`: Hz of what the stream says. `utterances`, `hearings`: frames of 20 ms each ring holds.
    """

    cdef Stream stream
    cdef uint64_t read_to
    cdef readonly uint64_t lost
    """Frames that were written over before they were read."""

    def __cinit__(self, uint64_t stream, uint32_t rate, uint32_t utterances, uint32_t hearings):
        if rate not in (8000, 16000, 24000, 32000, 48000):
            raise ValueError(f"expected a rate of 8, 16, 24, 32 or 48 kHz, got {rate}")
        if not utterances or not hearings:
            raise ValueError(f"expected room for at least a frame each way, got {utterances} and {hearings}")
        self.stream.id = stream
        self.stream.rate = rate
        self.stream.utterances = utterances
        self.stream.hearings = hearings
        self.stream.saying = <Utterance*> calloc(utterances, sizeof(Utterance))
        self.stream.hearing = <TrackFrame*> calloc(hearings, sizeof(TrackFrame))
        if self.stream.saying == NULL or self.stream.hearing == NULL:
            raise MemoryError("no memory for a media stream")

    def __dealloc__(self):
        free(self.stream.saying)
        free(self.stream.hearing)

    @property
    def address(self):
        """Of the C struct."""
        return <uintptr_t> &self.stream

    @property
    def number(self):
        """Names the stream among the parties of a room."""
        return self.stream.id

    @property
    def rate(self):
        """Hz of what it says."""
        return self.stream.rate

    @property
    def waiting(self):
        """Frames given that have been neither said nor cleared."""
        cdef uint64_t behind = max(load_acquire(&self.stream.said), self.stream.clear_to)
        return self.stream.said_to - behind

    def say(self, bytes pcm not None, int64_t mark=0):
        """Give 20 ms of 16-bit samples in native order. False: no room, try again when some of it has been said."""
        cdef Utterance* utterance
        if len(pcm) != self.stream.rate // 25:
            raise ValueError(f"expected {self.stream.rate // 25} octets, 20 ms at {self.stream.rate} Hz, got {len(pcm)}")
        # What was cleared is in the worker's hands until it has passed it: only then may its place be used.
        if self.stream.said_to - load_acquire(&self.stream.said) >= self.stream.utterances:
            return False
        utterance = &self.stream.saying[self.stream.said_to % self.stream.utterances]
        memcpy(utterance.pcm, <const char*> pcm, len(pcm))
        utterance.mark = mark
        store_release(&self.stream.said_to, self.stream.said_to + 1)
        return True

    def clear(self):
        """Take back what has not been said: silence from the next tick on."""
        store_release(&self.stream.clear_to, self.stream.said_to)

    def read(self, int most=64):
        """Up to `most` frames heard since the last call, oldest first: (party, tick, rate, samples as bytes) each."""
        cdef uint64_t written = load_acquire(&self.stream.heard)
        cdef const TrackFrame* heard
        cdef tuple entry
        cdef list out = []
        if written - self.read_to > self.stream.hearings:
            self.lost += written - self.stream.hearings - self.read_to
            self.read_to = written - self.stream.hearings
        while self.read_to < written and len(out) < most:
            heard = &self.stream.hearing[self.read_to % self.stream.hearings]
            self.read_to += 1
            entry = (heard.party, heard.tick, heard.rate, (<const char*> heard.pcm)[:heard.samples * sizeof(int16_t)])
            # Written over while it was copied: what has been copied is of two frames.
            if load_acquire(&heard.number) == self.read_to:
                out.append(entry)
            else:
                self.lost += 1
        return out
