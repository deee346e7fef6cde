"""In which order the targets of a name are tried: NAPTR by order and preference, SRV by priority and weight.

Pure: records in, targets out, the dice given (RFC 3263 4.1 and 4.2, RFC 2782, RFC 3403 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
"""RFC 3263 8.1: NAPTR services and the transports they stand for."""
SRV_LABELS = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}
MOST_TARGETS = 32
"""Of one name: more than any carrier has, and few enough that no answer fills memory."""


@dataclass(frozen=True, slots=True)
class Naptr:
    """One NAPTR record; `flags` and `service` in any case."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """One SRV record."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Target:
    """One server of a name: where it is, and its share among those of the same tier."""

    addresses: tuple[str, ...]
    port: int
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """The servers of a name by one transport. Tiers are tried in order; within one the dice decide, by weight."""

    transport: str
    tiers: tuple[tuple[Target, ...], ...]


def preferred(records: Iterable[Naptr], *, secure: bool) -> list[tuple[str, str, str]]:
    """(transport, flag, replacement) of the usable records, best first; `secure` leaves SIPS alone (RFC 3263 4.1)."""
    found = []
    for record in sorted(records, key=lambda record: (record.order, record.preference)):
        transport = SERVICES.get(record.service.upper())
        flag = record.flags.lower()
        if transport is not None and flag in ("s", "a") and (transport == "TLS" or not secure):
            found.append((transport, flag, record.replacement))
    return found


def tiers(records: Sequence[Srv], addresses: Mapping[str, tuple[str, ...]]) -> tuple[tuple[Target, ...], ...]:
    """SRV records as tiers of equal priority, lowest first. A target without address, or ".", is no server."""
    by_priority: dict[int, list[Target]] = {}
    for record in sorted(records, key=lambda record: (record.priority, record.target, record.port))[:MOST_TARGETS]:
        found = addresses.get(record.target, ())
        if found and record.port:
            by_priority.setdefault(record.priority, []).append(Target(found, record.port, record.weight))
    return tuple(tuple(each) for each in by_priority.values())


def by_weight(tier: Sequence[Target], below: Callable[[int], int]) -> Iterator[Target]:
    """The targets of a tier in an order thrown by weight; `below(n)` gives a random number 0..n-1 (RFC 2782)."""
    if len(tier) == 1:
        yield tier[0]
        return
    left = sorted(tier, key=lambda target: target.weight)  # those of weight 0 first, so that they have a small chance
    while left:
        thrown = below(sum(target.weight for target in left) + 1)
        for index, target in enumerate(left):
            thrown -= target.weight
            if thrown <= 0:
                yield left.pop(index)
                break
