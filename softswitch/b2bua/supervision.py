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
from softswitch.b2bua.cause import ANSWERED_ELSEWHERE, NO_ANSWER, NO_CIRCUIT, NORMAL
from softswitch.b2bua.codec_choice import cost
from softswitch.b2bua.leg import CallFailed, LegState
from softswitch.b2bua.outbound_leg import OutboundLeg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.switchboard import Switchboard

MOST_SUPERVISORS = 8
MOST_STREAMS = 4
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
    legs = heard(call)
    if len(legs) != 2:
        raise NotSupervisableError(f"call {call.id} has no two parties who talk to each other")
    return legs[0], legs[1]


def heard(call: Call) -> list[Leg]:
    """The parties of the call who can be heard now."""
    return [
        leg
        for leg in call.legs
        if leg.state is LegState.ANSWERED and leg.audible and not isinstance(leg, SupervisorLeg)
    ]


class AttachedStream:
    """A stream in a call's room, as the far end's connection sees it: an audio pipe."""

    __slots__ = ("_engine", "_rings", "number", "on_party", "speaks")

    def __init__(
        self, room: int, rate: int, speaks: bool, on_party: Callable[[Leg], None], switch: Switchboard
    ) -> None:
        self._engine = switch.engine
        self._rings = switch.engine.open_stream(room, rate=rate, speaks=speaks)
        self.number = self._rings.number
        self.speaks = speaks
        self.on_party = on_party

    @property
    def lost(self) -> int:
        """Frames that were written over before they were read."""
        return self._rings.lost

    def say(self, pcm: bytes, mark: int = 0) -> bool:
        """Give a frame; False: no room now."""
        return self._rings.say(pcm, mark)

    def clear(self) -> None:
        """Take back what has not been said."""
        self._rings.clear()

    def read(self, most: int = 64) -> list[tuple[int, int, int, bytes]]:
        """What was heard since: (party, tick, rate, samples) each."""
        return self._rings.read(most)

    def close(self) -> None:
        """Leave the room."""
        self._engine.close_stream(self._rings)


class Supervision:
    """All supervisors of one call, and the room they share with its parties."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._room: int | None = None
        self._streams: dict[int, AttachedStream] = {}
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
        leg = self._call.switch.invite(destination, self._call.served, self._call.served.group, SupervisorLeg)
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

    # -- streams ------------------------------------------------------------------------------------------------

    def attach(
        self, *, rate: int, speaks: bool, on_party: Callable[[Leg], None], on_mark: Callable[[int], None]
    ) -> AttachedStream:
        """A party without a socket, until `detach`; `on_party` is told of everyone it hears. Raises CallFailed when
        there is no room for it."""
        if len(self._streams) >= MOST_STREAMS:
            raise CallFailed(NO_CIRCUIT)
        stream = AttachedStream(self._open_room(), rate, speaks, on_party, self._call.switch)
        self._streams[stream.number] = stream
        self._call.switch.marks[stream.number] = on_mark
        self.seat()
        return stream

    def detach(self, stream: AttachedStream) -> None:
        """The last one to leave closes the room."""
        if self._streams.pop(stream.number, None) is None:
            return
        del self._call.switch.marks[stream.number]
        stream.close()
        if self._modes or self._streams:
            self.seat()
        else:
            self._close_room()

    # -- the room -----------------------------------------------------------------------------------------------

    def seat(self) -> None:
        """Everybody where the modes and the streams want them; called again when somebody has come."""
        if self._room is not None:
            self._seat()

    def _open_room(self) -> int:
        if self._room is None:
            self._room = self._call.switch.number()
            most = 2 * (2 + MOST_SUPERVISORS) + MOST_STREAMS
            self._call.switch.engine.post(OpenRoom(self._room, self._call.served.group, most))
        return self._room

    def _close_room(self) -> None:
        if self._room is not None:
            self._call.switch.engine.post(CloseRoom(self._room))
            self._room = None

    def _seat(self) -> None:
        room = self._open_room()
        parties = heard(self._call)
        post = self._call.switch.engine.post
        relayed = len(parties) < 2 or _is_relayed(*parties)
        spoken_to = any(stream.speaks for stream in self._streams.values())
        for party in parties:
            hears = [
                mode is Mode.BARGE or (mode is Mode.WHISPER and agent is party) for mode, agent in self._modes.values()
            ]
            post(JoinRoom(room, _number(party), hears=not relayed or spoken_to or any(hears)))
            for stream in self._streams.values():
                stream.on_party(party)
        for leg, (mode, agent) in self._modes.items():
            silent_to = [_number(party) for party in parties if mode is Mode.WHISPER and party is not agent]
            post(JoinRoom(room, _number(leg), speaks=mode is not Mode.LISTEN, silent_to=tuple(silent_to)))

    def _leave(self, legs: Sequence[SupervisorLeg]) -> None:
        """The last one to leave closes the room, and the bridge goes on."""
        left = [leg for leg in legs if self._modes.pop(leg, None) is not None]
        if self._room is None or not left:
            return
        post = self._call.switch.engine.post
        if not self._modes and not self._streams:
            self._close_room()
            return
        for leg in left:
            post(LeaveRoom(self._room, _number(leg)))
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
