"""Make a little speech shorter or longer by whole periods of its pitch, so that it sounds the same.

A period is found where the wave is most like itself a little later (waveform similarity overlap-add, WSOLA); the two
are blended into one, or one is said twice. Where nothing is alike enough, nothing is done, except in near silence,
where any cut is inaudible.

PCM is mono, 16 bit. Pure Python mode: the C types stand in time_scale.pxd, and the same text runs uncompiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cython
from cython.cimports.libc.math import floor, sqrt

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

SHORTEST_US = 2500
"""Of a period: 400 Hz."""
LONGEST_US = 15000
"""Of a period: 66 Hz, or several of a higher voice."""
COARSE_RATE = 4000
"""The period is sought first at about this rate, then exactly around it."""
QUIET = 10000.0
"""Mean square of what counts as silence: -50 dBov."""


def shorten(pcm: MutableSequence[int], start: int, count: int, rate: int, most: int, alike: float) -> int:
    """Take one period of at most `most` samples out of the `count` from `pcm[start]`; how many they were, or 0.

    `alike` is how similar (normalised correlation, 0 to 1) the two periods must be that become one.
    """
    longest = min(min(rate // 1000 * LONGEST_US // 1000, most), count // 2)
    compared = min(count - longest, rate // 1000 * LONGEST_US // 1000)
    lag = _period(pcm, start, 1, longest, compared, rate, alike)
    if lag == 0:
        return 0
    overlap = min(lag, count - lag)
    for i in range(overlap):
        pcm[start + i] = _blend(pcm[start + i], pcm[start + lag + i], i, overlap)
    for i in range(overlap, count - lag):
        pcm[start + i] = pcm[start + lag + i]
    return lag


def lengthen(pcm: MutableSequence[int], start: int, count: int, rate: int, most: int, alike: float) -> int:
    """Say a period of at most `most` samples before `pcm[start]` once more; how much longer the `count` are now, or 0.

    Reads as much before `start` as it adds, and writes as much behind the end: at most LONGEST_US.
    """
    longest = min(min(rate // 1000 * LONGEST_US // 1000, most), count)
    lag = _period(pcm, start, -1, longest, min(count, rate // 100), rate, alike)
    if lag == 0:
        return 0
    for i in range(count):
        pcm[start + lag + count - 1 - i] = pcm[start + count - 1 - i]
    for i in range(lag):
        pcm[start + i] = _blend(pcm[start + lag + i], pcm[start - lag + i], i, lag)
    return lag


def _blend(old: int, new: int, at: int, length: int) -> int:
    """From `old` to `new`, over `length` samples."""
    blended: int = cython.cast(cython.int, floor(old + (new - old) * (at + 1.0) / (length + 1.0) + 0.5))
    return blended


def _period(pcm: Sequence[int], start: int, sign: int, longest: int, compared: int, rate: int, alike: float) -> int:
    """The best distance of samples from `start` on to those so much later (`sign` 1) or earlier (-1), or 0."""
    shortest = rate // 1000 * SHORTEST_US // 1000
    if longest < shortest:
        return 0
    energy = 0.0
    for i in range(compared):
        energy += 1.0 * pcm[start + i] * pcm[start + i]
    if energy < QUIET * compared and _energy(pcm, start + sign * longest, compared) < QUIET * compared:
        return longest
    stride = max(1, rate // COARSE_RATE)
    lag = _most_alike(pcm, start, sign, shortest, longest, compared, stride)
    lag = _most_alike(pcm, start, sign, max(shortest, lag - stride), min(longest, lag + stride), compared, 1)
    other = _energy(pcm, start + sign * lag, compared)
    # Alike in shape, and not of very different loudness.
    if _product(pcm, start, sign * lag, compared) < alike * sqrt(energy * other):
        return 0
    return lag if other < 4.0 * energy and energy < 4.0 * other else 0


def _most_alike(
    pcm: Sequence[int], start: int, sign: int, shortest: int, longest: int, compared: int, stride: int
) -> int:
    best = shortest
    highest = -2.0
    # At 48 kHz every third sample tells as much.
    skip = stride if stride > 1 else max(1, compared // 160)
    lag = shortest
    while lag <= longest:
        energy = 1.0
        product = 0.0
        k = start
        while k < start + compared:
            energy += 1.0 * pcm[k + sign * lag] * pcm[k + sign * lag]
            product += 1.0 * pcm[k] * pcm[k + sign * lag]
            k += skip
        product /= sqrt(energy)
        if product > highest:
            highest = product
            best = lag
        lag += stride
    return best


def _energy(pcm: Sequence[int], start: int, count: int) -> float:
    return _product(pcm, start, 0, count)


def _product(pcm: Sequence[int], start: int, distance: int, count: int) -> float:
    total = 0.0
    for k in range(start, start + count):
        total += 1.0 * pcm[k] * pcm[k + distance]
    return total
