"""Speech for tests that listen: the same sentences at any rate, and PESQ (ITU-T P.862) to compare."""

from __future__ import annotations

import subprocess
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from pesq import pesq

from softswitch.demo.speech import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

SENTENCES = "The harbour office opens at seven. Please bring the papers for the blue van, and ask for Victoria."
LEVEL = 10 ** (-26 / 20)  # of full scale, as ITU-T P.830 has it
ROOM = 10 ** (-60 / 20)  # noise behind the voice: no telephone is digitally silent


@cache
def speech(rate: int) -> Samples:
    """About six seconds at `rate` Hz, read only."""
    sound = subprocess.run(
        ["espeak-ng", "-v", "en", "-s", "150", "--stdout", SENTENCES], capture_output=True, check=True
    ).stdout
    # Written to a pipe, its header cannot know the length: what follows the 44 octets is the sound.
    spoken = np.frombuffer(sound[44:], dtype="<i2").astype(np.float64) / 32768
    voice = resample(spoken, int.from_bytes(sound[24:28], "little"), rate)
    voice *= LEVEL / np.sqrt(np.mean(voice**2))
    voice += np.random.default_rng(8000).normal(scale=ROOM, size=len(voice))
    whole = (np.clip(voice, -1, 1) * 32767).astype(np.int16)
    whole.flags.writeable = False
    return whole


def quality(reference: Samples, degraded: Samples, rate: Literal[8000, 16000] = 8000) -> float:
    """MOS-LQO: narrowband (P.862.1) at 8 kHz, wideband (P.862.2) at 16 kHz. Aligns by itself."""
    return float(pesq(rate, reference, degraded, "nb" if rate == 8000 else "wb"))
