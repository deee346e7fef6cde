"""Every codec the switch can name: number, clock rate, samples per millisecond. Numbers as in `registry.pxd`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownCodec:
    """One codec. `clock_rate` is the RTP clock, which for G722 is 8000 though it samples at 16 kHz (RFC 3551 4.5.2)."""

    number: int
    name: str
    clock_rate: int
    sample_rate: int
    static_payload_type: int | None = None

    @property
    def timestamps_per_ms(self) -> int:
        """By how much the RTP timestamp moves in a millisecond."""
        return self.clock_rate // 1000

    @property
    def samples_per_ms(self) -> int:
        """How many samples of audio a millisecond holds."""
        return self.sample_rate // 1000


PCMU = KnownCodec(0, "PCMU", 8000, 8000, 0)
GSM = KnownCodec(3, "GSM", 8000, 8000, 3)
PCMA = KnownCodec(8, "PCMA", 8000, 8000, 8)
G722 = KnownCodec(9, "G722", 8000, 16000, 9)
CN = KnownCodec(13, "CN", 8000, 8000, 13)
G729 = KnownCodec(18, "G729", 8000, 8000, 18)
TELEPHONE_EVENT = KnownCodec(128, "telephone-event", 8000, 8000)
OPUS = KnownCodec(129, "opus", 48000, 48000)
L16 = KnownCodec(130, "L16", 8000, 8000)
AMR_WB = KnownCodec(131, "AMR-WB", 16000, 16000)

UNKNOWN_NUMBER = 255

CODECS = (PCMU, GSM, PCMA, G722, CN, G729, TELEPHONE_EVENT, OPUS, L16, AMR_WB)
_BY_NAME = {codec.name.upper(): codec for codec in CODECS}
_BY_NUMBER = {codec.number: codec for codec in CODECS}


def codec_number(name: str) -> int:
    """The number of the codec with this SDP encoding name (any case), or UNKNOWN_NUMBER."""
    codec = _BY_NAME.get(name.upper())
    return UNKNOWN_NUMBER if codec is None else codec.number


def codec_by_name(name: str) -> KnownCodec | None:
    """The codec with this SDP encoding name; names are case-insensitive (RFC 8866 6.6)."""
    return _BY_NAME.get(name.upper())


def codec_by_number(number: int) -> KnownCodec | None:
    """The codec behind a number of `registry.pxd`; None for UNKNOWN_NUMBER and unassigned ones."""
    return _BY_NUMBER.get(number)
