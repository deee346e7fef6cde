"""Known speech for a test call, and how much of it came through: espeak-ng speaks, PESQ (ITU-T P.862) listens."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Samples = NDArray[np.float64]

RATE = 8000
LEVEL = 10 ** (-26 / 20)
"""Mean level of the speech against full scale: the -26 dBov of ITU-T P.830."""
ROOM = 10 ** (-60 / 20)
"""Room noise behind the voice. A synthesiser is digitally silent between words, as no telephone ever is; there the
steps of G.711 would be all there is to hear, and PESQ would hear them (3.9 instead of 4.4 for a perfect line)."""
SILENCE = 0.3
"""Seconds before and after the voice."""


class SpeechError(Exception):
    """No speech could be made, or none was found in a recording."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well sent speech was found again."""

    pesq: float
    """MOS-LQO, narrowband (P.862.1): 4.5 is the most, G.711 without loss gives about 4.4."""
    delay_ms: float
    """Where in the recording it begins."""


async def speak(text: str, voice: str, file: Path) -> None:
    """Write `text` as 8 kHz speech. Raises SpeechError when espeak-ng is missing or fails."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise SpeechError("espeak-ng is not installed; it speaks the test sentences (apt-get install espeak-ng)")
    process = await asyncio.create_subprocess_exec(
        program, "-v", voice, "-s", "150", "--stdout",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    sound, trouble = await process.communicate(text.encode())
    if process.returncode != 0 or not sound:
        raise SpeechError(f"espeak-ng failed: {trouble.decode(errors='replace').strip()}")
    await asyncio.to_thread(_write_narrow, sound, file)


def _write_narrow(sound: bytes, file: Path) -> None:
    """Bring the synthesiser's WAV to 8 kHz and to the level of P.830, in a quiet room."""
    # Written to a pipe, its header cannot know the length: what follows the 44 bytes is the sound.
    rate = int.from_bytes(sound[24:28], "little")
    narrow = resample(np.frombuffer(sound[44:], dtype="<i2").astype(np.float64) / 32768, rate, RATE)
    narrow *= LEVEL / max(float(np.sqrt(np.mean(narrow**2))), 1e-6)
    spoken = np.pad(narrow, int(SILENCE * RATE))
    spoken += np.random.default_rng(8000).normal(scale=ROOM, size=len(spoken))  # the same room every time
    soundfile.write(file, np.clip(spoken, -1, 1), RATE, "PCM_16")


def resample(samples: Samples, rate: int, to: int) -> Samples:
    """Change the sampling rate of a whole sound, by its spectrum. Not for live audio."""
    length = round(len(samples) * to / rate)
    spectrum = np.fft.rfft(samples)
    kept = np.zeros(length // 2 + 1, dtype=spectrum.dtype)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    result: Samples = np.fft.irfft(kept, length) * (to / rate)
    return result


def seconds(file: Path) -> float:
    """Length of a sound file."""
    return float(soundfile.info(file).duration)


def score(sent: Path, recorded: Path) -> Score:
    """Find the sent speech in a recording by cross-correlation and compare. Raises SpeechError when it is not there."""
    reference, degraded = _read(sent), _read(recorded)
    if len(degraded) < len(reference) // 2:
        raise SpeechError(
            f"{recorded} holds {len(degraded) / RATE:.1f} s, too little for {len(reference) / RATE:.1f} s"
        )
    delay = _delay(reference, degraded)
    found = degraded[max(delay, 0) : max(delay, 0) + len(reference)]
    if not np.any(found):
        raise SpeechError(f"{recorded} is silent")
    return Score(_pesq(reference, found), delay * 1000 / RATE)


def _read(file: Path) -> Samples:
    samples, rate = soundfile.read(file, dtype="float64")
    if rate != RATE or samples.ndim != 1:
        raise SpeechError(f"{file}: expected mono at {RATE} Hz, found {samples.ndim} channels at {rate} Hz")
    result: Samples = samples
    return result


def _delay(reference: Samples, degraded: Samples) -> int:
    """Samples by which `degraded` is later."""
    size = 1 << (len(reference) + len(degraded)).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(degraded, size) * np.conj(np.fft.rfft(reference, size)), size)
    best = int(np.argmax(likeness))
    return best if best < size // 2 else best - size


def _pesq(reference: Samples, degraded: Samples) -> float:
    from pesq import pesq  # compiled, and only in the extra `demo`

    return float(pesq(RATE, (reference * 32767).astype(np.int16), (degraded * 32767).astype(np.int16), "nb"))
