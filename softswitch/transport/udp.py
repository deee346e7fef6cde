"""SIP over UDP (RFC 3261 18): one socket, one message a datagram."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from softswitch.sip.flow import Flow

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
        self._flows: dict[tuple[str, int], Flow] = {}

    @classmethod
    async def listen(cls, driver: SipDriver, listener: Listener) -> UdpTransport:
        """Bind and start (port 0: any free one); raises OSError when the address is taken or not ours."""
        sock = socket.socket(socket.AF_INET6 if listener.family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            sock.bind((listener.address, listener.port))
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

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Admit by source, then hand the datagram to the stack; CRLF keep-alives (RFC 5626) end here."""
        flow = self._flows.get(addr)
        if flow is None:
            flow = Flow("UDP", self.listener.local_towards(addr[0]), (addr[0], addr[1]))
            if not self._driver.admits(flow):
                return
            if len(self._flows) >= FLOWS_KEPT:
                self._flows.clear()
            self._flows[addr] = flow
        elif not self._driver.admits(flow):
            return
        if len(data) > 4 or data.strip(b"\r\n"):
            self._driver.received(data, flow)

    def error_received(self, exc: Exception) -> None:
        """ICMP errors carry no address here; timers B and F end the transaction instead."""
        log.debug("UDP socket %s:%d: %s", self.listener.address, self.listener.port, exc)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram; a full socket buffer or an unreachable network is a lost packet, as UDP promises."""
        if self._transport is None or self._transport.is_closing():
            return
        try:
            self._transport.sendto(data, flow.remote)
        except OSError as error:
            log.warning("cannot send %d bytes to %s:%d over UDP: %s", len(data), *flow.remote, error)
            asyncio.get_running_loop().call_soon(self._driver.transport_failed, flow)

    async def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()
