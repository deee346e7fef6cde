"""In-band DTMF as ITU-T Q.24 wants it received: every bound from both sides."""

from __future__ import annotations

from array import array
from dataclasses import replace

import numpy as np
import pytest
from audiocodecs import g711

from media.receive.digit_pieces import InBandDigits
from tests.support.keys import EVENTS, Press, Samples, noisy, pcm, silence, sine

RATES = (8000, 16000)


def heard(rate: int, *parts: Samples) -> list[int]:
    """The events told, with enough silence behind the last part for it to end."""
    sound = np.concatenate([*parts, silence(rate, 100)])
    return [event for event, _, _ in InBandDigits(rate).feed(pcm(sound))]


def share(rate: int, press: Press, *, snr: float = 60, each: int = 2) -> float:
    """Of presses of every key at any instant and phase, how many were heard as just that key."""
    dice = np.random.default_rng(24)
    good = 0
    for event in EVENTS:
        for _ in range(each):
            key = replace(press, event=event, phase=dice.uniform(0, 6))
            sound = np.concatenate([silence(rate, 40 + dice.uniform(0, 4)), key.sound(rate), silence(rate, 60)])
            good += heard(rate, noisy(sound, key.power, snr, dice)) == [event]
    return good / (each * len(EVENTS))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    "press",
    [
        Press(0),
        Press(0, off_low=0.015, off_high=0.015),
        Press(0, off_low=-0.015, off_high=-0.015),
        Press(0, off_low=0.015, off_high=-0.015),
        Press(0, low=0, high=0),
        Press(0, low=-25, high=-25),
        Press(0, low=-30, high=-30),
        Press(0, low=-10, high=-18),
        Press(0, low=-14, high=-10),
        Press(0, low=-25, high=-21),
    ],
    ids=str,
)
@pytest.mark.parametrize("snr", [60, 15])
def test_what_must_work_works_in_40_ms_and_nothing_does_in_23(press: Press, rate: int, snr: float) -> None:
    assert share(rate, replace(press, ms=40), snr=snr) == 1
    assert share(rate, replace(press, ms=23), snr=snr) == 0


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    "press",
    [
        Press(0, off_low=0.035),
        Press(0, off_low=-0.035),
        Press(0, off_high=0.035),
        Press(0, off_high=-0.035),
        Press(0, low=-10, high=-23),
        Press(0, low=-20, high=-10),
        Press(0, low=-40, high=-40),
    ],
    ids=str,
)
def test_what_must_not_work_does_not(press: Press, rate: int) -> None:
    assert share(rate, replace(press, ms=100)) == 0


@pytest.mark.parametrize("rate", RATES)
def test_a_single_tone_is_no_key(rate: int) -> None:
    for frequency in (697, 770, 852, 941, 1209, 1336, 1477, 1633):
        assert heard(rate, sine(rate, frequency, 200, -8)) == []


@pytest.mark.parametrize("rate", RATES)
def test_duration_is_told_within_a_few_milliseconds(rate: int) -> None:
    dice = np.random.default_rng(1)
    for ms in (40, 77, 100, 1000):
        at = 40 + dice.uniform(0, 4)
        told = InBandDigits(rate).feed(
            pcm(np.concatenate([silence(rate, at), Press(5, ms).sound(rate), silence(rate, 100)]))
        )
        assert [event for event, _, _ in told] == [5]
        _, began, ended = told[0]
        assert began == pytest.approx(at, abs=6)
        assert ended - began == pytest.approx(ms, abs=6)


@pytest.mark.parametrize("rate", RATES)
def test_a_break_of_10_ms_is_one_key_and_a_pause_of_40_ms_makes_two(rate: int) -> None:
    for event in EVENTS:
        key = Press(event).sound(rate)
        for offset in (0, 1, 2, 3):
            assert heard(rate, silence(rate, offset), key, silence(rate, 10), key) == [event]
            assert heard(rate, silence(rate, offset), key, silence(rate, 40), key) == [event, event]


