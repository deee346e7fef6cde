"""The sound of a key: right frequencies and levels, soft edges, and the same from both builds."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from media.receive.digit_pieces import InBandDigits, key_sound
from tests.support.keys import EVENTS, HIGH, LOW, Samples, pcm, silence
from tests.support.plain import load_plain

dual_tone = load_plain("media/send/dual_tone.py")


def sound(event: int, rate: int, ms: int) -> Samples:
    made = np.zeros(rate * ms // 1000, dtype=np.int16)
    pieces = [rate // 50] * (ms // 20)
    key_sound(event, rate, made, [*pieces, len(made) - sum(pieces)])
    return made.astype(np.float64)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_two_tones_and_nothing_else(rate: int) -> None:
    for event, (row, column) in EVENTS.items():
        middle = sound(event, rate, 220)[rate // 100 :][: rate // 5]
        power = np.abs(np.fft.rfft(middle * np.blackman(len(middle)))) ** 2
        near = np.zeros(len(power), dtype=bool)
        for frequency in (LOW[row], HIGH[column]):
            at = frequency * len(middle) // rate
            near[at - 4 : at + 6] = True
        assert power[near].sum() > 1e5 * power[~near].sum()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_every_key_is_heard_as_what_it_is(rate: int) -> None:
    for event in EVENTS:
        told = InBandDigits(rate).feed(
            pcm(np.concatenate([silence(rate, 40), sound(event, rate, 60), silence(rate, 80)]))
        )
        assert [each for each, _, _ in told] == [event]


def test_it_begins_and_ends_softly() -> None:
    """No step is larger than the tones themselves make."""
    made = sound(5, 8000, 100)
    assert abs(made[0]) < 50
    assert abs(made[-1]) < 50
    largest = 2 * math.pi * (770 * 6434 + 1336 * 8100) / 8000
    assert np.abs(np.diff(made)).max() <= largest


def test_pieces_do_not_show() -> None:
    whole, pieces = (np.zeros(800, dtype=np.int16) for _ in range(2))
    key_sound(9, 8000, whole, [800])
    key_sound(9, 8000, pieces, [1, 2, 31, 160, 160, 160, 160, 120, 6])
    assert (whole == pieces).all()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_both_builds_make_the_same(rate: int) -> None:
    for event in EVENTS:
        state = SimpleNamespace()
        made = [0] * (rate // 20)
        dual_tone.dual_tone_begin(state, event, rate)
        dual_tone.dual_tone_run(state, made, 0, rate // 100, len(made))
        dual_tone.dual_tone_run(state, made, rate // 100, len(made) - rate // 100, len(made) - rate // 100)
        compiled = np.zeros(len(made), dtype=np.int16)
        key_sound(event, rate, compiled, [len(made)])
        assert made == compiled.tolist()
