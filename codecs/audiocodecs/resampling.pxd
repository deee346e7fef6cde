# The C types of resampling.py.

cimport cython
from libc.stdint cimport int16_t, uint32_t

cdef int LOWER_RATE_TAPS
cdef int MOST_TAPS
cdef int BLOCK
cdef double CUTOFF
cdef double BETA

cdef struct Resampler:
    uint32_t from_rate
    uint32_t to_rate
    int up
    int down
    int taps
    int phase
    int point
    int16_t coefficients[192]       # MOST_TAPS
    int16_t buffer[672]             # MOST_TAPS + BLOCK

@cython.locals(common=int, phase=int)
cdef int resampler_init(Resampler *state, uint32_t from_rate, uint32_t to_rate) noexcept nogil

@cython.locals(i=int)
cdef void resampler_reset(Resampler *state) noexcept nogil

@cython.locals(i=int, at=int, taken=int, written=int)
cdef int resampler_run(Resampler *state, const int16_t *pcm, int count, int16_t *out) noexcept nogil

@cython.locals(at=int, phase=int)
cdef int _run_block(Resampler *state, int count, int16_t *out, int written) noexcept nogil

# Indices as wide as a pointer: only then does the compiler see that the loop runs over two plain arrays.
@cython.locals(k=Py_ssize_t, total=int)
cdef inline int _filtered(const Resampler *state, Py_ssize_t at, Py_ssize_t first) noexcept nogil

@cython.locals(rest=int)
cdef int _common(int a, int b) noexcept nogil

cdef bint _is_known(uint32_t rate) noexcept nogil

@cython.locals(k=int, length=int, one=int, total=int, largest=int, scale=double)
cdef void _design_phase(Resampler *state, int phase) noexcept nogil

@cython.locals(distance=double, ratio=double)
cdef double _prototype(int position, int length, int factor) noexcept nogil

cdef double _sinc(double x) noexcept nogil

@cython.locals(k=int, total=double, term=double)
cdef double _bessel(double x) noexcept nogil
