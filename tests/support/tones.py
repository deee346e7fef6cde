"""Pure tones in, and how strong each is in what comes out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def tone(rate: int, frequency: float, amplitude: float, seconds: float, *, start: float = 0.0) -> NDArray[np.int32]:
    """A sine of `amplitude` (1.0: full scale, more is not cut), `start` seconds after its zero crossing."""
    at = np.arange(round(rate * seconds)) / rate + start
    return np.round(amplitude * 32767 * np.sin(2 * math.pi * frequency * at)).astype(np.int32)


def strength(samples: Sequence[int] | NDArray[np.int32], rate: int, frequency: float) -> float:
    """The amplitude of one frequency in `samples`, in sample values; exact over whole periods."""
    heard = np.asarray(samples, dtype=float)
    turning = np.exp(-2j * math.pi * frequency * np.arange(len(heard)) / rate)
    return float(2 * abs(np.dot(heard, turning)) / len(heard))


def decibels(ratio: float) -> float:
    """Of amplitudes."""
    return 20 * math.log10(max(ratio, 1e-9))


def largest_step(samples: Sequence[int] | NDArray[np.int32]) -> int:
    """The largest difference between neighbours: a click is a step the sound itself does not have."""
    return int(np.max(np.abs(np.diff(np.asarray(samples, dtype=np.int64)))))
