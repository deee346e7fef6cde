# The C types of dual_tone.py.

cimport cython
from libc.stdint cimport int16_t

cdef double _CIRCLE
cdef double _LOW_PEAK
cdef double _HIGH_PEAK

cdef struct DualTone:
    int position             # samples made
    int ramp                 # samples to rise or fall
    double low               # phases
    double high
    double low_step
    double high_step

cdef void dual_tone_begin(DualTone* state, int event, int rate) noexcept nogil

@cython.locals(i=int, gain=double, value=double)
cdef void dual_tone_run(DualTone* state, int16_t* pcm, int start, int samples, int left) noexcept nogil

@cython.locals(rising=double)
cdef double _ramp(int position, int length) noexcept nogil

cdef double _row(int event) noexcept nogil

cdef double _column(int event) noexcept nogil
