"""Decoders and encoders for the engine: made and owned by Python, used by address without the GIL."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport calloc, free

from audiocodecs.coder cimport CODER_MOST_SAMPLES, audio_decoder, audio_encoder
from audiocodecs.g722_coder cimport (
    G722_BIT_RATE, G722_FUNCTIONS, G722Decoder, G722Encoder, g722_decode, g722_encode, g722_forget_decoded,
    g722_forget_encoded, g722_functions, g722_names, g722_option, g722_samples,
)
from audiocodecs.g729_coder cimport (
    G729_FUNCTIONS, G729Decoder, G729Encoder, g729_conceal, g729_decode, g729_encode, g729_forget_decoded,
    g729_forget_encoded, g729_functions, g729_names, g729_samples,
)
from audiocodecs.library cimport library_open
from audiocodecs.linear_coders cimport (
    alaw_decode, alaw_encode, g711_samples, l16_decode, l16_encode, l16_samples, nothing_decoded_to_forget,
    nothing_encoded_to_forget, ulaw_decode, ulaw_encode,
)
from audiocodecs.noise_reduction cimport (
    SPEEX_SET_NOISE_SUPPRESS, SPEEXDSP_FUNCTIONS, CleanDecoder, clean_conceal, clean_decode, clean_recover,
    clean_reset, clean_samples, speexdsp_functions, speexdsp_names,
)
from audiocodecs.opus_coder cimport (
    OPUS_APPLICATION_VOIP, OPUS_FUNCTIONS, OPUS_SET_BITRATE, OPUS_SET_DTX, OPUS_SET_INBAND_FEC,
    OPUS_SET_VBR, OpusDecoder, OpusEncoder, opus_conceal, opus_decode, opus_effort, opus_encode, opus_expect_loss,
    opus_forget_decoded, opus_forget_encoded, opus_functions, opus_names, opus_recover, opus_samples,
)
from audiocodecs.registry cimport CODEC_G722, CODEC_G729, CODEC_L16, CODEC_OPUS, CODEC_PCMA, CODEC_PCMU

from audiocodecs.registry import codec_by_name

SAMPLE_RATES = {
    "PCMA": (8000,),
    "PCMU": (8000,),
    "L16": (8000, 16000, 24000, 32000, 48000),
    "G722": (16000, 8000),
    "opus": (48000, 24000, 16000, 12000, 8000),
    "G729": (8000,),
}
CODABLE = tuple(SAMPLE_RATES)
LIBRARIES = {
    "G722": ("libspandsp.so.2", "libspandsp2"),
    "opus": ("libopus.so.0", "libopus0"),
    "G729": ("libbcg729.so.0", "libbcg729-0"),
}

NOISE_REDUCTION = ("libspeexdsp.so.1", "libspeexdsp1")
DEEPEST_DB = 60

cdef enum:
    MOST_OCTETS = 2 * CODER_MOST_SAMPLES

cdef opus_functions _opus
cdef g722_functions _g722
cdef g729_functions _g729
cdef speexdsp_functions _speexdsp
cdef dict _found = {}     # by name of the codec, or library: whether it is here


class CodecUnavailable(Exception):
    """This codec cannot be coded here: the switch can only relay it."""

    def __init__(self, codec, why):
        super().__init__(f"{codec} can only be relayed, not decoded or encoded: {why}")
        self.codec = codec
        self.why = why


class NoiseReductionUnavailable(Exception):
    """Noise cannot be reduced here; the text says what to install."""


cdef bint _open_library(int codec, bytes soname) except *:
    cdef const char *name = soname
    if codec == CODEC_OPUS:
        return library_open(name, <const char **>opus_names, <void **>&_opus, OPUS_FUNCTIONS) == 0
    if codec == CODEC_G722:
        return library_open(name, <const char **>g722_names, <void **>&_g722, G722_FUNCTIONS) == 0
    return library_open(name, <const char **>g729_names, <void **>&_g729, G729_FUNCTIONS) == 0


def why_unavailable(codec):
    known = codec_by_name(codec)
    if known is None or known.name not in SAMPLE_RATES:
        return "this switch has no coder for it"
    if known.name not in LIBRARIES:
        return None
    soname, package = LIBRARIES[known.name]
    if known.name not in _found:
        _found[known.name] = _open_library(known.number, soname.encode())
    return None if _found[known.name] else f"{soname} is not installed (Debian package {package}), or is too old"


def why_no_noise_reduction():
    soname, package = NOISE_REDUCTION
    if soname not in _found:
        _found[soname] = _open_speexdsp(soname.encode())
    return None if _found[soname] else f"{soname} is not installed (Debian package {package})"


cdef bint _open_speexdsp(bytes soname) except *:
    cdef const char *name = soname
    return library_open(name, <const char **>speexdsp_names, <void **>&_speexdsp, SPEEXDSP_FUNCTIONS) == 0


cdef object _codable(str codec):
    why = why_unavailable(codec)
    if why is not None:
        raise CodecUnavailable(codec, why)
    return codec_by_name(codec)


cdef uint32_t _rate(object known, object wanted) except 0:
    rates = SAMPLE_RATES[known.name]
    rate = known.sample_rate if wanted is None else wanted
    if rate not in rates:
        raise ValueError(f"{known.name} at {rate} Hz: expected one of {', '.join(map(str, sorted(rates)))}")
    return rate


cdef void *_zeroed(size_t size) except NULL:
    cdef void *memory = calloc(1, size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef const uint8_t[::1] _octets(object data):
    return memoryview(data).cast("B")


cdef const uint8_t[::1] _samples(object pcm) except *:
    cdef const uint8_t[::1] octets = _octets(pcm)
    if octets.shape[0] % 2:
        raise ValueError(f"16-bit samples expected, got {octets.shape[0]} bytes")
    return octets


cdef class Decoder:
    cdef audio_decoder *coder

    def __cinit__(self, str codec, sample_rate=None, *, int reduce_noise=0):
        known = _codable(codec)
        cdef uint32_t rate = _rate(known, sample_rate)
        cdef int number = known.number
        if number == CODEC_OPUS:
            self._make_opus(rate)
        elif number == CODEC_G722:
            self._make_g722(rate)
        elif number == CODEC_G729:
            self._make_g729()
        else:
            self._make_linear(number)
        self.coder.codec = number
        self.coder.sample_rate = rate
        self.coder.clock_rate = rate if number == CODEC_L16 else known.clock_rate
        if reduce_noise:
            self._reduce_noise(reduce_noise)

    cdef _reduce_noise(self, int depth):
        cdef audio_decoder *inner = self.coder
        cdef CleanDecoder *it
        cdef int wanted = -depth
        why = why_no_noise_reduction()
        if why is not None:
            raise NoiseReductionUnavailable(why)
        if not 0 < depth <= DEEPEST_DB:
            raise ValueError(f"noise lowered by {depth} dB: expected 1 to {DEEPEST_DB}")
        it = <CleanDecoder *>_zeroed(sizeof(CleanDecoder))
        it.base = inner[0]
        it.base.improves = 1
        it.inner = inner
        self.coder = &it.base
        it.base.samples, it.base.decode, it.base.reset = clean_samples, clean_decode, clean_reset
        if inner.recover != NULL:
            it.base.recover = clean_recover
        if inner.conceal != NULL:
            it.base.conceal = clean_conceal
        it.speexdsp = &_speexdsp
        it.block = <int>(inner.sample_rate // 100)
        it.state = _speexdsp.state_init(it.block, <int>inner.sample_rate)
        if it.state == NULL:
            raise MemoryError
        _speexdsp.ctl(it.state, SPEEX_SET_NOISE_SUPPRESS, &wanted)

    cdef _make_linear(self, int number):
        self.coder = <audio_decoder *>_zeroed(sizeof(audio_decoder))
        self.coder.reset = nothing_decoded_to_forget
        if number == CODEC_L16:
            self.coder.samples, self.coder.decode = l16_samples, l16_decode
        else:
            self.coder.samples = g711_samples
            self.coder.decode = alaw_decode if number == CODEC_PCMA else ulaw_decode

    cdef _make_opus(self, uint32_t rate):
        cdef OpusDecoder *it = <OpusDecoder *>_zeroed(sizeof(OpusDecoder))
        self.coder = &it.base
        it.opus = &_opus
        it.state = _zeroed(_opus.decoder_get_size(1))
        if _opus.decoder_init(it.state, rate, 1) != 0:
            raise ValueError(f"libopus refuses a decoder of {rate} Hz")
        it.base.samples, it.base.decode, it.base.recover = opus_samples, opus_decode, opus_recover
        it.base.conceal, it.base.reset = opus_conceal, opus_forget_decoded

    cdef _make_g722(self, uint32_t rate):
        cdef G722Decoder *it = <G722Decoder *>_zeroed(sizeof(G722Decoder))
        self.coder = &it.base
        it.g722 = &_g722
        it.state = _g722.decode_init(NULL, G722_BIT_RATE, g722_option(rate))
        if it.state == NULL:
            raise MemoryError
        it.base.samples, it.base.decode, it.base.reset = g722_samples, g722_decode, g722_forget_decoded

    cdef _make_g729(self):
        cdef G729Decoder *it = <G729Decoder *>_zeroed(sizeof(G729Decoder))
        self.coder = &it.base
        it.g729 = &_g729
        it.state = _g729.decoder_init()
        if it.state == NULL:
            raise MemoryError
        it.base.samples, it.base.decode = g729_samples, g729_decode
        it.base.conceal, it.base.reset = g729_conceal, g729_forget_decoded

    def __dealloc__(self):
        cdef CleanDecoder *clean
        if self.coder == NULL:
            return
        if self.coder.improves:
            clean = <CleanDecoder *>self.coder
            if clean.state != NULL:
                _speexdsp.state_destroy(clean.state)
            self.coder = clean.inner
            free(clean)
        if self.coder.decode == opus_decode:
            free((<OpusDecoder *>self.coder).state)
        elif self.coder.decode == g722_decode:
            _g722.decode_free((<G722Decoder *>self.coder).state)
        elif self.coder.decode == g729_decode:
            _g729.decoder_close((<G729Decoder *>self.coder).state)
        free(self.coder)

    @property
    def address(self):
        return <uintptr_t>self.coder

    @property
    def codec(self):
        return self.coder.codec

    @property
    def memoryless(self):
        return self.coder.reset == nothing_decoded_to_forget

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
        return PyBytes_FromStringAndSize(<char *>pcm, 2 * given)

    def conceal(self, int samples):
        cdef int16_t[CODER_MOST_SAMPLES] pcm
        cdef int given
        if not 0 < samples <= CODER_MOST_SAMPLES:
            raise ValueError(f"{samples} samples: expected 1 to {CODER_MOST_SAMPLES}")
        if self.coder.conceal == NULL:
            return None
        given = self.coder.conceal(self.coder, pcm, samples)
        return PyBytes_FromStringAndSize(<char *>pcm, 2 * given)

    def reset(self):
        self.coder.reset(self.coder)


cdef class Encoder:
    cdef audio_encoder *coder

    def __cinit__(
        self, str codec, sample_rate=None, *, bitrate=None, int complexity=0, int lossy_complexity=0, bint fec=True,
        bint dtx=False, bint cbr=False,
    ):
        known = _codable(codec)
        cdef uint32_t rate = _rate(known, sample_rate)
        cdef int number = known.number
        cdef uint32_t grain = rate // 1000
        if number == CODEC_OPUS:
            self._make_opus(rate)
            grain = rate // 400
        elif number == CODEC_G722:
            self._make_g722(rate)
        elif number == CODEC_G729:
            self._make_g729()
            grain = rate // 100
        else:
            self._make_linear(number)
        self.coder.codec = number
        self.coder.sample_rate = rate
        self.coder.clock_rate = rate if number == CODEC_L16 else known.clock_rate
        self.coder.grain = grain
        self.configure(
            bitrate=bitrate, complexity=complexity, lossy_complexity=lossy_complexity, fec=fec, dtx=dtx, cbr=cbr
        )

    cdef _make_linear(self, int number):
        self.coder = <audio_encoder *>_zeroed(sizeof(audio_encoder))
        self.coder.reset = nothing_encoded_to_forget
        if number == CODEC_L16:
            self.coder.encode = l16_encode
        else:
            self.coder.encode = alaw_encode if number == CODEC_PCMA else ulaw_encode

    cdef _make_opus(self, uint32_t rate):
        cdef OpusEncoder *it = <OpusEncoder *>_zeroed(sizeof(OpusEncoder))
        self.coder = &it.base
        it.opus = &_opus
        it.base.encode, it.base.expect_loss, it.base.reset = opus_encode, opus_expect_loss, opus_forget_encoded
        it.state = _zeroed(_opus.encoder_get_size(1))
        if _opus.encoder_init(it.state, rate, 1, OPUS_APPLICATION_VOIP) != 0:
            raise ValueError(f"libopus refuses an encoder of {rate} Hz")

    def configure(
        self, *, bitrate=None, int complexity=0, int lossy_complexity=0, bint fec=True, bint dtx=False, bint cbr=False
    ):
        cdef OpusEncoder *it = <OpusEncoder *>self.coder
        if self.coder.codec != CODEC_OPUS:
            return
        cdef int wanted = 30000 if bitrate is None else bitrate
        if not 6000 <= wanted <= 510000:
            raise ValueError(f"opus at {wanted} bit/s: expected 6000 to 510000 (RFC 7587 6.1)")
        for each in (complexity, lossy_complexity):
            if not 0 <= each <= 10:
                raise ValueError(f"opus of complexity {each}: expected 0 to 10")
        it.dtx = dtx
        _opus.encoder_ctl(it.state, OPUS_SET_BITRATE, wanted)
        it.complexity = complexity
        it.lossy_complexity = max(complexity, lossy_complexity) if fec else complexity
        opus_effort(it)
        _opus.encoder_ctl(it.state, OPUS_SET_INBAND_FEC, <int>fec)
        _opus.encoder_ctl(it.state, OPUS_SET_DTX, <int>dtx)
        _opus.encoder_ctl(it.state, OPUS_SET_VBR, <int>(not cbr))

    cdef _make_g722(self, uint32_t rate):
        cdef G722Encoder *it = <G722Encoder *>_zeroed(sizeof(G722Encoder))
        self.coder = &it.base
        it.g722 = &_g722
        it.state = _g722.encode_init(NULL, G722_BIT_RATE, g722_option(rate))
        if it.state == NULL:
            raise MemoryError
        it.base.encode, it.base.reset = g722_encode, g722_forget_encoded

    cdef _make_g729(self):
        cdef G729Encoder *it = <G729Encoder *>_zeroed(sizeof(G729Encoder))
        self.coder = &it.base
        it.g729 = &_g729
        it.state = _g729.encoder_init(0)
        if it.state == NULL:
            raise MemoryError
        it.base.encode, it.base.reset = g729_encode, g729_forget_encoded

    def __dealloc__(self):
        if self.coder == NULL:
            return
        if self.coder.encode == opus_encode:
            free((<OpusEncoder *>self.coder).state)
        elif self.coder.encode == g722_encode:
            _g722.encode_free((<G722Encoder *>self.coder).state)
        elif self.coder.encode == g729_encode:
            _g729.encoder_close((<G729Encoder *>self.coder).state)
        free(self.coder)

    @property
    def address(self):
        return <uintptr_t>self.coder

    @property
    def codec(self):
        return self.coder.codec

    @property
    def memoryless(self):
        return self.coder.reset == nothing_encoded_to_forget

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
            raise ValueError(
                f"{samples} samples at {self.coder.sample_rate} Hz: expected a multiple of {self.coder.grain}, "
                "and a packet time this codec has"
            )
        return PyBytes_FromStringAndSize(<char *>out, given)

    def expect_loss(self, int percent):
        if self.coder.expect_loss != NULL:
            self.coder.expect_loss(self.coder, percent)

    def reset(self):
        self.coder.reset(self.coder)
