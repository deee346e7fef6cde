"""Where pictures go: a file for each codec a leg shows itself in, one after the other, with its sound."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from media.record.events import RecordedFile
from media.record.video.file import VideoFile, VideoFileError, suffix_of
from media.record.video.sound import GrowingSound

if TYPE_CHECKING:
    from media.record.video.pictures import Picture

_SOUND_WAIT: Final = 3_000_000_000
"""Nanoseconds a first picture waits for the sound to begin: its rate must be known when the file is opened."""
_MOST_WAITING: Final = 600
"""Pictures that wait for that."""


class _Taken(NamedTuple):
    """A picture, when it was taken (CLOCK_MONOTONIC ns), and how it is coded."""

    picture: Picture
    moment: int
    codec: str


class PictureOutput:
    """The files of one leg in one recording. A disk that fails ends them; nothing is raised."""

    def __init__(self, leg: int, stem: str, sound: str, started: int) -> None:
        """`stem`: the files' path without suffix; `sound`: the leg's WAV; `started`: second 0, CLOCK_MONOTONIC ns."""
        self.files: list[RecordedFile] = []
        """What has been finished."""
        self.path = stem
        """Of the file begun last."""
        self.error: str | None = None
        """Why nothing is written any more."""
        self._leg = leg
        self._stem = stem
        self._sound_path = sound
        self._started = started
        self._sound: GrowingSound | None = None
        self._waiting: deque[_Taken] = deque()
        self._waits_since: int | None = None
        self._file: VideoFile | None = None
        self._codec = ""
        self._begins = 0
        """Nanoseconds into the recording where the file begins: 0 for the first, so that it fits the WAV."""
        self._pictures = 0

    def add(self, picture: Picture, moment: int, codec: str) -> None:
        """The first of a codec is a key frame."""
        if self.error is None and len(self._waiting) < _MOST_WAITING:
            self._waiting.append(_Taken(picture, moment, codec))

    def write(self, now: int, *, last: bool = False) -> None:
        """What there is, to the disk. `last`: nothing more comes, of sound neither."""
        if self.error is not None:
            return
        try:
            while self._waiting:
                picture, moment, codec = self._waiting[0]
                if self._file is not None and codec != self._codec:
                    self._finish()
                if self._file is None and not self._open(picture, moment, codec, now, last=last):
                    break
                self._waiting.popleft()
                assert self._file is not None
                self._file.picture(picture.data, moment - self._started - self._begins, key=picture.key)
                self._pictures += 1
            self._hear()
        except VideoFileError as error:
            self.fail(str(error))

    def close(self) -> None:
        """Whole files from here on."""
        try:
            self._finish()
        except VideoFileError as error:
            self.fail(str(error))

    def _open(self, picture: Picture, moment: int, codec: str, now: int, *, last: bool) -> bool:
        """False: not yet."""
        if self._waits_since is None:
            self._waits_since = now
        sound = GrowingSound(self._sound_path)
        rate = sound.rate()
        if rate is None and not last and now - self._waits_since < _SOUND_WAIT:
            sound.close()
            return False
        self._begins = max(0, moment - self._started) if self.files else 0
        if rate is not None:
            sound.skip(self._begins / 1e9, rate)
        suffix = suffix_of(codec) if not self.files else f"-{len(self.files) + 1}{suffix_of(codec)}"
        self._sound, self._codec, self._pictures = sound, codec, 0
        self.path = self._stem + suffix
        self._file = VideoFile(self.path, codec, picture.data, rate)
        return True

    def _hear(self) -> None:
        while self._file is not None and self._sound is not None and len(samples := self._sound.read()):
            self._file.sound(samples)

    def _finish(self) -> None:
        """The file in hand is whole; what is muxed goes up to its last picture and all sound so far."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            if self._sound is not None:
                while len(samples := self._sound.read()):
                    file.sound(samples)
        finally:
            try:
                file.close()
            finally:
                self._told(file, None)

    def fail(self, error: str) -> None:
        """End the file with what it has; nothing is written any more."""
        self.error = error
        self._waiting.clear()
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(VideoFileError):  # the first reason is the one to tell
                file.close()
            self._told(file, error)

    def _told(self, file: VideoFile, error: str | None) -> None:
        self.files.append(RecordedFile(file.path, self._leg, 1, file.duration, packets=self._pictures, error=error))
        if self._sound is not None:
            self._sound.close()
            self._sound = None
