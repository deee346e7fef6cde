"""The live resampler for Python: what is heard of a room, at the rate a listener wants."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t

from audiocodecs.resampling cimport Resampler as ResamplerStruct
from audiocodecs.resampling cimport resampler_init, resampler_reset, resampler_run


cdef class Resampler:
    cdef ResamplerStruct state

    def __init__(self, int from_rate, int to_rate):
        if resampler_init(&self.state, from_rate, to_rate) != 0:
            raise ValueError(f"{from_rate} to {to_rate} Hz: expected 8000, 16000, 24000, 32000 or 48000")

    @property
    def phases(self):
        cdef int taps = self.state.taps
        return [[self.state.coefficients[phase * taps + k] for k in range(taps)] for phase in range(self.state.up)]

    def reset(self):
        resampler_reset(&self.state)

    def run(self, pcm):
        cdef const int16_t[::1] samples = memoryview(pcm).cast("B").cast("h")
        cdef int count = <int>samples.shape[0], given
        cdef bytes out = PyBytes_FromStringAndSize(NULL, 2 * (count * self.state.up // self.state.down + 1))
        given = resampler_run(
            &self.state, &samples[0] if count else NULL, count, <int16_t *>PyBytes_AS_STRING(out)
        )
        return out[: 2 * given]
