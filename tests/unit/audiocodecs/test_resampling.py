"""Live resampling: spectrum of every pair of rates, exact chunks, delay, and the same samples from both builds."""

from __future__ import annotations

from array import array
from itertools import permutations
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from audiocodecs.live_resampler import Resampler
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.plain import load_plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATES = (8000, 16000, 24000, 32000, 48000)
PAIRS = list(permutations(RATES, 2))
AMPLITUDE = 16000
plain = load_plain("codecs/audiocodecs/resampling.py")


class Uncompiled:
    """The same as `Resampler`, on the Python build."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self.state: Any = SimpleNamespace(
            coefficients=[0] * plain.MOST_TAPS, buffer=[0] * (plain.MOST_TAPS + plain.BLOCK)
        )
        if plain.resampler_init(self.state, from_rate, to_rate) != 0:
            raise ValueError("expected known rates")

    def run(self, pcm: array[int]) -> bytes:
        out = [0] * (len(pcm) * self.state.up // self.state.down + 1)
        written = plain.resampler_run(self.state, pcm, len(pcm), out)
        return array("h", out[:written]).tobytes()


def tone(frequency: float, rate: int, seconds: float = 1.0) -> array[int]:
    time = np.arange(int(rate * seconds)) / rate
    return array("h", np.rint(AMPLITUDE * np.sin(2 * np.pi * frequency * time)).astype("int16").tobytes())


def converted(pcm: array[int], from_rate: int, to_rate: int) -> NDArray[np.float64]:
    """What comes out once the filter is full."""
    out = np.frombuffer(Resampler(from_rate, to_rate).run(pcm), "int16").astype(np.float64)
    return out[to_rate // 10 :]


def decibels(ratio: float) -> float:
    return float(20 * np.log10(max(ratio, 1e-9)))


def level(samples: NDArray[np.float64]) -> float:
    """dB against a sine of AMPLITUDE."""
    return decibels(float(samples.std()) * 2**0.5 / AMPLITUDE)


def level_beside(samples: NDArray[np.float64], frequency: float, rate: int) -> float:
    """dB of the strongest line other than `frequency`."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    line = round(frequency * len(samples) / rate)
    spectrum[max(0, line - 30) : line + 30] = 0  # the window's skirts
    return decibels(float(spectrum.max()) * 4 / len(samples) / AMPLITUDE)


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_pass_band_is_flat_and_clean(from_rate: int, to_rate: int) -> None:
    lower = min(from_rate, to_rate)
    for frequency in np.linspace(50, 0.42 * lower, 8):
        out = converted(tone(frequency, from_rate), from_rate, to_rate)
        assert abs(level(out)) < 0.1
        assert level_beside(out, frequency, to_rate) < -66  # images, and whatever else is not the tone


@pytest.mark.parametrize(("from_rate", "to_rate"), [pair for pair in PAIRS if pair[0] > pair[1]])
def test_nothing_comes_back_as_another_tone(from_rate: int, to_rate: int) -> None:
    for frequency in np.linspace(0.58 * to_rate, 0.499 * from_rate, 16):
        assert level(converted(tone(frequency, from_rate), from_rate, to_rate)) < -66


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_signal_to_noise(from_rate: int, to_rate: int) -> None:
    """A tone through the filter is that tone: fit it, and look at what remains."""
    for frequency in (300.0, 1004.0, 0.4 * min(from_rate, to_rate)):
        out = converted(tone(frequency, from_rate), from_rate, to_rate)
        phase = 2 * np.pi * frequency * np.arange(len(out)) / to_rate
        basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
        rest = out - basis @ np.linalg.lstsq(basis, out, rcond=None)[0]
        assert decibels(float(out.std() / rest.std())) > 62


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_delay_is_at_most_two_milliseconds(from_rate: int, to_rate: int) -> None:
    clicks = array("h", [0] * from_rate)
    clicks[from_rate // 2] = 30000
    out = np.abs(np.frombuffer(Resampler(from_rate, to_rate).run(clicks), "int16").astype(int))
    centre = float((out * np.arange(len(out))).sum() / out.sum())
    assert 0 <= centre / to_rate - 0.5 <= 0.002


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
@settings(max_examples=10)
def test_whole_milliseconds_in_whole_milliseconds_out(from_rate: int, to_rate: int, chunks: list[int]) -> None:
    source = array("h", (AMPLITUDE * np.sin(np.arange(sum(chunks) * from_rate // 1000))).astype("int16").tobytes())
    at_once, piecewise = Resampler(from_rate, to_rate), Resampler(from_rate, to_rate)
    out, at = b"", 0
    for ms in chunks:
        count = ms * from_rate // 1000
        piece = piecewise.run(source[at : at + count])
        assert len(piece) == 2 * ms * to_rate // 1000
        out += piece
        at += count
    assert out == at_once.run(source)


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_no_sum_of_products_leaves_32_bits(from_rate: int, to_rate: int) -> None:
    resampler = Resampler(from_rate, to_rate)
    for phase in resampler.phases:
        assert sum(phase) in (16384, 32768)  # a constant stays one
        assert sum(map(abs, phase)) < 65535
        peaks = []
        for shift in range(6):  # one of them meets this phase
            loudest = array("h", [0] * shift + [32767 if weight > 0 else -32768 for weight in phase] + [0] * 6)
            resampler.reset()
            peaks.append(max(array("h", resampler.run(loudest))))
        assert max(peaks) == 32767  # saturated, not wrapped


@pytest.mark.parametrize("rate", RATES)
def test_equal_rates_are_left_alone(rate: int) -> None:
    pcm = array("h", range(-500, 500))
    assert Resampler(rate, rate).run(pcm) == pcm.tobytes()


@pytest.mark.parametrize(
    ("from_rate", "to_rate"), [(8000, 44100), (11025, 8000), (0, 8000), (8000, -8000), (4000, 8000)]
)
def test_other_rates_are_refused(from_rate: int, to_rate: int) -> None:
    with pytest.raises(ValueError, match="expected 8000, 16000"):
        Resampler(from_rate, to_rate)
    with pytest.raises(ValueError, match="known rates"):
        Uncompiled(from_rate, to_rate)


def test_reset_forgets() -> None:
    resampler = Resampler(8000, 48000)
    first = resampler.run(tone(440, 8000, 0.1))
    resampler.run(tone(1000, 8000, 0.1))
    resampler.reset()
    assert resampler.run(tone(440, 8000, 0.1)) == first


@given(
    st.sampled_from([*PAIRS, (8000, 8000)]),
    st.lists(st.lists(st.integers(-32768, 32767), max_size=60), max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_both_builds_give_the_same_samples(pair: tuple[int, int], chunks: list[list[int]]) -> None:
    compiled, uncompiled = Resampler(*pair), Uncompiled(*pair)
    for chunk in chunks:
        pcm = array("h", chunk)
        assert compiled.run(pcm) == uncompiled.run(pcm)


def test_both_builds_agree_across_blocks() -> None:
    pcm = tone(1000, 48000, 0.025)
    assert len(pcm) > 2 * plain.BLOCK
    assert Resampler(48000, 8000).run(pcm) == Uncompiled(48000, 8000).run(pcm)
