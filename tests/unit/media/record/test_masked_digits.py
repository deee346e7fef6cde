"""Tones of digits are silence in recordings from their first moment on; what is said around them stays."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audiocodecs import g711

from media.receive.digit_pieces import InBandDigits
from tests.support.far_end import Packet
from tests.support.keys import Press, Samples, pcm, sine
from tests.support.recorder import T0, Recorder

if TYPE_CHECKING:
    from pathlib import Path

RATE = 8000
SPEECH = 300.0
"""Hz of what stands for speech."""


def line(seconds: int, keys: dict[float, tuple[int, int]]) -> tuple[Samples, np.ndarray]:
    """A tone that is no key, and keys in place of it; where the keys are."""
    sound = sine(RATE, SPEECH, seconds * 1000, -16)
    pressed = np.zeros(len(sound), dtype=bool)
    for second, (event, ms) in keys.items():
        key = Press(event, ms).sound(RATE)
        begin = round(second * RATE)
        sound[begin : begin + len(key)] = key
        pressed[begin : begin + len(key)] = True
    return sound, pressed


def packets(sound: Samples, *, jitter: float = 0.0, loss: float = 0.0) -> list[Packet]:
    dice = random.Random(2)
    said = g711.linear_to_ulaw(memoryview(pcm(sound).tobytes()).cast("h"))
    sent = [
        Packet(
            T0 + round((number + 1) * 20e6 + 30e6 + dice.random() * jitter * 1e9),
            7,
            number * 160,
            number,
            said[number * 160 : (number + 1) * 160],
        )
        for number in range(len(said) // 160)
        if dice.random() >= loss
    ]
    return sorted(sent, key=lambda packet: packet.arrival_ns)


KEYS = {0.5013: (4, 80), 1.1: (1, 60), 1.25: (1, 60), 2.0007: (11, 400), 3.3333: (0, 100)}


@pytest.mark.parametrize(("rate", "jitter"), [(8000, 0.0), (16000, 0.0), (8000, 0.12)])
def test_no_key_is_left_and_speech_is(tmp_path: Path, rate: int, jitter: float) -> None:
    sound, pressed = line(5, KEYS)
    recorder = Recorder(tmp_path, mask_digits=True)
    tap = recorder.tap("leg", 0, rate)
    recorder.play((tap, packet) for packet in packets(sound, jitter=jitter))
    recorder.finish(6)
    for wave in (recorder.wave("leg", rate), recorder.wave("stereo", rate)[:, 0]):
        assert InBandDigits(rate).feed(np.ascontiguousarray(wave)) == []
        scale = rate // RATE
        heard = wave[::scale].astype(np.int64)
        delay = int(np.flatnonzero(np.abs(heard) > 1000)[0])
        heard = heard[delay : delay + len(pressed)]
        left = np.abs(heard[pressed[: len(heard)]])
        # The line takes 2 ms to die away in a resampler, and a window may begin in the last of the speech before.
        assert np.mean(left > 500) < 0.02
        # What is cut beside a key: some milliseconds before it, and the pause that is needed to know it is over.
        beside = sum((np.abs(heard) < 100) & ~pressed[: len(heard)])
        assert beside / RATE < 0.07 * len(KEYS) + 0.05
        assert len(heard) > 4.8 * RATE


def test_without_the_option_digits_stay(tmp_path: Path) -> None:
    sound, _ = line(5, KEYS)
    recorder = Recorder(tmp_path)
    tap = recorder.tap("leg", 0)
    recorder.play((tap, packet) for packet in packets(sound))
    recorder.finish(6)
    assert [event for event, _, _ in InBandDigits(RATE).feed(recorder.wave("leg"))] == [4, 1, 1, 11, 0]


def test_keys_are_hidden_through_loss(tmp_path: Path) -> None:
    sound, _ = line(20, {second + 0.5: (second % 10, 200) for second in range(19)})
    recorder = Recorder(tmp_path, mask_digits=True)
    tap = recorder.tap("leg", 0)
    recorder.play((tap, packet) for packet in packets(sound, loss=0.1))
    recorder.finish(21)
    assert InBandDigits(RATE).feed(recorder.wave("leg")) == []


def test_recordings_stay_aligned(tmp_path: Path) -> None:
    """Masking listens ahead; it moves nothing."""
    sound, _ = line(3, {})
    waves = []
    for mask in (False, True):
        folder = tmp_path / str(mask)
        folder.mkdir()
        recorder = Recorder(folder, mask_digits=mask)
        tap = recorder.tap("leg", 0)
        recorder.play((tap, packet) for packet in packets(sound))
        recorder.finish(4)
        waves.append(recorder.wave("leg"))
    assert (waves[0] == waves[1]).all()
