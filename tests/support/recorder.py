"""A recording writer on virtual time: arrivals go in, drains happen every half second of them, files come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soundfile

from media.record.events import RecordedFile, RecordingFailed, RecordingFinished
from media.record.writer import RecordingWriter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from media.record.tap import Tap
    from tests.support.far_end import Packet

T0 = 5_000_000_000_000
ROUND_NS = 500_000_000


class Recorder:
    """One writer, driven by hand; recording 1 is open from second 0, its stereo file included."""

    def __init__(
        self,
        folder: Path,
        *,
        stereo: bool = True,
        ring_bytes: int = 16384,
        backlog_bytes: int = 2**26,
        mask_digits: bool = False,
    ) -> None:
        self.folder = folder
        self.events: list[RecordingFailed | RecordingFinished] = []
        self.writer = RecordingWriter(
            self.events.append, ring_bytes=ring_bytes, backlog_bytes=backlog_bytes, mask_digits=mask_digits
        )
        self.writer.open(1, str(folder / "stereo.wav") if stereo else None, T0)
        self._next = T0 + ROUND_NS
        self.taps: list[Tap] = []

    def tap(self, name: str, channel: int | None = None, rate: int = 8000) -> Tap:
        """Tap a leg into `name`.wav."""
        tap = self.writer.attach(1, len(self.taps), str(self.folder / f"{name}.wav"), channel, rate=rate)
        self.taps.append(tap)
        return tap

    def until(self, seconds: float) -> None:
        """Let time pass to this second of the recording."""
        while self._next <= T0 + seconds * 1e9:
            self.writer.drain(self._next)
            self.writer.flush()
            self._next += ROUND_NS

    def play(self, arrivals: Iterable[tuple[Tap, Packet]]) -> None:
        """Packets at their time."""
        for tap, packet in arrivals:
            self.until((packet.arrival_ns - T0) / 1e9)
            packet.into(tap)

    def finish(self, seconds: float) -> dict[str, RecordedFile]:
        """Close the recording at this second; files by name without suffix."""
        self.until(seconds)
        for tap in self.taps:
            tap.close()
        self.writer.close(1, T0 + round(seconds * 1e9))
        self.writer.drain(T0 + round(seconds * 1e9) + 1)
        self.writer.flush()
        finished = self.events[-1]
        assert isinstance(finished, RecordingFinished)
        return {file.path.rpartition("/")[2].removesuffix(".wav"): file for file in finished.files}

    def wave(self, name: str, rate: int = 8000) -> np.ndarray:
        """What a player would hear, at this rate: (samples,) or (samples, 2)."""
        samples, own_rate = soundfile.read(self.folder / f"{name}.wav", dtype="int16")
        assert own_rate == rate
        return np.asarray(samples)
