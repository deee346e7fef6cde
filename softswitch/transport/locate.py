"""Which flows reach a next hop: RFC 3263, done ahead of time, so that no call waits for DNS.

A next hop is followed from the moment it is announced: its records are asked for again when they expire, and what is
known stays good while DNS is down. `flows` only reads, and throws the dice for the weights of SRV records.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING

from softswitch.sip.flow import Flow
from softswitch.transport.dns import RETRY, Answer, Names
from softswitch.transport.listener import has_route, is_address
from softswitch.transport.next_hop import DEFAULT_PORTS, NextHop
from softswitch.transport.selection import SRV_LABELS, Naptr, Srv, Target, Way, by_weight, preferred, tiers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds the first look-ups may take together; whatever is slower is found later, behind the back of calls."""

LEAST_WAIT = 1.0
"""Seconds between two walks through DNS for the same next hop."""


class Locator:
    """Turns next hops into flows. Names must be announced with `follow` before they can be located."""

    def __init__(
        self,
        resolved: Callable[[NextHop, str], None] | None = None,
        *,
        names: Callable[[], Names] = Names,
        below: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """`resolved(hop, address)` is told of every address a followed next hop leads to. `below(n)`: dice, 0..n-1."""
        self._resolved = resolved
        self._make_names = names
        self._names: Names | None = None
        self._below = below
        self._listeners: list[Listener] = []
        self._ways: dict[NextHop, tuple[Way, ...]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start_from(self, listeners: Iterable[Listener]) -> None:
        """The listeners that flows start from; the first of a transport and address family is used."""
        self._listeners = list(listeners)

    async def follow(self, hops: Iterable[NextHop]) -> None:
        """Resolve these now and whenever their records expire; those that are addresses need none of it."""
        new = [hop for hop in dict.fromkeys(hops) if hop not in self._ways and not is_address(hop.host)]
        if not new:
            return
        if self._names is None:
            self._names = self._make_names()
        found = [asyncio.Event() for _ in new]
        for hop, first in zip(new, found, strict=True):
            self._ways[hop] = ()
            self._tasks.append(asyncio.create_task(self._keep_fresh(hop, self._names, first), name="locate"))
        try:
            async with asyncio.timeout(PATIENCE):
                for first in found:
                    await first.wait()
        except TimeoutError:
            slow = ", ".join(str(hop) for hop, first in zip(new, found, strict=True) if not first.is_set())
            log.warning("not resolved yet: %s; DNS is slow", slow)

    def flows(self, hop: NextHop) -> list[Flow]:
        """Every way to reach this next hop, in the order to try; [] when its name has no address (yet).

        Of several transports DNS offers, the best that we have a listener for is used alone: a server that does not
        answer over TLS is not asked again in clear.
        """
        if is_address(hop.host):
            transport = hop.transport or ("TLS" if hop.secure else "UDP")
            return self._towards(hop, transport, (hop.host,), hop.port or DEFAULT_PORTS[transport])
        for way in self._ways.get(hop, ()):
            found = [
                flow
                for tier in way.tiers
                for target in by_weight(tier, self._below)
                for flow in self._towards(hop, way.transport, target.addresses, target.port)
            ]
            if found:
                return list(dict.fromkeys(found))
        return []

    def _towards(self, hop: NextHop, transport: str, addresses: tuple[str, ...], port: int) -> list[Flow]:
        found = []
        for address in addresses:
            version = 6 if ":" in address else 4
            for listener in self._listeners:
                if listener.transport == transport and listener.family == version:
                    local = listener.local_towards(address)
                    found.append(Flow(transport, local, (address, port), 0, hop.peer if transport == "TLS" else ""))
                    break
        return found

    async def _keep_fresh(self, hop: NextHop, names: Names, first: asyncio.Event) -> None:
        failed = False
        while True:
            search = _Search(names)
            ways = await search.ways(hop)
            if ways:
                self._note(hop, ways)
                failed = False
            elif not failed:
                failed = True
                kept = ", ".join(_addresses(self._ways[hop])) or "nothing"
                log.warning("cannot resolve %s: %s; kept: %s", hop.host, search.failure or "it has no address", kept)
            first.set()
            await asyncio.sleep(max(search.good_for, LEAST_WAIT))

    def _note(self, hop: NextHop, ways: tuple[Way, ...]) -> None:
        before, self._ways[hop] = _addresses(self._ways[hop]), ways
        found = _addresses(ways)
        if set(found) != set(before):  # their order changes with every answer
            log.info("%s is reached at %s (%s)", hop.host, ", ".join(found), ", ".join(way.transport for way in ways))
        if self._resolved is not None:
            for address in found:
                self._resolved(hop, address)

    async def close(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Search:
    """One walk through DNS for one next hop (RFC 3263 4.1, 4.2). Notes how long its outcome is good for."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._now = asyncio.get_running_loop().time()
        self.failure = ""
        self.good_for = float("inf")
        """Seconds until the first of the records used expires."""

    async def ways(self, hop: NextHop) -> tuple[Way, ...]:
        """The transports that lead there, best first, each with its servers; () when there are none."""
        host = hop.host
        local = self._names.hosts(host)
        if local:
            self._use(RETRY)
            return (self._plain(hop, local),)
        if not hop.port:
            found = await (self._by_srv(host, hop.transport) if hop.transport else self._by_naptr(hop))
            if found:
                return found
        addresses = await self._addresses(host)
        return (self._plain(hop, addresses),) if addresses else ()

    def _plain(self, hop: NextHop, addresses: tuple[str, ...]) -> Way:
        """Without any record that says otherwise: UDP, for sips TLS, at the port given or their own."""
        transport = hop.transport or ("TLS" if hop.secure else "UDP")
        return Way(transport, ((Target(addresses, hop.port or DEFAULT_PORTS[transport]),),))

    async def _by_naptr(self, hop: NextHop) -> tuple[Way, ...]:
        records = [record for record in (await self._ask(hop.host, "NAPTR")).records if isinstance(record, Naptr)]
        found: list[Way] = []
        for transport, flag, replacement in preferred(records, secure=hop.secure):
            if flag == "s":
                found += await self._of_service(transport, replacement)
            elif addresses := await self._addresses(replacement):
                found.append(Way(transport, ((Target(addresses, DEFAULT_PORTS[transport]),),)))
        if not records:
            for transport in ("TLS",) if hop.secure else ("UDP", "TCP", "TLS"):
                found += await self._by_srv(hop.host, transport)
        return tuple(found)

    async def _by_srv(self, host: str, transport: str) -> tuple[Way, ...]:
        return await self._of_service(transport, f"{SRV_LABELS[transport]}.{host}")

    async def _of_service(self, transport: str, service: str) -> tuple[Way, ...]:
        records = [record for record in (await self._ask(service, "SRV")).records if isinstance(record, Srv)]
        targets = list(dict.fromkeys(record.target for record in records))
        found = await asyncio.gather(*map(self._addresses, targets))
        servers = tiers(records, dict(zip(targets, found, strict=True)))
        return (Way(transport, servers),) if servers else ()

    async def _addresses(self, host: str) -> tuple[str, ...]:
        """IPv6 first where there is a route (RFC 6724, RFC 7984 4); both families, since calls fail over."""
        if not host or host == ".":
            return ()
        if is_address(host):
            return (host,)
        local = self._names.hosts(host)
        if local:
            return local
        six, four = await asyncio.gather(self._ask(host, "AAAA"), self._ask(host, "A"))
        reachable = tuple(address for address in map(str, six.records) if has_route(address))
        if not reachable and not four.records:
            self.failure = four.failure or six.failure
        return (*reachable, *map(str, four.records))

    async def _ask(self, name: str, kind: str) -> Answer:
        answer = await self._names.ask(name, kind)
        self._use(answer.expires - self._now)
        return answer

    def _use(self, seconds: float) -> None:
        self.good_for = min(self.good_for, seconds)


def _addresses(ways: Iterable[Way]) -> list[str]:
    found = [address for way in ways for tier in way.tiers for target in tier for address in target.addresses]
    return list(dict.fromkeys(found))
