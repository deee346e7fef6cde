"""Browsers' transports over the real media engine, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from media.commands import PayloadFormat, SetDirection, SetFormats
from media.control import MediaEngine
from media.events import HandshakeReceived
from media.settings import MediaSettings
from softswitch.webrtc.settings import WebSettings
from softswitch.webrtc.transports import WebTransports
from tests.support.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from media.events import Event
    from softswitch.b2bua.web import WebNews, WebState
    from softswitch.webrtc.transport import WebTransport

OPUS = PayloadFormat(111, "opus", 48_000)
PCMA = PayloadFormat(8, "PCMA", 8000)


class BrowserLeg:
    """A leg, its transport, and what that told."""

    def __init__(self, world: WebWorld) -> None:
        self.world = world
        self.opened = world.engine.open_leg(label="browser", group="call", browser=True)
        self.leg = self.opened.leg
        self.news: list[WebNews] = []
        self._changed = asyncio.Event()
        world.engine.post(
            SetFormats(self.leg, (PCMA,), (PCMA,)), SetDirection(self.leg, send=True, receive=True, expected=True)
        )
        self.transport: WebTransport = world.web.open(
            self.leg, address="127.0.0.1", port=self.opened.port, on_state=self._told
        )

    def _told(self, news: WebNews) -> None:
        self.news.append(news)
        self._changed.set()

    @property
    def path(self) -> tuple[str, int] | None:
        """Where its media goes."""
        return self.transport.path

    async def told(self, state: WebState) -> WebNews:
        """The newest news is of this state."""
        async with asyncio.timeout(PATIENCE):
            while not self.news or self.news[-1].state is not state:
                self._changed.clear()
                await self._changed.wait()
        return self.news[-1]


class WebWorld:
    """The engine, and the registry over it."""

    def __init__(self, settings: WebSettings, media: MediaSettings) -> None:
        loop = asyncio.get_running_loop()
        self.events: list[Event] = []
        self.engine = MediaEngine.start(media, self._heard, loop)
        self.web = WebTransports(self.engine, loop, settings=settings, wall_clock=time.time)

    def _heard(self, event: Event) -> None:
        if isinstance(event, HandshakeReceived):
            self.web.receive(event)
        else:
            self.events.append(event)


@contextlib.asynccontextmanager
async def web_world(settings: WebSettings | None = None, media: MediaSettings | None = None) -> AsyncIterator[WebWorld]:
    """Everything open; everything closed again."""
    world = WebWorld(
        settings or WebSettings(),
        media or MediaSettings(address="127.0.0.1", port_first=24000, port_last=29999, priority=0),
    )
    try:
        yield world
    finally:
        world.web.close()
        await world.engine.stop()
