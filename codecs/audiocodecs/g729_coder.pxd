# G.729 Annex A (ITU-T G.729, RFC 3551 4.5.6) by libbcg729, with prototypes of our own.
#
# We never send silence descriptors (annexb=no) but understand them: the last frame of a packet may be one of 2 octets.

from libc.stdint cimport int16_t, uint8_t, uint32_t

from audiocodecs.coder cimport CODER_LONGEST_MS, audio_decoder, audio_encoder

cdef extern from *:
    """
    #ifndef SOFTSWITCH_G729
    #define SOFTSWITCH_G729
    #include <stdint.h>

    enum { G729_FRAME = 10, G729_SILENCE = 2, G729_FRAME_SAMPLES = 80 };

    typedef struct {
        void *(*decoder_init)(void);
        void (*decoder_close)(void *state);
        void (*decode)(void *state, const uint8_t *frame, uint8_t length, uint8_t erased, uint8_t silence,
                       uint8_t rfc3389, int16_t *pcm);
        void *(*encoder_init)(uint8_t voice_activity_detection);
        void (*encoder_close)(void *state);
        void (*encode)(void *state, const int16_t *pcm, uint8_t *frame, uint8_t *length);
    } g729_functions;

    static const char *const g729_names[] = {
        "initBcg729DecoderChannel", "closeBcg729DecoderChannel", "bcg729Decoder",
        "initBcg729EncoderChannel", "closeBcg729EncoderChannel", "bcg729Encoder",
    };
    enum { G729_FUNCTIONS = sizeof g729_names / sizeof *g729_names };
    #endif
    """
    enum:
        G729_FRAME
        G729_SILENCE
        G729_FRAME_SAMPLES
        G729_FUNCTIONS

    const char *g729_names[]

    ctypedef struct g729_functions:
        void *(*decoder_init)() noexcept nogil
        void (*decoder_close)(void *state) noexcept nogil
        void (*decode)(
            void *state, const uint8_t *frame, uint8_t length, uint8_t erased, uint8_t silence, uint8_t rfc3389,
            int16_t *pcm,
        ) noexcept nogil
        void *(*encoder_init)(uint8_t voice_activity_detection) noexcept nogil
        void (*encoder_close)(void *state) noexcept nogil
        void (*encode)(void *state, const int16_t *pcm, uint8_t *frame, uint8_t *length) noexcept nogil

cdef struct G729Decoder:
    audio_decoder base
    const g729_functions *g729
    void *state

cdef struct G729Encoder:
    audio_encoder base
    const g729_functions *g729
    void *state


cdef inline int g729_samples(const audio_decoder *decoder, const uint8_t *payload, int length) noexcept nogil:
    cdef int rest = length % G729_FRAME, frames
    if length <= 0 or (rest != 0 and rest != G729_SILENCE):
        return -1
    frames = length // G729_FRAME + (1 if rest else 0)
    return frames * G729_FRAME_SAMPLES if frames * 10 <= CODER_LONGEST_MS else -1


cdef inline int g729_decode(
    audio_decoder *decoder, const uint8_t *payload, int length, int16_t *pcm, int room
) noexcept nogil:
    cdef G729Decoder *it = <G729Decoder *>decoder
    cdef int samples = g729_samples(decoder, payload, length), given = 0, frame
    if samples < 0 or samples > room:
        return -1
    while length > 0:
        frame = min(length, G729_FRAME)
        it.g729.decode(it.state, payload, <uint8_t>frame, 0, frame == G729_SILENCE, 0, pcm + given)
        payload += frame
        length -= frame
        given += G729_FRAME_SAMPLES
    return given


cdef inline int g729_conceal(audio_decoder *decoder, int16_t *pcm, int samples) noexcept nogil:
    """Clause 4.4; after a silence descriptor, comfort noise. Whole frames of 10 ms."""
    cdef G729Decoder *it = <G729Decoder *>decoder
    cdef int given = 0
    while given + G729_FRAME_SAMPLES <= samples:
        it.g729.decode(it.state, NULL, 0, 1, 0, 0, pcm + given)
        given += G729_FRAME_SAMPLES
    return given


cdef inline int g729_encode(
    audio_encoder *encoder, const int16_t *pcm, int samples, uint8_t *out, int room
) noexcept nogil:
    cdef G729Encoder *it = <G729Encoder *>encoder
    cdef uint8_t length
    cdef int written = 0, at = 0
    if samples <= 0 or samples % G729_FRAME_SAMPLES or samples // G729_FRAME_SAMPLES * G729_FRAME > room:
        return -1
    while at < samples:
        it.g729.encode(it.state, pcm + at, out + written, &length)
        written += length
        at += G729_FRAME_SAMPLES
    return written


# libbcg729 can only begin anew by allocating. What it remembers of another stream fades within some frames, as it does
# for every decoder that was told of too few losses, so a new stream simply follows the old one.
cdef inline void g729_forget_decoded(audio_decoder *decoder) noexcept nogil:
    pass


cdef inline void g729_forget_encoded(audio_encoder *encoder) noexcept nogil:
    pass
