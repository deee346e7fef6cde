"""Keys as sound, and everything that is not a key: for tests of in-band DTMF. Levels are dBm0, times milliseconds."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

DBM0 = 32768**2 / 2 / 10**0.314
"""Mean square at 0 dBm0: a full-scale sine is 3.14 dBm0 (G.711)."""
LOW = (697, 770, 852, 941)
HIGH = (1209, 1336, 1477, 1633)
EVENTS = {event: divmod(place, 4) for place, event in enumerate((1, 2, 3, 12, 4, 5, 6, 13, 7, 8, 9, 14, 10, 0, 11, 15))}
"""RFC 4733 event of every key: its row and column."""


def sine(rate: int, frequency: float, ms: float, level: float, phase: float = 0.0) -> Samples:
    """A tone of `level` dBm0."""
    n = np.arange(round(rate * ms / 1000))
    wave: Samples = np.sqrt(2 * DBM0 * 10 ** (level / 10)) * np.sin(2 * np.pi * frequency / rate * n + phase)
    return wave


@dataclass(frozen=True)
class Press:
    """One key press as a telephone, or a bad line, would make it."""

    event: int
    ms: float = 60
    low: float = -10
    high: float = -10
    off_low: float = 0.0
    off_high: float = 0.0
    """Parts of the frequency by which the tones are out of tune."""
    phase: float = 0.0

    def sound(self, rate: int) -> Samples:
        """The two tones, without anything around them."""
        row, column = EVENTS[self.event]
        return sine(rate, LOW[row] * (1 + self.off_low), self.ms, self.low, self.phase) + sine(
            rate, HIGH[column] * (1 + self.off_high), self.ms, self.high, 2.1 * self.phase
        )

    @property
    def power(self) -> float:
        """Mean square of both tones."""
        return float(DBM0 * (10 ** (self.low / 10) + 10 ** (self.high / 10)))


def silence(rate: int, ms: float) -> Samples:
    """Nothing."""
    return np.zeros(round(rate * ms / 1000))


def noisy(sound: Samples, power: float, snr: float, dice: np.random.Generator) -> Samples:
    """With white noise `snr` dB below `power`."""
    added: Samples = sound + dice.normal(0, np.sqrt(power / 10 ** (snr / 10)), len(sound))
    return added


def pcm(sound: Samples) -> NDArray[np.int16]:
    """As 16-bit samples, clipped as any line would."""
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)


@dataclass(frozen=True)
class Speech:
    """What somebody said, as the synthesiser made it."""

    wave: Samples
    rate: int

    @property
    def seconds(self) -> float:
        """How long it takes to say."""
        return len(self.wave) / self.rate

    def at(self, rate: int, level: float) -> Samples:
        """At another rate (by the spectrum of the whole) and at a mean level."""
        length = round(len(self.wave) * rate / self.rate)
        spectrum = np.fft.rfft(self.wave)
        kept = np.zeros(length // 2 + 1, dtype=spectrum.dtype)
        shared = min(len(kept), len(spectrum))
        kept[:shared] = spectrum[:shared]
        sound: Samples = np.fft.irfft(kept, length)
        sound *= np.sqrt(DBM0 * 10 ** (level / 10) / max(float(np.mean(sound**2)), 1e-9))
        return sound


@dataclass(frozen=True)
class Voice:
    """A voice of espeak-ng: `words` a minute, `pitch` 0 to 99."""

    name: str
    words: int = 160
    pitch: int = 50

    def says(self, text: str) -> Speech:
        """Speak."""
        sound = subprocess.run(
            ["espeak-ng", "-v", self.name, "-s", str(self.words), "-p", str(self.pitch), "--stdout", text],
            check=True, capture_output=True,
        ).stdout  # fmt: skip
        # Written to a pipe, its header cannot know the length: what follows the 44 bytes is the sound.
        return Speech(np.frombuffer(sound[44:], dtype="<i2").astype(np.float64), int.from_bytes(sound[24:28], "little"))
