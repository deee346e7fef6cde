"""What is remembered about destinations that failed: they are tried last for a while, never dropped altogether."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


class DestinationHealth:
    """Remembers, per transport and remote address, until when a destination counts as failed. Bounded."""

    __slots__ = ("_capacity", "_quarantine", "_until")

    def __init__(self, *, quarantine: float = QUARANTINE, capacity: int = 1_000) -> None:
        self._quarantine = quarantine
        self._capacity = capacity
        self._until: dict[Place, float] = {}

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

    def in_order(self, destinations: Iterable[Destination], now: float) -> list[Destination]:
        """The same destinations, those that failed lately last, order otherwise kept."""
        return sorted(destinations, key=lambda destination: self.avoided(destination.flow, now))

    def snapshot(self, now: float) -> list[tuple[str, str, int, float]]:
        """Transport, address, port and seconds left of every destination that is avoided at present."""
        return [(place[0], *place[1], until - now) for place, until in self._until.items() if until > now]
