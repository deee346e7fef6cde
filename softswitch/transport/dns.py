"""DNS records with the times they are good for, asked again before they are needed and kept while DNS is down."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dns.asyncresolver
import dns.exception
import dns.rdata
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from softswitch.transport.selection import Naptr, Srv

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

LEAST_TTL = 5.0
"""Seconds a record is kept however short its TTL: names are asked ahead of time, not for each call."""
MOST_TTL = 3600.0
MOST_NEGATIVE_TTL = 300.0
"""Seconds "there is no such record" is believed (RFC 2308 5)."""
RETRY = 10.0
"""Seconds between two questions while nobody answers."""
DENIALS = 300.0
"""Seconds DNS has to deny a record that it had before, until it is believed: a zone half loaded costs no calls."""
MOST_RECORDS = 64
"""Taken of one answer."""
MOST_NAMES = 10_000
HOSTS = Path("/etc/hosts")

Kind = str
"""`A`, `AAAA`, `SRV` or `NAPTR`."""


@dataclass(slots=True)
class Answer:
    """What is known of one name and kind."""

    records: tuple[str | Srv | Naptr, ...] = ()
    expires: float = 0.0
    """On the loop's clock."""
    failure: str = ""
    """Why `records` are older than they should be, or missing."""
    denied_since: float | None = None


class Names:
    """The cache. Whoever asks while an answer is good gets it at once; else waits for DNS, `timeout` at most."""

    def __init__(
        self,
        *,
        servers: Sequence[tuple[str, int]] = (),
        timeout: float = 4.0,
        hosts: Path = HOSTS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`servers`: addresses and ports of DNS servers; none: those of the system. `timeout`: seconds a look-up."""
        self._clock = clock or asyncio.get_running_loop().time
        self._hosts = hosts
        self._timeout = timeout
        self._servers = servers
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._known: dict[tuple[str, Kind], Answer] = {}
        self._asking: dict[tuple[str, Kind], asyncio.Lock] = {}

    async def ask(self, name: str, kind: Kind) -> Answer:
        """The records of a name. Never raises: `failure` says why there are none, or only old ones."""
        key = (name.lower().rstrip("."), kind)
        if len(self._known) >= MOST_NAMES and key not in self._known:  # zones whose targets have a new name every day
            self._known.clear()
            self._asking = {each: lock for each, lock in self._asking.items() if lock.locked()}
        lock = self._asking.setdefault(key, asyncio.Lock())
        async with lock:
            known = self._known.get(key)
            if known is None or known.expires <= self._clock():
                known = self._known[key] = await self._renewed(name, kind, known or Answer())
            return known

    def hosts(self, name: str) -> tuple[str, ...]:
        """The addresses /etc/hosts has for a name: an operator's word, which comes before DNS."""
        wanted = name.lower().rstrip(".")
        found = []
        try:
            lines = self._hosts.read_text(errors="replace").splitlines()
        except OSError:
            return ()
        for line in lines:
            address, *names = line.partition("#")[0].split() or [""]
            if wanted in map(str.lower, names) and _usable(address):
                found.append(address)
        return tuple(found)

    async def _renewed(self, name: str, kind: Kind, old: Answer) -> Answer:
        now = self._clock
        try:
            found = await self._query(name, kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as denial:
            failure = (
                "DNS has no such name" if isinstance(denial, dns.resolver.NXDOMAIN) else f"DNS has no {kind} for it"
            )
            since = now() if old.denied_since is None else old.denied_since
            ttl = max(LEAST_TTL, min(_negative_ttl(denial), MOST_NEGATIVE_TTL))
            if old.records and now() - since < DENIALS:
                return Answer(old.records, now() + min(ttl, RETRY), failure, since)
            return Answer((), now() + ttl, failure, since)
        except (dns.exception.DNSException, OSError, ValueError) as error:  # ValueError: no text that could be a name
            reason = "DNS did not answer" if isinstance(error, dns.exception.Timeout) else str(error) or repr(error)
            return Answer(old.records, now() + RETRY, reason, old.denied_since)
        records = tuple(record for data in list(found)[:MOST_RECORDS] if (record := _record(data)) is not None)
        return Answer(records, now() + max(LEAST_TTL, min(found.ttl, MOST_TTL)))

    async def _query(self, name: str, kind: Kind) -> dns.rrset.RRset:
        if self._resolver is None:
            self._resolver = self._configured()
        answer = await self._resolver.resolve(
            name,
            kind,
            lifetime=self._timeout,
            # Where `kamailio` is a name in the resolver's domain, as in containers, its address is found as always;
            # services of other people's domains must not be looked for in ours.
            search=kind in ("A", "AAAA"),
        )
        if answer.rrset is None:
            raise dns.resolver.NoAnswer
        return answer.rrset

    def _configured(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [address for address, _ in self._servers]
            resolver.nameserver_ports = dict(self._servers)
        resolver.timeout = self._timeout / 2  # so that the second server, or a second try, has its turn
        return resolver


def _record(data: dns.rdata.Rdata) -> str | Srv | Naptr | None:
    """A record as the values we use; None for one nobody can use."""
    match data:
        case A() | AAAA():
            address = str(data.address)
            return address if _usable(address) else None
        case SRV():
            return Srv(data.priority, data.weight, data.port, data.target.to_text(omit_final_dot=True))
        case NAPTR():
            texts = (data.flags.decode("latin-1"), data.service.decode("latin-1"))
            return Naptr(data.order, data.preference, *texts, data.replacement.to_text(omit_final_dot=True))
        case _:
            return None


def _usable(address: str) -> bool:
    """Whether it is an address that something may be sent to: DNS lies with 0.0.0.0, too."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_unspecified or parsed.is_multicast)


def _negative_ttl(denial: dns.exception.DNSException) -> float:
    """How long a denial is good for: the SOA's minimum in it, or its TTL if that is less (RFC 2308 5)."""
    responses = denial.kwargs.get("responses", {}).values() or [denial.kwargs.get("response")]
    for response in responses:
        for rrset in response.authority if response is not None else ():
            if rrset.rdtype == dns.rdatatype.SOA:
                return float(min(rrset.ttl, rrset[0].minimum))
    return RETRY
