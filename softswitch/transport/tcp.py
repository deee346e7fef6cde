"""SIP over TCP (RFC 3261 18): framing, connection reuse, and peers that are slow on purpose."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from softswitch.sip.errors import FramingError
from softswitch.sip.flow import Flow
from softswitch.sip.framing import KEEP_ALIVE, StreamFramer

if TYPE_CHECKING:
    from softswitch.transport.driver import SipDriver
    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

CLOSE_SECONDS = 1.0
"""What peers have to take our last words when the node stops."""


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Bounds that keep one peer, or many, from holding the node (THREATS S8)."""

    connections: int = 4096
    per_source: int = 256
    message_seconds: float = 10.0
    """From the first byte of a message to its last; and from being accepted to the first message."""
    idle_seconds: float = 3600.0
    connect_seconds: float = 5.0
    unsent_bytes: int = 1 << 20
    """A peer that does not read is cut when this much waits for it."""


class TcpConnection(asyncio.Protocol):
    """One connection, accepted or opened by us; messages wait in order until it is up."""

    def __init__(self, owner: TcpTransport, number: int, remote: tuple[str, int] | None) -> None:
        self._owner = owner
        self._number = number
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._mid_message = False
        self._accepted = remote is None
        self.counted = False
        """Whether it takes one of the places its source may have."""
        self.remote = remote or ("", 0)
        self.flow = self._flow()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse strangers and excess at once; else send what waited."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if peer is None:
            self._transport.abort()
            return
        if self._accepted:
            self.remote = (peer[0], peer[1])
            self.flow = self._flow()
            if not self._owner.welcome(self):
                self._transport.abort()
                return
        self._transport.set_write_buffer_limits(high=self._owner.limits.unsent_bytes)
        for data in self._waiting:
            self._transport.write(data)
        self._waiting.clear()
        limits = self._owner.limits
        # Whoever connects has something to say; thousands of silent connections would be somebody's weapon.
        self._rest(limits.message_seconds if self._accepted else limits.idle_seconds)

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages; a stream whose framing is lost is closed (RFC 3261 18.3)."""
        try:
            messages = self._framer.feed(data)
        except FramingError as error:
            log.info("TCP %s:%d closed: %s", *self.remote, error)
            self._deliver(error.messages)
            self._owner.driver.refuse(error, self.flow)
            self.close()
            return
        self._deliver(messages)
        mid_message = self._framer.pending > 0
        if not mid_message:
            self._rest(self._owner.limits.idle_seconds)
        elif messages or not self._mid_message:
            self._rest(self._owner.limits.message_seconds)
        self._mid_message = mid_message

    def _deliver(self, messages: list[bytes]) -> None:
        if KEEP_ALIVE in messages:
            self.send(b"\r\n")  # one pong for however many pings came at once: a flood of them gets no flood back
        for message in messages:
            if message == KEEP_ALIVE:
                continue
            if self._transport is None or self._transport.is_closing():
                return
            if not self._accepted or self._owner.driver.admits(self.flow):
                self._owner.driver.received(message, self.flow)

    def send(self, data: bytes) -> None:
        """Write now, or when connected."""
        if self._transport is None:
            self._waiting.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def pause_writing(self) -> None:
        """The peer does not read: holding its data for ever would hold our memory."""
        log.warning("TCP %s:%d does not read, cut", *self.remote)
        self.abort()

    def close(self) -> None:
        """Close once what was written is sent; a peer that does not take it is cut."""
        if self._transport is None:
            self._owner.lost(self)
        else:
            self._transport.close()
            self._rest(self._owner.limits.message_seconds)

    def abort(self) -> None:
        """Close without lingering."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever still waited for this connection has failed."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._owner.lost(self)

    def _flow(self) -> Flow:
        return Flow("TCP", self._owner.listener.local_towards(self.remote[0]), self.remote, self._number)

    def _rest(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.abort)


class TcpTransport:
    """A listening TCP socket and every connection that shares its local address."""

    def __init__(self, driver: SipDriver, listener: Listener, limits: TcpLimits) -> None:
        self.driver = driver
        self.listener = listener
        self.limits = limits
        self._server: asyncio.Server | None = None
        self._connections: dict[int, TcpConnection] = {}
        self._by_remote: dict[tuple[str, int], TcpConnection] = {}
        self._per_source: dict[str, int] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._next = 1
        self._none_left = asyncio.Event()
        self._none_left.set()

    @classmethod
    async def listen(cls, driver: SipDriver, listener: Listener, limits: TcpLimits | None = None) -> TcpTransport:
        """Bind and start (port 0: any free one); raises OSError when the address is taken or not ours."""
        self = cls(driver, listener, limits or TcpLimits())
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, listener.address, listener.port, backlog=1024)
        self.listener = replace(listener, port=self._server.sockets[0].getsockname()[1])
        driver.attach(self.listener, self)
        return self

    def send(self, flow: Flow, data: bytes) -> None:
        """On the flow's own connection, else on any open one to that address, else on a new one (RFC 3261 18.2.2)."""
        connection = self._connections.get(flow.connection) if flow.connection else self._by_remote.get(flow.remote)
        if connection is not None:
            connection.send(data)
        elif flow.connection or len(self._connections) >= self.limits.connections:
            asyncio.get_running_loop().call_soon(self.driver.transport_failed, flow)
        else:
            connection = self._new(flow.remote)
            connection.send(data)
            self._by_remote[flow.remote] = connection
            task = asyncio.get_running_loop().create_task(self._connect(connection), name=f"tcp:{flow.remote[0]}")
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    def welcome(self, connection: TcpConnection) -> bool:
        """Whether a freshly accepted connection may stay."""
        source = connection.remote[0]
        count = self._per_source.get(source, 0)
        if not self.driver.admits(connection.flow):
            return False
        if len(self._connections) > self.limits.connections or count >= self.limits.per_source:
            log.warning("TCP %s:%d refused: too many connections", *connection.remote)
            return False
        self._per_source[source] = count + 1
        connection.counted = True
        self._by_remote.setdefault(connection.remote, connection)
        return True

    def lost(self, connection: TcpConnection) -> None:
        """Forget a connection and tell the stack; what was sent to its address without naming it has failed too."""
        if self._connections.pop(connection.flow.connection, None) is None:
            return
        if self._by_remote.get(connection.remote) is connection:
            del self._by_remote[connection.remote]
        if connection.counted:
            source = connection.remote[0]
            self._per_source[source] -= 1
            if not self._per_source[source]:
                del self._per_source[source]
        if not self._connections:
            self._none_left.set()
        self.driver.connection_lost(connection.flow)
        self.driver.transport_failed(Flow("TCP", connection.flow.local, connection.remote))

    def _accept(self) -> TcpConnection:
        return self._new(None)

    def _new(self, remote: tuple[str, int] | None) -> TcpConnection:
        number, self._next = self._next, self._next + 1
        connection = TcpConnection(self, number, remote)
        self._connections[number] = connection
        self._none_left.clear()
        return connection

    async def _connect(self, connection: TcpConnection) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.limits.connect_seconds):
                await loop.create_connection(
                    lambda: connection, *connection.remote, local_addr=(self.listener.address, 0)
                )
        except OSError as error:  # TimeoutError is one
            log.warning("cannot connect to %s:%d over TCP: %s", *connection.remote, str(error) or "timed out")
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
