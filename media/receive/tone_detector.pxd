# The C types of tone_detector.py.

cimport cython
from libc.stdint cimport int16_t, int32_t, int64_t

cdef enum:
    TONE_BEGAN = 1           # what `tone_feed` gives: a key is down (`down`)
    TONE_ENDED = 2           # and a key is up again (`ended`, `ended_at` - `began_at` samples)


cdef struct ToneDetector:
    int32_t rate             # Hz, 8000 or 16000
    int32_t block            # samples in 2 ms
    int32_t filled           # of the block under way
    int32_t newest           # place of the newest block in the rings
    int32_t blocks           # whole blocks seen, counted to BLOCKS
    int32_t down             # RFC 4733 event of the key that is down, -1: none
    int32_t ended            # event of the key last released
    int32_t candidate        # event heard in the newest windows, -1: none
    int32_t hits             # windows in a row with it
    int32_t sure             # of these, windows with hardly anything else in them
    int32_t misses           # windows in a row without the key that is down
    int32_t steady           # windows in a row with nothing but a steady low tone
    int32_t dial_tone        # windows for which the dial tone heard before still counts
    int64_t clock            # samples fed
    int64_t candidate_at     # when the candidate began
    int64_t began_at         # of the key that is down, or last was
    int64_t heard_at         # where the key that is down was last certain
    int64_t ended_at
    double explained         # of the newest window: what the two tones have together
    double level             # highest power of the key that is down
    double steady_power
    double energy            # of the block under way
    double filtered_energy
    double low_power         # of the newest window: mean squares
    double high_power
    double[3] zero           # notches: 2 cos w
    double[3] pole           # radius
    double[3] gain
    double[3] first          # their memory
    double[3] second
    double[32] samples       # the block under way, behind the notches
    double[12] energies      # mean squares of the window's blocks
    double[12] filtered
    double[96] real          # [block][tone]: correlation with the tone
    double[96] imaginary
    double[256] cosine       # [tone][sample]
    double[256] sine
    double[96] turn_cosine   # [block][tone]: by how much a tone turns from the window's first block to this one
    double[96] turn_sine


cdef double _CIRCLE
cdef int _WINDOW_BLOCKS
cdef double _WEAKEST
cdef double _HIGH_OVER_LOW
cdef double _LOW_OVER_HIGH
cdef double _OFF_FREQUENCY
cdef double _PURE
cdef double _CERTAIN
cdef double _STILL
cdef double _FADED
cdef int _PRESSED
cdef int _SURE
cdef int _SUSPECTED
cdef int _RELEASED
cdef int _STEADY
cdef int _DIAL_TONE_HOLDS
cdef double _FILLED
cdef double _LEFT

@cython.locals(tone=int, block=int, n=int, turn=double, frequency=double, gain=double)
cdef void tone_init(ToneDetector* state, int rate) noexcept nogil

@cython.locals(news=int, i=int, sample=double, passed=double)
cdef int tone_feed(ToneDetector* state, const int16_t* pcm, int samples) noexcept nogil

cdef void tone_skip(ToneDetector* state, int samples) noexcept nogil

cdef bint tone_suspected(const ToneDetector* state) noexcept nogil

cdef double _frequency(int tone) noexcept nogil

cdef int _event(int row, int column) noexcept nogil

@cython.locals(i=int, frequency=double, width=double)
cdef void _notches(ToneDetector* state) noexcept nogil

@cython.locals(i=int, inner=double)
cdef double _notched(ToneDetector* state, double sample) noexcept nogil

@cython.locals(
    i=int, turn=double, left=double, zero_real=double, pole_real=double, pole_imaginary=double, pole=double
)
cdef double _passed(const ToneDetector* state, double frequency) noexcept nogil

@cython.locals(place=int)
cdef int _at(const ToneDetector* state, int block) noexcept nogil

@cython.locals(tone=int, n=int, real=double, imaginary=double, power=double, filtered=double, event=int)
cdef int _finish_block(ToneDetector* state) noexcept nogil

cdef void _watch_dial_tone(ToneDetector* state, double power, double filtered) noexcept nogil

@cython.locals(best=int, most=double, tone=int, block=int, at=int, by=int, real=double, imaginary=double)
cdef int _loudest(ToneDetector* state, int first) noexcept nogil

@cython.locals(
    block=int, at=int, by=int, weight=double, real=double, imaginary=double, early_real=double,
    early_imaginary=double, late_real=double, late_imaginary=double, turn=double
)
cdef double _offset(ToneDetector* state, int tone) noexcept nogil

@cython.locals(
    low=int, high=int, low_off=double, high_off=double, low_real=double, low_imaginary=double,
    high_real=double, high_imaginary=double, apart=double, angle=double, real=double, imaginary=double,
    overlap_real=double, overlap_imaginary=double, scale=double, block=int, at=int
)
cdef int _hear(ToneDetector* state) noexcept nogil

@cython.locals(news=int, power=double, pressed=bint)
cdef int _judge(ToneDetector* state, int event, double explained) noexcept nogil

cdef void _release(ToneDetector* state) noexcept nogil
