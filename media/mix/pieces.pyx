"""The arithmetic of mixing one step at a time, compiled: for tests, not for calls. The same names as in gain.py."""

from libc.stdint cimport int16_t, int32_t

from media.mix cimport gain
from media.mix.gain cimport Limiter


cdef class LimiterState:
    """What `limit` keeps from frame to frame."""

    cdef Limiter state

    def __cinit__(self):
        self.state.gain = 1.0

    @property
    def gain(self):
        return self.state.gain


def mix_add(int32_t[::1] total, const int16_t[::1] pcm, int n):
    gain.mix_add(&total[0], &pcm[0], n)


def mix_take(int32_t[::1] out, const int32_t[::1] total, const int16_t[::1] pcm, int n):
    gain.mix_take(&out[0], &total[0], &pcm[0], n)


def mix_scaled(int32_t[::1] total, const int16_t[::1] pcm, int n, int start, int end):
    gain.mix_scaled(&total[0], &pcm[0], n, start, end)


def mix_fade(int16_t[::1] pcm, int n, int start, int end):
    gain.mix_fade(&pcm[0], n, start, end)


def mix_peak(const int32_t[::1] values, int first, int n):
    return gain.mix_peak(&values[0], first, n)


def mix_loudest(const int16_t[::1] pcm, int n):
    return gain.mix_loudest(&pcm[0], n)


def limit(LimiterState state, const int32_t[::1] values, int n, int rate, int16_t[::1] out):
    return bool(gain.limit(&state.state, &values[0], n, rate, &out[0]))
