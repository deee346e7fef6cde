"""In-band DTMF: which key is down in a stream of audio (ITU-T Q.23, Q.24), without taking speech for keys.

Audio is correlated with the eight tones in blocks of 2 ms; a window of twelve blocks is judged every 4 ms. Because the
blocks keep their phase, the window tells a tone's true frequency (by how far it turns between two parts of the window)
and, turned back by that, its true power. A window hears a key when

- one tone of each group is there, within 2.5 % of its frequency (Q.24: accept 1.5 %, refuse 3.5 %),
- neither is too weak, nor too much stronger than the other,
- and the two together are nearly all there is. Speech never is two tones and nothing else for long.

A key is down after five windows in a row, three of them free of doubt (a tone of 40 ms fills six, one of 23 ms at most
three) and up after eight without it (a break of 10 ms costs six, a pause of 40 ms thirteen). Dial tone is excused:
where nothing but a steady low tone was heard before, what three notches take away does not count against a key.

Pure Python mode: the C types stand in tone_detector.pxd, and the same text runs uncompiled. Times are samples; levels
mean squares of 16-bit samples, 260,531,567 of which is 0 dBm0 (a full-scale sine is 3.14 dBm0, G.711).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cython
from cython.cimports.libc.math import atan2, cos, fabs, sin, sqrt

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence
    from typing import Protocol

    class ToneDetectorState(Protocol):
        """The struct of tone_detector.pxd, where the fields are told."""

        rate: int
        block: int
        filled: int
        newest: int
        blocks: int
        down: int
        ended: int
        candidate: int
        hits: int
        sure: int
        misses: int
        steady: int
        dial_tone: int
        clock: int
        candidate_at: int
        began_at: int
        heard_at: int
        ended_at: int
        explained: float
        level: float
        steady_power: float
        energy: float
        filtered_energy: float
        low_power: float
        high_power: float
        zero: MutableSequence[float]
        pole: MutableSequence[float]
        gain: MutableSequence[float]
        first: MutableSequence[float]
        second: MutableSequence[float]
        samples: MutableSequence[float]
        energies: MutableSequence[float]
        filtered: MutableSequence[float]
        real: MutableSequence[float]
        imaginary: MutableSequence[float]
        cosine: MutableSequence[float]
        sine: MutableSequence[float]
        turn_cosine: MutableSequence[float]
        turn_sine: MutableSequence[float]


_CIRCLE = 6.283185307179586
_WINDOW_BLOCKS = 12
_WEAKEST = 130574.0  # -33 dBm0 each
_HIGH_OVER_LOW = 4.0  # 6 dB (Q.24: 4 dB must work)
_LOW_OVER_HIGH = 10.0  # 10 dB (Q.24: 8 dB must work)
_OFF_FREQUENCY = 0.025
_PURE = 0.8  # of the window's power, to hear a key
_CERTAIN = 0.9  # of the window's power, in some of the windows at least
_STILL = 0.6  # of the window's power, to go on hearing it
_FADED = 0.1  # of its highest power: it has ended, an echo of it may go on
_PRESSED = 5  # windows
_SURE = 3  # of them certain
_SUSPECTED = 1
_RELEASED = 8
_STEADY = 25  # windows (100 ms) of a low tone alone that make it a dial tone
_DIAL_TONE_HOLDS = 15  # windows
_FILLED = 0.0205  # seconds of a tone in the first window that hears it
_LEFT = 0.0065  # seconds the last window that hears it lies behind its end


def tone_init(state: ToneDetectorState, rate: int) -> None:
    """Begin to listen at `rate`, 8000 or 16000 Hz. Also forgets all that was heard."""
    state.rate = rate
    state.block = rate // 500
    state.filled = 0
    state.newest = 0
    state.blocks = 0
    state.down = -1
    state.ended = -1
    state.candidate = -1
    state.hits = 0
    state.sure = 0
    state.misses = 0
    state.steady = 0
    state.dial_tone = 0
    state.clock = 0
    state.candidate_at = 0
    state.began_at = 0
    state.heard_at = 0
    state.ended_at = 0
    state.level = 0.0
    state.steady_power = 0.0
    state.energy = 0.0
    state.filtered_energy = 0.0
    state.low_power = 0.0
    state.high_power = 0.0
    _notches(state)
    for tone in range(8):
        frequency = _frequency(tone)
        turn = _CIRCLE * frequency / rate
        gain = 1.0 / _passed(state, frequency)
        for n in range(state.block):
            state.cosine[tone * 32 + n] = gain * cos(turn * n)
            state.sine[tone * 32 + n] = gain * sin(turn * n)
        for block in range(12):
            state.turn_cosine[block * 8 + tone] = cos(turn * block * state.block)
            state.turn_sine[block * 8 + tone] = sin(turn * block * state.block)
    for n in range(12):
        state.energies[n] = 0.0
        state.filtered[n] = 0.0
    for n in range(96):
        state.real[n] = 0.0
        state.imaginary[n] = 0.0


def tone_feed(state: ToneDetectorState, pcm: Sequence[int], samples: int) -> int:
    """Listen to the next samples, at most 20 ms. Gives TONE_BEGAN, TONE_ENDED, both (in the other order) or 0."""
    news = 0
    for i in range(samples):
        sample = pcm[i]
        passed = _notched(state, sample)
        state.samples[state.filled] = passed
        state.energy += sample * sample
        state.filtered_energy += passed * passed
        state.filled += 1
        if state.filled == state.block:
            state.clock += state.block
            news |= _finish_block(state)
            state.filled = 0
            state.energy = 0.0
            state.filtered_energy = 0.0
    return news


def tone_skip(state: ToneDetectorState, samples: int) -> None:
    """So many samples are lost: a key that is down stays down, and is the longer for it if it is heard again."""
    state.clock += samples


def tone_suspected(state: ToneDetectorState) -> bool:
    """Whether a key is down or about to be: the time to stop passing it on."""
    return state.down >= 0 or state.hits >= _SUSPECTED


def _frequency(tone: int) -> float:
    """Of the eight tones, Hz (Q.23): the low group, then the high one."""
    if tone == 0:
        return 697.0
    if tone == 1:
        return 770.0
    if tone == 2:
        return 852.0
    if tone == 3:
        return 941.0
    if tone == 4:
        return 1209.0
    if tone == 5:
        return 1336.0
    if tone == 6:
        return 1477.0
    return 1633.0


def _event(row: int, column: int) -> int:
    """The RFC 4733 event of a key: 0-9, 10 star, 11 pound, 12-15 A-D."""
    if column == 3:
        return 12 + row
    if row < 3:
        return 1 + 3 * row + column
    if column == 1:
        return 0
    return 10 if column == 0 else 11


def _notches(state: ToneDetectorState) -> None:
    """Three notches over the dial tones of the world, 350 to 450 Hz: 20 dB there, half a decibel at 697 Hz."""
    for i in range(3):
        frequency = 352.0 if i == 0 else 410.0 if i == 1 else 446.0
        width = 110.0 if i == 2 else 100.0
        state.zero[i] = 2.0 * cos(_CIRCLE * frequency / state.rate)
        state.pole[i] = 1.0 - 0.5 * _CIRCLE * width / state.rate
        state.gain[i] = (1.0 + state.pole[i] * state.pole[i]) / 2.0
        state.first[i] = 0.0
        state.second[i] = 0.0


def _notched(state: ToneDetectorState, sample: float) -> float:
    for i in range(3):
        inner = sample + state.pole[i] * (state.zero[i] * state.first[i] - state.pole[i] * state.second[i])
        sample = state.gain[i] * (inner - state.zero[i] * state.first[i] + state.second[i])
        state.second[i] = state.first[i]
        state.first[i] = inner
    return sample


def _passed(state: ToneDetectorState, frequency: float) -> float:
    """What the notches leave of a tone's amplitude."""
    turn = _CIRCLE * frequency / state.rate
    left = 1.0
    for i in range(3):
        # On the unit circle 1 - 2 cos w z + z2 has the size |2 cos turn - 2 cos w|.
        pole = state.pole[i]
        zero_real = 2.0 * cos(turn) - state.zero[i]
        pole_real = 1.0 - pole * state.zero[i] * cos(turn) + pole * pole * cos(2.0 * turn)
        pole_imaginary = pole * state.zero[i] * sin(turn) - pole * pole * sin(2.0 * turn)
        left *= state.gain[i] * fabs(zero_real) / sqrt(pole_real * pole_real + pole_imaginary * pole_imaginary)
    return left


