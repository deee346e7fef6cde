"""SIP over UDP (RFC 3261 18): one socket, one message a datagram."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from softswitch.sip.flow import Flow
from softswitch.transport.listener import socket_address, zoned

if TYPE_CHECKING:
    from softswitch.transport.driver import SipDriver
    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

RECEIVE_BUFFER = 4 << 20
"""Bytes asked of the kernel: a burst of a second at 1,000 calls/s must not be lost while Python collects garbage."""
FLOWS_KEPT = 65_536


class UdpTransport(asyncio.DatagramProtocol):
    """A listening UDP socket. Flows are kept by source, so that a known source costs no allocation."""

    def __init__(self, driver: SipDriver, listener: Listener) -> None:
        self.listener = listener
        self._driver = driver
        self._transport: asyncio.DatagramTransport | None = None
        self._flows: dict[tuple[str, int] | tuple[str, int, int, int], Flow] = {}
        self._sending: Flow | None = None
        self._full = False
        self._zoned = listener.family == 6
        self._closed = asyncio.get_running_loop().create_future()

    @classmethod
    async def listen(cls, driver: SipDriver, listener: Listener) -> UdpTransport:
        """Bind and start (port 0: any free one); raises OSError when the address is taken or not ours."""
        sock = socket.socket(socket.AF_INET6 if listener.family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if sock.family == socket.AF_INET6:
                # IPv4 peers have listeners of their own; seen through this one their answers would name ::ffff:.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(socket_address(listener.address, listener.port))
            self = cls(driver, replace(listener, port=sock.getsockname()[1]))
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise
        driver.attach(self.listener, self)
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to send through."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        self._transport = None
        if not self._closed.done():
            self._closed.set_result(None)

    def datagram_received(self, data: bytes, addr: tuple[str, int] | tuple[str, int, int, int]) -> None:
        """Admit by source, then hand the datagram to the stack; CRLF keep-alives (RFC 5626) end here."""
        flow = self._flows.get(addr)
        if flow is None:
            remote = (zoned(addr), addr[1])
            # Asked before the address we have towards it is looked up: strangers must cost as little as can be.
            if not self._driver.admits(Flow("UDP", (self.listener.address, self.listener.port), remote)):
                return
            flow = Flow("UDP", self.listener.local_towards(remote[0]), remote)
            if len(self._flows) >= FLOWS_KEPT:
                self._flows.clear()
            self._flows[addr] = flow
        elif not self._driver.admits(flow):
            return
        if len(data) > 4 or data.strip(b"\r\n"):
            self._driver.received(data, flow)

    def pause_writing(self) -> None:
        """The socket buffer is full: from here on datagrams are lost, as UDP promises, rather than piled up."""
        self._full = True

    def resume_writing(self) -> None:
        """There is room again."""
        self._full = False

    def error_received(self, exc: Exception) -> None:
        """A datagram could not be sent: at once when it is the one at hand, else one nobody knows any more."""
        if self._sending is None:
            log.debug("UDP socket %s:%d: %s", self.listener.address, self.listener.port, exc)
        else:
            self._failed(self._sending, exc)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram; what the network refuses at once (no route, too long) has failed, the rest is hope."""
        if self._transport is None or self._transport.is_closing() or self._full:
            return
        self._sending = flow
        try:
            remote = flow.remote
            self._transport.sendto(data, socket_address(*remote) if self._zoned and "%" in remote[0] else remote)
        except (OSError, ValueError) as error:  # ValueError: an address of another family than the socket's
            self._failed(flow, error)
        finally:
            self._sending = None

    def _failed(self, flow: Flow, error: Exception) -> None:
        log.warning("cannot send to %s:%d over UDP: %s", *flow.remote, error)
        if isinstance(error, OSError) and error.errno == errno.EMSGSIZE:
            return  # says nothing of the way there: the other calls to this address must not suffer
        asyncio.get_running_loop().call_soon(self._driver.transport_failed, flow)

    async def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()
            await self._closed
