"""Real sockets on loopback: a driver with a stack that answers OPTIONS, and raw peers that talk octet by octet."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from typing import TYPE_CHECKING, Self

from softswitch.sip.events import InviteReceived, RequestReceived
from softswitch.sip.stack import SipStack
from softswitch.sip.timers import Timers
from softswitch.transport.datagram_limit import DatagramLimit
from softswitch.transport.driver import SipDriver
from softswitch.transport.listener import socket_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.events import Event
    from softswitch.sip.flow import Flow

PATIENCE = 120.0
"""Seconds after which something that should have come is a failure: long, for machines that are busy elsewhere."""
HOST = "127.0.0.1"

_serial = itertools.count(1)


def options(via: tuple[str, int], *, transport: str = "UDP", body: bytes = b"", headers: str = "") -> bytes:
    """An OPTIONS of its own transaction, as it stands on the wire."""
    host = f"[{via[0]}]" if ":" in via[0] else via[0]
    number = next(_serial)
    return (
        f"OPTIONS sip:switch@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {host}:{via[1]};branch=z9hG4bK{number};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:peer@{host}>;tag=p{number}\r\nTo: <sip:switch@127.0.0.1>\r\n"
        f"Call-ID: {number}@peer\r\nCSeq: 1 OPTIONS\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Answerer:
    """The near side: everything real but the application, which answers OPTIONS with 200 and refuses calls."""

    def __init__(self, dispatch: Callable[[Event], None] | None = None, largest_datagram: int = 65_535) -> None:
        self.strangers: set[str] = set()
        self.proven: set[str] = set()
        """What strangers may have proven to be, to be none (`Flow.peer`)."""
        self.lost: list[Flow] = []
        self.away: list[Flow] = []
        self.flows: list[Flow] = []
        self.events: list[Event] = []
        token = itertools.count(1)
        self.large = DatagramLimit(largest_datagram, lambda: self.driver.listening())
        self.stack = SipStack(
            token=lambda: f"{next(token):016x}", user_agent="answerer", timers=Timers(), large=self.large
        )
        self.driver = SipDriver(
            self.stack, asyncio.get_running_loop(), admission=self, dispatch=dispatch or self._dispatch, tracer=self
        )

    # Admission and Tracer.

    def admits(self, flow: Flow) -> bool:
        """Everybody but `strangers`."""
        return flow.remote[0] not in self.strangers or flow.peer in self.proven

    def connection_lost(self, flow: Flow) -> None:
        """Note it."""
        self.lost.append(flow)

    def connection_away(self, flow: Flow) -> None:
        """Note it."""
        self.away.append(flow)

    def received(self, flow: Flow, data: bytes) -> None:
        """Note how it came."""
        self.flows.append(flow)

    def sent(self, flow: Flow, data: bytes) -> None:
        """Not kept."""

    def _dispatch(self, event: Event) -> None:
        self.events.append(event)
        now = self.driver.now()
        match event:
            case RequestReceived(exchange=exchange):
                with self.driver.turn() as stack:
                    stack.respond(exchange, 200, now=now)
            case InviteReceived(session=session):
                session.reject(486, now)
            case _:
                pass


class UdpPeer:
    """A bare UDP socket."""

    def __init__(self, host: str = HOST) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(socket_address(host, 0))

    @property
    def address(self) -> tuple[str, int]:
        """Where it is bound."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """One datagram."""
        self._socket.sendto(data, socket_address(*to))

    async def hear(self) -> bytes:
        """The next datagram; TimeoutError if none comes."""
        async with asyncio.timeout(PATIENCE):
            return await asyncio.get_running_loop().sock_recv(self._socket, 65_536)

    @property
    def heard_nothing(self) -> bool:
        """Whether nothing has come so far."""
        try:
            self._socket.recv(1)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TcpPeer:
    """A bare TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._heard = b""

    @classmethod
    async def connect(cls, to: tuple[str, int], source: str = HOST) -> Self:
        """Open a connection from any free port of `source`."""
        sock = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET)
        sock.setblocking(False)
        sock.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(sock, to)
        return cls(sock)

    @property
    def address(self) -> tuple[str, int]:
        """Our end."""
        host, port = self.socket.getsockname()[:2]
        return host, port

    async def send(self, data: bytes) -> None:
        """Into the stream; OSError when the far end has cut it."""
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def read(self) -> bytes:
        """The next octets, b"" when the far end has closed."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await asyncio.get_running_loop().sock_recv(self.socket, 65_536)
            except ConnectionError:
                return b""

    async def hear(self) -> bytes:
        """The next message, headers and body; EOFError when the far end closes instead."""
        while True:
            head, found, rest = self._heard.partition(b"\r\n\r\n")
            if found and b"Content-Length: " in head:
                length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
                if len(rest) >= length:
                    self._heard = rest[length:]
                    return head + found + rest[:length]
            elif found and not head.strip():
                self._heard = rest  # a pong
                continue
            data = await self.read()
            if not data:
                raise EOFError(self._heard)
            self._heard += data

    async def closed_by_far_end(self) -> bytes:
        """Wait until the far end closes, then close; what came before that."""
        heard, self._heard = self._heard, b""
        while data := await self.read():
            heard += data
        self.close()
        return heard

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def abort(self) -> None:
        """Hang up with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM, host: str = HOST) -> int:
    """A port nobody has at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds; TimeoutError if it never does."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  what is waited for happens inside the code under test
            await asyncio.sleep(0.001)
