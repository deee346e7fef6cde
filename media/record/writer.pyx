"""The drain side of recording: rings in, blocks of aligned audio out. See `writer.pyi` for the contract.

The interpreter lock is taken only to open, attach and close; a pass over the rings runs without it.
"""

import threading
import time
from collections import deque

from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from audiocodecs.coder cimport audio_decoder
from audiocodecs.registry cimport CODEC_CN, CODEC_L16, CODEC_TELEPHONE_EVENT
from media.record.journal cimport Journal, JournalFile, journal_block, journal_file, samples_of, tell
from media.record.tap cimport tap_entry, tap_fill, tap_is_closed, tap_peek, tap_ring, tap_take
from media.record.tape cimport MOST_SCALE, TAPE_CODERS, TAPE_NOISE, UNIT_RATE
from media.record.timeline cimport REORDER, give_out, put_noise, put_packet, timeline, timeline_begin

from audiocodecs.coding import SAMPLE_RATES, CodecUnavailable, Decoder
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
    UNIT_NS = 125000            # a unit of recording time
    STEP = 400                  # units between two looks at a ring: ring and time line advance together
    BLOCK = 4000                # units in a journal block: 0.5 s
    TICK_NS = 50000000
    SLOTS = 10                  # a recording's turn comes every SLOTS ticks = 0.5 s, spread so that the load is even
    GRACE_NS = 1000000000       # how long a closed recording waits for the worker to let go of its rings
    PAYLOAD = 65536
    MASKS = 16

ctypedef struct mask:           # a span of recording time that is to be silent
    int64_t begin
    int64_t end

ctypedef struct track:          # one leg in one recording
    tap_ring *ring              # NULL: let go by the worker, and empty
    journal_file *file
    timeline line
    int channel                 # -1: not in the stereo file
    int coder_codec[TAPE_CODERS]        # what the tape's decoders read: codec and ...
    uint32_t coder_clock[TAPE_CODERS]   # ... clock in kHz
    bint undecodable[256]       # by codec
    mask masks[MASKS]
    int mask_count
    int number                  # of the track in its recording

ctypedef struct recording:
    int64_t started             # ns
    int64_t closed              # ns; 0: running
    int64_t position            # units given out
    int scale                   # samples a unit: the files' rate in units of 8 kHz
    void *owner                 # the _Recording; borrowed
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
    cdef list taps, files, legs, overruns, decoders

    def __cinit__(self, int64_t number, int64_t started):
        self.number = number
        self.state.started = started
        self.state.slot = <int>(<uint64_t>number % SLOTS)
        self.state.scale = 1
        self.state.owner = <void *>self
        self.taps = []
        self.files = []
        self.legs = []
        self.overruns = []
        self.decoders = []

    def __dealloc__(self):
        cdef int i
        for i in range(self.state.track_count):
            free(self.state.tracks[i].line.held)
            free(self.state.tracks[i].line.keys)
            free(self.state.tracks[i])
        free(self.state.tracks)

    cdef void add(self, tap, JournalFile file, int channel, int scale, bint hides_keys):
        cdef track *added = <track *>calloc(1, sizeof(track))
        cdef track **grown = <track **>realloc(self.state.tracks, (self.state.track_count + 1) * sizeof(track *))
        if added == NULL or grown == NULL:
            raise MemoryError("no memory for a recorded leg")
        self.state.tracks = grown
        added.ring = <tap_ring *><uintptr_t>tap.address
        added.file = &file.state
        added.line.position = self.state.position
        added.line.hides_keys = hides_keys
        added.channel = channel
        added.number = self.state.track_count
        self.state.tracks[self.state.track_count] = added
        self.state.track_count += 1
        self.taps.append(tap)
        self.files.append(file)
        self.legs.append(tap.leg)
        self.overruns.append(0)
        self.decoders.append([])
        self.fix_rate(scale)

    cdef void fix_rate(self, int scale):
        """All files of a recording have the highest rate asked for before the first of its audio was given out."""
        cdef int i
        cdef JournalFile file
        if self.state.position == 0 and scale > self.state.scale:
            self.state.scale = scale
        for i in range(self.state.track_count):
            self.state.tracks[i].line.scale = self.state.scale
        for file in self.files:
            file.state.rate = UNIT_RATE * self.state.scale
        if self.stereo is not None:
            self.stereo.state.rate = UNIT_RATE * self.state.scale

    cdef int decoder(self, track *t, int codec, int payload_type, uint32_t clock):
        """A decoder for what came now: its place on the tape, or -1 when there is none (told once)."""
        cdef int place = t.line.held.coder_count
        cdef JournalFile file = self.files[t.number]
        known = codec_by_number(codec)
        name = known.name if known else f"payload type {payload_type}"
        try:
            if known is None or place == TAPE_CODERS:
                raise CodecUnavailable(name, "this switch has no coder for it")
            wanted = UNIT_RATE * self.state.scale
            rates = SAMPLE_RATES.get(name, ())
            rate = 1000 * clock if codec == CODEC_L16 else wanted if wanted in rates else None
            made = Decoder(name, rate)
        except (CodecUnavailable, ValueError) as error:
            t.undecodable[codec] = True
            file.note(f"{name} cannot be decoded for recording; its time is kept as silence ({error})")
            return -1
        self.decoders[t.number].append(made)
        t.line.held.decoders[place] = <audio_decoder *><uintptr_t>made.address
        t.coder_codec[place] = codec
        t.coder_clock[place] = clock
        t.line.held.coder_count += 1
        return place

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

    def finish(self):
        """On the disk thread, after the last block: whole files, then the event's contents."""
        cdef int i
        cdef JournalFile file
        cdef track *one
        files = []
        for i in range(self.state.track_count):
            one = self.state.tracks[i]
            file = self.files[i]
            file.finish(self.state.position * self.state.scale)
            files.append(
                RecordedFile(file.path, self.legs[i], 1, file.duration, one.line.packets, self.overruns[i],
                             one.line.late, file.dropped, file.error)
            )
        if self.stereo is not None:
            self.stereo.finish(self.state.position * self.state.scale)
            files.append(
                RecordedFile(self.stereo.path, None, 2, self.stereo.duration, 0, 0, 0,
                             self.stereo.dropped, self.stereo.error)
            )
        return RecordingFinished(self.number, tuple(files))


