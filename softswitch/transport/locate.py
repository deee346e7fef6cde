"""Which flow reaches a next hop: our listener of its transport, and the addresses its name stands for.

Addresses as such need no look-up. Names are resolved ahead of time and refreshed, so that no call waits for DNS;
SRV and NAPTR (RFC 3263) are not looked at in this release.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

from softswitch.sip.flow import Flow
from softswitch.transport.listener import is_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

REFRESH = 30.0
"""Seconds between look-ups; the last good answer is kept while DNS is down."""
PATIENCE = 5.0
"""Seconds a look-up may take. Names are looked up side by side, so that all of them together take no longer."""


class Locator:
    """Turns (transport, host, port) into flows. Names must be announced with `follow` before they can be located."""

    def __init__(self, resolved: Callable[[str, str], None] | None = None) -> None:
        """`resolved(host, address)` is told of every address a followed name stands for."""
        self._resolved = resolved
        self._listeners: list[Listener] = []
        self._names: dict[str, tuple[str, ...]] = {}
        self._task: asyncio.Task[None] | None = None

    def start_from(self, listeners: Iterable[Listener]) -> None:
        """The listeners that flows start from; the first of a transport and address family is used."""
        self._listeners = list(listeners)

    async def follow(self, hosts: Iterable[str]) -> None:
        """Resolve these names now and every REFRESH seconds; addresses among them are ignored."""
        self._names = {host: () for host in hosts if not is_address(host)}
        if self._names:
            await self._refresh()
            self._task = asyncio.get_running_loop().create_task(self._keep_fresh(), name="locate")

    def flows(self, transport: str, host: str, port: int) -> list[Flow]:
        """Every way to reach this next hop, in the resolver's order; [] when its name has no address (yet)."""
        addresses = (host,) if is_address(host) else self._names.get(host, ())
        found = []
        for address in addresses:
            version = 6 if ":" in address else 4
            for listener in self._listeners:
                if listener.transport == transport and listener.family == version:
                    found.append(Flow(transport, listener.local_towards(address), (address, port)))
                    break
        return found

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH)
            await self._refresh()

    async def _refresh(self) -> None:
        await asyncio.gather(*map(self._look_up, self._names))

    async def _look_up(self, host: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:  # a time-out is an OSError; UnicodeError: a label too long for DNS
            kept = ", ".join(self._names[host]) or "nothing"
            log.warning("cannot resolve %s: %s; kept: %s", host, str(error) or "timed out", kept)
            return
        self._names[host] = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        if self._resolved is not None:
            for address in self._names[host]:
                self._resolved(host, address)

    async def close(self) -> None:
        """Stop refreshing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
