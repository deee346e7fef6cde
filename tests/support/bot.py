"""A voice bot: a real WebSocket server that keeps what it was sent, and says what a test has it say."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


class Bot:
    """The far end: what it was sent, and a socket to send with."""

    def __init__(self) -> None:
        self.port = 0
        self.heard: list[dict[str, Any]] = []
        self.token = ""
        self.reading = True
        self.socket: web.WebSocketResponse | None = None
        self.came = asyncio.Event()
        self.gone = asyncio.Event()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        self.token = request.headers.get("Authorization", "")
        self.socket = web.WebSocketResponse(heartbeat=None)
        await self.socket.prepare(request)
        self.came.set()
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self.heard.append(json.loads(message.data))
        self.gone.set()
        return self.socket

    async def say(self, event: str, **content: object) -> None:
        assert self.socket is not None
        await self.socket.send_str(json.dumps({"event": event, event: content}))

    async def speak(self, pcm: bytes) -> None:
        await self.say("media", payload=base64.b64encode(pcm).decode())

    def told(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.heard if each["event"] == event]

    def audio(self, track: str) -> bytes:
        return b"".join(
            base64.b64decode(each["media"]["payload"]) for each in self.told("media") if each["media"]["track"] == track
        )


@contextlib.asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/bot", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
