"""The thread that writes pictures, and finishes a recording's files once those of its sound are whole."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from media.record.events import RecordedFile, RecordingFailed, RecordingFinished
from media.record.video.track import VideoTrack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from media.record.video.track import PictureRing

_log = logging.getLogger(__name__)

_PASS: Final = 0.25
"""Seconds between two passes: a ring of a megabyte holds three of HD."""


class VideoWriter:
    """Stands between the recording writer and whoever hears its events.

    Recordings without pictures go straight through and cost nothing. The loop's thread attaches, the writer's own does
    all else. `ask(leg)` is called on that one whenever a key frame is
    needed, at most once a second a leg.
    """

    def __init__(
        self,
        on_event: Callable[[RecordingFailed | RecordingFinished], None],
        ask: Callable[[int], None],
    ) -> None:
        self._on_event = on_event
        self._ask = ask
        self._lock = threading.Lock()
        self._tracks: dict[int, list[VideoTrack]] = {}
        """By recording."""
        self._finished: dict[int, RecordingFinished] = {}
        """Sound is whole, pictures not yet."""
        self._failed: set[tuple[int, int]] = set()
        self._held: list[PictureRing] = []
        """Of finished recordings: a worker may still write there."""
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def attach(
        self,
        recording: int,
        leg: int,
        ring: PictureRing,
        formats: Mapping[int, str],
        stem: str,
        sound: str,
        started: int,
    ) -> None:
        """Write what comes out of `ring`; a leg that shows itself again goes on in the file it has."""
        with self._lock:
            tracks = self._tracks.setdefault(recording, [])
            track = next((each for each in tracks if each.leg == leg), None)
            if track is None:
                track = VideoTrack(leg, stem, sound, started)
                tracks.append(track)
            track.formats = dict(formats)
            track.rings.append(ring)

    def start(self) -> None:
        """Start the thread, once. Without it, `turn` does the same work at the caller's pace."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="video-writer", daemon=True)
            self._thread.start()

    def renegotiated(self, recording: int, leg: int, formats: Mapping[int, str]) -> None:
        """Payload types mean something else from now on."""
        with self._lock:
            for track in self._tracks.get(recording, ()):
                if track.leg == leg:
                    track.formats = dict(formats)

    def hear(self, event: RecordingFailed | RecordingFinished) -> None:
        """What the recording writer tells, on its thread."""
        with self._lock:
            waits = isinstance(event, RecordingFinished) and event.recording in self._tracks
            if waits and isinstance(event, RecordingFinished):
                self._finished[event.recording] = event
                self._wake.set()
        if not waits:
            self._on_event(event)

    def stop(self) -> None:
        """Finish every file with what has arrived. Call it after the recording writer's `stop`."""
        with self._lock:
            self._stopping = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(_PASS)
            self._wake.clear()
            self.turn(time.monotonic_ns())
        for recording in list(self._tracks):
            event = self._finished.pop(recording, RecordingFinished(recording, ()))
            self._finish(recording, event, time.monotonic_ns())

    def turn(self, now: int) -> None:
        """One pass over everything as if the clock showed `now`."""
        self._held = [ring for ring in self._held if not ring.closed]
        with self._lock:
            tracks = [(recording, track) for recording, each in self._tracks.items() for track in each]
            finished, self._finished = self._finished, {}
        for recording, track in tracks:
            if recording not in finished:
                self._guarded(track, track.drain, now)
                self._tell(recording, track)
                if track.asks(now):
                    self._ask(track.leg)
        for recording, event in finished.items():
            self._finish(recording, event, now)

    def _finish(self, recording: int, event: RecordingFinished, now: int) -> None:
        with self._lock:
            tracks = self._tracks.pop(recording)
        files: list[RecordedFile] = []
        for track in tracks:
            self._guarded(track, track.finish, now)
            self._tell(recording, track)
            self._held.extend(ring for ring in track.rings if not ring.closed)
            files.extend(replace(file, overruns=track.overruns, gaps=track.gaps) for file in track.output.files)
        self._failed -= {(recording, track.leg) for track in tracks}
        self._on_event(replace(event, files=(*event.files, *files)))

    def _guarded(self, track: VideoTrack, step: Callable[[int], None], now: int) -> None:
        """A mistake of ours about one leg must not end the recordings of all others, nor keep this one from ending."""
        try:
            step(now)
        except Exception as error:  # noqa: BLE001 -- told as any other reason is
            _log.exception("pictures of leg %d are recorded no more", track.leg)
            track.output.fail(f"cannot be put together: {type(error).__name__}")

    def _tell(self, recording: int, track: VideoTrack) -> None:
        """Once, why a leg's pictures stop early."""
        error = track.output.error
        if error is not None and (recording, track.leg) not in self._failed:
            self._failed.add((recording, track.leg))
            self._on_event(RecordingFailed(recording, track.output.path, error))
