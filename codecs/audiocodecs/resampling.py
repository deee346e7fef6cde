"""Sampling rate conversion of live audio: a fixed polyphase filter between 8, 16, 24, 32 and 48 kHz.

A linear phase FIR, 4 ms of the lower rate long: it delays by 2 ms of 8 kHz at most and is flat to 0.42 of the lower
rate; what lies more than 0.58 of it away comes back more than 60 dB down. Whole milliseconds in give whole
milliseconds out at once, from the first call on; nothing waits for more input.

Coefficients are 16 bit, 15 or 14 of them behind the point. Every phase sums to one, so that a constant stays one, and
the magnitudes of none sum to 65536, so that 32 bits hold every sum of products.

Pure Python mode: the C types stand in resampling.pxd, and the same text runs uncompiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import cython
from cython.cimports.libc.math import fabs, floor, sin, sqrt

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

LOWER_RATE_TAPS = 32
"""Length of the filter in samples of the lower rate."""
MOST_TAPS = 192
"""Coefficients in all: 6 times LOWER_RATE_TAPS, for 8 to 48 kHz and back."""
BLOCK = 480
"""Input samples worked on at a time."""
CUTOFF = 0.482
"""Of the lower rate, 6 dB down: the middle of a transition from 0.42 to 0.544."""
BETA = 6.2
"""Of the Kaiser window: 65 dB."""


class ResamplerState(Protocol):
    """What a conversion keeps from call to call; a C struct of resampling.pxd when compiled."""

    from_rate: int
    """Hz, as `to_rate`."""
    to_rate: int
    up: int
    """The ratio of the rates in lowest terms: `up` samples out for `down` in."""
    down: int
    taps: int
    """Coefficients a phase; 0: the rates are equal."""
    phase: int
    """Of the next output sample, in steps of 1/`up` of an input sample."""
    point: int
    """Bits of a coefficient behind the point."""
    coefficients: MutableSequence[int]
    """`up` phases of `taps`, each for the oldest sample first."""
    buffer: MutableSequence[int]
    """The last `taps` input samples, then those worked on."""


def resampler_init(state: ResamplerState, from_rate: int, to_rate: int) -> int:
    """Prepare a conversion and forget everything heard; 0, or -1 for rates other than 8, 16, 24, 32 and 48 kHz."""
    if not (_is_known(from_rate) and _is_known(to_rate)):
        return -1
    common = _common(from_rate // 8000, to_rate // 8000)
    state.from_rate = from_rate
    state.to_rate = to_rate
    state.up = to_rate // 8000 // common
    state.down = from_rate // 8000 // common
    # From three phases on some have magnitudes that sum to more than two; with few taps rounding hurts least.
    state.point = 14 if state.up > 2 else 15
    if from_rate == to_rate:
        state.taps = 0
    elif from_rate < to_rate:
        state.taps = LOWER_RATE_TAPS
    else:
        # Of the length that the lower rate asks for, what falls on one phase.
        state.taps = LOWER_RATE_TAPS * state.down // state.up
    for phase in range(state.up):
        _design_phase(state, phase)
    resampler_reset(state)
    return 0


def resampler_reset(state: ResamplerState) -> None:
    """Forget everything heard: another stream follows."""
    state.phase = 0
    for i in range(MOST_TAPS):
        state.buffer[i] = 0


def resampler_run(state: ResamplerState, pcm: Sequence[int], count: int, out: MutableSequence[int]) -> int:
    """Convert `count` samples; the number written to `out`, which is `count * up / down` for whole milliseconds.

    `out` has room for `count * up / down + 1`.
    """
    if state.taps == 0:
        for i in range(count):
            out[i] = pcm[i]
        return count
    at = 0
    written = 0
    while at < count:
        taken = min(BLOCK, count - at)
        for i in range(taken):
            state.buffer[state.taps + i] = pcm[at + i]
        written = _run_block(state, taken, out, written)
        for i in range(state.taps):
            state.buffer[i] = state.buffer[taken + i]
        at += taken
    return written


def _run_block(state: ResamplerState, count: int, out: MutableSequence[int], written: int) -> int:
    """Give all output samples that fall on `count` new input samples."""
    at = 0
    phase = state.phase
    while True:
        while phase >= state.up:
            phase -= state.up
            at += 1
        if at >= count:
            break
        out[written] = _filtered(state, at, phase * state.taps)
        written += 1
        phase += state.down
    state.phase = phase
    return written


def _filtered(state: ResamplerState, at: int, first: int) -> int:
    """One output sample: the `taps` input samples that end with the one at `at`, weighed by the phase at `first`."""
    total = 1 << (state.point - 1)
    for k in range(state.taps):
        total += state.buffer[at + 1 + k] * state.coefficients[first + k]
    return max(-32768, min(32767, total >> state.point))


def _common(a: int, b: int) -> int:
    """The greatest common divisor."""
    while b:
        rest = a % b
        a = b
        b = rest
    return a


def _is_known(rate: int) -> bool:
    return rate == 8000 or rate == 16000 or rate == 24000 or rate == 32000 or rate == 48000


def _design_phase(state: ResamplerState, phase: int) -> None:
    """Windowed sinc, at the positions that this phase takes out of the whole filter, scaled to a sum of one."""
    one = 1 << state.point
    length = state.taps * state.up
    scale = 0.0
    for k in range(state.taps):
        scale += _prototype(k * state.up + phase, length, max(state.up, state.down))
    total = 0
    largest = 0
    for k in range(state.taps):
        # The coefficient for the newest sample is the prototype's first.
        state.coefficients[(phase + 1) * state.taps - 1 - k] = cython.cast(
            cython.int,
            floor(one * _prototype(k * state.up + phase, length, max(state.up, state.down)) / scale + 0.5),
        )
    for k in range(phase * state.taps, (phase + 1) * state.taps):
        total += state.coefficients[k]
        if k == phase * state.taps or state.coefficients[k] > state.coefficients[largest]:
            largest = k
    # What rounding left over, where it is least.
    state.coefficients[largest] += one - total


def _prototype(position: int, length: int, factor: int) -> float:
    """The filter at `position` of `length`; one sample of the lower rate is `factor` positions long."""
    distance = position - (length - 1) / 2.0
    ratio = distance / (length / 2.0)
    return _sinc(2.0 * CUTOFF * distance / factor) * _bessel(BETA * sqrt(1.0 - ratio * ratio))


def _sinc(x: float) -> float:
    x = 3.141592653589793 * x
    return 1.0 if fabs(x) < 1e-9 else sin(x) / x


def _bessel(x: float) -> float:
    """Modified Bessel function of the first kind, order 0, by its series; the window's scale does not matter here."""
    total = 1.0
    term = 1.0
    for k in range(1, 30):
        term *= (x / (2.0 * k)) * (x / (2.0 * k))
        total += term
    return total
