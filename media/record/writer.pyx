"""The drain side of recording: rings in, blocks of aligned audio out. See `writer.pyi` for the contract.

The interpreter lock is taken only to open, attach and close; a pass over the rings runs without it.
"""

import threading
import time
from collections import deque

from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from audiocodecs.g711 cimport g711_from_alaw, g711_from_ulaw
from audiocodecs.registry cimport CODEC_CN, CODEC_PCMA, CODEC_PCMU, CODEC_TELEPHONE_EVENT
from media.record.journal cimport Journal, JournalFile, journal_block, journal_file, samples_of, tell
from media.record.tap cimport tap_entry, tap_fill, tap_is_closed, tap_peek, tap_ring, tap_take
from media.record.timeline cimport REORDER, give_out, put_packet, timeline

from audiocodecs.registry import codec_by_number
from media.record.events import RecordedFile, RecordingFinished
from media.record.tap import Tap

cdef extern from *:
    """
    #include <time.h>
    static inline int64_t monotonic_ns(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
    static inline void pause_ns(int64_t duration) {
        struct timespec wait = {duration / 1000000000, duration % 1000000000};
        nanosleep(&wait, NULL);
    }
    """
    int64_t monotonic_ns() nogil
    void pause_ns(int64_t duration) nogil

cdef enum:
    SAMPLE_NS = 125000
    STEP = 400                  # samples between two looks at a ring: ring and time line advance together
    BLOCK = 4000                # samples in a journal block: 0.5 s
    TICK_NS = 50000000
    SLOTS = 10                  # a recording's turn comes every SLOTS ticks = 0.5 s, spread so that the load is even
    GRACE_NS = 1000000000       # how long a closed recording waits for the worker to let go of its rings
    PAYLOAD = 65536

ctypedef struct track:          # one leg in one recording
    tap_ring *ring              # NULL: let go by the worker, and empty
    journal_file *file
    timeline line
    int channel                 # -1: not in the stereo file
    int unknown_codec           # the first codec met that cannot be decoded; -1: none
    int unknown_payload_type

ctypedef struct recording:
    int64_t started             # ns
    int64_t closed              # ns; 0: running
    int64_t position            # samples given out
    track **tracks
    int track_count
    int slot
    journal_file *stereo        # NULL: none
    bint news                   # something for `_tidy` to do
    bint complete               # given out to the end


cdef class _Recording:
    """What a recording holds in Python; the passes work on `state` alone."""

    cdef recording state
    cdef readonly int64_t number
    cdef JournalFile stereo
    cdef list taps, files, legs, overruns

    def __cinit__(self, int64_t number, int64_t started):
        self.number = number
        self.state.started = started
        self.state.slot = <int>(<uint64_t>number % SLOTS)
        self.taps = []
        self.files = []
        self.legs = []
        self.overruns = []

    def __dealloc__(self):
        cdef int i
        for i in range(self.state.track_count):
            free(self.state.tracks[i].line.window)
            free(self.state.tracks[i])
        free(self.state.tracks)

    cdef void add(self, tap, JournalFile file, int channel):
        cdef track *added = <track *>calloc(1, sizeof(track))
        cdef track **grown = <track **>realloc(self.state.tracks, (self.state.track_count + 1) * sizeof(track *))
        if added == NULL or grown == NULL:
            raise MemoryError("no memory for a recorded leg")
        self.state.tracks = grown
        added.ring = <tap_ring *><uintptr_t>tap.address
        added.file = &file.state
        added.line.position = self.state.position
        added.channel = channel
        added.unknown_codec = -1
        self.state.tracks[self.state.track_count] = added
        self.state.track_count += 1
        self.taps.append(tap)
        self.files.append(file)
        self.legs.append(tap.leg)
        self.overruns.append(0)

    cdef list let_go(self, bint force):
        """Drop the rings that are done with (with force: all); returns those a worker may still hold."""
        cdef int i
        held = []
        for i in range(self.state.track_count):
            tap = self.taps[i]
            if tap is None or (self.state.tracks[i].ring != NULL and not force):
                continue
            self.overruns[i] = tap.overruns
            self.state.tracks[i].ring = NULL
            self.taps[i] = None
            if not tap.closed:
                held.append(tap)
        return held

    cdef void tell_unknown(self):
        cdef int i
        cdef JournalFile file
        for i in range(self.state.track_count):
            if self.state.tracks[i].unknown_codec < 0:
                continue
            file = self.files[i]
            codec = codec_by_number(self.state.tracks[i].unknown_codec)
            name = codec.name if codec else f"payload type {self.state.tracks[i].unknown_payload_type}"
            file.note(f"{name} cannot be decoded for recording; its time is kept as silence")
            self.state.tracks[i].unknown_codec = -1

    def finish(self):
        """On the disk thread, after the last block: whole files, then the event's contents."""
        cdef int i
        cdef JournalFile file
        cdef track *one
        files = []
        for i in range(self.state.track_count):
            one = self.state.tracks[i]
            file = self.files[i]
            file.finish(self.state.position)
            files.append(
                RecordedFile(file.path, self.legs[i], 1, file.frames / 8000, one.line.packets, self.overruns[i],
                             one.line.late, file.dropped / 8000, file.error)
            )
        if self.stereo is not None:
            self.stereo.finish(self.state.position)
            files.append(
                RecordedFile(self.stereo.path, None, 2, self.stereo.frames / 8000, 0, 0, 0,
                             self.stereo.dropped / 8000, self.stereo.error)
            )
        return RecordingFinished(self.number, tuple(files))


