# What every codec of the switch looks like to the engine: two tables of functions over memory that never grows.
#
# A decoder or an encoder is made by Python (`audiocodecs.coding`), which owns its memory; the engine gets the address
# and calls it from one thread at a time, without the GIL. No function here allocates, blocks or reads past `length`,
# whatever the payload holds. PCM is mono, 16 bit, native byte order.

from libc.stdint cimport int16_t, uint8_t, uint32_t

cdef extern from *:
    """
    #ifndef SOFTSWITCH_CODER
    #define SOFTSWITCH_CODER
    #include <stdint.h>
    #include <string.h>

    enum {
        CODER_LONGEST_MS = 120,         /* of audio in a packet that is still decoded (RFC 6716 3.2.5) */
        CODER_HIGHEST_RATE = 48000,
        CODER_MOST_SAMPLES = 120 * 48   /* room that is enough for every packet */
    };

    typedef struct audio_decoder audio_decoder;
    struct audio_decoder {
        uint8_t codec;          /* CODEC_* */
        uint8_t improves;       /* what it gives is better than what came: decoded even where it could be copied */
        uint32_t sample_rate;   /* of the PCM it gives, Hz */
        uint32_t clock_rate;    /* of RTP timestamps, Hz */
        /* PCM samples in a payload, -1: not a payload of this codec. */
        int (*samples)(const audio_decoder *, const uint8_t *payload, int length);
        /* Samples written to pcm, -1: unreadable, or more than `room`. */
        int (*decode)(audio_decoder *, const uint8_t *payload, int length, int16_t *pcm, int room);
        /* The packet before `next` out of what `next` repeats of it: samples, 0: it repeats nothing. NULL: never does. */
        int (*recover)(audio_decoder *, const uint8_t *next, int length, int16_t *pcm, int samples);
        /* The codec's own guess at a lost packet: samples. NULL: it has none. */
        int (*conceal)(audio_decoder *, int16_t *pcm, int samples);
        /* Forget everything heard: what follows is another stream. */
        void (*reset)(audio_decoder *);
    };

    typedef struct audio_encoder audio_encoder;
    struct audio_encoder {
        uint8_t codec;
        uint32_t sample_rate;   /* of the PCM it takes, Hz */
        uint32_t clock_rate;
        uint32_t grain;         /* a packet holds a multiple of this many samples */
        /* Octets written to out, 0: nothing to send (DTX), -1: not a multiple of the grain, or no room. */
        int (*encode)(audio_encoder *, const int16_t *pcm, int samples, uint8_t *out, int room);
        /* How many of a hundred packets the far end loses: repeats more or less in the next ones. NULL: cannot. */
        void (*expect_loss)(audio_encoder *, int percent);
        void (*reset)(audio_encoder *);
    };
    #endif
    """
    enum:
        CODER_LONGEST_MS
        CODER_HIGHEST_RATE
        CODER_MOST_SAMPLES

    ctypedef struct audio_decoder:
        uint8_t codec
        uint8_t improves
        uint32_t sample_rate
        uint32_t clock_rate
        int (*samples)(const audio_decoder *decoder, const uint8_t *payload, int length) noexcept nogil
        int (*decode)(
            audio_decoder *decoder, const uint8_t *payload, int length, int16_t *pcm, int room
        ) noexcept nogil
        int (*recover)(
            audio_decoder *decoder, const uint8_t *following, int length, int16_t *pcm, int samples
        ) noexcept nogil
        int (*conceal)(audio_decoder *decoder, int16_t *pcm, int samples) noexcept nogil
        void (*reset)(audio_decoder *decoder) noexcept nogil

    ctypedef struct audio_encoder:
        uint8_t codec
        uint32_t sample_rate
        uint32_t clock_rate
        uint32_t grain
        int (*encode)(audio_encoder *encoder, const int16_t *pcm, int samples, uint8_t *out, int room) noexcept nogil
        void (*expect_loss)(audio_encoder *encoder, int percent) noexcept nogil
        void (*reset)(audio_encoder *encoder) noexcept nogil
