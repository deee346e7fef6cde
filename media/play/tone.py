"""Tones as sounds that loop without a seam: supervisory tones, DTMF (ITU-T Q.23) and the test tone.

Which country uses which tones stands in `media.play.countries`.
"""

from __future__ import annotations

import math
from array import array
from functools import lru_cache

from media.commands import Tone
from media.play.source import PlaySource

SAMPLE_RATE = 8000
FULL_SCALE_DBM0 = 3.14  # the sine that just reaches the last A-law decision value (G.711 table 5 and note)
SHORTEST_LOOP = 1600
LONGEST_LOOP = 60 * SAMPLE_RATE
RAMP = 32  # samples: 4 ms up and down, so that keying does not click

TEST_TONE = Tone((1000,), (), 0.0)

_KEYPAD = {
    key: (low, high)
    for low, row in ((697, "123A"), (770, "456B"), (852, "789C"), (941, "*0#D"))
    for high, key in zip((1209, 1336, 1477, 1633), row, strict=True)
}


def dtmf(digit: str, on_ms: int = 100, off_ms: int = 100) -> Tone:
    """One key as audio (Q.23). Raises ValueError for anything but 0-9 * # A-D."""
    pair = _KEYPAD.get(digit.upper())
    if pair is None:
        raise ValueError(f"a DTMF digit is one of 0-9 * # A-D, not {digit!r}")
    return Tone(pair, (on_ms, off_ms), -6.0)


def _check(tone: Tone) -> None:
    for frequencies in tone.bursts or (tone.frequencies,):
        if not frequencies or not all(0 < frequency < SAMPLE_RATE // 2 for frequency in frequencies):
            raise ValueError(f"tone frequencies lie between 1 and 3999 Hz, got {frequencies}")
    if len(tone.cadence) % 2 or not all(ms > 0 for ms in tone.cadence[::2]) or any(ms < 0 for ms in tone.cadence):
        raise ValueError(f"a cadence is pairs of milliseconds on and off, on more than 0, got {tone.cadence}")
    if tone.bursts and not tone.cadence:
        raise ValueError("bursts of different frequencies need a cadence that says how long each lasts")
    if sum(tone.cadence) * SAMPLE_RATE // 1000 > LONGEST_LOOP:
        raise ValueError(f"a cadence repeats within {LONGEST_LOOP // SAMPLE_RATE} s, got {sum(tone.cadence)} ms")
    if tone.level_dbm0 > FULL_SCALE_DBM0:
        raise ValueError(f"a tone is at most {FULL_SCALE_DBM0} dBm0, got {tone.level_dbm0}")


def _wave(frequencies: tuple[int, ...], level_dbm0: float, count: int) -> list[float]:
    """`count` samples from phase zero; `level_dbm0` is the power of the sum."""
    peak = 32768 * 10 ** ((level_dbm0 - FULL_SCALE_DBM0) / 20) / math.sqrt(len(frequencies))
    steps = [2 * math.pi * frequency / SAMPLE_RATE for frequency in frequencies]
    return [peak * sum(math.sin(step * n) for step in steps) for n in range(count)]


def _burst(frequencies: tuple[int, ...], level_dbm0: float, count: int) -> list[float]:
    wave = _wave(frequencies, level_dbm0, count)
    for n in range(min(RAMP, count // 2)):
        gain = 0.5 - 0.5 * math.cos(math.pi * (n + 0.5) / RAMP)
        wave[n] *= gain
        wave[-1 - n] *= gain
    return wave


@lru_cache(maxsize=256)
def render_tone(tone: Tone) -> PlaySource:
    """One round of the tone, to be repeated; a continuous tone is cut where every frequency is back at phase zero.

    Takes some ten milliseconds the first time. Raises ValueError when the tone cannot be made: frequency, cadence or
    level out of range.
    """
    _check(tone)
    wave: list[float] = []
    if tone.cadence:
        turns = tone.bursts or (tone.frequencies,)
        for turn, (on, off) in enumerate(zip(tone.cadence[::2], tone.cadence[1::2], strict=True)):
            wave += _burst(turns[turn % len(turns)], tone.level_dbm0, on * SAMPLE_RATE // 1000)
            wave += [0.0] * (off * SAMPLE_RATE // 1000)
    else:
        round_trip = SAMPLE_RATE // math.gcd(SAMPLE_RATE, *tone.frequencies)
        wave = _wave(tone.frequencies, tone.level_dbm0, round_trip * math.ceil(SHORTEST_LOOP / round_trip))
    return PlaySource(array("h", (max(-32768, min(32767, round(sample))) for sample in wave)).tobytes())
