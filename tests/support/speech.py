"""Speech for tests, and how well it came through."""

from __future__ import annotations

import io
import subprocess
from functools import cache

import numpy as np
import soundfile
from numpy.typing import NDArray
from pesq import pesq

from softswitch.demo.speech import resample

Pcm = NDArray[np.int16]

TEXT = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. "
    "It is easy to tell the depth of a well. These days a chicken leg is a rare dish. "
    "Rice is often served in round bowls. The juice of lemons makes fine punch."
)  # Harvard sentences, list 1 (IEEE 297-1969)

SHORT_TEXT = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."


@cache
def spoken(rate: int, text: str = TEXT, voice: str = "en-us") -> Pcm:
    """What espeak-ng says, at -26 dBov as ITU-T P.56 speech often is, with a quiet floor of noise; mono."""
    wav = subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "--stdout", text], check=True, capture_output=True)
    said, own_rate = soundfile.read(io.BytesIO(wav.stdout), dtype="float64")
    spectrum = np.fft.rfft(said)
    count = round(len(said) * rate / own_rate)
    wanted = np.zeros(count // 2 + 1, complex)
    kept = min(len(wanted), len(spectrum), int(len(said) / own_rate * min(rate, own_rate) * 0.46))
    wanted[:kept] = spectrum[:kept]
    moved = np.fft.irfft(wanted, count)[: int(len(said) / own_rate / 0.06) * rate * 6 // 100]
    loud = np.abs(moved) > 0.02 * np.max(np.abs(moved))
    moved *= 32768 * 10 ** (-26 / 20) / np.sqrt(np.mean(moved[loud] ** 2))
    moved += np.random.default_rng(5).normal(0, 6, len(moved))
    return np.clip(np.round(moved), -32768, 32767).astype(np.int16)


def score(reference: Pcm, heard: Pcm, rate: int) -> float:
    """PESQ: ITU-T P.862.1 at 8 kHz, P.862.2 at 16 kHz; 1 (bad) to 4.6."""
    return float(pesq(rate, reference, heard, "nb" if rate == 8000 else "wb"))


def moved_to(sound: Pcm, rate: int, to: int) -> Pcm:
    """The same sound at another sampling rate."""
    return np.clip(np.round(resample(sound.astype(np.float64), rate, to)), -32768, 32767).astype(np.int16)


def found(reference: Pcm, heard: Pcm) -> tuple[int, Pcm]:
    """Where in what was heard the reference begins (samples), by correlation, and as much of it as there is."""
    size = 1 << (len(reference) + len(heard)).bit_length()
    spectrum = np.fft.rfft(heard.astype(np.float64), size) * np.conj(np.fft.rfft(reference.astype(np.float64), size))
    likeness = np.fft.irfft(spectrum, size)
    best = int(np.argmax(likeness))
    begin = max(best if best < size // 2 else best - size, 0)
    return begin, heard[begin : begin + len(reference)]


def score_within(reference: Pcm, heard: Pcm, rate: int) -> float:
    """PESQ of the reference where it was found in a longer sound; AssertionError when it is not there whole."""
    _, part = found(reference, heard)
    assert len(part) > 0.97 * len(reference), (
        f"{len(part) / rate:.1f} s of {len(reference) / rate:.1f} s were found in {len(heard) / rate:.1f} s"
    )
    return score(reference, part, rate)
