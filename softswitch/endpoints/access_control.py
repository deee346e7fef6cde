"""The gate: which source addresses are heard at all. Everything else is dropped without an answer, and counted.

Trunks are known by their addresses or by their certificates; phones by the networks they may register from. The most
specific network wins, so a trunk inside the phones' network is a trunk. Pages may come from anywhere: whose they are
was looked at when they connected (Origin), and whatever they begin needs credentials.
"""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.endpoints.pace import Pace
from softswitch.endpoints.tls_identities import TrunkIdentities
from softswitch.sip.flow import WEB_SOCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from softswitch.endpoints.network import Network
    from softswitch.endpoints.pace import RegisteredSources
    from softswitch.endpoints.trunk import Trunk
    from softswitch.sip.flow import Flow

_log = logging.getLogger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

REPORT_INTERVAL = 60.0
"""Seconds between two lines about the same unknown source, and between two summaries."""
REPORTED_SOURCES = 20
"""Unknown sources named in one interval; the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Phones:
    """The networks of those who have to know a password: phones, and trunks that authenticate themselves."""

    networks: tuple[Network, ...] = ()

    @property
    def label(self) -> str:
        """The name used in logs for phones not yet identified."""
        return "phones"


class AccessConflictError(ValueError):
    """Two trunks claim the same source."""


@dataclass(slots=True)
class GateCounters:
    """Messages refused since start."""

    unknown: int = 0
    throttled: int = 0


class Gate:
    """Decides by source address in about a microsecond.

    Invariant: memory is bounded (`capacity` addresses per cache) however many sources are forged.
    """

    def __init__(
        self,
        trunks: Sequence[Trunk],
        phones: Phones | None = None,
        *,
        registered: RegisteredSources | None = None,
        unregistered_rate: float = 50.0,
        registered_rate: float = 500.0,
        capacity: int = 16_384,
    ) -> None:
        """`*_rate`: messages a second and source that phones may send, with twice that as a burst.

        Raises AccessConflictError when two trunks claim the same source.
        """
        self._claims = _claims(trunks, phones)
        self.identities = TrunkIdentities(trunks)
        self._reached: dict[str, Trunk] = {}
        for trunk in trunks:
            for hop in trunk.reached_at:
                if (address := _canonical(hop.host)) is not None:
                    self._reached.setdefault(str(address), trunk)
        self._registrars: dict[str, dict[int, Trunk]] = {}
        self._pace = Pace(
            trunks,
            registered=registered,
            unregistered_rate=unregistered_rate,
            registered_rate=registered_rate,
            capacity=capacity,
        )
        self._capacity = capacity
        self._pages: Phones | None = None
        self._party_of: Callable[[Flow], object | None] = _nobody
        self._known: dict[str, _Known] = {}
        self._unknown: dict[str, None] = {}
        self._report = _RefusalReport()
        self.counters = GateCounters()

    def let_pages_in(self, party: Callable[[Flow], object | None]) -> None:
        """From now on WebSockets are heard, from anywhere. `party`: who has proven to be at the far end of one."""
        self._pages = Phones()
        self._party_of = party

    def admit(self, flow: Flow, now: float) -> Trunk | Phones | None:
        """Who a message that came by `flow` is from; None: drop it without an answer.

        Next hops of trunks are admitted too, because answers and requests within a dialog come from there. Whether a
        call or a registration may *begin* there is for `may_begin`.
        """
        address, port = flow.remote
        if flow.transport in WEB_SOCKET:
            return None if self._pages is None else self._kept_pace(self._pages, address, now)
        if flow.peer and (proven := self.identities.trunk(flow)) is not None:
            return self._heard(proven, address, now)
        known = self._known.get(address)
        if known is None:
            known = self._look_up(address)
            if known is None:
                self._refuse_unknown(address, now)
                return None
        owner = known.beginner(port)
        if isinstance(owner, Phones) and known.trunk is None:
            return self._kept_pace(owner, address, now)
        trunk = known.trunk if owner is None or isinstance(owner, Phones) else owner
        if trunk is None:
            self._refuse_unknown(address, now)
            return None
        return self._heard(trunk, address, now)

    def _kept_pace(self, owner: Phones, address: str, now: float) -> Phones | None:
        if self._pace.phones_keep(address, now):
            return owner
        self._refuse_flood(address, now, "it sends more messages a second than a phone may")
        return None

    def _heard(self, trunk: Trunk, address: str, now: float) -> Trunk | None:
        if self._pace.trunk_keeps(trunk, address, now):
            return trunk
        self._refuse_flood(address, now, f"it sends more than {trunk.label} may (messages_per_second)")
        return None

    def may_begin(self, flow: Flow) -> Trunk | Phones | None:
        """Who a request outside any dialog that came by `flow` is from; None: nobody who may send one."""
        if flow.transport in WEB_SOCKET:
            return self._pages
        proven = self.identities.trunk(flow)
        if proven is not None:
            return proven
        address, port = flow.remote
        known = self._known.get(address) or self._look_up(address)
        owner = None if known is None else known.beginner(port)
        return owner if owner is None or isinstance(owner, Phones) or owner.tls.accepts(flow) else None

    def same_party(self, flow: Flow, own: Flow) -> bool:
        """Whether whoever sends on `flow` may speak for a dialog begun on `own` (THREATS S9).

        One address, or two addresses of one trunk: carriers answer from one machine and hang up from another. What
        began with a certificate goes on with one, and what a page began with that page, wherever it is now.
        """
        if flow.transport in WEB_SOCKET or own.transport in WEB_SOCKET:
            party = self._party_of(own)
            return flow == own or (party is not None and self._party_of(flow) == party)
        begun_with = self.identities.trunk(own)
        if begun_with is not None:
            return self.identities.trunk(flow) is begun_with
        if flow.remote[0] == own.remote[0]:
            return True
        trunk = self._trunk_at(flow)
        return trunk is not None and trunk is self._trunk_at(own)

    def _trunk_at(self, flow: Flow) -> Trunk | None:
        proven = self.identities.trunk(flow)
        if proven is not None:
            return proven
        address, port = flow.remote
        known = self._known.get(address) or self._look_up(address)
        if known is None:
            return None
        owner = known.beginner(port)
        return known.trunk if owner is None or isinstance(owner, Phones) else owner

    def expect(self, address: str, trunk: Trunk) -> None:
        """Admit answers from an address that a trunk's next hop was resolved to."""
        if self._reached.get(address) == trunk:
            return
        if len(self._reached) >= self._capacity:
            del self._reached[next(iter(self._reached))]
        self._reached[address] = trunk
        self._unknown.pop(address, None)
        self._known.pop(address, None)

    def registers_at(self, trunk: Trunk, places: Collection[tuple[str, int]]) -> None:
        """We are registered for this trunk at these addresses and ports now: calls to our contact come from there.

        The whole address is the trunk's where nobody claims it; in the phones' networks only that port is.
        """
        places = [(str(_canonical(address) or address), port) for address, port in places]
        kept = {
            address: {
                port: owner for port, owner in ports.items() if owner.name != trunk.name or (address, port) in places
            }
            for address, ports in self._registrars.items()
        }
        for address, port in places:
            kept.setdefault(address, {}).setdefault(port, trunk)
        kept = {address: ports for address, ports in kept.items() if ports}
        if kept != self._registrars:
            self._registrars = kept
            self._known.clear()
            self._unknown.clear()

    def vouch_for(self, flow: Flow, trunk: Trunk, now: float) -> None:
        """A trunk has just proved who it is from there: its calls are more than a phone's, for a while."""
        self._pace.vouch(flow.remote[0], trunk, now)

    def _look_up(self, address: str) -> _Known | None:
        if address in self._unknown:
            return None
        parsed = _canonical(address)
        rule = None if parsed is None else _most_specific(self._claims, parsed)
        plain = address if parsed is None else str(parsed)
        registrar = self._registrars.get(plain)
        reached = self._reached.get(plain)
        if rule is None and reached is None and registrar is None:
            if len(self._unknown) >= self._capacity:
                self._unknown.clear()
            self._unknown[address] = None
            return None
        if len(self._known) >= self._capacity:
            self._known.clear()
        known = self._known[address] = _Known(_with_registrar(rule, registrar), reached)
        return known

    def _refuse_flood(self, address: str, now: float, why: str) -> None:
        self.counters.throttled += 1
        self._report.note(address, now, why)

    def _refuse_unknown(self, address: str, now: float) -> None:
        self.counters.unknown += 1
        self._report.note(address, now, "no trunk and no phone network has this source")


