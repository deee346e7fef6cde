"""Decoders and encoders for the engine, made and owned by Python. PCM is mono, 16 bit, native byte order.

The engine gets `address` and uses the coder without the GIL, from one thread at a time: whoever hands an address over
keeps the object alive until the engine has let go of it. The methods here do the same for one buffer at a time.
"""

from typing_extensions import Buffer

SAMPLE_RATES: dict[str, tuple[int, ...]]
"""By SDP encoding name: the rates of PCM each codec takes and gives, Hz. G722 at 8000 leaves its upper band out."""
CODABLE: tuple[str, ...]
"""SDP encoding names of what can be decoded and encoded, given the libraries each needs."""
LIBRARIES: dict[str, tuple[str, str]]
"""By SDP encoding name: the shared library opened when the first coder is made, and the Debian package it is in."""

class CodecUnavailable(Exception):
    """A codec that can be relayed here but not decoded or encoded; `why` names the library to install, if one would."""

    codec: str
    why: str
    def __init__(self, codec: str, why: str) -> None: ...

class NoiseReductionUnavailable(Exception):
    """Noise cannot be reduced here; the text says what to install."""

def why_no_noise_reduction() -> str | None:
    """Why noise cannot be reduced here and now; None: it can."""

def why_unavailable(codec: str) -> str | None:
    """Why `codec` (an SDP encoding name, any case) cannot be coded here and now; None: it can."""

class Decoder:
    """From payloads to PCM. `sample_rate` in Hz; None: the codec's own, which L16 and opus have several of.

    `reduce_noise`: dB by which steady noise is lowered (libspeexdsp), in blocks of 10 ms; 0: not at all. Raises
    CodecUnavailable, NoiseReductionUnavailable, and ValueError for a rate this codec does not have.
    """

    def __init__(self, codec: str, sample_rate: int | None = None, *, reduce_noise: int = 0) -> None: ...
    @property
    def address(self) -> int:
        """Of the C struct `audio_decoder` (`coder.pxd`)."""
    @property
    def codec(self) -> int:
        """The number of `registry.pxd`."""
    @property
    def memoryless(self) -> bool:
        """It keeps nothing from packet to packet: one serves any number of streams, and any number of threads."""
    @property
    def sample_rate(self) -> int:
        """Of the PCM given, Hz."""
    @property
    def clock_rate(self) -> int:
        """Of RTP timestamps, Hz."""
    def samples(self, payload: Buffer) -> int:
        """How many samples of PCM `payload` holds; -1: not a payload of this codec."""
    def decode(self, payload: Buffer) -> bytes:
        """Decode one packet's payload. Raises ValueError when it is none of this codec's."""
    def recover(self, following: Buffer, samples: int) -> bytes:
        """The `samples` before the payload `following`, as far as that repeats them; empty when it does not."""
    def conceal(self, samples: int) -> bytes | None:
        """The codec's own guess at `samples` that were lost; None: it has none."""
    def reset(self) -> None:
        """Forget what was heard: another stream follows."""

class Encoder:
    """From PCM to payloads; `sample_rate` as for `Decoder`. The rest is for codecs that have a choice.

    `bitrate` in bit/s of payload (None: 30000, which leaves 20 of 50 kbit/s to the headers of 50 packets a second),
    `complexity` 0 to 10, `fec`: repeat a little of each packet in the next one while loss is expected, `dtx`: send
    nothing in silence, `cbr`: packets of one length. At complexity 0 and 1 libopus needs 26 kbit/s before it repeats.
    Opus packets last 2.5, 5, 10, 20, 40 or 60 ms. Raises CodecUnavailable, and ValueError for what opus does not have.
    """

    def __init__(
        self,
        codec: str,
        sample_rate: int | None = None,
        *,
        bitrate: int | None = None,
        complexity: int = 0,
        lossy_complexity: int = 0,
        fec: bool = True,
        dtx: bool = False,
        cbr: bool = False,
    ) -> None: ...
    @property
    def address(self) -> int:
        """Of the C struct `audio_encoder` (`coder.pxd`)."""
    @property
    def codec(self) -> int:
        """The number of `registry.pxd`."""
    @property
    def memoryless(self) -> bool:
        """As of a Decoder."""
    @property
    def sample_rate(self) -> int:
        """Of the PCM taken, Hz."""
    @property
    def clock_rate(self) -> int:
        """Of RTP timestamps, Hz."""
    @property
    def grain(self) -> int:
        """A packet holds a multiple of this many samples."""
    def encode(self, pcm: Buffer) -> bytes:
        """Encode one packet; empty when there is nothing to send (DTX). Raises ValueError for a length it cannot be."""
    def configure(
        self,
        *,
        bitrate: int | None = None,
        complexity: int = 0,
        lossy_complexity: int = 0,
        fec: bool = True,
        dtx: bool = False,
        cbr: bool = False,
    ) -> None:
        """Change what was asked for, while no other thread uses this encoder. Raises ValueError as when it was made."""
    def expect_loss(self, percent: int) -> None:
        """Tell how many of a hundred packets the far end loses. Nothing happens where the codec cannot use it.

        Opus with FEC is encoded with `lossy_complexity`, where that is more, from 3 on until it is 1 again.
        """
    def reset(self) -> None:
        """Forget what was said: another stream follows."""
