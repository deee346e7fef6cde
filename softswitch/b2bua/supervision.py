"""Somebody listens to a call, whispers to one of its parties, or speaks with both: one leg more, and rows of a matrix.

The call's two parties stay bridged. They sit in a room besides, where they are heard; who has to hear somebody there
hears the room, and the bridge waits aside. Whoever listens only has no way to be heard: the engine never asks that leg
for audio, and the parties go on hearing each other by the bridge where it relays as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum
from typing import TYPE_CHECKING

from media.commands import CloseRoom, JoinRoom, LeaveRoom, OpenRoom
from media.ports import PortsExhausted
from softswitch.b2bua.cause import ANSWERED_ELSEWHERE, NO_ANSWER, NORMAL
from softswitch.b2bua.codec_choice import cost
from softswitch.b2bua.leg import CallFailed, LegState
from softswitch.b2bua.outbound_leg import OutboundLeg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.leg import Leg

MOST_SUPERVISORS = 8
TRANSCODED = 2
"""`codec_choice.cost` from which the bridge decodes, and cannot share the voice with a room."""


class Mode(Enum):
    """Who hears the supervisor, who always hears both parties."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"


class SupervisorLeg(OutboundLeg):
    """The leg of somebody who is no party of the call."""

    __slots__ = ()

    role = "supervisor"


class NotSupervisableError(Exception):
    """The call has not two parties who talk; the text says so to an operator."""


def talking(call: Call) -> tuple[Leg, Leg]:
    """The caller and whom it talks to. Raises NotSupervisableError."""
    legs = [
        leg
        for leg in call.legs
        if leg.state is LegState.ANSWERED and leg.audible and not isinstance(leg, SupervisorLeg)
    ]
    if len(legs) != 2:
        raise NotSupervisableError(f"call {call.id} has no two parties who talk to each other")
    return legs[0], legs[1]


class Supervision:
    """All supervisors of one call, and the room they share with its parties."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._room: int | None = None
        self._modes: dict[SupervisorLeg, tuple[Mode, Leg]] = {}
        self._legs: dict[str, list[SupervisorLeg]] = {}

    def change(self, phone: str, mode: Mode) -> bool:
        """Let a phone that takes part do so in another way; False: it does not. Raises NotSupervisableError."""
        if phone not in self._legs:
            return False
        leg = next((leg for leg in self._legs[phone] if leg in self._modes), None)
        if leg is None:
            raise NotSupervisableError(f"phone {phone} is being rung for call {self._call.id} already")
        self._modes[leg] = (mode, _agent(talking(self._call)))
        self._seat()
        self._tell(leg, mode)
        return True

    def check(self) -> None:
        """Raises NotSupervisableError when one more could not take part."""
        talking(self._call)
        if len(self._legs) >= MOST_SUPERVISORS:
            raise NotSupervisableError(f"call {self._call.id} has {MOST_SUPERVISORS} supervisors already")

    def end(self, phone: str | None = None) -> bool:
        """Hang up on this supervisor, or on all of them; False when there is none."""
        legs = [leg for name, legs in self._legs.items() if phone in (None, name) for leg in legs]
        for leg in legs:
            leg.hangup(NORMAL)
        return bool(legs)

    async def supervise(self, phone: str, destinations: Sequence[Destination], mode: Mode, ring_for: float) -> None:
        """Ring the phone, and let it take part until it, or the call, hangs up. To be called once `check` passed."""
        news = asyncio.Event()
        ringing = self._legs[phone] = []
        try:
            for destination in destinations:
                with contextlib.suppress(CallFailed, PortsExhausted):
                    ringing.append(self._ring(destination, news))
            leg = await self._answered(ringing, news, ring_for)
            if leg is None:
                self._call.story.tell("supervisor not reached", phone=phone)
                return
            self._modes[leg] = (mode, _agent(talking(self._call)))
            self._seat()
            self._tell(leg, mode)
            while not leg.ended:
                news.clear()
                await news.wait()
        except NotSupervisableError as error:
            self._call.story.tell("supervision ended", phone=phone, because=str(error))
        finally:
            for each in ringing:
                each.hangup(NORMAL)
            del self._legs[phone]
            self._leave(ringing)

    def _ring(self, destination: Destination, news: asyncio.Event) -> SupervisorLeg:
        leg = self._call.switch.invite(destination, self._call.caller, self._call.caller.group, SupervisorLeg)
        assert isinstance(leg, SupervisorLeg)
        self._call.own(leg)
        wake = leg.on_change
        leg.on_change = _both(wake, news.set)
        return leg

    async def _answered(
        self, ringing: Sequence[SupervisorLeg], news: asyncio.Event, ring_for: float
    ) -> SupervisorLeg | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ring_for):
                while not all(leg.ended for leg in ringing):
                    for leg in ringing:
                        if leg.state is LegState.ANSWERED and leg.audible:
                            for other in ringing:
                                if other is not leg:
                                    other.hangup(ANSWERED_ELSEWHERE)
                            return leg
                    news.clear()
                    await news.wait()
        for leg in ringing:
            leg.hangup(NO_ANSWER)
        return None

    def _tell(self, leg: SupervisorLeg, mode: Mode) -> None:
        self._call.story.tell("supervised", by=leg.name, mode=mode.value)

    # -- the room -----------------------------------------------------------------------------------------------

    def _seat(self) -> None:
        """Everybody where the modes want them."""
        parties = talking(self._call)
        post = self._call.switch.engine.post
        if self._room is None:
            self._room = self._call.switch.number()
            post(OpenRoom(self._room, self._call.caller.group, 2 * (2 + MOST_SUPERVISORS)))
        relayed = _is_relayed(*parties)
        for party in parties:
            hears = [
                mode is Mode.BARGE or (mode is Mode.WHISPER and agent is party) for mode, agent in self._modes.values()
            ]
            post(JoinRoom(self._room, _number(party), hears=not relayed or any(hears)))
        for leg, (mode, agent) in self._modes.items():
            silent_to = [_number(party) for party in parties if mode is Mode.WHISPER and party is not agent]
            post(JoinRoom(self._room, _number(leg), speaks=mode is not Mode.LISTEN, silent_to=tuple(silent_to)))

    def _leave(self, legs: Sequence[SupervisorLeg]) -> None:
        """The last one to leave closes the room, and the bridge goes on."""
        left = [leg for leg in legs if self._modes.pop(leg, None) is not None]
        if self._room is None or not left:
            return
        post = self._call.switch.engine.post
        if not self._modes:
            post(CloseRoom(self._room))
            self._room = None
            return
        for leg in left:
            post(LeaveRoom(self._room, _number(leg)))
        with contextlib.suppress(NotSupervisableError):
            self._seat()


def _number(leg: Leg) -> int:
    assert leg.media is not None
    return leg.media.leg


def _agent(parties: tuple[Leg, Leg]) -> Leg:
    """Who is whispered to: a phone of ours rather than somebody from outside, of two phones the one that was called."""
    caller, callee = parties
    return caller if caller.name.startswith("phone:") and not callee.name.startswith("phone:") else callee


def _is_relayed(one: Leg, other: Leg) -> bool:
    """Whether the bridge carries their audio without decoding it."""
    ours = one.media.agreement if one.media is not None else None
    theirs = other.media.agreement if other.media is not None else None
    if ours is None or theirs is None:
        return False
    return ours.ptime == theirs.ptime and cost(ours.codec, theirs.codec) < TRANSCODED


def _both(one: Callable[[], None], other: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        one()
        other()

    return call
