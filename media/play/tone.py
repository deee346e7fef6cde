"""Supervisory tones, DTMF and a test tone as sounds that loop without a seam.

Frequencies and cadences: ITU-T E.180 and its supplement 2 (various tones used in national networks); digits: Q.23.
"""

from __future__ import annotations

import math
from array import array
from functools import lru_cache
from typing import Literal

from audiocodecs import g711

from media.commands import Tone
from media.play.source import PlaySource

SAMPLE_RATE = 8000
FULL_SCALE_DBM0 = 3.14  # the sine that just reaches the last A-law decision value (G.711 table 5 and note)
SHORTEST_LOOP = 1600
LONGEST_LOOP = 60 * SAMPLE_RATE
RAMP = 32  # samples: 4 ms up and down, so that keying does not click

ToneName = Literal["dial", "ringback", "busy", "congestion"]

TONES: dict[str, dict[ToneName, Tone]] = {
    "eu": {
        "dial": Tone((425,)),
        "ringback": Tone((425,), (1000, 4000)),
        "busy": Tone((425,), (500, 500)),
        "congestion": Tone((425,), (250, 250)),
    },
    "us": {
        "dial": Tone((350, 440)),
        "ringback": Tone((440, 480), (2000, 4000), -16.0),
        "busy": Tone((480, 620), (500, 500), -21.0),
        "congestion": Tone((480, 620), (250, 250), -21.0),
    },
    "uk": {
        "dial": Tone((350, 440)),
        "ringback": Tone((400, 450), (400, 200, 400, 2000)),
        "busy": Tone((400,), (375, 375)),
        "congestion": Tone((400,), (400, 350, 225, 525)),
    },
}

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
    if not tone.frequencies or not all(0 < frequency < SAMPLE_RATE // 2 for frequency in tone.frequencies):
        raise ValueError(f"tone frequencies lie between 1 and 3999 Hz, got {tone.frequencies}")
    if len(tone.cadence) % 2 or not all(ms > 0 for ms in tone.cadence):
        raise ValueError(f"a cadence is pairs of milliseconds on and off, each more than 0, got {tone.cadence}")
    if sum(tone.cadence) * SAMPLE_RATE // 1000 > LONGEST_LOOP:
        raise ValueError(f"a cadence repeats within {LONGEST_LOOP // SAMPLE_RATE} s, got {sum(tone.cadence)} ms")
    if tone.level_dbm0 > FULL_SCALE_DBM0:
        raise ValueError(f"a tone is at most {FULL_SCALE_DBM0} dBm0, got {tone.level_dbm0}")


def _wave(tone: Tone, count: int) -> list[float]:
    """`count` samples from phase zero; `level_dbm0` is the power of the sum."""
    peak = 32768 * 10 ** ((tone.level_dbm0 - FULL_SCALE_DBM0) / 20) / math.sqrt(len(tone.frequencies))
    steps = [2 * math.pi * frequency / SAMPLE_RATE for frequency in tone.frequencies]
    return [peak * sum(math.sin(step * n) for step in steps) for n in range(count)]


def _burst(tone: Tone, count: int) -> list[float]:
    wave = _wave(tone, count)
    for n in range(min(RAMP, count // 2)):
        gain = 0.5 - 0.5 * math.cos(math.pi * (n + 0.5) / RAMP)
        wave[n] *= gain
        wave[-1 - n] *= gain
    return wave


@lru_cache(maxsize=64)
def render_tone(tone: Tone) -> PlaySource:
    """One round of the tone, to be repeated; a continuous tone is cut where every frequency is back at phase zero.

    Raises ValueError when the tone cannot be made: frequency, cadence or level out of range.
    """
    _check(tone)
    wave: list[float] = []
    if tone.cadence:
        for on, off in zip(tone.cadence[::2], tone.cadence[1::2], strict=True):
            wave += _burst(tone, on * SAMPLE_RATE // 1000)
            wave += [0.0] * (off * SAMPLE_RATE // 1000)
    else:
        round_trip = SAMPLE_RATE // math.gcd(SAMPLE_RATE, *tone.frequencies)
        wave = _wave(tone, round_trip * math.ceil(SHORTEST_LOOP / round_trip))
    pcm = array("h", (max(-32768, min(32767, round(sample))) for sample in wave))
    return PlaySource(g711.linear_to_alaw(pcm), g711.linear_to_ulaw(pcm))
