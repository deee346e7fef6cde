# The C types of concealment.py.

cimport cython
from libc.stdint cimport int16_t

cdef int HISTORY_MS
cdef int MOST_HISTORY
cdef int SHORTEST_US
cdef int LONGEST_US
cdef int COMPARED_US
cdef int COARSE_RATE

cdef struct Concealment:
    int rate
    int period
    int periods
    int at
    int made
    int fading
    int fading_at
    int step
    int loudest
    int16_t history[2400]           # MOST_HISTORY

@cython.locals(count=int, i=int)
cdef void conceal_begin(Concealment *state, int rate, const int16_t *pcm, int end) noexcept nogil

@cython.locals(quarter=int, frame=int, i=int, value=double)
cdef void conceal_make(Concealment *state, int16_t *pcm, int start, int count) noexcept nogil

@cython.locals(frame=int, overlap=int, i=int, heard=int)
cdef void conceal_join(Concealment *state, int16_t *pcm, int start, int count) noexcept nogil

@cython.locals(quarter=int, length=int, first=int, heard=int, into=int)
cdef double _cycle(const Concealment *state, int periods, int at) noexcept nogil

@cython.locals(stride=int, shortest=int, longest=int, best=int)
cdef int _period(const Concealment *state, int end) noexcept nogil

@cython.locals(compared=int, best=int, highest=double, lag=int, skip=int, k=int, product=double, energy=double)
cdef int _most_alike(const Concealment *state, int end, int shortest, int longest, int stride) noexcept nogil

@cython.locals(rounded=int)
cdef int _sample(double value) noexcept nogil
