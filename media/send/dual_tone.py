"""The sound of a key: two tones (ITU-T Q.23) that begin and end softly, made in pieces of any length.

Pure Python mode: the C types stand in dual_tone.pxd, and the same text runs uncompiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cython
from cython.cimports.libc.math import cos, floor, sin

if TYPE_CHECKING:
    from collections.abc import MutableSequence
    from typing import Protocol

    class DualToneState(Protocol):
        """The struct of dual_tone.pxd."""

        position: int
        ramp: int
        low: float
        high: float
        low_step: float
        high_step: float


_CIRCLE = 6.283185307179586
_LOW_PEAK = 6434.0
"""-11 dBm0."""
_HIGH_PEAK = 8100.0
"""-9 dBm0: lines lose more of the high tone."""


def dual_tone_begin(state: DualToneState, event: int, rate: int) -> None:
    """Begin the sound of an RFC 4733 event, 0 to 15, at `rate` Hz."""
    state.position = 0
    state.ramp = rate // 250
    state.low = 0.0
    state.high = 0.0
    state.low_step = _CIRCLE * _row(event) / rate
    state.high_step = _CIRCLE * _column(event) / rate


def dual_tone_run(state: DualToneState, pcm: MutableSequence[int], start: int, samples: int, left: int) -> None:
    """Write the next `samples` to pcm[start:]. `left`: until the end of the sound, which dies away; -1: not known."""
    for i in range(samples):
        gain = 1.0
        if state.position < state.ramp:
            gain = _ramp(state.position, state.ramp)
        if 0 <= left - i <= state.ramp:
            gain *= _ramp(left - i - 1, state.ramp)
        value = gain * (_LOW_PEAK * sin(state.low) + _HIGH_PEAK * sin(state.high))
        pcm[start + i] = cython.cast(cython.short, floor(value + 0.5))
        state.position += 1
        state.low += state.low_step
        state.high += state.high_step
        if state.low > _CIRCLE:
            state.low -= _CIRCLE
        if state.high > _CIRCLE:
            state.high -= _CIRCLE


def _ramp(position: int, length: int) -> float:
    """Half a cosine from 0 to 1."""
    if position < 0:
        return 0.0
    rising: float = 0.5 - 0.5 * cos(_CIRCLE * (position + 0.5) / (2.0 * length))
    return rising


def _row(event: int) -> float:
    """The low tone, Hz."""
    if event in {1, 2, 3, 12}:
        return 697.0
    if event in {4, 5, 6, 13}:
        return 770.0
    if event in {7, 8, 9, 14}:
        return 852.0
    return 941.0


def _column(event: int) -> float:
    """The high tone, Hz."""
    if event in {1, 4, 7, 10}:
        return 1209.0
    if event in {0, 2, 5, 8}:
        return 1336.0
    if event in {3, 6, 9, 11}:
        return 1477.0
    return 1633.0
