"""Connections that say nothing, or say it a byte at a time, are cut: aiohttp waits for a request for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp.typedefs import Handler, Middleware

IDLE_SECONDS = 15.0
"""How long a connection may be without a request that is being answered."""
MOST_CONNECTIONS = 64
"""More than that: the ones idle longest go first."""
PERIOD = 1.0


class Connection(Protocol):
    """What is needed of aiohttp's protocol object."""

    def force_close(self) -> None:
        """Cut it now."""


class IdleReaper:
    """Looks at a server's connections once a second, from `start` to `stop`."""

    def __init__(self, *, idle: float = IDLE_SECONDS, most: int = MOST_CONNECTIONS, period: float = PERIOD) -> None:
        self._idle = idle
        self._most = most
        self._period = period
        self._since: dict[Connection, float] = {}
        self._busy: set[Connection] = set()
        self._task: asyncio.Task[None] | None = None

    def middleware(self) -> Middleware:
        """Notes which connections are being answered."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = request.protocol
            self._busy.add(connection)
            try:
                return await handler(request)
            finally:
                self._busy.discard(connection)
                self._since[connection] = asyncio.get_running_loop().time()

        return middleware

    def start(self, server: web.Server) -> None:
        """Begin to watch this server."""
        self._task = asyncio.get_running_loop().create_task(self._watch(server), name="admin:idle")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self, server: web.Server) -> None:
        while True:
            await asyncio.sleep(self._period)
            self.cut(server.connections, asyncio.get_running_loop().time())

    def cut(self, connections: Sequence[Connection], now: float) -> None:
        """Close what has been idle for too long, and the longest idle beyond the limit."""
        self._since = {each: self._since.get(each, now) for each in connections}
        idle = sorted((each for each in connections if each not in self._busy), key=self._since.__getitem__)
        surplus = len(connections) - self._most
        for place, connection in enumerate(idle):
            if place < surplus or now - self._since[connection] > self._idle:
                connection.force_close()
