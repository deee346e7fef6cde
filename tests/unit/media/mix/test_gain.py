"""The arithmetic of mixing: one source, two builds, the same figures."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.mix import pieces as compiled
from tests.support.plain import load_plain
from tests.support.tones import decibels, largest_step, strength, tone

Build = Any
Pcm = Any
plain = load_plain("media/mix/gain.py")
UNITY, CEILING = plain.UNITY, plain.CEILING


@dataclass
class PlainLimiter:
    gain: float = 1.0
    hold: int = 0


def state(build: Build) -> Any:
    return compiled.LimiterState() if build is compiled else PlainLimiter()


both = pytest.mark.parametrize("build", [plain, compiled], ids=["plain", "compiled"])


def _noise(seed: int, loudest: int, code: str) -> array[int]:
    """160 samples up to `loudest`, in a smooth swell or a spike or all over."""
    dice = np.random.default_rng(seed)
    shape = (np.linspace(0, 1, 160), dice.random(160) > 0.98, np.ones(160))[seed % 3]
    return array(code, (dice.integers(-loudest, loudest, 160, endpoint=True) * shape).astype(int).tolist())


seeds = st.integers(0, 2**32)
samples = st.builds(_noise, seeds, st.sampled_from([0, 300, 32767]), st.just("h"))
sums = st.builds(_noise, seeds, st.sampled_from([0, 31999, 32001, 40_000, 3_300_000]), st.just("i"))
factors = st.integers(-8192, 32767)


@given(sums, samples, factors, factors)
def test_both_builds_give_the_same(total: array[int], pcm: array[int], start: int, end: int) -> None:
    results = []
    for build in (plain, compiled):
        added, taken, out = array("i", total), array("i", bytes(640)), array("h", bytes(320))
        build.mix_add(added, pcm, 160)
        build.mix_scaled(added, pcm, 160, start, end)
        build.mix_take(taken, added, pcm, 160)
        limiter = state(build)
        limited = [build.limit(limiter, each, 160, 8000, out) for each in (taken, total, taken)]
        faded = array("h", pcm)
        build.mix_fade(faded, 160, max(0, min(start, UNITY)), UNITY)
        results.append(
            (
                added,
                taken,
                out,
                faded,
                limited,
                limiter.gain,
                build.mix_peak(total, 7, 120),
                build.mix_loudest(pcm, 160),
            )
        )
    assert results[0] == results[1]


@given(st.lists(samples, min_size=2, max_size=4))
def test_what_is_taken_out_is_what_was_put_in(voices: list[array[int]]) -> None:
    total = array("i", bytes(640))
    for voice in voices:
        plain.mix_add(total, voice, 160)
    for voice in voices:
        plain.mix_scaled(total, voice, 160, -UNITY, -UNITY)
    assert total == array("i", bytes(640))


@given(st.lists(sums, min_size=1, max_size=4))
def test_nothing_is_louder_than_the_ceiling_and_nothing_wraps(frames: list[array[int]]) -> None:
    limiter, out = PlainLimiter(), array("h", bytes(320))
    for frame in frames:
        plain.limit(limiter, frame, 160, 8000, out)
        assert all(-CEILING <= sample <= CEILING for sample in out)
        assert all(one * other >= 0 for one, other in zip(frame, out, strict=True))
        assert 0 < limiter.gain <= 1


@both
def test_a_quiet_sum_passes_as_it_is(build: Build) -> None:
    frame, out = array("i", range(-160, 160, 2)), array("h", bytes(320))
    assert not build.limit(state(build), frame, 160, 8000, out)
    assert list(out) == list(frame)


@both
@pytest.mark.parametrize("db", [-40.0, -20.0, -6.0, -0.5, 6.0, 12.0])
def test_gains_are_what_they_say(build: Build, db: float) -> None:
    pcm, total = tone(8000, 1000, 0.1, 0.1), array("i", bytes(3200))
    gain = round(UNITY * 10 ** (db / 20))
    build.mix_scaled(total, array("h", pcm), 800, gain, gain)
    assert decibels(strength(total, 8000, 1000) / strength(pcm, 8000, 1000)) == pytest.approx(db, abs=0.5)


@both
@pytest.mark.parametrize(("start", "end"), [(0, UNITY), (UNITY, 0), (UNITY, 2048), (0, 32767)])
def test_a_gain_that_changes_does_not_click(build: Build, start: int, end: int) -> None:
    """A frame at the old gain, one in which it changes, one at the new: no step a sine of the louder would not have."""
    pcm, heard = tone(8000, 400, 0.2, 0.06), []
    for at, (first, last) in enumerate([(start, start), (start, end), (end, end)]):
        total = array("i", bytes(640))
        build.mix_scaled(total, array("h", pcm[at * 160 : at * 160 + 160]), 160, first, last)
        heard += total
    alone = largest_step(pcm) * max(start, end) / UNITY
    assert largest_step(heard) <= alone + abs(end - start) / UNITY * 0.2 * 32768 / 160 + 2


def _limited(build: Build, values: Pcm, rate: int = 8000) -> Pcm:
    limiter, out, frame = state(build), [], rate // 50
    for at in range(0, len(values), frame):
        mixed = array("h", bytes(2 * frame))
        build.limit(limiter, array("i", values[at : at + frame]), frame, rate, mixed)
        out += mixed
    return np.array(out)


@both
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_sum_that_is_too_loud_is_turned_down_without_distortion(build: Build, rate: int) -> None:
    """Two voices at full scale, 6 dB over: after the attack the tones are 40 dB above all they do to each other."""
    loud = tone(rate, 300, 0.95, 0.4) + tone(rate, 710, 0.95, 0.4)
    heard = _limited(build, loud.tolist(), rate)[rate // 10 :]
    wanted = math.hypot(strength(heard, rate, 300), strength(heard, rate, 710))
    everything = math.sqrt(2 * float(np.mean(heard.astype(float) ** 2)))
    assert decibels(wanted / math.sqrt(everything**2 - wanted**2)) > 40
    assert decibels(strength(heard, rate, 300) / strength(heard, rate, 710)) == pytest.approx(0, abs=0.2)


@both
def test_the_level_comes_back_slowly_and_all_the_way(build: Build) -> None:
    """A shout over a steady voice: the voice is turned down with it and rises 10 dB a second, not between syllables."""
    rate, voice = 8000, tone(8000, 500, 0.5, 2.5)
    loud = voice.copy()
    loud[1600:3200] += tone(rate, 700, 1.9, 0.2)
    heard = _limited(build, loud.tolist())

    def level(at: int) -> float:
        return decibels(strength(heard[at : at + 160], rate, 500) / strength(voice[at : at + 160], rate, 500))

    assert level(0) == 0
    down = level(3200)
    assert down < -5
    assert level(3680) == pytest.approx(down, abs=0.5)
    assert level(8000) - level(4800) == pytest.approx(4, abs=1)
    assert level(18400) == pytest.approx(0, abs=0.05)


@both
@pytest.mark.parametrize("begins_at", [0.1, 0.105])
def test_turning_down_and_up_makes_no_step_the_sum_did_not_have(build: Build, begins_at: float) -> None:
    quiet, loud = tone(8000, 500, 0.3, begins_at), tone(8000, 500, 1.8, 0.22 - begins_at, start=begins_at)
    total = np.concatenate([quiet, loud, quiet[:800]])
    assert largest_step(_limited(build, total.tolist())) <= largest_step(total)