def _nobody(flow: Flow) -> None:
    """No page is known."""


class _Rule:
    """Who one network belongs to: as a whole, and port by port where senders share an address."""

    __slots__ = ("owner", "ports")

    def __init__(self) -> None:
        self.owner: Trunk | Phones | None = None
        self.ports: dict[int, Trunk] = {}


class _Known:
    """What is decided about one address."""

    __slots__ = ("_owner", "_ports", "trunk")

    def __init__(self, rule: _Rule | None, reached: Trunk | None) -> None:
        self._owner = None if rule is None else rule.owner
        self._ports: Mapping[int, Trunk] = {} if rule is None else rule.ports
        self.trunk = reached
        """Whom we reach there: heard, though it may begin nothing."""

    def beginner(self, port: int) -> Trunk | Phones | None:
        """Who may begin something from this port."""
        return self._ports.get(port, self._owner) if self._ports else self._owner


class _RefusalReport:
    """One line per refused source and interval, and never more than REPORTED_SOURCES lines an interval in all."""

    __slots__ = ("_named", "_others", "_since")

    def __init__(self) -> None:
        self._named: set[str] = set()
        self._others = 0
        self._since: float | None = None

    def note(self, address: str, now: float, why: str) -> None:
        """Count one refused message; perhaps say so."""
        if self._since is None or now - self._since >= REPORT_INTERVAL:
            if self._others:
                _log.warning("dropped %d more messages from refused sources in the last interval", self._others)
            self._named.clear()
            self._others = 0
            self._since = now
        if address in self._named or len(self._named) >= REPORTED_SOURCES:
            self._others += 1
            return
        self._named.add(address)
        _log.warning("dropping messages from %s: %s", address, why)


