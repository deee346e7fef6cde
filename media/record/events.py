"""What the recording writer tells. `media.events` passes both on to the signalling side as they are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One finished file. Durations in seconds; the losses are what *we* lost, not what the network did."""

    path: str
    leg: int | None  # None: the stereo file
    channels: int
    duration: float
    packets: int = 0  # placed on the time line; of a file with pictures, these
    overruns: int = 0  # packets that found the tap ring full
    late: int = 0  # packets that came after their place had been written
    dropped: float = 0.0  # seconds left silent because the disk could not keep up
    error: str | None = None  # why the file stops early or stayed silent
    gaps: int = 0  # of pictures: how often nothing could be shown until the next key frame


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """All files of the recording are closed and whole. The last event of a recording; always comes."""

    recording: int
    files: tuple[RecordedFile, ...]


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """One file cannot go on (disk), or holds only silence (codec). Once per file; the call is unharmed."""

    recording: int
    path: str
    error: str
