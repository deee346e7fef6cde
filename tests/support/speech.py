"""Speech for tests, and how well it came through."""

from __future__ import annotations

import io
import subprocess
from functools import cache

import numpy as np
import soundfile
from numpy.typing import NDArray
from pesq import pesq

Pcm = NDArray[np.int16]

TEXT = (
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. "
    "It is easy to tell the depth of a well. These days a chicken leg is a rare dish. "
    "Rice is often served in round bowls. The juice of lemons makes fine punch."
)  # Harvard sentences, list 1 (IEEE 297-1969)


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
