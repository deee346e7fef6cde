"""Music to one leg, with announcements over it at an interval; it goes on where the listener last heard it.

Not a task: a script looks at it whenever it wakes, and wakes when it is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from media.commands import Announce, Play, StopPlay
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.commands import Sound
    from softswitch.b2bua.leg import Leg

NOT_READY = 1.0
"""Seconds until an announcement that was not there yet is asked for again."""


def _nothing() -> tuple[Sound, ...]:
    return ()


@value_class(frozen=True, slots=True)
class Music:
    """What to play, over and over, and what to say meanwhile."""

    sounds: tuple[Sound, ...]
    announcement: Callable[[], tuple[Sound, ...]] | None = None
    """What to say now, one after the other; empty: it is not ready."""
    every: float = 10.0
    """Seconds between the end of an announcement and the next one, and before the first."""


class MusicPlayer:
    """Plays from `start` (or entering its block) to `stop`. The leg must be audible."""

    def __init__(self, leg: Leg, music: Music) -> None:
        self._leg = leg
        self._music = music
        self._playing = 0
        self._saying = 0
        self.due: float | None = None
        """When it wants to be looked at, on the clock of the switchboard; None: not before there is news."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin, or go on where this leg's music of the same sounds was when it stopped."""
        media = self._leg.media
        if media is None or self._playing:
            return
        self._playing = self._leg.switch.number()
        first, start_ms = self._leg.resume_music(self._playing, self._music.sounds)
        media.post(Play(media.leg, self._playing, self._music.sounds, True, first, start_ms))
        if self._music.announcement is not None:
            self.due = self._leg.switch.clock() + self._music.every

    def look(self) -> None:
        """Say what is due."""
        media, announcement = self._leg.media, self._music.announcement
        if media is None or announcement is None or not self._playing:
            return
        now = self._leg.switch.clock()
        if self._saying and self._saying in self._leg.finished:
            self._saying = 0
            self.due = now + self._music.every
        if self._saying or self.due is None or now < self.due:
            return
        sounds = announcement()
        if not sounds:
            self.due = now + NOT_READY
            return
        self._saying, self.due = self._leg.switch.number(), None
        media.post(Announce(media.leg, self._saying, sounds))

    def stop(self) -> None:
        """Within a packet time."""
        if self._playing and self._leg.media is not None:
            self._leg.media.post(StopPlay(self._leg.media.leg))
        self._playing = self._saying = 0
        self.due = None
