"""SIP over WebSocket on a real port, without the rest of the switch."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from softswitch.transport.listener import Listener
from softswitch.transport.websocket import Origins, WebSocketTransport
from softswitch.transport.websocket_connection import WebSocketLimits
from tests.support.loopback import HOST, Answerer, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class WebSocketStage:
    """An answerer behind a web server."""

    def __init__(self, near: Answerer, carrier: WebSocketTransport, url: str, http: aiohttp.ClientSession) -> None:
        self.near = near
        self.carrier = carrier
        self.url = url
        self.http = http
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def connect(self, **how: Any) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket for SIP."""
        found: aiohttp.ClientWebSocketResponse = await self.http.ws_connect(
            self.url, **{"protocols": ("sip",), "autoping": False, **how}
        )
        self._sockets.append(found)
        return found

    async def leave(self) -> None:
        """Close whatever is open."""
        for each in self._sockets:
            await each.close()


@contextlib.asynccontextmanager
async def web_sockets(
    limits: WebSocketLimits | None = None, origins: frozenset[str] = frozenset()
) -> AsyncIterator[WebSocketStage]:
    """Serve `/sip` on any free port; nothing of it may be left in the end."""
    near, port = Answerer(), free_port(socket.SOCK_STREAM)
    carrier = WebSocketTransport(near.driver, Listener("WS", HOST, port), limits or WebSocketLimits(), Origins(origins))
    app = web.Application()

    async def serve(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        host, port = request.transport.get_extra_info("peername")[:2]
        return await carrier.serve(request, (request.headers.get("X-Forwarded-For", host), port))

    app.add_routes([web.get("/sip", serve)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    async with aiohttp.ClientSession() as http:
        stage = WebSocketStage(near, carrier, f"ws://{HOST}:{port}/sip", http)
        try:
            yield stage
        finally:
            await near.driver.close()
            await stage.leave()
            await runner.cleanup()
            assert not carrier.open_connections
            assert not carrier._strangers
            assert not carrier._per_source
            assert not carrier._awaited
