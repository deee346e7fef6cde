"""Any rate to 8 or 16 kHz mono, for prompts: a windowed-sinc filter evaluated at the output instants. See `resample.pyi`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport M_PI, ceil, fabs, floor, sin, sqrt
from libc.stdint cimport int16_t, int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memmove, memset

cdef enum:
    CROSSINGS = 32              # zero crossings of the sinc on either side
    OVERSAMPLING = 512          # table points between two of them, interpolated linearly: error below -100 dB

cdef double BETA = 7.0          # Kaiser: stop band -70 dB, transition 0.54 kHz at 8 kHz
cdef double PASS = 0.932        # of the lower Nyquist frequency: -6 dB at 3.73 kHz, flat to 3.4 kHz


cdef double _bessel(double x) noexcept nogil:
    cdef double term = 1.0, total = 1.0
    cdef int k = 1
    while term > total * 1e-12:
        term *= (x / (2 * k)) * (x / (2 * k))
        total += term
        k += 1
    return total


cdef class Resampler:
    cdef int rate
    cdef int target
    cdef int channels
    cdef double scale           # table units per input sample
    cdef double gain
    cdef int reach              # input samples on either side of an output instant
    cdef double *table
    cdef float *held            # mono input, from input sample `start`
    cdef int64_t held_count
    cdef int64_t held_room
    cdef int64_t start
    cdef int64_t produced

    def __cinit__(self, int rate, int channels, int target=8000):
        cdef double cutoff, x, y
        cdef int i, points = CROSSINGS * OVERSAMPLING
        if rate < 1000 or rate > 768000:
            raise ValueError(f"sampling rates from 1 to 768 kHz can be converted, got {rate} Hz")
        if channels < 1 or channels > 64:
            raise ValueError(f"1 to 64 channels can be mixed, got {channels}")
        if target != 8000 and target != 16000:
            raise ValueError(f"prompts are kept at 8000 or 16000 Hz, not at {target}")
        self.rate = rate
        self.target = target
        self.channels = channels
        cutoff = PASS * (rate if rate < target else target) / <double>rate      # of the input's Nyquist frequency
        self.scale = cutoff * OVERSAMPLING
        self.gain = cutoff
        self.reach = <int>ceil(CROSSINGS / cutoff)
        self.start = -self.reach
        self.held_count = self.reach                    # silence before the first sample
        self.held_room = self.reach + 65536
        self.held = <float *>malloc(self.held_room * sizeof(float))
        self.table = <double *>malloc((points + 2) * sizeof(double))
        if self.held == NULL or self.table == NULL:
            raise MemoryError("no memory to convert a prompt")
        memset(self.held, 0, self.reach * sizeof(float))
        for i in range(points + 2):
            x = i / <double>OVERSAMPLING
            y = x / CROSSINGS
            self.table[i] = 0.0 if y >= 1 else _bessel(BETA * sqrt(1 - y * y)) / _bessel(BETA)
            if i:
                self.table[i] *= sin(M_PI * x) / (M_PI * x)

    def __dealloc__(self):
        free(self.held)
        free(self.table)

    cdef bint _room(self, int64_t more) noexcept nogil:
        cdef float *grown
        if self.held_count + more > self.held_room:
            grown = <float *>realloc(self.held, (self.held_count + more) * sizeof(float))
            if grown == NULL:
                return False
            self.held = grown
            self.held_room = self.held_count + more
        return True

    cdef double _at(self, int64_t output) noexcept nogil:
        """The filtered input at the instant of this output sample."""
        cdef double instant = output * <double>self.rate / self.target
        cdef int64_t first = <int64_t>floor(instant) - self.reach + 1, i
        cdef double place, total = 0.0
        cdef int64_t point
        for i in range(first, first + 2 * self.reach):
            place = fabs(instant - i) * self.scale
            point = <int64_t>place
            if point >= CROSSINGS * OVERSAMPLING:
                continue
            total += self.held[i - self.start] * (
                self.table[point] + (place - point) * (self.table[point + 1] - self.table[point])
            )
        return total * self.gain

    cdef bytes _produce(self):
        """Every output sample whose whole neighbourhood is held; then forget the input that no later one needs."""
        cdef int64_t last = self.start + self.held_count - 1 - self.reach     # newest instant with all its future
        cdef int64_t ready = 0, i, drop
        cdef double value
        if last >= 0:
            ready = (last * self.target) // self.rate + 1 - self.produced
        if ready <= 0:
            return b""
        cdef bytes result = PyBytes_FromStringAndSize(NULL, 2 * ready)
        cdef int16_t *out = <int16_t *>PyBytes_AS_STRING(result)
        with nogil:
            for i in range(ready):
                if self.rate == self.target:
                    value = self.held[self.produced + i - self.start]
                else:
                    value = self._at(self.produced + i)
                value = floor(value * 32768.0 + 0.5)
                out[i] = 32767 if value > 32767 else (-32768 if value < -32768 else <int16_t>value)
            self.produced += ready
            drop = (self.produced * self.rate) // self.target - self.reach - self.start
            if drop > 0:
                memmove(self.held, self.held + drop, (self.held_count - drop) * sizeof(float))
                self.held_count -= drop
                self.start += drop
        return result

    def feed(self, data):
        cdef const float[::1] samples = memoryview(data).cast("B").cast("f")
        cdef int64_t frames = samples.shape[0] // self.channels, i
        cdef int c
        cdef float total
        if not self._room(frames):
            raise MemoryError("no memory to convert a prompt")
        for i in range(frames):
            total = 0.0
            for c in range(self.channels):
                total += samples[i * self.channels + c]
            self.held[self.held_count + i] = total / self.channels
        self.held_count += frames
        return self._produce()

    def finish(self):
        if not self._room(self.reach):
            raise MemoryError("no memory to convert a prompt")
        memset(self.held + self.held_count, 0, self.reach * sizeof(float))
        self.held_count += self.reach
        return self._produce()
