"""How many messages a second a source may send before it is no longer heard: phones, and trunks.

Over a limit messages are dropped unread, about a microsecond each, so that a flood from a source that must be heard
costs the others nothing: what was lost of an honest sender's is repeated by its timers (RFC 3261 17).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from softswitch.endpoints.throttle import TokenBuckets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from softswitch.endpoints.trunk import Trunk

VOUCHED_SECONDS = 600.0
"""How long a source is not held to a phone's pace after a trunk has proved who it is from there."""


class RegisteredSources(Protocol):
    """What is asked of the bindings."""

    def has_source(self, address: str) -> bool:
        """True when a phone is registered from this address."""


class Pace:
    """Token buckets by source address, twice a second's worth saved up at most.

    Invariant: memory is bounded, however many addresses are forged.
    """

    def __init__(
        self,
        trunks: Iterable[Trunk],
        *,
        registered: RegisteredSources | None,
        unregistered_rate: float,
        registered_rate: float,
        capacity: int,
    ) -> None:
        """`*_rate`: messages a second and source of phones; trunks have theirs with them."""
        self._registered = registered
        self._unregistered_buckets = _buckets(unregistered_rate)
        self._registered_buckets = _buckets(registered_rate)
        self._trunk_buckets = {trunk.name: _buckets(trunk.limits.messages_per_second) for trunk in trunks}
        self._vouched: dict[str, tuple[Trunk, float]] = {}
        self._capacity = capacity

    @property
    def sources(self) -> int:
        """Sources remembered at present."""
        buckets = (self._unregistered_buckets, self._registered_buckets, *self._trunk_buckets.values())
        return sum(map(len, buckets))

    def vouch(self, address: str, trunk: Trunk, now: float) -> None:
        """A trunk has just proved who it is from there: its calls are more than a phone's, for a while."""
        if address not in self._vouched and len(self._vouched) >= self._capacity:
            del self._vouched[next(iter(self._vouched))]
        self._vouched[address] = trunk, now + VOUCHED_SECONDS

    def trunk_keeps(self, trunk: Trunk, address: str, now: float) -> bool:
        """Whether one more message of a trunk from this address is to be heard."""
        buckets = self._trunk_buckets.get(trunk.name)
        return buckets is None or buckets.take(address, now)

    def phones_keep(self, address: str, now: float) -> bool:
        """Whether one more message from this address among the phones is to be heard."""
        if self._vouched:
            trunk, until = self._vouched.get(address, (None, 0.0))
            if trunk is not None and until > now:
                return self.trunk_keeps(trunk, address, now)
        registered = self._registered is not None and self._registered.has_source(address)
        return (self._registered_buckets if registered else self._unregistered_buckets).take(address, now)


def _buckets(rate: float) -> TokenBuckets:
    return TokenBuckets(rate=rate, burst=2 * rate)
