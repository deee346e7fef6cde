"""The receiving side one piece at a time, with time as an argument: for tests and tools, not for calls.

PCM is mono, 16 bit, native byte order: any buffer of int16 in, bytes out.
"""

from typing import Any, Literal

import numpy as np
from audiocodecs.coding import Decoder
from typing_extensions import Buffer

Samples = Buffer | np.ndarray[Any, np.dtype[np.int16]]
Heard = Literal["voice", "concealed", "noise", "silent"]

def concealed(heard: Samples, rate: int, lost: int, then: Samples) -> tuple[bytes, bytes]:
    """The guess at `lost` samples after `heard` (50 ms or more), and `then` with the guess blended into it."""

def shortened(pcm: Samples, start: int, rate: int, most: int, alike: float) -> bytes:
    """`pcm` with a period of at most `most` samples less behind `start`, if one fits."""

def lengthened(pcm: Samples, start: int, rate: int, most: int, alike: float) -> bytes:
    """`pcm` with a period of at most `most` samples more at `start`, if one fits."""

def described(pcm: Samples) -> bytes:
    """The comfort noise payload (RFC 3389) for some noise, 10 ms or more of it."""

class Noise:
    """Comfort noise being made."""

    def __init__(self) -> None: ...
    def read(self, payload: Buffer) -> None:
        """A payload came."""
    def make(self, samples: int) -> bytes: ...

class Receiver:
    """A jitter buffer with all behind it. Times are microseconds."""

    def __init__(self, *, most_delay_ms: int | None = None) -> None: ...
    def decoder(self, index: int, decoder: Decoder | None) -> None:
        """Who decodes packets of this format from now on; None: nobody."""
    def put(self, now_us: int, index: int, sequence: int, timestamp: int, payload: bytes) -> None:
        """A packet came."""
    def noise(self, now_us: int, sequence: int, timestamp: int, payload: bytes) -> None:
        """A comfort noise packet came."""
    def restart(self) -> None:
        """Another source speaks from the next packet on."""
    def pull(self, now_us: int, samples: int) -> tuple[bytes, frozenset[Heard]]:
        """Exactly `samples` at `rate`, and what they are made of."""
    @property
    def rate(self) -> int:
        """Of the next pull, Hz."""
    @property
    def delay(self) -> float:
        """How much later than on the quickest way audio is played, in seconds, smoothed."""
    @property
    def counters(self) -> dict[str, float]:
        """Packets; concealed, accelerated, expanded, noise and voice in seconds."""
    @property
    def judged(self) -> tuple[int, int]:
        """What the statistics of the stream say: packets discarded, depth of the buffer in milliseconds."""
    @staticmethod
    def size() -> int:
        """Octets a playout takes."""