def _at(state: ToneDetectorState, block: int) -> int:
    """Where the window's block (0 the oldest) lies in the rings."""
    place = state.newest + 1 + block
    return place - 12 if place >= 12 else place


def _finish_block(state: ToneDetectorState) -> int:
    """A block is whole: correlate it, and judge the window at every second."""
    state.newest = 0 if state.newest == 11 else state.newest + 1
    state.energies[state.newest] = state.energy / state.block
    state.filtered[state.newest] = state.filtered_energy / state.block
    for tone in range(8):
        real = 0.0
        imaginary = 0.0
        for n in range(state.block):
            real += state.samples[n] * state.cosine[tone * 32 + n]
            imaginary -= state.samples[n] * state.sine[tone * 32 + n]
        state.real[state.newest * 8 + tone] = real / state.block
        state.imaginary[state.newest * 8 + tone] = imaginary / state.block
    state.blocks += 1
    if state.blocks < _WINDOW_BLOCKS:
        return 0
    state.blocks -= 2 * ((state.blocks - _WINDOW_BLOCKS) // 2)
    if state.blocks > _WINDOW_BLOCKS:
        return 0
    power = 0.0
    filtered = 0.0
    for n in range(12):
        power += state.energies[n]
        filtered += state.filtered[n]
    power /= 12.0
    filtered /= 12.0
    _watch_dial_tone(state, power, filtered)
    event = _hear(state)
    return _judge(state, event, state.explained / ((filtered if state.dial_tone > 0 else power) + 1.0))


def _watch_dial_tone(state: ToneDetectorState, power: float, filtered: float) -> None:
    """Count the windows in which nothing but a steady low tone is heard."""
    if power > 8238.0 and filtered < 0.15 * power:  # -45 dBm0
        if fabs(power - state.steady_power) < 0.3 * state.steady_power:
            state.steady += 1
            state.steady_power += 0.1 * (power - state.steady_power)
        else:
            state.steady = 0
            state.steady_power = power
    else:
        state.steady = 0
    if state.steady >= _STEADY:
        state.dial_tone = _DIAL_TONE_HOLDS
    elif state.dial_tone > 0 and state.down < 0 and state.hits == 0:
        state.dial_tone -= 1


def _loudest(state: ToneDetectorState, first: int) -> int:
    """The tone of the group of four with most power in the window, as if it were exactly in tune."""
    best = first
    most = -1.0
    for tone in range(first, first + 4):
        real = 0.0
        imaginary = 0.0
        for block in range(12):
            at = _at(state, block) * 8 + tone
            by = block * 8 + tone
            real += state.real[at] * state.turn_cosine[by] + state.imaginary[at] * state.turn_sine[by]
            imaginary += state.imaginary[at] * state.turn_cosine[by] - state.real[at] * state.turn_sine[by]
        if real * real + imaginary * imaginary > most:
            most = real * real + imaginary * imaginary
            best = tone
    return best


def _offset(state: ToneDetectorState, tone: int) -> float:
    """By how many Hz the tone is out of tune, from the phase between two Hann-weighted parts 8 ms apart: -62 to 62."""
    early_real = 0.0
    early_imaginary = 0.0
    late_real = 0.0
    late_imaginary = 0.0
    for block in range(12):
        at = _at(state, block) * 8 + tone
        by = block * 8 + tone
        real = state.real[at] * state.turn_cosine[by] + state.imaginary[at] * state.turn_sine[by]
        imaginary = state.imaginary[at] * state.turn_cosine[by] - state.real[at] * state.turn_sine[by]
        if block < 8:
            weight = 1.0 - cos(_CIRCLE * (block + 0.5) / 8.0)
            early_real += weight * real
            early_imaginary += weight * imaginary
        if block >= 4:
            weight = 1.0 - cos(_CIRCLE * (block - 3.5) / 8.0)
            late_real += weight * real
            late_imaginary += weight * imaginary
    real = late_real * early_real + late_imaginary * early_imaginary
    imaginary = late_imaginary * early_real - late_real * early_imaginary
    turn: float = atan2(imaginary, real) / (_CIRCLE * 0.008)
    return turn


def _hear(state: ToneDetectorState) -> int:
    """The key this window sounds like, -1 when none; sets the tones' powers and what they explain together.

    The two tones are fitted as least squares, because over 24 ms they are not quite orthogonal.
    """
    low = _loudest(state, 0)
    high = _loudest(state, 4)
    low_off = _offset(state, low)
    high_off = _offset(state, high)
    low_real = 0.0
    low_imaginary = 0.0
    high_real = 0.0
    high_imaginary = 0.0
    for block in range(12):
        at = _at(state, block) * 8
        angle = _CIRCLE * ((_frequency(low) * state.block / state.rate + low_off * 0.002) * block)
        low_real += state.real[at + low] * cos(angle) + state.imaginary[at + low] * sin(angle)
        low_imaginary += state.imaginary[at + low] * cos(angle) - state.real[at + low] * sin(angle)
        angle = _CIRCLE * ((_frequency(high) * state.block / state.rate + high_off * 0.002) * block)
        high_real += state.real[at + high] * cos(angle) + state.imaginary[at + high] * sin(angle)
        high_imaginary += state.imaginary[at + high] * cos(angle) - state.real[at + high] * sin(angle)
    low_real /= 12.0
    low_imaginary /= 12.0
    high_real /= 12.0
    high_imaginary /= 12.0
    # The inner product of the two over the window.
    apart = _CIRCLE * (_frequency(high) + high_off - _frequency(low) - low_off) / state.rate
    scale = sin(apart * state.block * 6.0) / (12.0 * state.block * sin(apart / 2.0))
    angle = apart * (12.0 * state.block - 1.0) / 2.0
    overlap_real = scale * cos(angle)
    overlap_imaginary = scale * sin(angle)
    scale = 1.0 / (1.0 - scale * scale)
    real = low_real - (overlap_real * high_real - overlap_imaginary * high_imaginary)
    imaginary = low_imaginary - (overlap_real * high_imaginary + overlap_imaginary * high_real)
    state.explained = low_real * real * scale + low_imaginary * imaginary * scale
    state.low_power = 2.0 * (real * real + imaginary * imaginary) * scale * scale
    real = high_real - (overlap_real * low_real + overlap_imaginary * low_imaginary)
    imaginary = high_imaginary - (overlap_real * low_imaginary - overlap_imaginary * low_real)
    state.explained = 2.0 * (state.explained + high_real * real * scale + high_imaginary * imaginary * scale)
    state.high_power = 2.0 * (real * real + imaginary * imaginary) * scale * scale
    if state.low_power < _WEAKEST or state.high_power < _WEAKEST:
        return -1
    if state.high_power > _HIGH_OVER_LOW * state.low_power or state.low_power > _LOW_OVER_HIGH * state.high_power:
        return -1
    if fabs(low_off) > _OFF_FREQUENCY * _frequency(low) or fabs(high_off) > _OFF_FREQUENCY * _frequency(high):
        return -1
    return _event(low, high - 4)


def _judge(state: ToneDetectorState, event: int, explained: float) -> int:
    """One window: key down, key up, or as before."""
    news = 0
    power = state.low_power + state.high_power
    if event < 0 or explained < _PURE:
        state.hits = 0
        state.candidate = -1
    elif event == state.candidate:
        state.hits += 1
        state.sure += explained >= _CERTAIN
    else:
        state.hits = 1
        state.sure = explained >= _CERTAIN
        state.candidate = event
        state.candidate_at = state.clock - cython.cast(cython.longlong, _FILLED * state.rate)
    pressed = state.hits >= _PRESSED and state.sure >= _SURE
    if state.down >= 0:
        if event == state.down and explained >= _STILL and power > _FADED * state.level:
            state.misses = 0
            state.heard_at = state.clock
            state.level = max(state.level, power)
        else:
            state.misses += 1
            if state.misses >= _RELEASED or (pressed and state.candidate != state.down):
                _release(state)
                news |= 2
    if state.down < 0 and pressed and not (news and state.candidate == state.ended):
        state.down = state.candidate
        state.misses = 0
        state.level = power
        state.began_at = state.candidate_at
        state.heard_at = state.clock
        news |= 1
    return news


def _release(state: ToneDetectorState) -> None:
    state.ended = state.down
    state.ended_at = state.heard_at - cython.cast(cython.longlong, _LEFT * state.rate)
    state.down = -1
