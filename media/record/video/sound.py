"""A leg's sound for its video file: read from its WAV as that grows, so that both say, and hide, the same."""

from __future__ import annotations

import os
from typing import Final

import numpy as np

from media.record.wav import HEADER_BYTES

_RATE_AT: Final = 60
_MOST: Final = 1 << 20
"""Samples read at a time."""


class GrowingSound:
    """A WAV of one channel that the recording writer has not finished yet."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1
        self._position = 0

    def rate(self) -> int | None:
        """Hz; None until sound is there: only then is the rate settled."""
        if self._descriptor < 0:
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return None
        if os.fstat(self._descriptor).st_size <= HEADER_BYTES:
            return None
        return int.from_bytes(os.pread(self._descriptor, 4, _RATE_AT), "little")

    def skip(self, seconds: float, rate: int) -> None:
        """Begin so far into the recording."""
        self._position = max(0, round(seconds * rate))

    def read(self) -> np.ndarray:
        """The samples that are new, int16; empty when there are none."""
        if self._descriptor < 0:
            return np.empty(0, np.int16)
        data = os.pread(self._descriptor, 2 * _MOST, HEADER_BYTES + 2 * self._position)
        samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
        self._position += len(samples)
        return samples

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
