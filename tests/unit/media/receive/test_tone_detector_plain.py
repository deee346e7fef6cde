"""The same detector uncompiled: equal to the engine's in every decision, and for any input it may meet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.receive.digit_pieces import InBandDigits
from tests.support.keys import Press, noisy, pcm, silence
from tests.support.plain import load_plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

detector = load_plain("media/receive/tone_detector.py")


class PlainDigits:
    """The plain build behind the compiled one's interface, whole samples only."""

    def __init__(self, rate: int) -> None:
        self.state = SimpleNamespace(
            **{name: [0.0] * 3 for name in ("zero", "pole", "gain", "first", "second")},
            **{name: [0.0] * 12 for name in ("energies", "filtered")},
            **{name: [0.0] * 96 for name in ("real", "imaginary", "turn_cosine", "turn_sine")},
            **{name: [0.0] * 256 for name in ("cosine", "sine")},
            samples=[0.0] * 32,
        )
        detector.tone_init(self.state, rate)

    def feed(self, sound: NDArray[np.int16]) -> list[tuple[int, int]]:
        """(event, samples of it) of every key released."""
        told = []
        step = self.state.rate // 50
        for at in range(0, len(sound), step):
            part = sound[at : at + step].tolist()
            began = self.state.began_at
            news = detector.tone_feed(self.state, part, len(part))
            if news & 2:
                told.append((self.state.ended, self.state.ended_at - (began if news & 1 else self.state.began_at)))
        return told


@pytest.mark.parametrize("rate", [8000, 16000])
def test_both_builds_decide_alike(rate: int) -> None:
    dice = np.random.default_rng(4)
    parts = [silence(rate, 30)]
    for event in dice.integers(0, 16, 16):
        key = Press(int(event), dice.uniform(20, 80), *dice.uniform(-14, -6, 2), *dice.uniform(-0.03, 0.03, 2))
        parts += [key.sound(rate), silence(rate, dice.uniform(10, 60))]
    sound = pcm(noisy(np.concatenate([*parts, silence(rate, 60)]), 1e6, 20, dice))
    compiled = InBandDigits(rate)
    expected = compiled.feed(sound)
    build = PlainDigits(rate)
    told = build.feed(sound)
    assert len(told) > 2
    assert [event for event, _ in told] == [event for event, _, _ in expected]
    assert [samples * 1000 / rate for _, samples in told] == pytest.approx([end - start for _, start, end in expected])
    assert (build.state.low_power, build.state.high_power) == pytest.approx(compiled.powers)


@settings(max_examples=25, deadline=None)
@given(
    pieces=st.lists(
        st.tuples(st.sampled_from([-32768, -1, 0, 1, 255, 32767]), st.integers(1, 200), st.booleans()), max_size=8
    ),
    lost=st.integers(0, 2**31 - 1),
)
def test_nothing_on_the_line_upsets_it(pieces: list[tuple[int, int, bool]], lost: int) -> None:
    """Full scale, silence, square waves, steps and any loss: no exception, no invented key, and it still works."""
    build = PlainDigits(8000)
    for level, samples, alternating in pieces:
        wave = [level if not (alternating and n % 2) else -max(level, -32767) for n in range(samples)]
        assert build.feed(np.array(wave, dtype=np.int16)) == []
    detector.tone_skip(build.state, lost)
    sound = np.concatenate([silence(8000, 60), Press(9).sound(8000), silence(8000, 60)])
    assert [event for event, _ in build.feed(pcm(sound))] == [9]


def test_it_tells_when_a_key_is_likely() -> None:
    build = PlainDigits(8000)
    assert not detector.tone_suspected(build.state)
    build.feed(pcm(Press(2, 30).sound(8000)))
    assert detector.tone_suspected(build.state)
