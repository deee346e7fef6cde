"""SIP over TCP (RFC 3261 18): the connections of one listener, reused, counted, and bounded in all."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from softswitch.transport.connection import Place, TcpConnection, TcpLimits

if TYPE_CHECKING:
    from softswitch.sip.flow import Flow
    from softswitch.transport.driver import SipDriver
    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

CLOSE_SECONDS = 1.0
"""What peers have to take our last words when the node stops."""
REPORT_INTERVAL = 60.0
REPORTED_SOURCES = 50
"""Sources whose trouble is told in one interval, once each; nobody can fill the log with bad connections."""


class TcpTransport:
    """A listening TCP socket and every connection that shares its local address."""

    kind = "TCP"

    def __init__(self, driver: SipDriver, listener: Listener, limits: TcpLimits) -> None:
        self.driver = driver
        self.listener = listener
        self.limits = limits
        self._server: asyncio.Server | None = None
        self._connections: dict[int, TcpConnection] = {}
        self._by_place: dict[Place, TcpConnection] = {}
        self._per_source: dict[str, int] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._deaf: set[TcpConnection] = set()
        self._unfinished = 0
        self._reported: set[str] = set()
        self._reporting_since = 0.0
        self._next = 1
        self._none_left = asyncio.Event()
        self._none_left.set()

    @classmethod
    async def listen(cls, driver: SipDriver, listener: Listener, limits: TcpLimits | None = None) -> Self:
        """Bind and start (port 0: any free one); raises OSError when the address is taken or not ours."""
        self = cls(driver, listener, limits or TcpLimits())
        await self._open()
        return self

    async def _open(self) -> None:
        listener = self.listener
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, listener.address, listener.port, backlog=1024)
        self.listener = replace(listener, port=self._server.sockets[0].getsockname()[1])
        self.driver.attach(self.listener, self)

    @property
    def open_connections(self) -> int:
        """Accepted and opened ones together."""
        return len(self._connections)

    def send(self, flow: Flow, data: bytes) -> None:
        """On the flow's own connection, else on any open one to that address, else on a new one (RFC 3261 18.2.2)."""
        if flow.connection:
            connection = self._connections.get(flow.connection)
        else:
            connection = self._by_place.get((flow.remote, flow.peer))
        if connection is not None:
            connection.send(data)
        elif flow.connection or len(self._connections) >= self.limits.connections or not self._may_open(flow):
            asyncio.get_running_loop().call_soon(self.driver.transport_failed, flow)
        else:
            connection = self._new(flow.remote, flow.peer)
            connection.send(data)
            self.serve(connection, (flow.remote, flow.peer))
            name = f"{self.kind.lower()}:{flow.remote[0]}"
            task = asyncio.get_running_loop().create_task(self._connect(connection), name=name)
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    def _may_open(self, flow: Flow) -> bool:
        """Whether we know enough of the far end to connect to it."""
        return True

    # For connections.

    def welcome(self, connection: TcpConnection) -> bool:
        """Whether a freshly accepted connection may stay."""
        source = connection.remote[0]
        count = self._per_source.get(source, 0)
        if not self._knows(connection):
            return False
        if len(self._connections) > self.limits.connections or count >= self.limits.per_source:
            self.report(connection, "too many connections")
            return False
        self._per_source[source] = count + 1
        connection.counted = True
        if (place := (connection.remote, connection.peer)) not in self._by_place:
            self.serve(connection, place)
        return True

    def serve(self, connection: TcpConnection, place: Place) -> None:
        """From now on what is for this place goes through this connection."""
        self._by_place[place] = connection
        connection.places.append(place)

    def _knows(self, connection: TcpConnection) -> bool:
        return self.driver.admits(connection.flow)

    def received(self, message: bytes, connection: TcpConnection) -> None:
        """One whole message of an admitted source."""
        self.driver.received(message, connection.flow)

    def note_unfinished(self, connection: TcpConnection, octets: int) -> None:
        """So many more octets wait for the rest of their message; too many in all cost the largest its connection."""
        self._unfinished += octets
        if octets > 0 and self._unfinished > self.limits.unfinished_bytes:
            largest = max(self._connections.values(), key=lambda each: each.unfinished, default=connection)
            self.report(largest, "too many unfinished messages wait on all connections together")
            largest.abort()

    def may_wait(self, connection: TcpConnection) -> bool:
        """Whether this peer, who does not read, is given time."""
        self._deaf.add(connection)
        return len(self._deaf) <= self.limits.not_reading

    def waits_no_more(self, connection: TcpConnection) -> None:
        """It has read, or is gone."""
        self._deaf.discard(connection)

    def report(self, connection: TcpConnection, trouble: str) -> None:
        """Tell why a connection is closed, once for each source in an interval."""
        now = asyncio.get_running_loop().time()
        if now - self._reporting_since >= REPORT_INTERVAL:
            self._reported.clear()
            self._reporting_since = now
        source = connection.remote[0]
        if source not in self._reported and len(self._reported) < REPORTED_SOURCES:
            self._reported.add(source)
            log.warning("%s %s:%d closed: %s", self.kind, *connection.remote, trouble)

    def lost(self, connection: TcpConnection) -> None:
        """Forget a connection and tell the stack; what was sent to its address without naming it has failed too."""
        if self._connections.pop(connection.flow.connection, None) is None:
            return
        for place in connection.places:
            if self._by_place.get(place) is connection:
                del self._by_place[place]
        if connection.counted:
            source = connection.remote[0]
            self._per_source[source] -= 1
            if not self._per_source[source]:
                del self._per_source[source]
        if not self._connections:
            self._none_left.set()
        self.driver.connection_lost(connection.flow)
        self.driver.transport_failed(replace(connection.flow, connection=0))

    def _accept(self) -> TcpConnection:
        return self._new(None)

    def _new(self, remote: tuple[str, int] | None, peer: str = "") -> TcpConnection:
        number, self._next = self._next, self._next + 1
        connection = self._make(number, remote, peer)
        self._connections[number] = connection
        self._none_left.clear()
        return connection

    def _make(self, number: int, remote: tuple[str, int] | None, peer: str) -> TcpConnection:
        return TcpConnection(self, number, remote, peer)

    async def _connect(self, connection: TcpConnection) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.limits.connect_seconds):
                await loop.create_connection(
                    lambda: connection, *connection.remote, local_addr=(self.listener.address, 0)
                )
        except OSError as error:  # TimeoutError is one
            reason = str(error) or "timed out"
            log.warning("cannot connect to %s:%d over %s: %s", *connection.remote, self.kind, reason)
            self.lost(connection)

    async def close(self) -> None:
        """Stop listening and close every connection; what was written last (a BYE, a 503) still goes out."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connecting):
            task.cancel()
        for connection in list(self._connections.values()):
            connection.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._none_left.wait()
        except TimeoutError:
            for connection in list(self._connections.values()):
                connection.abort()
            await self._none_left.wait()
