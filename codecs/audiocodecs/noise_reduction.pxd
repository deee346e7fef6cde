# Noise reduction by libspeexdsp behind the face of a decoder: what it decodes comes out with its steady noise lowered.
#
# The library works on blocks of one length; ours are 10 ms, which every packet time is a multiple of. What is left of
# an odd packet passes as it is. No function allocates or blocks.

from libc.stdint cimport int16_t, uint8_t

from audiocodecs.coder cimport audio_decoder

cdef extern from *:
    """
    #ifndef SOFTSWITCH_SPEEXDSP
    #define SOFTSWITCH_SPEEXDSP
    #include <stdint.h>

    enum { SPEEX_SET_NOISE_SUPPRESS = 18 };      /* dB, negative */

    typedef struct {
        void *(*state_init)(int samples, int rate);
        void (*state_destroy)(void *state);
        int (*run)(void *state, int16_t *pcm);
        int (*ctl)(void *state, int request, void *value);
    } speexdsp_functions;

    static const char *const speexdsp_names[] = {
        "speex_preprocess_state_init", "speex_preprocess_state_destroy", "speex_preprocess_run", "speex_preprocess_ctl",
    };
    enum { SPEEXDSP_FUNCTIONS = sizeof speexdsp_names / sizeof *speexdsp_names };
    #endif
    """
    enum:
        SPEEX_SET_NOISE_SUPPRESS
        SPEEXDSP_FUNCTIONS

    const char *speexdsp_names[]

    ctypedef struct speexdsp_functions:
        void *(*state_init)(int samples, int rate) noexcept nogil
        void (*state_destroy)(void *state) noexcept nogil
        int (*run)(void *state, int16_t *pcm) noexcept nogil
        int (*ctl)(void *state, int request, void *value) noexcept nogil

cdef struct CleanDecoder:
    audio_decoder base
    audio_decoder *inner
    const speexdsp_functions *speexdsp
    void *state
    int block                    # samples of 10 ms


cdef inline int _clean(CleanDecoder *it, int16_t *pcm, int samples) noexcept nogil:
    cdef int at = 0
    while at + it.block <= samples:
        it.speexdsp.run(it.state, pcm + at)
        at += it.block
    return samples


cdef inline int clean_samples(const audio_decoder *decoder, const uint8_t *payload, int length) noexcept nogil:
    cdef const CleanDecoder *it = <const CleanDecoder *>decoder
    return it.inner.samples(it.inner, payload, length)


cdef inline int clean_decode(
    audio_decoder *decoder, const uint8_t *payload, int length, int16_t *pcm, int room
) noexcept nogil:
    cdef CleanDecoder *it = <CleanDecoder *>decoder
    return _clean(it, pcm, it.inner.decode(it.inner, payload, length, pcm, room))


cdef inline int clean_recover(
    audio_decoder *decoder, const uint8_t *following, int length, int16_t *pcm, int samples
) noexcept nogil:
    cdef CleanDecoder *it = <CleanDecoder *>decoder
    return _clean(it, pcm, it.inner.recover(it.inner, following, length, pcm, samples))


cdef inline int clean_conceal(audio_decoder *decoder, int16_t *pcm, int samples) noexcept nogil:
    cdef CleanDecoder *it = <CleanDecoder *>decoder
    return _clean(it, pcm, it.inner.conceal(it.inner, pcm, samples))


cdef inline void clean_reset(audio_decoder *decoder) noexcept nogil:
    """The noise of the line is what it was: what is known of it stays."""
    cdef CleanDecoder *it = <CleanDecoder *>decoder
    it.inner.reset(it.inner)
