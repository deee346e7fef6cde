"""Arithmetic of mixing: adding voices, taking one's own away, gains that change without a click, and a ceiling.

Gains are whole numbers with `UNITY` for 0 dB. Sums are 32 bits wide, so that a hundred voices at full scale and the
highest gain fit; only `limit` makes 16 bits of them again. A gain that changes moves in a straight line over the frame
in which it changes (20 ms), which is what keeps joining, leaving and turning a knob free of clicks.

Pure Python mode: the C types stand in gain.pxd, and the same text runs uncompiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cython

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence
    from typing import Protocol

    class LimiterState(Protocol):
        """The struct of gain.pxd."""

        gain: float
        hold: int


UNITY = 8192
"""0 dB. Every gain lies between 0 and 32767, 12 dB."""
CEILING = 32000
"""The loudest sample `limit` lets out: 0.2 dB below full scale, what G.711 can carry in either law."""
BLOCKS_A_SECOND = 800
"""`limit` moves its gain from node to node, 1.25 ms apart."""
HOLD = 80
"""Blocks (100 ms) the gain stays down after the last loud one: longer than a period of the lowest voice."""
RELEASE = 1.00144
"""By how much the gain may rise from one block to the next: 10 dB a second, too slow to be heard as pumping."""


def mix_add(total: MutableSequence[int], pcm: Sequence[int], n: int) -> None:
    """Add a voice as it is."""
    for i in range(n):
        total[i] += pcm[i]


def mix_take(out: MutableSequence[int], total: Sequence[int], pcm: Sequence[int], n: int) -> None:
    """Everything but one voice: N-1."""
    for i in range(n):
        out[i] = total[i] - pcm[i]


def mix_scaled(total: MutableSequence[int], pcm: Sequence[int], n: int, start: int, end: int) -> None:
    """Add a voice times a factor that goes from `start` to `end` in the course of the frame.

    Factors lie between -UNITY, which takes a voice of the sum out of it, and 32767. `n` is 1024 at most.
    """
    if start == end:
        for i in range(n):
            total[i] += (pcm[i] * start) >> 13
        return
    step = _step(start, end, n)
    for i in range(n):
        total[i] += (pcm[i] * (start + ((step * i) >> 10))) >> 13


def _step(start: int, end: int, n: int) -> int:
    """What a gain changes by from sample to sample, in 1/1024: rounded towards zero, in C as in Python."""
    return ((end - start) << 10) // n if end > start else -(((start - end) << 10) // n)


def mix_fade(pcm: MutableSequence[int], n: int, start: int, end: int) -> None:
    """A frame's own gain, UNITY at most, going from `start` to `end`: how voices and listeners come and go."""
    step = _step(start, end, n)
    for i in range(n):
        pcm[i] = (pcm[i] * (start + ((step * i) >> 10))) >> 13


def mix_peak(values: Sequence[int], first: int, n: int) -> int:
    """The largest distance from zero of `n` samples."""
    highest = lowest = 0
    for i in range(first, first + n):
        highest = max(highest, values[i])
        lowest = min(lowest, values[i])
    return max(highest, -lowest)


def mix_loudest(pcm: Sequence[int], n: int) -> int:
    """The largest distance from zero in a frame."""
    highest = lowest = 0
    for i in range(n):
        highest = max(highest, pcm[i])
        lowest = min(lowest, pcm[i])
    return max(highest, -lowest)


def limit(state: LimiterState, values: Sequence[int], n: int, rate: int, out: MutableSequence[int]) -> bool:
    """Turn a sum into samples no louder than CEILING; whether anything was taken off.

    The gain falls before a peak comes, as far as the frame shows it, and rises slowly. A peak in the first 1.25 ms of a
    frame finds the gain still on its way down: what exceeds the ceiling there is cut to it. `n` is a multiple of
    `rate // BLOCKS_A_SECOND`, 16 blocks at most.
    """
    if state.gain == 1.0 and mix_peak(values, 0, n) <= CEILING:
        for i in range(n):
            out[i] = values[i]
        return False
    _limit_blocks(state, values, n, rate // BLOCKS_A_SECOND, out)
    return True


def _limit_blocks(state: LimiterState, values: Sequence[int], n: int, block: int, out: MutableSequence[int]) -> None:
    here = mix_peak(values, 0, block)
    for at in range(n // block):
        # The gain reached at the end of this block must suit the next one as well.
        after = mix_peak(values, (at + 1) * block, block) if (at + 1) * block < n else here
        loudest = max(here, after)
        target = min(1.0, state.gain * RELEASE) if state.hold == 0 else state.gain
        if loudest * target * RELEASE > CEILING:
            target = min(target, 1.0 * CEILING / loudest)  # compiled, int / int would be int
            state.hold = HOLD
        elif state.hold > 0:
            state.hold -= 1
        _scale(values, out, at * block, block, state.gain, (target - state.gain) / block)
        state.gain = target
        here = after


def _scale(values: Sequence[int], out: MutableSequence[int], first: int, n: int, start: float, step: float) -> None:
    """A sum times a gain that grows by `step` a sample, rounded, and cut to the ceiling should it exceed it."""
    for i in range(n):
        sample = cython.cast(cython.int, values[first + i] * (start + step * (i + 1)) + 8388608.5) - 8388608
        out[first + i] = min(CEILING, max(-CEILING, sample))