cdef void _add_to_channel(int16_t *stereo, int channel, const int16_t *mono, int64_t count) noexcept nogil:
    cdef int64_t i
    cdef int sum
    for i in range(count):
        sum = stereo[2 * i + channel] + mono[i]
        stereo[2 * i + channel] = 32767 if sum > 32767 else (-32768 if sum < -32768 else sum)


cdef void _mask(track *t, int64_t begin, int64_t end) noexcept:
    """One more span to be silent; when there are too many, the newest two become one."""
    if t.mask_count == MASKS:
        t.mask_count -= 1
        begin = t.masks[t.mask_count].begin
    t.masks[t.mask_count].begin = begin
    t.masks[t.mask_count].end = end
    t.mask_count += 1


cdef void _silence_masked(track *t, int16_t *out, int64_t position, int64_t count, int scale) noexcept nogil:
    """Zero what is masked of `count` units from recording time `position`; masks that are over are forgotten."""
    cdef int64_t begin, end
    cdef int kept = 0, i
    for i in range(t.mask_count):
        begin = t.masks[i].begin - position if t.masks[i].begin > position else 0
        end = t.masks[i].end - position if t.masks[i].end < position + count else count
        if begin < end:
            memset(out + begin * scale, 0, (end - begin) * scale * sizeof(int16_t))
        if t.masks[i].end > position + count:
            t.masks[kept] = t.masks[i]
            kept += 1
    t.mask_count = kept


