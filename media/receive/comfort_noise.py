"""Comfort noise (RFC 3389): make the noise a payload describes, and describe the noise in some audio.

A payload is one octet of level, in -dBov, and any number of reflection coefficients of an all-pole filter. The noise
is white noise through that filter (a lattice, which is stable for every payload), scaled to the level; it slides from
one description to the next.

0 dBov is a square wave of full scale. PCM is mono, 16 bit. Pure Python mode: the C types stand in comfort_noise.pxd,
and the same text runs uncompiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import cython
from cython.cimports.libc.math import floor, log10, pow, sqrt  # noqa: A004 (the one of C)

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

MOST_ORDER = 12
"""Coefficients that are used; more of them tell nothing one could hear (RFC 3389 section 3)."""
WRITTEN_ORDER = 8
"""Coefficients in the descriptions made here."""
SLIDE = 0.99
"""What is left of the way to a new level after each sample (12 ms to come within a third, at 8 kHz)."""
UNIFORM = 1.7320508075688772 / 32768.0
"""The random numbers are evenly distributed over +-32768; this makes their power 1."""


class ComfortNoiseState(Protocol):
    """A noise being made; a C struct of comfort_noise.pxd when compiled."""

    order: int
    gain: float
    """Of the white noise, now."""
    target: float
    """Where `gain` slides to."""
    dice: int
    reflection: MutableSequence[float]
    delayed: MutableSequence[float]


def noise_begin(state: ComfortNoiseState) -> None:
    """Silence, until a payload says otherwise."""
    state.order = 0
    state.gain = 0.0
    state.target = 0.0
    state.dice = 463534242
    for i in range(MOST_ORDER + 1):
        state.delayed[i] = 0.0


def noise_read(state: ComfortNoiseState, payload: Sequence[int], length: int) -> None:
    """Turn to the noise that `payload` describes; an empty one describes none and changes nothing."""
    if length < 1:
        return
    excitation = 1.0
    for i in range(min(length - 1, MOST_ORDER)):
        # Section 3.2; 0 and 255 would be on and past the edge of what is stable.
        k = 258.0 * (payload[i + 1] - 127.0) / 32768.0
        state.reflection[i] = max(-0.98, min(0.98, k))
        excitation *= 1.0 - state.reflection[i] * state.reflection[i]
    for i in range(max(0, min(length - 1, MOST_ORDER)), MOST_ORDER):
        state.reflection[i] = 0.0
    state.order = max(0, min(length - 1, MOST_ORDER))
    state.target = 32768.0 * pow(10.0, -(payload[0] & 127) / 20.0) * sqrt(excitation)


def noise_make(state: ComfortNoiseState, pcm: MutableSequence[int], start: int, count: int) -> None:
    """The next `count` samples of the noise, to `pcm[start]` and on."""
    for i in range(count):
        state.gain = state.target + (state.gain - state.target) * SLIDE
        state.dice = (state.dice * 1103515245 + 12345) & 0x7FFFFFFF
        value = state.gain * UNIFORM * ((state.dice >> 15) - 32767.5)
        k = state.order
        while k > 0:
            k -= 1
            value -= state.reflection[k] * state.delayed[k]
            state.delayed[k + 1] = state.delayed[k] + state.reflection[k] * value
        state.delayed[0] = value
        pcm[start + i] = cython.cast(cython.int, max(-32768.0, min(32767.0, floor(value + 0.5))))


def noise_describe(pcm: Sequence[int], count: int, payload: MutableSequence[int], lags: MutableSequence[float]) -> int:
    """Describe `count` samples of noise, 10 ms or more; the length of the payload, WRITTEN_ORDER + 1.

    `lags` is room for 3 * (WRITTEN_ORDER + 1) numbers to work with.
    """
    for lag in range(WRITTEN_ORDER + 1):
        total = 0.0
        for i in range(lag, count):
            total += 1.0 * pcm[i] * pcm[i - lag]
        lags[lag] = total
    level = 127.0
    if lags[0] > 0.0:
        level = floor(-10.0 * log10(lags[0] / count / (32768.0 * 32768.0)) + 0.5)
    payload[0] = cython.cast(cython.int, max(0.0, min(127.0, level)))
    # A floor of white noise 40 dB below keeps the filter tame.
    error = lags[0] * 1.0001 + 1.0
    for i in range(WRITTEN_ORDER + 1):
        lags[WRITTEN_ORDER + 1 + i] = 0.0
    lags[WRITTEN_ORDER + 1] = 1.0
    for m in range(WRITTEN_ORDER):
        # Levinson-Durbin: coefficients in the second third of `lags`, their successors in the last.
        total = 0.0
        for i in range(m + 1):
            total += lags[WRITTEN_ORDER + 1 + i] * lags[m + 1 - i]
        k = -total / error
        error *= 1.0 - k * k
        for i in range(m + 2):
            lags[2 * WRITTEN_ORDER + 2 + i] = lags[WRITTEN_ORDER + 1 + i] + k * lags[WRITTEN_ORDER + 1 + m + 1 - i]
        for i in range(m + 2):
            lags[WRITTEN_ORDER + 1 + i] = lags[2 * WRITTEN_ORDER + 2 + i]
        payload[m + 1] = cython.cast(cython.int, max(0.0, min(254.0, floor(k * 32768.0 / 258.0 + 127.5))))
    return WRITTEN_ORDER + 1
