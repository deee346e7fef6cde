"""What a caller hears while others ring: the network's own audio from the moment it really comes, and ours until then.

A 183 with SDP promises audio and often brings none; the caller would sit in silence and hang up. So RTP decides: until
the first packet of the far end has come the caller hears our ringing tone (or music), then whatever the network says.
One that never sends anything is bridged over by the same rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from media.commands import Tone
from softswitch.b2bua.leg import LegState
from softswitch.b2bua.music import Music, MusicPlayer
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.outbound_leg import OutboundLeg

GRACE = 0.3
"""Seconds a 183 with SDP has for its first packet before the caller hears our tone: a blip of it would be odd."""
RINGING = 180
SESSION_PROGRESS = 183
E180_RINGING = Tone((425,), (1000, 4000))

RingbackKind = Literal["media", "tone", "music", "pass"]


@value_class(frozen=True, slots=True)
class Ringback:
    """media: 180 is passed on, the caller's own phone rings; our tone where early audio is promised and does not come.
    tone: our tone from the first sign of ringing. music: our music from the start. pass: whatever comes, nothing of
    ours.

    `early_media` False: the network's audio is not passed on before the answer.
    """

    kind: RingbackKind = "media"
    tone: Tone = E180_RINGING
    music: Music | None = None
    early_media: bool = True


class Alerting:
    """The caller's ear from dialling until the answer: `with` it, and tell it of every leg that has made progress."""

    def __init__(self, call: Call, ringback: Ringback, told: Callable[[int], None] | None = None) -> None:
        """`told`: whoever else wants to know each provisional status."""
        self._call = call
        self._ringback = ringback
        self._told = told
        self._passed: set[int] = set()
        self._heard: OutboundLeg | None = None
        """Whose audio the caller gets."""
        self._spoke = False
        """Whether it has been heard; another branch of its INVITE may take over and be silent."""
        self._player: MusicPlayer | None = None
        self._tone_at: float | None = None

    def __enter__(self) -> Self:
        if self._ringback.kind == "music":
            self._play()
        return self

    def __exit__(self, *_: object) -> None:
        self._silence()

    @property
    def due(self) -> float | None:
        """When it wants to be looked at again; None: not before there is news."""
        times = [at for at in (self._tone_at, self._player.due if self._player else None) if at is not None]
        return min(times, default=None)

    def look(self) -> None:
        """The time it asked for has come, or there is news."""
        if self._tone_at is not None and self._call.switch.clock() >= self._tone_at:
            self._tone_at = None
            self._play()
        if self._player is not None:
            self._player.look()

    def progress(self, leg: OutboundLeg) -> None:
        """This leg rings, or has early media. May be told again and again."""
        if self._told is not None:
            self._told(leg.progress)
        if self._heard is not None and self._heard.ended:
            self._heard, self._spoke = None, False
        if self._ringback.kind == "pass":
            self._pass_on(leg)
            return
        if leg.audible and self._ringback.early_media:
            self._follow(leg)
        self._ring(leg)

    # -- the network's audio --------------------------------------------------------------------------------------

    def _pass_on(self, leg: OutboundLeg) -> None:
        """Early media of the first leg that has any, else each new status once."""
        if self._heard is not None:
            return
        if leg.audible and self._ringback.early_media and self._open(leg):
            self._connect(leg)
        elif leg.progress not in self._passed:
            self._tell(leg.progress)

    def _follow(self, leg: OutboundLeg) -> None:
        """Let the caller hear this leg, once it is to be heard; of several, the one that speaks first."""
        if self._heard is not None and (self._heard is leg or self._heard.speaks or not leg.speaks):
            if self._heard is leg and leg.speaks:
                self._hear(leg)
            elif self._heard is leg and self._spoke:
                self._spoke = False
                self._tone_at = self._call.switch.clock() + GRACE
            return
        if leg.speaks:
            if self._open(leg):
                self._hear(leg)
        elif self._ringback.kind == "media" and self._open(leg):
            # It may begin at any moment: what comes is passed on at once, and our tone waits for a while.
            self._connect(leg)
            self._tone_at = self._call.switch.clock() + GRACE

    def _hear(self, leg: OutboundLeg) -> None:
        was_silent = self._heard is not leg or self._player is not None or self._tone_at is not None
        self._tone_at = None
        self._spoke = True
        self._silence()
        if self._heard is not leg:
            self._connect(leg)
        if was_silent:
            self._call.story.tell("early media heard", leg=leg.name)

    def _connect(self, leg: OutboundLeg) -> None:
        self._heard = leg
        caller = self._call.served
        if caller.media is not None and leg.media is not None:
            caller.media.connect(leg.media)
            caller.partner, leg.partner = leg, caller

    # -- ours -----------------------------------------------------------------------------------------------------

    def _ring(self, leg: OutboundLeg) -> None:
        if self._player is not None or self._heard is not None:
            return
        caller = self._call.served
        hears_us = caller.state is LegState.ANSWERED or caller.audible
        if self._ringback.kind != "media" or hears_us:
            self._play()
        if self._player is None:
            # A 183 without audio makes no phone ring, and there is nothing of ours to be heard.
            status = RINGING if leg.progress == SESSION_PROGRESS else leg.progress
            if status not in self._passed:
                self._tell(status)

    def _play(self) -> None:
        if self._player is not None or not self._open(None):
            return
        ringback = self._ringback
        music = ringback.music if ringback.kind == "music" and ringback.music is not None else Music((ringback.tone,))
        self._player = MusicPlayer(self._call.served, music)
        self._player.start()
        self._call.story.tell("ringback", kind="music" if music is ringback.music else "tone")

    def _silence(self) -> None:
        if self._player is not None:
            self._player.stop()
            self._player = None

    def _open(self, like: OutboundLeg | None) -> bool:
        """Whether the caller can hear anything now: answered, or by a 183 with our SDP."""
        caller = self._call.served
        if caller.state is LegState.ANSWERED:
            return caller.audible
        return caller.open_early(like)

    def _tell(self, status: int) -> None:
        self._passed.add(status)
        self._call.served.ring(status if status in (180, 181, 182, 183) else RINGING)
