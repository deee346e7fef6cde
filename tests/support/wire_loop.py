"""SIP drivers joined by a wire on the loop's clock: seeded delay, loss, duplication and reordering, no sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from softswitch.sip.flow import Flow
from softswitch.transport.listener import Listener

if TYPE_CHECKING:
    from random import Random

    from softswitch.transport.driver import SipDriver

Address = tuple[str, int]


class Wire:
    """Carries datagrams between attached drivers. `loss` and `duplicates` are probabilities, delays are seconds."""

    def __init__(self, dice: Random, *, delay: float = 0.001, jitter: float = 0.0, loss: float = 0.0) -> None:
        self._dice = dice
        self._delay = delay
        self._jitter = jitter
        self._loss = loss
        self._drivers: dict[Address, SipDriver] = {}
        self.log: list[tuple[float, Address, Address, bytes]] = []

    def join(self, driver: SipDriver, address: Address, transport: str = "UDP") -> None:
        """Give this driver an address on the wire."""
        driver.attach(Listener(transport, *address), WireEnd(self))
        self._drivers[address] = driver

    def carry(self, flow: Flow, data: bytes) -> None:
        """Send one datagram on its way."""
        loop = asyncio.get_running_loop()
        self.log.append((loop.time(), flow.local, flow.remote, data))
        if self._dice.random() < self._loss:
            return
        loop.call_later(self._delay + self._dice.random() * self._jitter, self._deliver, flow, data)

    def _deliver(self, flow: Flow, data: bytes) -> None:
        driver = self._drivers.get(flow.remote)
        if driver is not None:
            driver.received(data, Flow(flow.transport, flow.remote, flow.local, flow.connection))


class WireEnd:
    """The transport of one driver."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(self, flow: Flow, data: bytes) -> None:
        """Put it on the wire."""
        self._wire.carry(flow, data)

    async def close(self) -> None:
        """Nothing is held."""
