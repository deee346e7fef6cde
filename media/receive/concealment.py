"""Guess what a lost packet said from what was heard before it: ITU-T G.711 Appendix I, at 8 to 48 kHz.

The wave that was last heard goes on: the first 10 ms repeat one period of it, the next 10 ms two, all later ones
three, so that it does not buzz. From the 10th millisecond on it fades, by 20 % each 10 ms; after 60 ms nothing is left.
Where Appendix I delays all audio by a quarter period to smooth the way into the guess, here the step between the last
sample and the guess fades out over that quarter: nothing is delayed. `conceal_join` blends the guess into the audio
that comes again.

PCM is mono, 16 bit. Pure Python mode: the C types stand in concealment.pxd, and the same text runs uncompiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import cython
from cython.cimports.libc.math import floor, sqrt

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

HISTORY_MS = 50
"""What is looked at of the audio before the loss: three of the longest periods, and a quarter."""
MOST_HISTORY = 2400
"""HISTORY_MS at 48 kHz."""
SHORTEST_US = 5000
"""A period of 200 Hz: of higher voices, several together."""
LONGEST_US = 15000
"""A period of 66 Hz."""
COMPARED_US = 20000
"""How much of the newest audio is compared with what was before it."""
COARSE_RATE = 4000
"""The period is sought first at about this rate, then exactly around it."""


class ConcealmentState(Protocol):
    """One loss being concealed; a C struct of concealment.pxd when compiled."""

    rate: int
    """Hz."""
    period: int
    """Samples."""
    periods: int
    """How many of them are repeated."""
    at: int
    """Of the next sample, in what is repeated."""
    made: int
    """Samples since the loss began."""
    fading: int
    """Samples until the change from `periods` - 1 is complete."""
    fading_at: int
    """Of the next sample, in what was repeated before."""
    step: int
    """From what the guess would have continued to what was heard last."""
    loudest: int
    """Of the history; the guess is never louder."""
    history: MutableSequence[int]
    """HISTORY_MS before the loss."""


def conceal_begin(state: ConcealmentState, rate: int, pcm: Sequence[int], end: int) -> None:
    """A loss begins after `pcm[end - 1]`. `end` is at least HISTORY_MS, with zeros for what was never heard."""
    count = rate * HISTORY_MS // 1000
    state.rate = rate
    state.loudest = 0
    for i in range(count):
        state.history[i] = pcm[end - count + i]
        state.loudest = max(state.loudest, abs(cython.cast(cython.int, state.history[i])))
    state.period = _period(state, count)
    state.periods = 1
    state.at = 0
    state.made = 0
    state.fading = 0
    state.fading_at = 0
    state.step = state.history[count - 1] - state.history[count - 1 - state.period]


def conceal_make(state: ConcealmentState, pcm: MutableSequence[int], start: int, count: int) -> None:
    """The next `count` samples of the guess, to `pcm[start]` and on."""
    quarter = state.period // 4
    frame = state.rate // 100
    for i in range(count):
        if state.made >= 6 * frame:
            pcm[start + i] = 0
            continue
        if state.made == frame or state.made == 2 * frame:
            state.fading = quarter
            state.fading_at = state.at
            state.periods += 1
            state.at = state.at % state.period
        value = _cycle(state, state.periods, state.at)
        state.at = state.at + 1 if state.at + 1 < state.periods * state.period else 0
        if state.fading:
            value += (_cycle(state, state.periods - 1, state.fading_at) - value) * state.fading / quarter
            state.fading_at = state.fading_at + 1 if state.fading_at + 1 < (state.periods - 1) * state.period else 0
            state.fading -= 1
        if state.made < quarter:
            value += state.step * (1.0 - (state.made + 1.0) / (quarter + 1.0))
        if state.made > frame:
            value *= 1.0 - (state.made - frame) / (5.0 * frame)
        pcm[start + i] = _sample(max(-1.0 * state.loudest, min(1.0 * state.loudest, value)))
        state.made += 1


def conceal_join(state: ConcealmentState, pcm: MutableSequence[int], start: int, count: int) -> None:
    """Blend the guess into the `count` samples that came after the loss: a quarter period, more after longer losses."""
    frame = state.rate // 100
    overlap = state.period // 4 + max(0, state.made - frame) * 2 // 5
    overlap = min(overlap, min(frame, count))
    for i in range(overlap):
        heard = pcm[start + i]
        conceal_make(state, pcm, start + i, 1)
        pcm[start + i] = _sample(pcm[start + i] + (heard - pcm[start + i]) * (i + 1.0) / (overlap + 1.0))


def _cycle(state: ConcealmentState, periods: int, at: int) -> float:
    """The last `periods` periods as one wave without a seam: its last quarter period turns into what precedes it."""
    quarter = state.period // 4
    length = periods * state.period
    first = state.rate * HISTORY_MS // 1000 - length
    heard = state.history[first + at]
    into = at - (length - quarter)
    if into < 0:
        return heard
    return heard + (state.history[first + at - length] - heard) * (into + 1.0) / (quarter + 1.0)


def _period(state: ConcealmentState, end: int) -> int:
    """How long ago the newest COMPARED_US were most like now, in samples; sought in big steps, then in small ones."""
    stride = max(1, state.rate // COARSE_RATE)
    shortest = state.rate // 1000 * SHORTEST_US // 1000
    longest = state.rate // 1000 * LONGEST_US // 1000
    best = _most_alike(state, end, shortest, longest, stride)
    return _most_alike(state, end, max(shortest, best - stride), min(longest, best + stride), 1)


def _most_alike(state: ConcealmentState, end: int, shortest: int, longest: int, stride: int) -> int:
    """The lag, from `shortest` to `longest` in steps of `stride`, with the greatest normalised correlation."""
    compared = state.rate // 1000 * COMPARED_US // 1000
    best = longest
    highest = -2.0
    lag = shortest
    # At 48 kHz every third sample tells as much.
    skip = stride if stride > 1 else max(1, state.rate // 16000)
    while lag <= longest:
        product = 0.0
        energy = 1.0
        k = end - compared
        while k < end:
            product += 1.0 * state.history[k] * state.history[k - lag]
            energy += 1.0 * state.history[k - lag] * state.history[k - lag]
            k += skip
        product /= sqrt(energy)
        if product > highest:
            highest = product
            best = lag
        lag += stride
    return best


def _sample(value: float) -> int:
    rounded: int = cython.cast(cython.int, max(-32768.0, min(32767.0, floor(value + 0.5))))
    return rounded
