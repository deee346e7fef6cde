"""A media engine on loopback with far ends of its own: real sockets, no sleeping, every wait has a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from media.commands import CloseLeg, PayloadFormat, SetDirection, SetFormats, SetRemote
from media.control import MediaEngine
from media.events import Event, LegGone
from media.settings import MediaSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from media.legs import OpenedLeg

DEADLINE = 120.0
"""Seconds after which something that should have come is a failure: long, for machines that are busy elsewhere."""
PCMA = PayloadFormat(8, "PCMA", 8000)
PCMU = PayloadFormat(0, "PCMU", 8000)
DTMF = PayloadFormat(101, "telephone-event", 8000)
CN = PayloadFormat(13, "CN", 8000)
LOOPBACK = "127.0.0.1"

SomeEvent = TypeVar("SomeEvent", bound=Event)


@dataclass(frozen=True, slots=True)
class Rtp:
    """One RTP packet as a far end sees it."""

    sequence: int
    timestamp: int
    payload: bytes = b"\xd5" * 160
    payload_type: int = 8
    ssrc: int = 0x1234
    marker: bool = False

    def __bytes__(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        return struct.pack("!BBHII", 0x80, second, self.sequence, self.timestamp, self.ssrc) + self.payload

    @classmethod
    def parse(cls, data: bytes) -> Rtp:
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        assert first == 0x80
        return cls(sequence, timestamp, data[12:], second & 0x7F, ssrc, bool(second & 0x80))


class FarEnd:
    """A phone's RTP and RTCP sockets."""

    def __init__(self, host: str = LOOPBACK) -> None:
        self.rtp = self._bound(host)
        self.rtcp = self._bound(host)
        self.host = host
        self.port: int = self.rtp.getsockname()[1]
        self.rtcp_port: int = self.rtcp.getsockname()[1]
        self.sequence = 0
        self.ssrc = 0x1234

    @staticmethod
    def _bound(host: str) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.setblocking(False)
        bound.bind((host, 0))
        return bound

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()

    def send(self, leg: OpenedLeg, packet: Rtp | bytes) -> None:
        """To the leg's RTP port."""
        self.rtp.sendto(bytes(packet), (LOOPBACK, leg.port))

    def talk(self, leg: OpenedLeg, count: int = 1, **changes: object) -> list[Rtp]:
        """The next `count` packets of this phone's own stream."""
        sent = []
        for _ in range(count):
            packet = replace(Rtp(self.sequence & 0xFFFF, self.sequence * 160, ssrc=self.ssrc), **changes)  # type: ignore[arg-type]
            self.sequence += 1
            self.send(leg, packet)
            sent.append(packet)
        return sent

    def send_rtcp(self, leg: OpenedLeg, data: bytes) -> None:
        self.rtcp.sendto(data, (LOOPBACK, leg.port + 1))

    async def hear(self) -> Rtp:
        return Rtp.parse(await self._take(self.rtp))

    async def hear_many(self, count: int) -> list[Rtp]:
        return [await self.hear() for _ in range(count)]

    async def hear_rtcp(self) -> bytes:
        return await self._take(self.rtcp)

    def hear_waiting(self) -> list[Rtp]:
        """What has come and not been taken yet."""
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(Rtp.parse(self.rtp.recv(2048)))
        return heard

    def heard_nothing(self) -> bool:
        """Whether nothing waits: only meaningful once something sent later has come through elsewhere."""
        return not self.hear_waiting()

    @staticmethod
    async def _take(end: socket.socket) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await asyncio.get_running_loop().sock_recv(end, 2048)


class MediaWorld:
    """An engine, what it told, and its far ends."""

    def __init__(self, settings: MediaSettings) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()
        self._far_ends: list[FarEnd] = []
        self.engine = MediaEngine.start(settings, self._heard, asyncio.get_running_loop())

    def _heard(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def event(self, kind: type[SomeEvent], condition: Callable[[SomeEvent], bool] = lambda _: True) -> SomeEvent:
        """The first event of this kind that was told, or is told before the deadline."""
        async with asyncio.timeout(DEADLINE):
            while True:
                self._changed.clear()
                for each in self.events:
                    if isinstance(each, kind) and condition(each):
                        return each
                await self._changed.wait()

    def told(self, kind: type[SomeEvent]) -> list[SomeEvent]:
        return [each for each in self.events if isinstance(each, kind)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """A condition that holds soon, on the event loop's own turns."""
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 -- counters in shared memory have no event to wait for
                await asyncio.sleep(0.001)

    def far_end(self, host: str = LOOPBACK) -> FarEnd:
        end = FarEnd(host)
        self._far_ends.append(end)
        return end

    def leg(
        self,
        far: FarEnd | None,
        formats: tuple[PayloadFormat, ...] = (PCMA, DTMF),
        *,
        send: tuple[PayloadFormat, ...] | None = None,
        group: str = "call",
        mux: bool = False,
    ) -> OpenedLeg:
        """A leg whose SDP named `far`."""
        opened = self.engine.open_leg(label="test", group=group)
        self.engine.post(SetFormats(opened.leg, formats, formats if send is None else send))
        if far is not None:
            self.engine.post(SetRemote(opened.leg, far.host, far.port, far.host, far.rtcp_port, mux))
        self.engine.post(SetDirection(opened.leg, send=True, receive=True))
        return opened

    async def gone(self, leg: OpenedLeg) -> LegGone:
        return await self.event(LegGone, lambda event: event.leg == leg.leg)

    async def settled(self) -> None:
        """Every command posted so far has been carried out: a leg opened and closed behind them is gone."""
        last = self.leg(None, group="behind")
        self.engine.post(CloseLeg(last.leg))
        await self.gone(last)

    async def talk_until(self, far: FarEnd, leg: OpenedLeg, condition: Callable[[], bool]) -> None:
        """Let `far` talk at its pace until the condition holds."""
        async with asyncio.timeout(DEADLINE):
            while not condition():
                far.talk(leg)
                await asyncio.sleep(0.02)

    async def end(self) -> None:
        await self.engine.stop()
        for far in self._far_ends:
            far.close()


@contextlib.asynccontextmanager
async def media_world(**changes: object) -> AsyncIterator[MediaWorld]:
    """A fresh engine with quick latch grace; `changes` replace settings."""
    settings = MediaSettings(address=LOOPBACK, port_first=24000, port_last=29999, latch_grace=0.03, priority=0)
    world = MediaWorld(replace(settings, **changes))  # type: ignore[arg-type]
    try:
        yield world
    finally:
        await world.end()
