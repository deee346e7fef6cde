# Opus (RFC 6716) by libopus, with prototypes of our own: no headers and no link-time dependency.
#
# Decoders and encoders are mono. A stereo packet comes out as the mean of both channels, and at any of the five rates
# without a resampler: at 8 kHz an Opus leg meets G.711 directly.

from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t

from audiocodecs.coder cimport audio_decoder, audio_encoder

cdef extern from *:
    """
    #ifndef SOFTSWITCH_OPUS
    #define SOFTSWITCH_OPUS
    #include <stdint.h>

    enum {
        OPUS_APPLICATION_VOIP = 2048,
        OPUS_SET_BITRATE = 4002, OPUS_SET_VBR = 4006, OPUS_SET_COMPLEXITY = 4010, OPUS_SET_INBAND_FEC = 4012,
        OPUS_SET_PACKET_LOSS_PERC = 4014, OPUS_SET_DTX = 4016, OPUS_RESET_STATE = 4028
    };
    enum { OPUS_MOST_FRAMES = 48 };     /* in a packet, RFC 6716 3.2.5 */
    enum { OPUS_LOSSY = 3, OPUS_CLEAN = 1 };  /* percent: more effort from the one on, the usual again from the other */

    typedef struct {
        int (*decoder_get_size)(int channels);
        int (*decoder_init)(void *state, int32_t rate, int channels);
        int (*decode)(void *state, const unsigned char *data, int32_t length, int16_t *pcm, int samples, int fec);
        int (*decoder_ctl)(void *state, int request, ...);
        int (*encoder_get_size)(int channels);
        int (*encoder_init)(void *state, int32_t rate, int channels, int application);
        int32_t (*encode)(void *state, const int16_t *pcm, int samples, unsigned char *out, int32_t room);
        int (*encoder_ctl)(void *state, int request, ...);
        int (*packet_get_nb_samples)(const unsigned char *packet, int32_t length, int32_t rate);
        int (*packet_parse)(const unsigned char *packet, int32_t length, unsigned char *toc,
                            const unsigned char **frames, int16_t *sizes, int *payload_offset);
    } opus_functions;

    static const char *const opus_names[] = {
        "opus_decoder_get_size", "opus_decoder_init", "opus_decode", "opus_decoder_ctl",
        "opus_encoder_get_size", "opus_encoder_init", "opus_encode", "opus_encoder_ctl",
        "opus_packet_get_nb_samples", "opus_packet_parse",
    };
    enum { OPUS_FUNCTIONS = sizeof opus_names / sizeof *opus_names };
    #endif
    """
    enum:
        OPUS_APPLICATION_VOIP
        OPUS_SET_BITRATE
        OPUS_SET_VBR
        OPUS_SET_COMPLEXITY
        OPUS_SET_INBAND_FEC
        OPUS_SET_PACKET_LOSS_PERC
        OPUS_SET_DTX
        OPUS_RESET_STATE
        OPUS_MOST_FRAMES
        OPUS_LOSSY
        OPUS_CLEAN
        OPUS_FUNCTIONS

    const char *opus_names[]

    ctypedef struct opus_functions:
        int (*decoder_get_size)(int channels) noexcept nogil
        int (*decoder_init)(void *state, int32_t rate, int channels) noexcept nogil
        int (*decode)(
            void *state, const uint8_t *data, int32_t length, int16_t *pcm, int samples, int fec
        ) noexcept nogil
        int (*decoder_ctl)(void *state, int request, ...) noexcept nogil
        int (*encoder_get_size)(int channels) noexcept nogil
        int (*encoder_init)(void *state, int32_t rate, int channels, int application) noexcept nogil
        int32_t (*encode)(void *state, const int16_t *pcm, int samples, uint8_t *out, int32_t room) noexcept nogil
        int (*encoder_ctl)(void *state, int request, ...) noexcept nogil
        int (*packet_get_nb_samples)(const uint8_t *packet, int32_t length, int32_t rate) noexcept nogil
        int (*packet_parse)(
            const uint8_t *packet, int32_t length, uint8_t *toc, const uint8_t **frames, int16_t *sizes, int *offset
        ) noexcept nogil

cdef struct OpusDecoder:
    audio_decoder base
    const opus_functions *opus
    void *state

cdef struct OpusEncoder:
    audio_encoder base
    const opus_functions *opus
    void *state
    bint dtx
    int complexity
    int lossy_complexity    # while packets are lost: what repeats them is only good if it is coded well
    bint lossy


cdef inline int opus_samples(const audio_decoder *decoder, const uint8_t *payload, int length) noexcept nogil:
    cdef const OpusDecoder *it = <const OpusDecoder *>decoder
    cdef int samples
    if length <= 0:
        return -1
    samples = it.opus.packet_get_nb_samples(payload, length, <int32_t>decoder.sample_rate)
    return samples if samples > 0 else -1


