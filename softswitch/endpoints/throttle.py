"""Rates and locks per source address, bounded in memory however many addresses are forged."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.household import household


class TokenBuckets:
    """One bucket per source: `rate` tokens a second, at most `burst` saved up.

    Invariant: at most `capacity` sources are remembered, the longest idle one is forgotten first.
    """

    __slots__ = ("_buckets", "_burst", "_capacity", "_rate")

    def __init__(self, *, rate: float, burst: float, capacity: int = 10_000) -> None:
        self._rate = rate
        self._burst = burst
        self._capacity = capacity
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, source: str, now: float) -> bool:
        """Take one token of this source; False when it has none left."""
        buckets = self._buckets
        bucket = buckets.pop(source, None)
        if bucket is None:
            if len(buckets) >= self._capacity:
                del buckets[next(iter(buckets))]
            tokens = self._burst
        else:
            tokens = min(self._burst, bucket[0] + (now - bucket[1]) * self._rate)
        # Put back at the end in either case: the order of the dict is the order of last use.
        if tokens < 1.0:
            buckets[source] = (tokens, now)
            return False
        buckets[source] = (tokens - 1.0, now)
        return True

    def __len__(self) -> int:
        return len(self._buckets)


@dataclass(frozen=True, slots=True)
class LockPolicy:
    """How failures delay a source: `attempts` are free, then each locks for `first` seconds, doubling to `longest`."""

    attempts: int = 10
    first: float = 1.0
    longest: float = 60.0
    forgiven_after: float = 900.0
    """Seconds without a failure after which a source starts afresh."""


class FailureLocks:
    """Growing delay after failed authentications, per source and never per user: nobody can lock somebody else out.

    A source is a household.

    Invariant: at most `capacity` sources are remembered, the one that failed longest ago is forgotten first.
    """

    __slots__ = ("_capacity", "_failures", "_policy")

    def __init__(self, policy: LockPolicy | None = None, *, capacity: int = 10_000) -> None:
        self._policy = policy or LockPolicy()
        self._capacity = capacity
        self._failures: dict[str, tuple[int, float]] = {}

    def failed(self, source: str, now: float) -> float:
        """Count a failure; give the seconds this source is locked out from now on (0.0: not yet)."""
        source = household(source)
        count, last = self._failures.pop(source, (0, now))
        if now - last > self._policy.forgiven_after:
            count = 0
        if not count and len(self._failures) >= self._capacity:
            del self._failures[next(iter(self._failures))]
        self._failures[source] = (count + 1, now)
        return self._lock_seconds(count + 1)

    def locked_for(self, source: str, now: float) -> float:
        """Seconds this source still has to wait; 0.0 when it may try."""
        failure = self._failures.get(household(source))
        if failure is None:
            return 0.0
        return max(0.0, failure[1] + self._lock_seconds(failure[0]) - now)

    def __len__(self) -> int:
        return len(self._failures)

    def _lock_seconds(self, count: int) -> float:
        over = count - self._policy.attempts
        if over < 0:
            return 0.0
        return min(self._policy.longest, self._policy.first * 2.0 ** min(over, 20))
