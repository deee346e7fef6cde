"""At start-up: recordings that a crash left behind get headers that count all their audio.

The writer keeps every file readable at any instant, so what is missing is at most the last block (half a second): the
audio that was appended when the header had not been renewed yet.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from media.record.wav import HEADER_BYTES, SAMPLE_RATES, header

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger(__name__)

_CHANNELS_AT = 58
_RATE_AT = 60
_DATA_SIZE_AT = 76
_LONG_DATA_SIZE_AT = 28


@dataclass(frozen=True, slots=True)
class Repaired:
    """One file whose header was put right; seconds before (as the old header had it) and after."""

    path: str
    before: float
    after: float


def _counted(old: bytes) -> tuple[int, int, int] | None:
    """(channels, sample rate, bytes of audio) as one of our headers says; None when it is not one of ours."""
    if len(old) < HEADER_BYTES or old[_CHANNELS_AT] not in (1, 2):
        return None
    channels = old[_CHANNELS_AT]
    rate = int.from_bytes(old[_RATE_AT : _RATE_AT + 4], "little")
    size = int.from_bytes(old[_DATA_SIZE_AT:HEADER_BYTES], "little")
    if old[:4] == b"RF64":
        size = int.from_bytes(old[_LONG_DATA_SIZE_AT : _LONG_DATA_SIZE_AT + 8], "little")
    return (channels, rate, size) if rate in SAMPLE_RATES and header(channels, size, rate) == old else None


def _repair_file(path: Path) -> Repaired | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        length = os.fstat(descriptor).st_size
        if length < HEADER_BYTES:  # killed between creating the file and its first header: no audio was lost
            if os.pread(descriptor, length, 0) != header(1, 0)[:length]:
                return None
            os.pwrite(descriptor, header(1, 0), 0)
            return Repaired(str(path), 0.0, 0.0)
        counted = _counted(os.pread(descriptor, HEADER_BYTES, 0))
        if counted is None:
            return None
        channels, rate, size = counted
        frame = 2 * channels
        whole = (length - HEADER_BYTES) // frame * frame
        if size == whole:
            return None
        os.pwrite(descriptor, header(channels, whole, rate), 0)
        os.ftruncate(descriptor, HEADER_BYTES + whole)
        os.fsync(descriptor)
        return Repaired(str(path), size / frame / rate, whole / frame / rate)
    finally:
        os.close(descriptor)


def _recordings(directory: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(directory):
        yield from (Path(folder, name) for name in names if name.endswith(".wav"))


def repair(directory: str | Path) -> tuple[Repaired, ...]:
    """Put right every `.wav` under `directory` that this switch wrote and whose header disagrees with its size.

    Run it before the first recording is opened. Files of other origin are left alone; a file that cannot be read or
    written is logged and left alone; a directory that is not there holds nothing to repair.
    """
    repaired = []
    for path in _recordings(Path(directory)):
        try:
            done = _repair_file(path)
        except OSError as error:
            _log.warning("recording %s could not be checked: %s", path, error.strerror)
            continue
        if done is not None:
            _log.info("recording %s repaired: %.2f s, was %.2f s", path, done.after, done.before)
            repaired.append(done)
    return tuple(repaired)
