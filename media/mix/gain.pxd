"""The C types of gain.py."""

cimport cython
from libc.stdint cimport int16_t, int32_t

cdef int UNITY, CEILING, BLOCKS_A_SECOND, HOLD
cdef double RELEASE

cdef struct Limiter:
    double gain                 # reached at the end of the last frame, 1.0: nothing is taken off
    int hold                    # blocks until the gain may rise


@cython.locals(i=cython.int)
cdef void mix_add(int32_t* total, const int16_t* pcm, int n) noexcept nogil

@cython.locals(i=cython.int)
cdef void mix_take(int32_t* out, const int32_t* total, const int16_t* pcm, int n) noexcept nogil

@cython.locals(i=cython.int, step=cython.int)
cdef void mix_scaled(int32_t* total, const int16_t* pcm, int n, int start, int end) noexcept nogil

cdef int _step(int start, int end, int n) noexcept nogil

@cython.locals(i=cython.int, step=cython.int)
cdef void mix_fade(int16_t* pcm, int n, int start, int end) noexcept nogil

@cython.locals(i=cython.int, highest=int32_t, lowest=int32_t)
cdef int mix_peak(const int32_t* values, int first, int n) noexcept nogil

@cython.locals(i=cython.int, highest=int16_t, lowest=int16_t)
cdef int mix_loudest(const int16_t* pcm, int n) noexcept nogil

@cython.locals(i=cython.int)
cdef bint limit(Limiter* state, const int32_t* values, int n, int rate, int16_t* out) noexcept nogil

@cython.locals(at=cython.int, here=cython.int, after=cython.int, loudest=cython.int, target=cython.double)
cdef void _limit_blocks(Limiter* state, const int32_t* values, int n, int block, int16_t* out) noexcept nogil

@cython.locals(i=cython.int, sample=cython.int)
cdef void _scale(const int32_t* values, int16_t* out, int first, int n, double start, double step) noexcept nogil
