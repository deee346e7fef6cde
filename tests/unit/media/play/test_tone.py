"""Tones: right frequency, right level, right cadence, and a loop one cannot hear."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import numpy as np
import pytest
from audiocodecs import g711
from audiocodecs.registry import PCMA

from media.commands import Tone
from media.play.countries import RECOMMENDED, TONES, ToneName, tones_of
from media.play.tone import FULL_SCALE_DBM0, TEST_TONE, dtmf, render_tone

NAMES: tuple[ToneName, ...] = ("dial", "ringback", "busy", "congestion", "special_information", "call_waiting")
EVERY_TONE = {tone: f"{country}-{name}" for country in TONES for name in NAMES for tone in [TONES[country].named(name)]}
EACH_TONE = pytest.mark.parametrize("tone", EVERY_TONE, ids=EVERY_TONE.values())


def samples(tone: Tone, *, rounds: int = 1) -> list[int]:
    """What a phone that hears the tone so many times round hears."""
    source = render_tone(tone)
    track = source.track(PCMA.number)
    assert track is not None
    return array("h", g711.alaw_to_linear(track[: source.length] * rounds)).tolist()


def power(wave: list[int], frequency: float) -> float:
    """The level of one frequency in dBm0."""
    turn = np.exp(2j * np.pi * frequency / 8000 * np.arange(len(wave)))
    amplitude = 2 * abs(np.dot(wave, turn)) / len(wave)
    return 20 * math.log10(max(amplitude, 1e-9) / 32768) + FULL_SCALE_DBM0


def level(wave: list[int]) -> float:
    return 10 * math.log10(2 * float(np.mean(np.square(np.array(wave, dtype=float)))) / 32768**2) + FULL_SCALE_DBM0


@EACH_TONE
def test_frequencies_and_level(tone: Tone) -> None:
    wave, at = samples(tone, rounds=1 if tone.cadence else 5), 0
    turns = tone.bursts or (tone.frequencies,)
    for turn, (on, off) in enumerate(zip(tone.cadence[::2] or (1000,), tone.cadence[1::2] or (0,), strict=True)):
        frequencies = turns[turn % len(turns)]
        burst = wave[at + 32 : at + on * 8 - 32]
        at += (on + off) * 8
        if len(burst) < 1600:
            continue  # too short to tell frequencies apart
        burst = burst[: len(burst) // 1600 * 1600]
        share = 10 * math.log10(len(frequencies))
        beats = len(frequencies) == 2 and abs(frequencies[0] - frequencies[1]) < 60
        assert level(burst) == pytest.approx(tone.level_dbm0, abs=1.5 if beats else 0.3)
        for frequency in frequencies:
            assert power(burst, frequency) == pytest.approx(tone.level_dbm0 - share, abs=1.5 if beats else 0.4)
        assert power(burst, 2300) < tone.level_dbm0 - 40


@EACH_TONE
def test_one_round_is_one_cadence(tone: Tone) -> None:
    source = render_tone(tone)
    if not tone.cadence:
        return
    assert source.duration == pytest.approx(sum(tone.cadence) / 1000)
    wave, at = samples(tone), 0
    for on, off in zip(tone.cadence[::2], tone.cadence[1::2], strict=True):
        assert level(wave[at : at + on * 8]) > tone.level_dbm0 - 2
        if off:
            assert max(map(abs, wave[at + on * 8 : at + (on + off) * 8])) <= 8  # A-law's smallest value
        at += (on + off) * 8


def test_countries_are_found_by_name_and_by_dialling_code() -> None:
    assert len(TONES) >= 30
    assert tones_of("de").busy == Tone((425,), (480, 480))
    assert tones_of(None, "44").ringback == Tone((400, 450), (400, 200, 400, 2000))
    assert tones_of("FR", "49") is TONES["FR"]
    assert tones_of(None, None) is tones_of("XX", "49") is RECOMMENDED
    assert tones_of(None, "1").ringback.frequencies == (440, 480)


def test_the_special_information_tone_climbs() -> None:
    wave = samples(RECOMMENDED.special_information)
    heard = [max((950, 1400, 1800), key=lambda f, at=at: power(wave[at : at + 2400], f)) for at in (100, 2740, 5380)]  # type: ignore[misc]
    assert heard == [950, 1400, 1800]
    assert max(map(abs, wave[3 * 2640 :])) <= 8


@pytest.mark.parametrize("tone", [RECOMMENDED.dial, TONES["US"].dial, TEST_TONE, Tone((997, 1301))])
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
        (Tone((425,), (0, 500)), "pairs"),
        (Tone((425,), (500, -1)), "pairs"),
        (Tone((425,), (), bursts=((425,), (850,))), "need a cadence"),
        (Tone((425,), (40000, 40000)), "within 60 s"),
        (Tone((425,), (), 6.0), "dBm0"),
    ],
)
def test_tones_that_cannot_be_made(tone: Tone, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        render_tone(tone)


def test_a_tone_is_made_once() -> None:
    assert render_tone(Tone((425,), (480, 480))) is render_tone(Tone((425,), (480, 480)))
