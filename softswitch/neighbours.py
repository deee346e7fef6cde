"""Whom this node talks to and what it knows of them: trunks, registered phones, who may speak, where names lead."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch import parties
from softswitch.b2bua.channels import Channels
from softswitch.endpoints.access_control import Gate, Phones
from softswitch.endpoints.bindings import Bindings
from softswitch.transport.locate import Locator

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

    from config.load import Settings
    from softswitch.endpoints.trunk import Trunk
    from softswitch.sip.flow import Flow
    from softswitch.transport.next_hop import NextHop


PURGE_SECONDS = 60.0
"""Between two sweeps over expired registrations."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whom we talk to, and what we know of them."""

    trunks: dict[str, Trunk]
    bindings: Bindings
    gate: Gate
    channels: Channels
    locator: Locator

    async def locate(self) -> None:
        """Resolve the names of the trunks' next hops, and keep them resolved."""
        await self.locator.follow(hop for trunk in self.trunks.values() for hop in trunk.reached_at)


def meet_neighbours(settings: Settings, closing: contextlib.AsyncExitStack) -> Neighbours:
    """Make them from the configuration. Raises AccessConflictError when two trunks claim the same source."""
    trunks = parties.trunks(settings)
    bindings = Bindings()
    gate = Gate(list(trunks.values()), Phones(parties.may_authenticate(settings)), registered=bindings)
    locator = Locator(lambda hop, address: _expect(gate, trunks, hop, address), names=parties.names(settings))
    closing.push_async_callback(locator.close)
    channels = Channels({trunk.label: trunk.limits.capacity for trunk in trunks.values()})
    loop = asyncio.get_running_loop()
    sweep = loop.create_task(_sweep(bindings, loop.time), name="sweep")
    closing.callback(sweep.cancel)
    return Neighbours(trunks, bindings, gate, channels, locator)


class Door:
    """The gate as the driver sees it."""

    def __init__(self, gate: Gate, bindings: Bindings, clock: Callable[[], float]) -> None:
        self._admit = gate.admit
        self._bindings = bindings
        self._clock = clock
        self.is_open = False
        """Nobody is heard before all listeners are there: a call half a node would take is a call lost."""

    def admits(self, flow: Flow) -> bool:
        """Whether this source is anybody."""
        return self.is_open and self._admit(flow, self._clock()) is not None

    def connection_lost(self, flow: Flow) -> None:
        """Phones registered through it are gone."""
        self._bindings.connection_lost(flow)

    def connection_away(self, flow: Flow) -> None:
        """Phones registered through it are not rung until they are back."""
        self._bindings.connection_away(flow)


def _expect(gate: Gate, trunks: dict[str, Trunk], hop: NextHop, address: str) -> None:
    """Answers and requests within dialogs come from the addresses a next hop's name stands for."""
    for trunk in trunks.values():
        if hop in trunk.reached_at:
            gate.expect(address, trunk)


async def _sweep(bindings: Bindings, clock: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(PURGE_SECONDS)
        bindings.purge(clock())
