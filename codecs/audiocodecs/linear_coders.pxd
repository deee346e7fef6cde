# Coders without memory: G.711 (one octet a sample) and L16 (RFC 3551 4.5.11: two, network byte order).

from libc.stdint cimport int16_t, uint8_t, uint32_t

from audiocodecs.coder cimport CODER_LONGEST_MS, audio_decoder, audio_encoder
from audiocodecs.g711 cimport g711_encode_alaw_many, g711_encode_ulaw_many, g711_from_alaw, g711_from_ulaw


cdef inline int _within(uint32_t sample_rate, int samples) noexcept nogil:
    """`samples` if that is a packet's worth of audio, else -1."""
    return samples if 0 < samples <= <int>(sample_rate // 1000) * CODER_LONGEST_MS else -1


cdef inline int g711_samples(const audio_decoder *decoder, const uint8_t *payload, int length) noexcept nogil:
    return _within(decoder.sample_rate, length)


cdef inline int _expand(const int16_t *table, const uint8_t *payload, int length, int16_t *pcm) noexcept nogil:
    cdef int i
    for i in range(length):
        pcm[i] = table[payload[i]]
    return length


cdef inline int alaw_decode(
    audio_decoder *decoder, const uint8_t *payload, int length, int16_t *pcm, int room
) noexcept nogil:
    if g711_samples(decoder, payload, length) < 0 or length > room:
        return -1
    return _expand(g711_from_alaw, payload, length, pcm)


cdef inline int ulaw_decode(
    audio_decoder *decoder, const uint8_t *payload, int length, int16_t *pcm, int room
) noexcept nogil:
    if g711_samples(decoder, payload, length) < 0 or length > room:
        return -1
    return _expand(g711_from_ulaw, payload, length, pcm)


cdef inline int alaw_encode(
    audio_encoder *encoder, const int16_t *pcm, int samples, uint8_t *out, int room
) noexcept nogil:
    if samples <= 0 or samples > room or samples % encoder.grain:
        return -1
    g711_encode_alaw_many(pcm, out, samples)
    return samples


cdef inline int ulaw_encode(
    audio_encoder *encoder, const int16_t *pcm, int samples, uint8_t *out, int room
) noexcept nogil:
    if samples <= 0 or samples > room or samples % encoder.grain:
        return -1
    g711_encode_ulaw_many(pcm, out, samples)
    return samples


cdef inline int l16_samples(const audio_decoder *decoder, const uint8_t *payload, int length) noexcept nogil:
    return -1 if length & 1 else _within(decoder.sample_rate, length >> 1)


cdef inline int l16_decode(
    audio_decoder *decoder, const uint8_t *payload, int length, int16_t *pcm, int room
) noexcept nogil:
    cdef int samples = l16_samples(decoder, payload, length), i
    if samples < 0 or samples > room:
        return -1
    for i in range(samples):
        pcm[i] = <int16_t>(payload[2 * i] << 8 | payload[2 * i + 1])
    return samples


cdef inline int l16_encode(
    audio_encoder *encoder, const int16_t *pcm, int samples, uint8_t *out, int room
) noexcept nogil:
    cdef int i
    if samples <= 0 or 2 * samples > room or samples % encoder.grain:
        return -1
    for i in range(samples):
        out[2 * i] = <uint8_t>(<int>pcm[i] >> 8)
        out[2 * i + 1] = <uint8_t>pcm[i]
    return 2 * samples


cdef inline void nothing_decoded_to_forget(audio_decoder *decoder) noexcept nogil:
    pass


cdef inline void nothing_encoded_to_forget(audio_encoder *encoder) noexcept nogil:
    pass