@pytest.mark.parametrize("rate", RATES)
def test_fast_dialling_through_noise(rate: int) -> None:
    dice = np.random.default_rng(2)
    dialled = [int(event) for event in dice.integers(0, 16, 200)]
    parts: list[Samples] = []
    for event in dialled:
        parts += [silence(rate, 40 + dice.uniform(0, 3)), Press(event, 40, phase=dice.uniform(0, 6)).sound(rate)]
    assert heard(rate, noisy(np.concatenate([*parts, silence(rate, 60)]), Press(0).power, 15, dice)) == dialled


@pytest.mark.parametrize("rate", RATES)
def test_one_key_into_the_next_without_a_pause(rate: int) -> None:
    assert heard(rate, *(Press(event, 80).sound(rate) for event in (1, 5, 9, 0))) == [1, 5, 9, 0]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("dial", [(350, 440), (425,), (400,), (400, 450)])
def test_dial_tone_does_not_hide_the_first_key(rate: int, dial: tuple[int, ...]) -> None:
    for event in EVENTS:
        key = np.concatenate([silence(rate, 400), Press(event, 50, low=-16, high=-16).sound(rate), silence(rate, 150)])
        tone = sum((sine(rate, each, 600, -13) for each in dial), silence(rate, 600))
        assert heard(rate, tone + key) == [event]


@pytest.mark.parametrize("rate", RATES)
def test_an_echo_is_not_another_key(rate: int) -> None:
    for event in EVENTS:
        sound = np.concatenate(
            [silence(rate, 50), *(2 * [Press(event, 45).sound(rate), silence(rate, 45)]), silence(rate, 100)]
        )
        delay = rate // 50
        sound[delay:] += 10 ** (-10 / 20) * sound[:-delay]
        assert heard(rate, sound) == [event, event]


@pytest.mark.parametrize("law", ["alaw", "ulaw"])
def test_through_g711_and_noise(law: str) -> None:
    dice = np.random.default_rng(3)
    encode = g711.linear_to_alaw if law == "alaw" else g711.linear_to_ulaw
    decode = g711.alaw_to_linear if law == "alaw" else g711.ulaw_to_linear
    for press in (Press(0, 40, 0, 0), Press(0, 40, -25, -25), Press(0, 40, -17, -25)):
        for event in EVENTS:
            key = replace(press, event=event, phase=dice.uniform(0, 6))
            sound = np.concatenate([silence(8000, 51), key.sound(8000), silence(8000, 100)])
            coded = encode(array("h", pcm(noisy(sound, key.power, 15, dice)).tobytes()))
            told = InBandDigits(8000).feed(np.frombuffer(memoryview(decode(coded)).cast("B"), dtype=np.int16).copy())
            assert [each for each, _, _ in told] == [event]


@pytest.mark.parametrize("rate", RATES)
def test_lost_audio_neither_ends_a_key_nor_shortens_it(rate: int) -> None:
    detector = InBandDigits(rate)
    key = pcm(Press(7, 200).sound(rate))
    gap = rate // 50
    assert detector.feed(key[: 4 * gap]) == []
    detector.skip(gap)
    told = detector.feed(np.concatenate([key[5 * gap :], pcm(silence(rate, 100))]))
    assert [event for event, _, _ in told] == [7]
    assert told[0][2] - told[0][1] == pytest.approx(200, abs=8)


@pytest.mark.parametrize("rate", RATES)
def test_a_key_is_suspected_before_a_far_end_could_hear_it(rate: int) -> None:
    """The 23 ms of it that have passed on by then are no key to a receiver built to Q.24."""
    detector = InBandDigits(rate)
    key = pcm(Press(3, 200).sound(rate))
    slot = rate // 500
    began = next(n for n in range(0, len(key), slot) if detector.feed(key[n : n + slot]) == [] and detector.suspected)
    assert (began + slot) * 1000 / rate <= 24
    while detector.down < 0:
        began += slot
        detector.feed(key[began : began + slot])
    assert detector.down == 3
    assert (began + slot) * 1000 / rate <= 42


def test_only_rates_it_knows() -> None:
    with pytest.raises(ValueError, match="8000 or 16000 Hz, not 48000"):
        InBandDigits(48000)
