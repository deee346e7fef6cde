"""What is remembered about destinations that failed: they are tried last for a while, never dropped altogether."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from softswitch.b2bua.destination import Destination
    from softswitch.sip.flow import Flow

QUARANTINE = 30.0
"""Seconds a failed destination is tried last. Longer than timer B, so that one dead host costs one call in a while."""

LONGEST = 600.0
"""Seconds of a Retry-After that are believed: whoever asks for a day has mistyped, or does not mean this trunk."""

ROUTE_FAILURES = frozenset((408, 503))
"""Time-out, transport failure and "service unavailable" speak of the way there; everything else of the called party."""

Place = tuple[str, tuple[str, int]]
State = Literal["unknown", "up", "down"]


class _Probed:
    """What the probes of one place say."""

    __slots__ = ("against", "down", "since", "why")

    def __init__(self, now: float) -> None:
        self.down = False
        self.against = 0
        """Probes in a row that contradict it."""
        self.since = now
        self.why = ""


class DestinationHealth:
    """Remembers, per transport and remote address, until when a destination counts as failed, and whether its probes
    are answered. Bounded.
    """

    __slots__ = ("_capacity", "_probed", "_quarantine", "_until")

    def __init__(self, *, quarantine: float = QUARANTINE, capacity: int = 1_000) -> None:
        self._quarantine = quarantine
        self._capacity = capacity
        self._until: dict[Place, float] = {}
        self._probed: dict[Place, _Probed] = {}

    def report(self, flow: Flow, status: int, now: float, retry_after: float | None = None) -> bool:
        """Note the final status a destination gave (408: silence, 503: no connection); True when it is avoided now.

        `retry_after`: seconds a 503 asks for, at most LONGEST. A 408 that a living far end sent after ringing should
        not be reported: it speaks of the called party.
        """
        place = (flow.transport, flow.remote)
        if status not in ROUTE_FAILURES:
            self._until.pop(place, None)
            return False
        self._until.pop(place, None)
        if len(self._until) >= self._capacity:
            del self._until[next(iter(self._until))]
        self._until[place] = now + (self._quarantine if retry_after is None else min(retry_after, LONGEST))
        return True

    def avoided(self, flow: Flow, now: float) -> bool:
        """True while the destination's last failure is fresh."""
        place = (flow.transport, flow.remote)
        until = self._until.get(place)
        if until is None:
            return False
        if now < until:
            return True
        del self._until[place]
        return False

    def probed(self, flow: Flow, now: float, *, alive: bool, why: str, down_after: int, up_after: int) -> State | None:
        """Note the outcome of a probe; the new state if it has changed by it. What was never probed counts as up."""
        place = (flow.transport, flow.remote)
        probed = self._probed.get(place)
        if probed is None:
            if len(self._probed) >= self._capacity:
                del self._probed[next(iter(self._probed))]
            probed = self._probed[place] = _Probed(now)
        probed.why = why
        if alive != probed.down:
            probed.against = 0
            return None
        probed.against += 1
        if probed.against < (up_after if probed.down else down_after):
            return None
        probed.down = not probed.down
        probed.against, probed.since = 0, now
        if not probed.down:
            self._until.pop(place, None)
        return "down" if probed.down else "up"

    def state(self, flow: Flow) -> State:
        """What its probes say."""
        probed = self._probed.get((flow.transport, flow.remote))
        return "unknown" if probed is None else "down" if probed.down else "up"

    def in_order(self, destinations: Iterable[Destination], now: float) -> list[Destination]:
        """The same destinations, those that failed lately or answer no probes last, order otherwise kept.

        None is left out: a far end that is deaf to OPTIONS may well take calls, and when all are down trying is all
        that is left.
        """
        if self.spotless:
            return list(destinations)
        return sorted(destinations, key=lambda each: self.rank(each.flow, now))

    @property
    def spotless(self) -> bool:
        """Whether nothing at all is remembered."""
        return not self._until and not self._probed

    def rank(self, flow: Flow, now: float) -> int:
        """0: nothing speaks against it; 1: it failed lately; 2: its probes are not answered."""
        return 2 if self.state(flow) == "down" else int(self.avoided(flow, now))

    def avoided_for(self, flow: Flow, now: float) -> float:
        """Seconds it is still tried last after a failure; 0.0 when it is not."""
        return max(0.0, self._until.get((flow.transport, flow.remote), now) - now)

    def snapshot(self, now: float) -> list[tuple[str, str, int, float]]:
        """Transport, address, port and seconds left of every destination that is avoided at present."""
        return [(place[0], *place[1], until - now) for place, until in self._until.items() if until > now]
