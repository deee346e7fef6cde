"""How many legs each endpoint has at present, how many it may have, and how many may begin in a second."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Mapping

Way = Literal["inbound", "outbound"]
Reason = Literal["channels", "rate"]
LIMITS: Mapping[Reason, str] = {"channels": "channel_limit", "rate": "calls_per_second"}
"""The key of the configuration that each reason is about."""


@value_class(frozen=True, slots=True)
class Capacity:
    """What one endpoint may have. None: as much as the node takes."""

    channels: int | None = None
    """Legs at once, both directions together."""
    calls_per_second: int | None = None
    """Calls that begin within any second, of each direction by itself."""


class CallRate:
    """At most so many within any second.

    The moments of the last ones are kept instead of a bucket of tokens: a bucket that has saved up lets twice as many
    through, and the carrier that counts them refuses the rest.
    """

    __slots__ = ("_moments", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._moments: deque[float] = deque(maxlen=most)

    def take(self, now: float) -> bool:
        """Count one, unless there were too many in the second before `now` (seconds); False then."""
        if self.full(now):
            return False
        self._moments.append(now)
        return True

    def full(self, now: float) -> bool:
        """Whether there were as many as there may be in the second before `now`."""
        moments = self._moments
        return len(moments) == self._most and now - moments[0] < 1.0


class Channels:
    """Counts legs by endpoint name (`trunk:carrier`). Legs enter when they are made and leave when they end."""

    def __init__(self, limits: Mapping[str, Capacity] | None = None) -> None:
        limits = limits or {}
        self._limits = {name: each.channels for name, each in limits.items() if each.channels is not None}
        self._rates: dict[tuple[str, Way], CallRate] = {}
        for name, each in limits.items():
            if each.calls_per_second is not None:
                self._rates[name, "inbound"] = CallRate(each.calls_per_second)
                self._rates[name, "outbound"] = CallRate(each.calls_per_second)
        self._used: dict[str, int] = {}
        self.refused: dict[tuple[str, Reason], int] = {}
        """Calls refused since start, by endpoint and limit."""

    def enter(self, name: str) -> None:
        """One leg more."""
        self._used[name] = self._used.get(name, 0) + 1

    def leave(self, name: str) -> None:
        """One leg less."""
        left = self._used[name] - 1
        if left:
            self._used[name] = left
        else:
            del self._used[name]

    def refusal(self, name: str, way: Way, now: float) -> Reason | None:
        """Why this endpoint must not get another leg; None: it may, and the leg counts for its rate."""
        limit = self._limits.get(name)
        rate = self._rates.get((name, way))
        reason: Reason
        if limit is not None and self._used.get(name, 0) >= limit:
            reason = "channels"
        elif rate is not None and not rate.take(now):
            reason = "rate"
        else:
            return None
        self.refused[name, reason] = self.refused.get((name, reason), 0) + 1
        return reason

    def used(self, name: str) -> int:
        """Legs of this endpoint at present."""
        return self._used.get(name, 0)
