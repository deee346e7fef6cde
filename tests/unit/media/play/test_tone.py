"""Tones: right frequency, right level, right cadence, and a loop one cannot hear."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import pytest
from audiocodecs import g711

from media.commands import Tone
from media.play.tone import FULL_SCALE_DBM0, TEST_TONE, TONES, dtmf, render_tone

EVERY_TONE = [(region, name) for region, tones in TONES.items() for name in tones]


def samples(tone: Tone, *, rounds: int = 1) -> list[int]:
    """What a phone that hears the tone so many times round hears."""
    return array("h", g711.alaw_to_linear(render_tone(tone).pcma * rounds)).tolist()


def power(wave: list[int], frequency: float) -> float:
    """Goertzel: the level of one frequency in dBm0."""
    step = 2 * math.pi * frequency / 8000
    re = sum(x * math.cos(step * n) for n, x in enumerate(wave))
    im = sum(x * math.sin(step * n) for n, x in enumerate(wave))
    amplitude = 2 * math.hypot(re, im) / len(wave)
    return 20 * math.log10(max(amplitude, 1e-9) / 32768) + FULL_SCALE_DBM0


def level(wave: list[int]) -> float:
    mean_square = sum(x * x for x in wave) / len(wave)
    return 10 * math.log10(2 * mean_square / 32768**2) + FULL_SCALE_DBM0


@pytest.mark.parametrize(("region", "name"), EVERY_TONE)
def test_frequencies_and_level(region: str, name: str) -> None:
    tone = TONES[region][name]  # type: ignore[index]
    on = tone.cadence[0] * 8 if tone.cadence else 8000
    wave = samples(tone, rounds=1 if tone.cadence else 5)[200 : on - 200]
    wave = wave[: len(wave) // 1600 * 1600]
    share = 10 * math.log10(len(tone.frequencies))
    assert level(wave) == pytest.approx(tone.level_dbm0, abs=0.3)
    for frequency in tone.frequencies:
        assert power(wave, frequency) == pytest.approx(tone.level_dbm0 - share, abs=0.3)
    assert power(wave, 1700) < tone.level_dbm0 - 40


@pytest.mark.parametrize(("region", "name"), EVERY_TONE)
def test_one_round_is_one_cadence(region: str, name: str) -> None:
    tone = TONES[region][name]  # type: ignore[index]
    source = render_tone(tone)
    if not tone.cadence:
        return
    assert source.duration == pytest.approx(sum(tone.cadence) / 1000)
    wave, at = samples(tone), 0
    for on, off in zip(tone.cadence[::2], tone.cadence[1::2], strict=True):
        assert level(wave[at : at + on * 8]) > tone.level_dbm0 - 1
        assert max(map(abs, wave[at + on * 8 : at + (on + off) * 8])) <= 8  # A-law's smallest value
        at += (on + off) * 8


@pytest.mark.parametrize("tone", [TONES["eu"]["dial"], TONES["us"]["dial"], TEST_TONE, Tone((997, 1301))])
def test_a_continuous_tone_joins_its_own_start(tone: Tone) -> None:
    wave = samples(tone, rounds=2)
    seam = len(wave) // 2
    steepest = max(abs(b - a) for a, b in pairwise(wave[: seam - 1]))
    assert abs(wave[seam] - wave[seam - 1]) <= steepest
    long = samples(tone, rounds=5)[:8000]
    noise = level(long) - max(power(long, frequency) for frequency in tone.frequencies)
    assert noise < 10 * math.log10(len(tone.frequencies)) + 0.1


def test_the_test_tone_is_the_digital_milliwatt() -> None:
    assert level(samples(TEST_TONE)) == pytest.approx(0.0, abs=0.15)


@pytest.mark.parametrize(
    ("key", "low", "high"), [("1", 697, 1209), ("5", 770, 1336), ("#", 941, 1477), ("d", 941, 1633)]
)
def test_dtmf_pairs(key: str, low: int, high: int) -> None:
    tone = dtmf(key)
    assert tone.frequencies == (low, high)
    wave = samples(tone)[:800]
    assert power(wave, low) == pytest.approx(-9, abs=0.6)
    assert power(wave, high) == pytest.approx(-9, abs=0.6)


def test_a_key_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="0-9"):
        dtmf("E")


@pytest.mark.parametrize(
    ("tone", "complaint"),
    [
        (Tone(()), "frequencies"),
        (Tone((4000,)), "frequencies"),
        (Tone((425,), (500,)), "pairs"),
        (Tone((425,), (500, 0)), "pairs"),
        (Tone((425,), (40000, 40000)), "within 60 s"),
        (Tone((425,), (), 6.0), "dBm0"),
    ],
)
def test_tones_that_cannot_be_made(tone: Tone, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        render_tone(tone)


def test_a_tone_is_made_once() -> None:
    assert render_tone(Tone((425,), (480, 480))) is render_tone(Tone((425,), (480, 480)))