cdef inline int opus_decode(
    audio_decoder *decoder, const uint8_t *payload, int length, int16_t *pcm, int room
) noexcept nogil:
    cdef OpusDecoder *it = <OpusDecoder *>decoder
    cdef int samples
    if length <= 0:
        return -1       # libopus would take this for a lost packet
    samples = it.opus.decode(it.state, payload, length, pcm, room, 0)
    return samples if samples > 0 else -1


cdef inline int _opus_steps(const audio_decoder *decoder, int samples) noexcept nogil:
    """As much of `samples` as is whole steps of 2.5 ms, the grain of libopus, and no more than a packet's worth."""
    cdef int step = <int>(decoder.sample_rate // 400)
    return min(samples, 48 * step) // step * step


cdef inline bint opus_repeats(const opus_functions *opus, const uint8_t *packet, int length) noexcept nogil:
    """Whether the packet's first frame repeats the one before it: the LBRR flags of RFC 6716 4.2.3."""
    cdef const uint8_t *frames[OPUS_MOST_FRAMES]
    cdef int16_t sizes[OPUS_MOST_FRAMES]
    cdef int configuration, voice_flags
    if length <= 0 or opus.packet_parse(packet, length, NULL, frames, sizes, NULL) <= 0 or sizes[0] <= 0:
        return False
    configuration = packet[0] >> 3
    if configuration >= 16:
        return False    # CELT only
    # One flag of voice activity for each 20 ms, then the flag wanted; the same again for a second channel.
    voice_flags = 1 if configuration >= 12 else max(1, configuration & 3)
    if frames[0][0] >> (7 - voice_flags) & 1:
        return True
    return packet[0] & 4 != 0 and frames[0][0] >> (6 - 2 * voice_flags) & 1 != 0


cdef inline int opus_recover(
    audio_decoder *decoder, const uint8_t *following, int length, int16_t *pcm, int samples
) noexcept nogil:
    cdef OpusDecoder *it = <OpusDecoder *>decoder
    cdef int given
    samples = _opus_steps(decoder, samples)
    if samples <= 0 or not opus_repeats(it.opus, following, length):
        return 0
    given = it.opus.decode(it.state, following, length, pcm, samples, 1)
    return max(given, 0)


cdef inline int opus_conceal(audio_decoder *decoder, int16_t *pcm, int samples) noexcept nogil:
    cdef OpusDecoder *it = <OpusDecoder *>decoder
    cdef int given
    samples = _opus_steps(decoder, samples)
    if samples <= 0:
        return 0
    given = it.opus.decode(it.state, NULL, 0, pcm, samples, 0)
    return max(given, 0)


cdef inline void opus_forget_decoded(audio_decoder *decoder) noexcept nogil:
    cdef OpusDecoder *it = <OpusDecoder *>decoder
    it.opus.decoder_ctl(it.state, OPUS_RESET_STATE)


cdef inline int opus_encode(
    audio_encoder *encoder, const int16_t *pcm, int samples, uint8_t *out, int room
) noexcept nogil:
    cdef OpusEncoder *it = <OpusEncoder *>encoder
    cdef int step = <int>encoder.grain      # 2.5 ms
    cdef int length
    if samples <= 0 or samples > 24 * step or room < 3:
        return -1
    length = it.opus.encode(it.state, pcm, samples, out, room)      # refuses what no frame lasts: 30 and 50 ms
    if length <= 0:
        return -1
    # Two octets or less are libopus's word for "need not be sent" (opus_encode, DTX).
    return 0 if it.dtx and length <= 2 else length


cdef inline void opus_effort(OpusEncoder *it) noexcept nogil:
    it.opus.encoder_ctl(it.state, OPUS_SET_COMPLEXITY, <int>(it.lossy_complexity if it.lossy else it.complexity))


cdef inline void opus_expect_loss(audio_encoder *encoder, int percent) noexcept nogil:
    cdef OpusEncoder *it = <OpusEncoder *>encoder
    it.opus.encoder_ctl(it.state, OPUS_SET_PACKET_LOSS_PERC, <int>min(max(percent, 0), 100))
    if percent >= OPUS_LOSSY and not it.lossy:
        it.lossy = True
    elif percent <= OPUS_CLEAN and it.lossy:
        it.lossy = False
    else:
        return
    opus_effort(it)


cdef inline void opus_forget_encoded(audio_encoder *encoder) noexcept nogil:
    cdef OpusEncoder *it = <OpusEncoder *>encoder
    it.opus.encoder_ctl(it.state, OPUS_RESET_STATE)
