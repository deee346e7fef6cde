"""The receiving side one piece at a time, with time as an argument: for tests and tools, not for calls.

They are the very functions the worker inlines, so what holds here holds there.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from audiocodecs.coder cimport audio_decoder
from media.receive.comfort_noise cimport ComfortNoise, noise_begin, noise_describe, noise_make, noise_read
from media.receive.concealment cimport Concealment, conceal_begin, conceal_join, conceal_make
from media.receive.playout cimport (
    CONCEALED, NOISE, PLAYOUT_FORMATS, SILENT, TICKS, VOICE, Playout, playout_bound, playout_decoder, playout_delay_us,
    playout_init, playout_judge, playout_noise, playout_pull, playout_put, playout_rate, playout_restart,
)
from media.receive.statistics cimport ReceiveStream, stream_depth_ms, stream_sequence, stream_timing
from media.receive.time_scale cimport lengthen, shorten

_HEARD = {VOICE: "voice", CONCEALED: "concealed", NOISE: "noise", SILENT: "silent"}

cdef enum:
    ROOM = 48000


cdef int _copied(const int16_t[::1] pcm, int16_t *room) except -1:
    if pcm.shape[0] > ROOM // 2:
        raise ValueError(f"{pcm.shape[0]} samples: expected at most {ROOM // 2}")
    memset(room, 0, ROOM * sizeof(int16_t))
    if pcm.shape[0]:
        memcpy(room, &pcm[0], pcm.shape[0] * sizeof(int16_t))
    return <int>pcm.shape[0]


cdef bytes _given(const int16_t *pcm, int count):
    return PyBytes_FromStringAndSize(<const char *>pcm, 2 * count)


def concealed(const int16_t[::1] heard, int rate, int lost, const int16_t[::1] then):
    cdef Concealment state
    cdef int16_t[ROOM] room
    cdef int16_t[ROOM] after
    cdef int count = _copied(heard, room), following = _copied(then, after)
    if rate not in (8000, 16000, 24000, 32000, 48000) or count < rate // 20 or not 0 <= lost <= ROOM // 2:
        raise ValueError("a codec's rate, 50 ms of audio and a loss of at most 24000 samples expected")
    conceal_begin(&state, rate, room, count)
    conceal_make(&state, room, count, lost)
    conceal_join(&state, after, 0, following)
    return _given(room + count, lost), _given(after, following)


def shortened(const int16_t[::1] pcm, int start, int rate, int most, double alike):
    cdef int16_t[ROOM] room
    cdef int count = _copied(pcm, room)
    cdef int gone = shorten(room, start, count - start, rate, most, alike)
    return _given(room, count - gone)


def lengthened(const int16_t[::1] pcm, int start, int rate, int most, double alike):
    cdef int16_t[ROOM] room
    cdef int count = _copied(pcm, room)
    cdef int added = lengthen(room, start, count - start, rate, most, alike)
    return _given(room, count + added)


def described(const int16_t[::1] pcm):
    cdef double[27] lags
    cdef uint8_t[9] payload
    cdef int length = noise_describe(&pcm[0], <int>pcm.shape[0], payload, lags)
    return (<const char *>payload)[:length]


cdef class Noise:
    cdef ComfortNoise state

    def __cinit__(self):
        noise_begin(&self.state)

    def read(self, const uint8_t[::1] payload):
        if payload.shape[0]:
            noise_read(&self.state, &payload[0], <int>payload.shape[0])

    def make(self, int samples):
        cdef bytes pcm = PyBytes_FromStringAndSize(NULL, 2 * samples)
        noise_make(&self.state, <int16_t *>PyBytes_AS_STRING(pcm), 0, samples)
        return pcm


cdef class Receiver:
    cdef Playout *playout
    cdef ReceiveStream stream
    cdef list decoders

    def __cinit__(self, *, most_delay_ms=None):
        self.playout = <Playout *>calloc(1, sizeof(Playout))
        if self.playout == NULL:
            raise MemoryError
        self.decoders = [None] * PLAYOUT_FORMATS
        memset(&self.stream, 0, sizeof(self.stream))
        playout_init(self.playout)
        if most_delay_ms is not None:
            playout_bound(self.playout, most_delay_ms)

    def __dealloc__(self):
        free(self.playout)

    def decoder(self, int index, decoder):
        playout_decoder(
            self.playout, <uint8_t>index, NULL if decoder is None else <audio_decoder *><uintptr_t>decoder.address
        )
        self.decoders[index] = decoder

    def put(self, int64_t now_us, int index, uint16_t sequence, uint32_t timestamp, bytes payload not None):
        playout_put(self.playout, now_us, <uint8_t>index, sequence, timestamp, False, payload, <int>len(payload))
        stream_sequence(&self.stream, 1, sequence)
        if 0 <= index < PLAYOUT_FORMATS and self.decoders[index] is not None:
            stream_timing(&self.stream, timestamp, self.decoders[index].clock_rate, now_us)

    def noise(self, int64_t now_us, uint16_t sequence, uint32_t timestamp, bytes payload not None):
        playout_noise(self.playout, now_us, sequence, timestamp, payload, <int>len(payload))

    def restart(self):
        playout_restart(self.playout)

    def pull(self, int64_t now_us, int samples):
        cdef bytes pcm = PyBytes_FromStringAndSize(NULL, 2 * samples)
        cdef int heard = playout_pull(self.playout, now_us, <int16_t *>PyBytes_AS_STRING(pcm), samples)
        playout_judge(self.playout, &self.stream)
        return pcm, frozenset(name for bit, name in _HEARD.items() if heard & bit)

    @property
    def rate(self):
        return playout_rate(self.playout)

    @property
    def delay(self):
        return playout_delay_us(self.playout) / 1e6

    @property
    def counters(self):
        found = dict(self.playout.counters)
        for name in ("concealed", "accelerated", "expanded", "noise", "voice"):
            found[name] /= 1000.0 * TICKS
        return found

    @property
    def judged(self):
        return self.stream.discarded, stream_depth_ms(&self.stream)

    @staticmethod
    def size():
        return sizeof(Playout)