_Claims = dict[int, dict[int, dict[int, "_Rule"]]]
"""IP version, prefix length (longest first), network bits -> rule."""


def _claims(trunks: Sequence[Trunk], phones: Phones | None) -> _Claims:
    rules: dict[Network, _Rule] = {}
    for trunk in trunks:
        for source in trunk.sources:
            rule = rules.setdefault(source.network, _Rule())
            holder = rule.owner if source.port is None else rule.ports.get(source.port)
            if holder is not None and holder is not trunk:
                raise AccessConflictError(f"{holder.label} and {trunk.label} both claim the source {source}")
            if source.port is None:
                rule.owner = trunk
            else:
                rule.ports[source.port] = trunk
    for network in () if phones is None else phones.networks:
        rule = rules.setdefault(network, _Rule())
        rule.owner = rule.owner or phones
    claims: _Claims = {4: {}, 6: {}}
    for network in sorted(rules, key=lambda network: -network.prefixlen):
        shift = network.max_prefixlen - network.prefixlen
        lengths = claims[network.version].setdefault(network.prefixlen, {})
        lengths[int(network.network_address) >> shift] = rules[network]
    return claims


def _most_specific(claims: _Claims, address: Address) -> _Rule | None:
    bits = int(address)
    found: _Rule | None = None
    for length, networks in claims[address.version].items():
        rule = networks.get(bits >> (address.max_prefixlen - length))
        if rule is None:
            continue
        if found is None:
            found = rule
        elif found.owner is None:
            # The longer network only names ports: everything else on that address is for the wider one.
            merged = _Rule()
            merged.owner, merged.ports = rule.owner, {**rule.ports, **found.ports}
            found = merged
        if found.owner is not None:
            return found
    return found


def _with_registrar(rule: _Rule | None, registrar: Mapping[int, Trunk] | None) -> _Rule | None:
    if registrar is None or (rule is not None and rule.owner is not None and not isinstance(rule.owner, Phones)):
        return rule
    merged = _Rule()
    merged.owner = next(iter(registrar.values())) if rule is None or rule.owner is None else rule.owner
    merged.ports = {**registrar, **rule.ports} if rule is not None else {}
    return merged


def _canonical(address: str) -> Address | None:
    """The address a socket reported; IPv4 seen through an IPv6 socket as IPv4. None for a host name."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
