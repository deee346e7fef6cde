"""Two legs in conversation, until something happens that a script must decide about."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from softswitch.b2bua.music import MusicPlayer
from softswitch.b2bua.video import align
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.music import Music
    from softswitch.b2bua.transfer import TransferRequest

    HoldMusic = Callable[[Leg], Music | None]
    """What whoever this leg holds is to hear; None: whatever the holder sends."""


@value_class(frozen=True, slots=True)
class HungUp:
    """One of the two left."""

    leg: Leg


@value_class(frozen=True, slots=True)
class WentSilent:
    """No media from this leg for the time-out, though it should send (not on hold, not in DTX)."""

    leg: Leg


@value_class(frozen=True, slots=True)
class TransferRequested:
    """This leg wants the other one to talk to somebody else. To be accepted or refused at once."""

    leg: Leg
    request: TransferRequest


@value_class(frozen=True, slots=True)
class LegReplaced:
    """Somebody calls to take this leg's place (RFC 3891); not answered yet."""

    leg: Leg
    by: Leg


Outcome = HungUp | WentSilent | TransferRequested | LegReplaced


async def talk(call: Call, a: Leg, b: Leg, hold_music: HoldMusic | None = None) -> Outcome:
    """Bridge `a` and `b` until something is to be decided; who is held by the other hears music."""
    if a.media is not None and b.media is not None:
        a.media.connect(b.media)
    a.partner, b.partner = b, a
    align(a, b)
    with Holding(hold_music, a, b) as holding:
        while True:
            call.check()
            for leg in (b, a):
                if leg.ended:
                    return HungUp(leg)
                if leg.silent:
                    leg.silent = False
                    return WentSilent(leg)
                if leg.transfers.asked is not None:
                    request, leg.transfers.asked = leg.transfers.asked, None
                    return TransferRequested(leg, request)
                if leg.transfers.replaced_by is not None:
                    new, leg.transfers.replaced_by = leg.transfers.replaced_by, None
                    return LegReplaced(leg, new)
            holding.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(holding.due):
                    await call.changed()


class Holding:
    """Who holds whom, and what the held one hears."""

    def __init__(self, music: HoldMusic | None, a: Leg, b: Leg) -> None:
        self._music = music
        self._pairs = ((a, b), (b, a))
        self._since: dict[Leg, float] = {}
        """Who holds, and since when."""
        self._players: dict[Leg, MusicPlayer] = {}
        """By holder: what the other one hears."""

    def __enter__(self) -> Holding:
        return self

    def __exit__(self, *_: object) -> None:
        for player in self._players.values():
            player.stop()

    @property
    def due(self) -> float | None:
        """When to look again, news or not."""
        return min((player.due for player in self._players.values() if player.due is not None), default=None)

    def look(self) -> None:
        """Somebody may have held or resumed, or an announcement may be due."""
        for holder, held in self._pairs:
            if holder.media is None or holder.media.agreement is None:
                continue
            on_hold = holder.media.on_hold
            if on_hold == (holder in self._since):
                continue
            if on_hold:
                self._begin(holder, held)
            else:
                self._end(holder)
        for player in self._players.values():
            player.look()

    def _begin(self, holder: Leg, held: Leg) -> None:
        self._since[holder] = holder.switch.clock()
        music = self._music(holder) if self._music is not None else None
        holder.story.tell("call on hold", leg=holder.name, music=music is not None)
        if music is not None:
            self._players[holder] = MusicPlayer(held, music)
            self._players[holder].start()

    def _end(self, holder: Leg) -> None:
        seconds = holder.switch.clock() - self._since.pop(holder)
        holder.story.tell("call resumed", leg=holder.name, seconds=round(seconds, 1))
        player = self._players.pop(holder, None)
        if player is not None:
            player.stop()
