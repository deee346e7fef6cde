"""One WebSocket that carries SIP (RFC 7118): a message a frame, keep-alives both ways, and bounds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMsgType

from softswitch.sip.framing import MAX_MESSAGE
from softswitch.transport.connection import PING, UNACKNOWLEDGED

if TYPE_CHECKING:
    from aiohttp import web

    from softswitch.sip.flow import Flow
    from softswitch.transport.websocket import WebSocketTransport

log = logging.getLogger(__name__)

PONG = b"\r\n"
"""Answers PING; each is a message of its own here (RFC 7118 6, RFC 5626 3.5.1)."""
CLOSE_SECONDS = 1.0
"""What a far end has to answer our close frame."""

NO_PONG = WSCloseCode.INTERNAL_ERROR
"""1011, as the libraries of others have it."""
REPLACED = 4001
"""Another connection of the same instance took its place: whoever hears this must not come back by itself."""


@dataclass(frozen=True, slots=True)
class WebSocketLimits:
    """Bounds that keep one peer, or many, from holding the node (THREATS S14)."""

    connections: int = 4096
    per_source: int = 256
    strangers: int = 512
    """Connections that have not proven anything yet; one more costs the oldest its place."""
    introduce_seconds: float = 30.0
    """From connecting to proving who one is."""
    message_octets: int = MAX_MESSAGE
    unsent_octets: int = 1 << 20
    """A peer for whom more waits is cut, and so is one that takes nothing for `write_seconds`."""
    write_seconds: float = 10.0
    ping: float = 15.0
    reconnect: float = 30.0
    """How long the flows of a party wait for its next connection."""


class WebSocketConnection:
    """One connection, from its upgrade to its end. What is sent waits for a task of its own, which also pings."""

    def __init__(
        self,
        owner: WebSocketTransport,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        flow: Flow,
    ) -> None:
        self._owner = owner
        self._socket = socket
        self._transport = transport
        self.flow = flow
        self.is_introduced = False
        self._outbox: deque[bytes] = deque()
        self._octets = 0
        self._news = asyncio.Event()
        self._closing: tuple[int, bytes] | None = None
        self._heard = True
        """Whether anything has come since the last ping."""
        self._wants_ping = False
        self._next_ping: asyncio.TimerHandle | None = None

    async def run(self) -> int:
        """Serve it until it ends; the code it was closed with (1006: without any)."""
        limits, loop = self._owner.limits, asyncio.get_running_loop()
        give_up_unacknowledged(self._transport)
        introduce_by = loop.call_later(limits.introduce_seconds, self._must_be_introduced)
        self._next_ping = loop.call_later(limits.ping, self._ping_due)
        writer = loop.create_task(self._write(), name=f"ws:{self.flow.remote[0]}")
        try:
            await self._read()
        finally:
            introduce_by.cancel()
            self._next_ping.cancel()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return self._socket.close_code or WSCloseCode.ABNORMAL_CLOSURE

    # In.

    async def _read(self) -> None:
        while True:
            try:
                message = await self._socket.receive()
            except (ConnectionError, RuntimeError):  # it went while aiohttp was answering it
                return
            self._heard = True
            match message.type:
                case WSMsgType.TEXT:
                    self._take(message.data.encode())
                case WSMsgType.BINARY:
                    self._take(message.data)
                case WSMsgType.PING:
                    with contextlib.suppress(ConnectionError):
                        await self._socket.pong(message.data)
                case WSMsgType.PONG:
                    pass
                case WSMsgType.ERROR:
                    self._owner.report(self, str(message.data) or type(message.data).__name__)
                    return
                case _:
                    return

    def _take(self, data: bytes) -> None:
        if self._closing is not None or not self._owner.driver.admits(self.flow):
            return
        if data == PING:
            self.send(PONG)
        elif data and data != PONG:
            self._owner.driver.received(data, self.flow)

    # Out.

    def send(self, data: bytes) -> None:
        """Send it behind what waits already."""
        self._outbox.append(data)
        self._octets += len(data)
        self._news.set()
        if self._octets > self._owner.limits.unsent_octets:
            self._cut_deaf()

    def close(self, code: int, reason: str = "") -> None:
        """Send what waits, say why, then close."""
        if self._closing is None:
            self._closing = code, reason.encode()
            self._news.set()

    def abort(self) -> None:
        """Close without another word."""
        self._outbox.clear()
        self._octets = 0
        self._transport.abort()

    def _cut_deaf(self) -> None:
        self._owner.report(self, "it does not read")
        self.abort()

    def _must_be_introduced(self) -> None:
        if not self.is_introduced:
            self._owner.report(self, "it has not proven who it is")
            self.close(WSCloseCode.POLICY_VIOLATION, "expected REGISTER or INVITE with credentials")

    def _ping_due(self) -> None:
        if not self._heard:
            self._owner.report(self, "it does not answer pings")
            self.close(NO_PONG, "no pong")
            return
        self._heard = False
        self._wants_ping = True
        self._news.set()
        self._next_ping = asyncio.get_running_loop().call_later(self._owner.limits.ping, self._ping_due)

    async def _write(self) -> None:
        try:
            while self._closing is None:
                await self._news.wait()
                self._news.clear()
                async with asyncio.timeout(self._owner.limits.write_seconds):
                    await self._flush()
            code, reason = self._closing
            await self._socket.close(code=code, message=reason)
        except TimeoutError:
            self._cut_deaf()
        except ConnectionError:
            pass  # the reader hears of it, too

    async def _flush(self) -> None:
        while self._outbox:
            data = self._outbox.popleft()
            self._octets -= len(data)
            try:
                text = data.decode()
            except UnicodeDecodeError:
                await self._socket.send_bytes(data)  # RFC 7118 5.2: text frames are UTF-8
            else:
                await self._socket.send_str(text)
        if self._wants_ping:
            self._wants_ping = False
            await self._socket.ping()


def give_up_unacknowledged(transport: asyncio.Transport) -> None:
    """Have the kernel end a connection whose far end acknowledges nothing any more."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED)
