# The C types of comfort_noise.py.

cimport cython
from libc.stdint cimport int16_t, int64_t, uint8_t

cdef int MOST_ORDER
cdef int WRITTEN_ORDER
cdef double SLIDE
cdef double UNIFORM

cdef struct ComfortNoise:
    int order
    double gain
    double target
    int64_t dice
    double reflection[12]           # MOST_ORDER
    double delayed[13]

@cython.locals(i=int)
cdef void noise_begin(ComfortNoise *state) noexcept nogil

@cython.locals(excitation=double, i=int, k=double)
cdef void noise_read(ComfortNoise *state, const uint8_t *payload, int length) noexcept nogil

@cython.locals(i=int, value=double, k=int)
cdef void noise_make(ComfortNoise *state, int16_t *pcm, int start, int count) noexcept nogil

@cython.locals(lag=int, total=double, i=int, level=double, error=double, m=int, k=double)
cdef int noise_describe(const int16_t *pcm, int count, uint8_t *payload, double *lags) noexcept nogil
