"""Conferences: rooms of the media engine with a name, and the legs of whatever calls that sit in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.commands import CloseRoom, JoinRoom, LeaveRoom, OpenRoom, Play, Tone
from softswitch.b2bua.cause import NO_CIRCUIT
from softswitch.b2bua.leg import CallFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.leg_media import MediaDoor

ENTERED = Tone((880,), (150, 50))
LEFT = Tone((440,), (150, 50))


def conference_group(name: str) -> str:
    """With which every leg of a conference is opened, so that one media worker has them all."""
    return f"conference:{name}"


class Conference:
    """One that takes place: it has at least one leg."""

    __slots__ = ("legs", "name", "room", "tones")

    def __init__(self, name: str, room: int, *, tones: bool) -> None:
        self.name = name
        self.room = room
        self.tones = tones
        self.legs: list[Leg] = []

    @property
    def waits(self) -> bool:
        """Whether there is nobody to talk to yet, or any more."""
        return len(self.legs) < 2


class Conferences:
    """All that take place now, by name. The first to enter begins one, the last to leave ends it."""

    def __init__(self, engine: MediaDoor, number: Callable[[], int]) -> None:
        self._engine = engine
        self._number = number
        self._now: dict[str, Conference] = {}

    def enter(self, name: str, leg: Leg, *, most: int, speaks: bool, tones: bool) -> Conference:
        """Let an audible leg take part. Raises CallFailed when there are as many as there may be."""
        assert leg.media is not None
        conference = self._now.get(name)
        if conference is not None and len(conference.legs) >= most:
            leg.story.warn("conference full", conference=name, legs=len(conference.legs))
            raise CallFailed(NO_CIRCUIT)
        if conference is None:
            conference = Conference(name, self._number(), tones=tones)
            # A leg whose end the engine has not seen yet still has its seat: some more than are let in.
            self._engine.post(OpenRoom(conference.room, conference_group(name), most + 8))
            self._now[name] = conference
        self._engine.post(JoinRoom(conference.room, leg.media.leg, speaks=speaks))
        self._tell(conference, ENTERED)
        conference.legs.append(leg)
        leg.story.tell("conference entered", leg=leg.name, conference=name, legs=len(conference.legs))
        self._wake(conference, leg)
        return conference

    def let_speak(self, conference: Conference, leg: Leg, *, speaks: bool) -> None:
        """Whether the others hear it from now on."""
        if leg.media is not None:
            self._engine.post(JoinRoom(conference.room, leg.media.leg, speaks=speaks))

    def leave(self, conference: Conference, leg: Leg) -> None:
        """The last one closes the door."""
        conference.legs.remove(leg)
        leg.story.tell("conference left", leg=leg.name, conference=conference.name, legs=len(conference.legs))
        if leg.media is not None:
            self._engine.post(LeaveRoom(conference.room, leg.media.leg))
        if conference.legs:
            self._tell(conference, LEFT)
            self._wake(conference, leg)
        else:
            del self._now[conference.name]
            self._engine.post(CloseRoom(conference.room))

    def _tell(self, conference: Conference, tone: Tone) -> None:
        if conference.tones:
            for each in conference.legs:
                if each.media is not None:
                    self._engine.post(Play(each.media.leg, self._number(), tone))

    @staticmethod
    def _wake(conference: Conference, cause: Leg) -> None:
        """The scripts of the others look whether they still wait."""
        for each in list(conference.legs):
            if each is not cause:
                each.on_change()
