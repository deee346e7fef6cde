"""Decoders and encoders for the engine: made and owned by Python, used by address without the GIL."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from audiocodecs.coder cimport CODER_MOST_SAMPLES, audio_decoder, audio_encoder
from audiocodecs.linear_coders cimport (
    alaw_decode, alaw_encode, g711_samples, l16_decode, l16_encode, l16_samples, nothing_decoded_to_forget,
    nothing_encoded_to_forget, ulaw_decode, ulaw_encode,
)
from audiocodecs.registry cimport CODEC_L16, CODEC_PCMA, CODEC_PCMU

from audiocodecs.registry import codec_by_name

LINEAR_RATES = (8000, 16000, 24000, 32000, 48000)
CODABLE = ("PCMA", "PCMU", "L16")

cdef enum:
    MOST_OCTETS = 2 * CODER_MOST_SAMPLES


class CodecUnavailable(Exception):
    """This codec cannot be coded here: the switch can only relay it."""

    def __init__(self, codec: str, why: str) -> None:
        super().__init__(f"{codec} can only be relayed, not decoded or encoded: {why}")
        self.codec = codec
        self.why = why


def why_unavailable(codec):
    known = codec_by_name(codec)
    return None if known is not None and known.name in CODABLE else "this switch has no coder for it"


cdef object _codable(str codec):
    why = why_unavailable(codec)
    if why is not None:
        raise CodecUnavailable(codec, why)
    return codec_by_name(codec)


cdef uint32_t _rate(object known, object wanted, tuple rates) except 0:
    rate = known.sample_rate if wanted is None else wanted
    if rate not in rates:
        raise ValueError(f"{known.name} at {rate} Hz: expected one of {', '.join(map(str, rates))}")
    return rate


cdef const uint8_t[::1] _octets(object data):
    return memoryview(data).cast("B")


cdef const uint8_t[::1] _samples(object pcm) except *:
    cdef const uint8_t[::1] octets = _octets(pcm)
    if octets.shape[0] % 2:
        raise ValueError(f"16-bit samples expected, got {octets.shape[0]} bytes")
    return octets


cdef class Decoder:
    cdef audio_decoder *coder

    def __cinit__(self, str codec, sample_rate=None):
        known = _codable(codec)
        rates = LINEAR_RATES if known.name == "L16" else (8000,)
        cdef uint32_t rate = _rate(known, sample_rate, rates)
        self.coder = <audio_decoder *>calloc(1, sizeof(audio_decoder))
        if self.coder == NULL:
            raise MemoryError
        self.coder.codec = known.number
        self.coder.sample_rate = self.coder.clock_rate = rate
        self.coder.reset = nothing_decoded_to_forget
        if known.number == CODEC_L16:
            self.coder.samples, self.coder.decode = l16_samples, l16_decode
        else:
            self.coder.samples = g711_samples
            self.coder.decode = alaw_decode if known.number == CODEC_PCMA else ulaw_decode

    def __dealloc__(self):
        free(self.coder)

    @property
    def address(self):
        return <uintptr_t>self.coder

    @property
    def codec(self):
        return self.coder.codec

    @property
    def sample_rate(self):
        return self.coder.sample_rate

    @property
    def clock_rate(self):
        return self.coder.clock_rate

    def samples(self, payload):
        cdef const uint8_t[::1] data = _octets(payload)
        return self.coder.samples(self.coder, &data[0] if data.shape[0] else NULL, <int>data.shape[0])

    def decode(self, payload):
        cdef const uint8_t[::1] data = _octets(payload)
        cdef int16_t[CODER_MOST_SAMPLES] pcm
        cdef int length = <int>data.shape[0], given
        given = self.coder.decode(self.coder, &data[0] if length else NULL, length, pcm, CODER_MOST_SAMPLES)
        if given < 0:
            raise ValueError(f"{length} octets are no payload of this codec")
        return PyBytes_FromStringAndSize(<char *>pcm, 2 * given)

    def recover(self, following, int samples):
        cdef const uint8_t[::1] data = _octets(following)
        cdef int16_t[CODER_MOST_SAMPLES] pcm
        cdef int length = <int>data.shape[0], given
        if not 0 < samples <= CODER_MOST_SAMPLES:
            raise ValueError(f"{samples} samples: expected 1 to {CODER_MOST_SAMPLES}")
        if self.coder.recover == NULL:
            return b""
        given = self.coder.recover(self.coder, &data[0] if length else NULL, length, pcm, samples)
        return PyBytes_FromStringAndSize(<char *>pcm, 2 * max(given, 0))

    def conceal(self, int samples):
        cdef int16_t[CODER_MOST_SAMPLES] pcm
        cdef int given
        if not 0 < samples <= CODER_MOST_SAMPLES:
            raise ValueError(f"{samples} samples: expected 1 to {CODER_MOST_SAMPLES}")
        if self.coder.conceal == NULL:
            return None
        given = self.coder.conceal(self.coder, pcm, samples)
        return PyBytes_FromStringAndSize(<char *>pcm, 2 * max(given, 0))

    def reset(self):
        self.coder.reset(self.coder)


cdef class Encoder:
    cdef audio_encoder *coder

    def __cinit__(self, str codec, sample_rate=None, *, bitrate=None, int complexity=0, bint fec=True, bint dtx=False):
        known = _codable(codec)
        rates = LINEAR_RATES if known.name == "L16" else (8000,)
        cdef uint32_t rate = _rate(known, sample_rate, rates)
        self.coder = <audio_encoder *>calloc(1, sizeof(audio_encoder))
        if self.coder == NULL:
            raise MemoryError
        self.coder.codec = known.number
        self.coder.sample_rate = self.coder.clock_rate = rate
        self.coder.grain = rate // 1000
        self.coder.reset = nothing_encoded_to_forget
        if known.number == CODEC_L16:
            self.coder.encode = l16_encode
        else:
            self.coder.encode = alaw_encode if known.number == CODEC_PCMA else ulaw_encode

    def __dealloc__(self):
        free(self.coder)

    @property
    def address(self):
        return <uintptr_t>self.coder

    @property
    def codec(self):
        return self.coder.codec

    @property
    def sample_rate(self):
        return self.coder.sample_rate

    @property
    def clock_rate(self):
        return self.coder.clock_rate

    @property
    def grain(self):
        return self.coder.grain

    def encode(self, pcm):
        cdef const uint8_t[::1] data = _samples(pcm)
        cdef int samples = <int>(data.shape[0] // 2), given
        cdef uint8_t[MOST_OCTETS] out
        given = self.coder.encode(self.coder, <const int16_t *>&data[0] if samples else NULL, samples, out, MOST_OCTETS)
        if given < 0:
            raise ValueError(f"{samples} samples: expected a multiple of {self.coder.grain}, at most 120 ms")
        return PyBytes_FromStringAndSize(<char *>out, given)

    def expect_loss(self, int percent):
        if self.coder.expect_loss != NULL:
            self.coder.expect_loss(self.coder, percent)

    def reset(self):
        self.coder.reset(self.coder)
