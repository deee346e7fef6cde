"""Which codec the packets carry, and in which mode."""

from __future__ import annotations

import pytest

from media.commands import PayloadFormat
from media.quality.codecs import ANY_MODE, Mode
from media.quality.usage import Use, audio_of, in_use, mode_of, opus_packet

PCMA, DTMF = PayloadFormat(8, "PCMA", 8000), PayloadFormat(101, "telephone-event", 8000)
OPUS, L16 = PayloadFormat(111, "opus", 48000), PayloadFormat(97, "L16", 16000)


def test_what_comes_decides_and_not_what_was_preferred() -> None:
    formats = (OPUS, PCMA, DTMF)
    assert audio_of(formats) == OPUS
    assert audio_of((DTMF,)) is None
    assert in_use(formats, Use(8, 0xD5, 10, 1600)) == PCMA
    assert in_use(formats, Use(101, 1, 10, 40)) is None
    assert in_use(formats, Use(77, 1, 10, 40)) is None
    assert in_use(formats, None) is None


# RFC 6716 table 2: configuration, and code of frames.
@pytest.mark.parametrize(
    ("configuration", "code", "rate", "milliseconds"),
    [
        (1, 0, 8000, 20),
        (3, 1, 8000, 120),
        (5, 0, 12000, 20),
        (9, 0, 16000, 20),
        (11, 2, 16000, 120),
        (13, 0, 24000, 20),
        (15, 0, 48000, 20),
        (16, 0, 8000, 2.5),
        (23, 0, 16000, 20),
        (27, 1, 24000, 40),
        (31, 0, 48000, 20),
        (31, 3, 48000, 0),
    ],
)
def test_opus_names_its_bandwidth_in_each_packet(configuration: int, code: int, rate: int, milliseconds: float) -> None:
    assert opus_packet(configuration << 3 | code) == (rate, milliseconds)
    assert opus_packet(configuration << 3 | 4 | code) == (rate, milliseconds)


def test_the_bit_rate_is_counted_between_two_looks() -> None:
    narrowband = 1 << 3
    before, after = Use(111, narrowband, 100, 10_000), Use(111, narrowband, 350, 10_000 + 250 * 28)
    assert mode_of(OPUS, before, after) == Mode(8000, pytest.approx(11.2))
    assert mode_of(OPUS, None, Use(111, narrowband, 100, 2750)) == Mode(8000, 11.0)
    assert mode_of(OPUS, after, after) == ANY_MODE
    assert mode_of(OPUS, None, Use(111, narrowband | 3, 100, 2750)) == Mode(8000, 0.0)


def test_other_codecs_say_what_their_rtpmap_says() -> None:
    assert mode_of(L16, None, Use(97, 0, 10, 6400)) == Mode(16000)
    assert mode_of(PCMA, None, Use(8, 0, 10, 1600)) == ANY_MODE
