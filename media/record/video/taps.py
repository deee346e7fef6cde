"""Which legs' pictures are recorded: a leg whose sound is, whenever it has pictures, where that is wanted.

On the loop's thread. Nothing of this is there, or loaded, before the first browser with video is recorded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from media.record.video.writer import VideoWriter
from media.video.ring import VideoTap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from media.commands import PayloadFormat
    from media.record.events import RecordingFailed, RecordingFinished


class Core(Protocol):
    """What is asked of the engine."""

    def start_video_tap(self, leg: int, ring: int) -> bool:
        """False: the leg is gone."""

    def stop_video_tap(self, leg: int) -> None:
        """Let go of its ring."""


class VideoTaps:
    """Holds the writer, and what each recorded leg's pictures go with."""

    def __init__(
        self,
        core: Core,
        on_event: Callable[[RecordingFailed | RecordingFinished], None],
        ask: Callable[[int], None],
    ) -> None:
        """`on_event`, `ask`: see VideoWriter, on its thread."""
        self._core = core
        self.writer = VideoWriter(on_event, ask)
        self._legs: dict[int, tuple[int, str, int]] = {}
        """Recording, path of the sound, and when the recording began, of every tapped browser leg."""
        self._shown: set[int] = set()
        """Of these, those with pictures."""

    def tapped(self, leg: int, recording: int, sound: str, started: int, formats: Iterable[PayloadFormat]) -> None:
        """The leg's sound is recorded from now on; `formats` of its video, () when it has none so far."""
        self.untapped(leg)
        self._legs[leg] = (recording, sound, started)
        self.agreed(leg, formats)

    def agreed(self, leg: int, formats: Iterable[PayloadFormat]) -> None:
        """The leg's video is of these formats from now on; (): it has none."""
        known = self._legs.get(leg)
        if known is None:
            return
        recording, sound, started = known
        names = {each.payload_type: each.name for each in formats}
        if not names:
            self._shown.discard(leg)  # the engine lets go of the ring by itself
        elif leg in self._shown:
            self.writer.renegotiated(recording, leg, names)
        else:
            ring = VideoTap()
            self.writer.attach(recording, leg, ring, names, str(Path(sound).with_suffix("")), sound, started)
            self.writer.start()
            self._shown.add(leg)
            if not self._core.start_video_tap(leg, ring.address):
                ring.close()

    def untapped(self, leg: int) -> None:
        """The leg is recorded no more, or gone."""
        if self._legs.pop(leg, None) is not None and leg in self._shown:
            self._shown.discard(leg)
            self._core.stop_video_tap(leg)