cdef class RecordingWriter:
    cdef object on_event
    cdef Journal journal
    cdef uint32_t ring_bytes
    cdef bint hides_keys
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
    cdef int16_t[STEP * MOST_SCALE] scratch

    def __cinit__(self, on_event, *, uint32_t ring_bytes=16384, int64_t backlog_bytes=67108864, bint mask_digits=False):
        self.on_event = on_event
        self.ring_bytes = ring_bytes
        self.hides_keys = mask_digits
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

    def attach(self, int64_t recording, int64_t leg, str path not None, channel, *, int rate=8000):
        if recording not in self.running:
            raise ValueError(f"recording {recording} is not open")
        if channel is not None and not 0 <= int(channel) <= 1:
            raise ValueError(f"channel 0, 1 or None expected, got {channel!r}")
        if rate not in (UNIT_RATE, UNIT_RATE * MOST_SCALE):
            raise ValueError(f"a rate of 8000 or 16000 Hz expected, got {rate}")
        tap = Tap(leg, self.ring_bytes)
        self._order(self._attach, (recording, tap, path, -1 if channel is None else channel, rate // UNIT_RATE))
        return tap

    def silence(self, int64_t recording, int64_t leg, int64_t begin_ns, int64_t end_ns):
        if recording in self.running:
            self._order(self._silence, (recording, leg, begin_ns, end_ns))

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

    def _attach(self, int64_t number, tap, str path, int channel, int scale):
        cdef _Recording into = self.open_recordings[number]
        cdef JournalFile file = JournalFile(self.on_event, number, path, 1)
        self.journal.append_call(file.open)
        into.add(tap, file, channel, scale, self.hides_keys)

    def _silence(self, int64_t number, int64_t leg, int64_t begin_ns, int64_t end_ns):
        cdef _Recording one = self.open_recordings[number]
        cdef int i
        for i in range(one.state.track_count):
            if one.legs[i] == leg:
                _mask(one.state.tracks[i], (begin_ns - one.state.started) // UNIT_NS,
                      (end_ns - one.state.started) // UNIT_NS)

    def _close(self, int64_t number, int64_t now_ns):
        (<_Recording>self.open_recordings[number]).state.closed = now_ns

    def _halt(self):
        self.stopping = True

    # The passes.

    cdef int _coder(self, recording *r, track *t, const tap_entry *entry) noexcept nogil:
        """Which of the tape's decoders reads this, or -1."""
        cdef int i
        if t.undecodable[entry.codec]:
            return -1
        for i in range(t.line.held.coder_count):
            if t.coder_codec[i] == entry.codec and t.coder_clock[i] == entry.clock:
                return i
        with gil:
            return (<_Recording>r.owner).decoder(t, entry.codec, entry.payload_type, entry.clock)

    cdef void _place(self, recording *r, track *t, const tap_entry *entry, int64_t arrival) noexcept nogil:
        """One packet, its payload in `payload`."""
        cdef audio_decoder *decoder
        cdef int coder, samples
        if t.line.held == NULL and not timeline_begin(&t.line, r.scale):
            return
        if entry.codec == CODEC_CN:
            put_noise(&t.line, entry.ssrc, entry.timestamp, entry.clock, entry.sequence, TAPE_NOISE, self.payload,
                      entry.length)
            return
        coder = self._coder(r, t, entry)
        if coder < 0:
            return
        decoder = t.line.held.decoders[coder]
        samples = decoder.samples(decoder, self.payload, entry.length)
        if samples > 0:
            put_packet(&t.line, arrival, entry.ssrc, entry.timestamp, entry.clock, entry.sequence, coder,
                       self.payload, entry.length, <int64_t>samples * UNIT_RATE // decoder.sample_rate)

    cdef void _consume(self, recording *r, track *t, int64_t limit) noexcept nogil:
        """Put every packet that arrived up to recording time `limit` on the track's time line."""
        cdef tap_entry entry
        cdef int64_t arrival
        cdef bint closed
        if t.ring == NULL:
            return
        closed = tap_is_closed(t.ring)
        while tap_peek(t.ring, &entry):
            arrival = (entry.arrival_ns - r.started) // UNIT_NS
            if arrival > limit:
                return
            if entry.length == 0 or entry.clock == 0 or entry.codec == CODEC_TELEPHONE_EVENT:
                tap_take(t.ring, &entry, NULL)
            else:
                tap_take(t.ring, &entry, self.payload)
                self._place(r, t, &entry, arrival)
        if closed:
            t.ring = NULL
            r.news = True

    cdef void _advance(self, recording *r, int64_t until) noexcept nogil:
        """Give out the recording up to unit `until`, to every file alike."""
        cdef journal_block *mono
        cdef journal_block *stereo
        cdef int16_t *out
        cdef int64_t size, offset, step
        cdef int scale = r.scale
        cdef track *t
        cdef int i
        while r.position < until:
            size = until - r.position if until - r.position < BLOCK else BLOCK
            stereo = NULL
            if r.stereo != NULL:
                stereo = self.journal.reserve(r.stereo, r.position * scale, size * scale)
            if stereo != NULL:
                memset(samples_of(stereo), 0, 4 * size * scale)
            for i in range(r.track_count):
                t = r.tracks[i]
                mono = self.journal.reserve(t.file, r.position * scale, size * scale)
                offset = 0
                while offset < size:
                    step = size - offset if size - offset < STEP else STEP
                    self._consume(r, t, r.position + offset + step + REORDER)
                    out = samples_of(mono) + offset * scale if mono != NULL else &self.scratch[0]
                    give_out(&t.line, out, step)
                    _silence_masked(t, out, r.position + offset, step, scale)
                    if stereo != NULL and t.channel >= 0:
                        _add_to_channel(samples_of(stereo) + 2 * offset * scale, t.channel, out, step * scale)
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
            until = now - <int64_t>REORDER * UNIT_NS
            if r.closed and (self.stopping or self._let_go(r) or now >= r.closed + GRACE_NS):
                until = r.closed
                r.complete = True
                r.news = True
            elif r.closed and until > r.closed:
                until = r.closed
            self._advance(r, (until - r.started) // UNIT_NS)
            if r.news:
                self.news = True

    cdef void _tidy(self):
        """What the passes could not do without the interpreter: free rings, hand over the finished."""
        cdef _Recording one
        cdef int kept = 0
        self.news = False
        self.held = [tap for tap in self.held if not tap.closed]
        for one in list(self.open_recordings.values()):
            if not one.state.news:
                continue
            one.state.news = False
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
