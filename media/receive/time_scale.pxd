# The C types of time_scale.py.

cimport cython
from libc.stdint cimport int16_t

cdef int SHORTEST_US
cdef int LONGEST_US
cdef int COARSE_RATE
cdef double QUIET

@cython.locals(longest=int, compared=int, lag=int, overlap=int, i=int)
cdef int shorten(int16_t *pcm, int start, int count, int rate, int most, double alike) noexcept nogil

@cython.locals(longest=int, lag=int, i=int)
cdef int lengthen(int16_t *pcm, int start, int count, int rate, int most, double alike) noexcept nogil

@cython.locals(blended=int)
cdef int _blend(int old, int new, int at, int length) noexcept nogil

@cython.locals(shortest=int, energy=double, i=int, stride=int, lag=int, other=double)
cdef int _period(
    const int16_t *pcm, int start, int sign, int longest, int compared, int rate, double alike
) noexcept nogil

@cython.locals(best=int, highest=double, skip=int, lag=int, energy=double, product=double, k=int)
cdef int _most_alike(
    const int16_t *pcm, int start, int sign, int shortest, int longest, int compared, int stride
) noexcept nogil

cdef double _energy(const int16_t *pcm, int start, int count) noexcept nogil

@cython.locals(total=double, k=int)
cdef double _product(const int16_t *pcm, int start, int distance, int count) noexcept nogil
