"""One recorded conversation: a WAV per leg and a stereo file of both, on one clock (REQUIREMENTS 39, 40, 48)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from media.commands import CloseRecording, OpenRecording, StartTap, StopTap
from media.events import RecordingFailed, RecordingFinished

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg import Leg

LEFT, RIGHT = 0, 1
SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_")


class Recording:
    """Open from the first tapped leg to `close()`. Losing its disk never touches the call: it is told in the story."""

    def __init__(
        self, call: Call, directory: Path, number: int, now: Callable[[], datetime] | None = None, *, segment: int = 1
    ) -> None:
        """`segment`: counts the recordings of one call; a transfer begins a new one."""
        started = (now or _utc)()
        self._call = call
        self._number = number
        folder = directory / f"{started:%Y-%m-%d}"
        self._stem = str(folder / f"{started:%H%M%S}_{call.id}{'' if segment == 1 else f'-{segment}'}")
        self.stereo = f"{self._stem}.wav"
        self.files: dict[Leg, str] = {}
        call.switch.recordings[number] = self._told
        call.switch.engine.post(OpenRecording(number, self.stereo))
        call.story.tell("recording started", file=self.stereo)

    def add(self, leg: Leg) -> None:
        """Record what this leg's party says; whom the call serves is on the left, everybody else on the right."""
        if leg.media is None or leg in self.files:
            return
        path = f"{self._stem}_{self._part(leg)}.wav"
        self.files[leg] = path
        leg.recording = path
        channel = LEFT if leg is self._call.served else RIGHT
        leg.media.post(StartTap(leg.media.leg, self._number, path, channel))

    def remove(self, leg: Leg) -> None:
        """Stop recording a leg that goes on without us."""
        if leg in self.files and leg.media is not None:
            leg.media.post(StopTap(leg.media.leg))

    def close(self) -> None:
        """Finish the files; `recording finished` follows in the story."""
        self._call.switch.engine.post(CloseRecording(self._number))

    def _part(self, leg: Leg) -> str:
        name = leg.role if leg.role == "caller" else leg.name
        plain = "".join(letter if letter in SAFE else "-" for letter in name)[:64]
        taken = sum(1 for path in self.files.values() if path.startswith(f"{self._stem}_{plain}"))
        return plain if not taken else f"{plain}-{taken + 1}"

    def _told(self, event: RecordingFinished | RecordingFailed) -> None:
        match event:
            case RecordingFailed(path=path, error=error):
                self._call.story.warn("recording failed", file=path, error=error)
            case RecordingFinished(files=files):
                del self._call.switch.recordings[self._number]
                gaps = sum(file.gaps for file in files)
                self._call.story.tell(
                    "recording finished",
                    files=len(files),
                    seconds=round(max((file.duration for file in files), default=0.0), 2),
                    lost_packets=sum(file.overruns + file.late for file in files),
                    lost_seconds=round(max((file.dropped for file in files), default=0.0), 2),
                    **({"picture_gaps": gaps} if gaps else {}),
                )


def _utc() -> datetime:
    return datetime.now(UTC)
