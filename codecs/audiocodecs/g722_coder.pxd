# G.722 at 64 kbit/s (ITU-T G.722, RFC 3551 4.5.2) by libspandsp, with prototypes of our own.
#
# At 8 kHz the library leaves the upper band and the band splitting filter out: that is what a narrowband far end would
# get anyway, at half the cost and without a resampler.

from libc.stdint cimport int16_t, uint8_t, uint32_t

from audiocodecs.coder cimport CODER_LONGEST_MS, audio_decoder, audio_encoder

cdef extern from *:
    """
    #ifndef SOFTSWITCH_G722
    #define SOFTSWITCH_G722
    #include <stdint.h>

    enum { G722_BIT_RATE = 64000, G722_AT_16_KHZ = 0, G722_AT_8_KHZ = 1 };

    /* Given a state, the init functions begin it anew; given NULL, they allocate one. */
    typedef struct {
        void *(*decode_init)(void *state, int bit_rate, int options);
        int (*decode)(void *state, int16_t *pcm, const uint8_t *data, int length);
        int (*decode_free)(void *state);
        void *(*encode_init)(void *state, int bit_rate, int options);
        int (*encode)(void *state, uint8_t *data, const int16_t *pcm, int samples);
        int (*encode_free)(void *state);
    } g722_functions;

    static const char *const g722_names[] = {
        "g722_decode_init", "g722_decode", "g722_decode_free", "g722_encode_init", "g722_encode", "g722_encode_free",
    };
    enum { G722_FUNCTIONS = sizeof g722_names / sizeof *g722_names };
    #endif
    """
    enum:
        G722_BIT_RATE
        G722_AT_16_KHZ
        G722_AT_8_KHZ
        G722_FUNCTIONS

    const char *g722_names[]

    ctypedef struct g722_functions:
        void *(*decode_init)(void *state, int bit_rate, int options) noexcept nogil
        int (*decode)(void *state, int16_t *pcm, const uint8_t *data, int length) noexcept nogil
        int (*decode_free)(void *state) noexcept nogil
        void *(*encode_init)(void *state, int bit_rate, int options) noexcept nogil
        int (*encode)(void *state, uint8_t *data, const int16_t *pcm, int samples) noexcept nogil
        int (*encode_free)(void *state) noexcept nogil

cdef struct G722Decoder:
    audio_decoder base
    const g722_functions *g722
    void *state

cdef struct G722Encoder:
    audio_encoder base
    const g722_functions *g722
    void *state


cdef inline int g722_option(uint32_t sample_rate) noexcept nogil:
    return G722_AT_8_KHZ if sample_rate == 8000 else G722_AT_16_KHZ


cdef inline int g722_samples(const audio_decoder *decoder, const uint8_t *payload, int length) noexcept nogil:
    if not 0 < length <= 8 * CODER_LONGEST_MS:      # 8 octets a millisecond
        return -1
    return length if decoder.sample_rate == 8000 else 2 * length


cdef inline int g722_decode(
    audio_decoder *decoder, const uint8_t *payload, int length, int16_t *pcm, int room
) noexcept nogil:
    cdef G722Decoder *it = <G722Decoder *>decoder
    cdef int samples = g722_samples(decoder, payload, length)
    if samples < 0 or samples > room:
        return -1
    return it.g722.decode(it.state, pcm, payload, length)


cdef inline void g722_forget_decoded(audio_decoder *decoder) noexcept nogil:
    cdef G722Decoder *it = <G722Decoder *>decoder
    it.g722.decode_init(it.state, G722_BIT_RATE, g722_option(decoder.sample_rate))


cdef inline int g722_encode(
    audio_encoder *encoder, const int16_t *pcm, int samples, uint8_t *out, int room
) noexcept nogil:
    cdef G722Encoder *it = <G722Encoder *>encoder
    cdef int length = samples if encoder.sample_rate == 8000 else samples // 2
    if samples <= 0 or samples % <int>encoder.grain or length > room:
        return -1
    return it.g722.encode(it.state, out, pcm, samples)


cdef inline void g722_forget_encoded(audio_encoder *encoder) noexcept nogil:
    cdef G722Encoder *it = <G722Encoder *>encoder
    it.g722.encode_init(it.state, G722_BIT_RATE, g722_option(encoder.sample_rate))