cdef void _add_to_channel(int16_t *stereo, int channel, const int16_t *mono, int64_t count) noexcept nogil:
    cdef int64_t i
    cdef int sum
    for i in range(count):
        sum = stereo[2 * i + channel] + mono[i]
        stereo[2 * i + channel] = 32767 if sum > 32767 else (-32768 if sum < -32768 else sum)


cdef class RecordingWriter:
    cdef object on_event
    cdef Journal journal
    cdef uint32_t ring_bytes
    cdef recording **active
    cdef int active_count
    cdef dict open_recordings   # number -> _Recording, drain thread only
    cdef set running            # numbers between open and close, callers' view
    cdef set unfinished         # numbers between open and RecordingFinished
    cdef list held              # rings of finished recordings that a worker has not let go of
    cdef object orders
    cdef object wake
    cdef list threads
    cdef bint ordered
    cdef bint news
    cdef bint stopping
    cdef uint8_t *payload
    cdef int16_t[STEP] scratch

    def __cinit__(self, on_event, *, uint32_t ring_bytes=16384, int64_t backlog_bytes=67108864):
        self.on_event = on_event
        self.ring_bytes = ring_bytes
        self.journal = Journal(backlog_bytes)
        self.open_recordings = {}
        self.running = set()
        self.unfinished = set()
        self.held = []
        self.orders = deque()
        self.wake = threading.Event()
        self.threads = []
        self.payload = <uint8_t *>malloc(PAYLOAD)
        if self.payload == NULL:
            raise MemoryError("no memory for the recording writer")

    def __dealloc__(self):
        free(self.payload)
        free(self.active)

    # What control calls. Each is an order to the drain thread; nothing here waits.

    def start(self):
        if self.threads:
            raise RuntimeError("the recording writer runs already")
        for name, work in (("record-drain", self._run), ("record-disk", self.journal.run)):
            thread = threading.Thread(target=work, name=name, daemon=True)
            self.threads.append(thread)
            thread.start()

    def open(self, int64_t recording, stereo_path, now_ns=None):
        if recording in self.unfinished:
            raise ValueError(f"recording {recording} is open already")
        started = time.monotonic_ns() if now_ns is None else now_ns
        self.unfinished.add(recording)
        self.running.add(recording)
        self._order(self._open, (recording, started, stereo_path))

    def attach(self, int64_t recording, int64_t leg, str path not None, channel):
        if recording not in self.running:
            raise ValueError(f"recording {recording} is not open")
        if channel is not None and not 0 <= int(channel) <= 1:
            raise ValueError(f"channel 0, 1 or None expected, got {channel!r}")
        tap = Tap(leg, self.ring_bytes)
        self._order(self._attach, (recording, tap, path, -1 if channel is None else channel))
        return tap

    def close(self, int64_t recording, now_ns=None):
        if recording in self.running:
            self.running.discard(recording)
            self._order(self._close, (recording, time.monotonic_ns() if now_ns is None else now_ns))

    def stop(self):
        for recording in list(self.running):
            self.close(recording)
        self._order(self._halt, ())
        if self.threads:
            self.threads[0].join()
            self.journal.stop()
            self.threads[1].join()
            self.threads.clear()
        else:
            self.drain(time.monotonic_ns())
            self.journal.flush()

    @property
    def backlog(self):
        return self.journal.backlog

    @property
    def recordings(self):
        return len(self.unfinished)

    def drain(self, int64_t now_ns):
        if self.threads:
            raise RuntimeError("the drain thread does this")
        self._obey()
        with nogil:
            self._pass(now_ns, -1)
        self._tidy()

    def flush(self):
        if self.threads:
            raise RuntimeError("the disk thread does this")
        self.journal.flush()

    # Orders, obeyed on the drain thread.

    cdef void _order(self, work, tuple details):
        self.orders.append((work, details))
        self.ordered = True
        self.wake.set()

    cdef void _obey(self):
        self.ordered = False
        while self.orders:
            work, details = self.orders.popleft()
            work(*details)

    def _open(self, int64_t number, int64_t started, stereo_path):
        cdef _Recording opened = _Recording(number, started)
        cdef recording **grown
        if stereo_path is not None:
            opened.stereo = JournalFile(self.on_event, number, stereo_path, 2)
            opened.state.stereo = &opened.stereo.state
            self.journal.append_call(opened.stereo.open)
        grown = <recording **>realloc(self.active, (self.active_count + 1) * sizeof(recording *))
        if grown == NULL:
            raise MemoryError("no memory for a recording")
        self.active = grown
        self.active[self.active_count] = &opened.state
        self.active_count += 1
        self.open_recordings[number] = opened

    def _attach(self, int64_t number, tap, str path, int channel):
        cdef _Recording into = self.open_recordings[number]
        cdef JournalFile file = JournalFile(self.on_event, number, path, 1)
        self.journal.append_call(file.open)
        into.add(tap, file, channel)

    def _close(self, int64_t number, int64_t now_ns):
        (<_Recording>self.open_recordings[number]).state.closed = now_ns

    def _halt(self):
        self.stopping = True

    # The passes.

    cdef void _consume(self, recording *r, track *t, int64_t limit) noexcept nogil:
        """Put every packet that arrived up to recording time `limit` on the track's time line."""
        cdef tap_entry entry
        cdef int64_t arrival
        cdef const int16_t *table
        cdef bint closed
        if t.ring == NULL:
            return
        closed = tap_is_closed(t.ring)
        while tap_peek(t.ring, &entry):
            arrival = (entry.arrival_ns - r.started) // SAMPLE_NS
            if arrival > limit:
                return
            table = NULL
            if entry.codec == CODEC_PCMA:
                table = g711_from_alaw
            elif entry.codec == CODEC_PCMU:
                table = g711_from_ulaw
            elif entry.codec != CODEC_CN and entry.codec != CODEC_TELEPHONE_EVENT and t.unknown_codec < 0:
                t.unknown_codec = entry.codec
                t.unknown_payload_type = entry.payload_type
                r.news = True
            if table == NULL or entry.length == 0:
                tap_take(t.ring, &entry, NULL)
            else:
                tap_take(t.ring, &entry, self.payload)
                put_packet(&t.line, arrival, entry.ssrc, entry.timestamp, entry.sequence, table, self.payload,
                           entry.length)
        if closed:
            t.ring = NULL
            r.news = True

    cdef void _advance(self, recording *r, int64_t until) noexcept nogil:
        """Give out the recording up to sample `until`, to every file alike."""
        cdef journal_block *mono
        cdef journal_block *stereo
        cdef int16_t *out
        cdef int64_t size, offset, step
        cdef track *t
        cdef int i
        while r.position < until:
            size = until - r.position if until - r.position < BLOCK else BLOCK
            stereo = self.journal.reserve(r.stereo, r.position, size) if r.stereo != NULL else NULL
            if stereo != NULL:
                memset(samples_of(stereo), 0, 4 * size)
            for i in range(r.track_count):
                t = r.tracks[i]
                mono = self.journal.reserve(t.file, r.position, size)
                offset = 0
                while offset < size:
                    step = size - offset if size - offset < STEP else STEP
                    self._consume(r, t, r.position + offset + step + REORDER)
                    out = samples_of(mono) + offset if mono != NULL else &self.scratch[0]
                    give_out(&t.line, out, step)
                    if stereo != NULL and t.channel >= 0:
                        _add_to_channel(samples_of(stereo) + 2 * offset, t.channel, out, step)
                    offset += step
                if mono != NULL:
                    self.journal.append(mono)
            if stereo != NULL:
                self.journal.append(stereo)
            r.position += size

    cdef bint _let_go(self, recording *r) noexcept nogil:
        cdef int i
        for i in range(r.track_count):
            if r.tracks[i].ring != NULL and not tap_is_closed(r.tracks[i].ring):
                return False
        return True

    cdef bint _half_full(self, recording *r) noexcept nogil:
        cdef int i
        for i in range(r.track_count):
            if r.tracks[i].ring != NULL and tap_fill(r.tracks[i].ring) > r.tracks[i].ring.mask // 2:
                return True
        return False

    cdef void _pass(self, int64_t now, int slot) noexcept nogil:
        """Advance the recordings of one slot, those in a hurry, and those that close. Slot -1: all of them."""
        cdef recording *r
        cdef int64_t until
        cdef int i
        for i in range(self.active_count):
            r = self.active[i]
            if r.complete or (slot >= 0 and r.slot != slot and r.closed == 0 and not self._half_full(r)):
                continue
            until = now - <int64_t>REORDER * SAMPLE_NS
            if r.closed and (self.stopping or self._let_go(r) or now >= r.closed + GRACE_NS):
                until = r.closed
                r.complete = True
                r.news = True
            elif r.closed and until > r.closed:
                until = r.closed
            self._advance(r, (until - r.started) // SAMPLE_NS)
            if r.news:
                self.news = True

    cdef void _tidy(self):
        """What the passes could not do without the interpreter: free rings, tell of codecs, hand over the finished."""
        cdef _Recording one
        cdef int kept = 0
        self.news = False
        self.held = [tap for tap in self.held if not tap.closed]
        for one in list(self.open_recordings.values()):
            if not one.state.news:
                continue
            one.state.news = False
            one.tell_unknown()
            self.held.extend(one.let_go(one.state.complete))
            if one.state.complete:
                del self.open_recordings[one.number]
                self.journal.append_call(_Finish(self, one))
        for one in self.open_recordings.values():
            self.active[kept] = &one.state
            kept += 1
        self.active_count = kept

    cdef void _finish(self, _Recording one):
        finished = one.finish()
        self.unfinished.discard(one.number)
        tell(self.on_event, finished)

    def _run(self):
        """The drain thread."""
        cdef int64_t tick = monotonic_ns()
        cdef int64_t now
        cdef int slot = 0
        while not self.stopping:
            if self.active_count == 0 and not self.held:
                self.wake.wait()
            self.wake.clear()
            self._obey()
            with nogil:
                while True:
                    now = monotonic_ns()
                    if now < tick:
                        pause_ns(tick - now)
                    elif now > tick + SLOTS * TICK_NS:      # slept, or the machine did: no catching up
                        tick = now
                    tick += TICK_NS
                    slot = (slot + 1) % SLOTS
                    self._pass(monotonic_ns(), slot)
                    if self.ordered or self.news or self.stopping or self.active_count == 0:
                        break
            self._tidy()
        with nogil:
            self._pass(monotonic_ns(), -1)
        self._tidy()


cdef class _Finish:
    """The last entry of a recording in the journal: on the disk thread, after all its audio."""

    cdef RecordingWriter writer
    cdef _Recording recording

    def __init__(self, RecordingWriter writer, _Recording recording):
        self.writer = writer
        self.recording = recording

    def __call__(self):
        self.writer._finish(self.recording)
