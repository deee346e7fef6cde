"""Saying something once an interval that happens a thousand times: for log lines an attacker could make flow."""

from __future__ import annotations

INTERVAL = 60.0
"""Seconds between two lines about the same thing."""


class Seldom:
    """Decides when a repeated matter is told again. Bounded: beyond `capacity` the oldest one is forgotten."""

    __slots__ = ("_capacity", "_interval", "_told")

    def __init__(self, interval: float = INTERVAL, capacity: int = 1_000) -> None:
        self._interval = interval
        self._capacity = capacity
        self._told: dict[str, tuple[float, int]] = {}

    def due(self, matter: str, now: float) -> int | None:
        """None: it was told a short while ago. Otherwise tell it; so often it happened since, untold."""
        told = self._told.get(matter)
        if told is not None and now - told[0] < self._interval:
            self._told[matter] = (told[0], told[1] + 1)
            return None
        self._told.pop(matter, None)
        if len(self._told) >= self._capacity:
            del self._told[next(iter(self._told))]
        self._told[matter] = (now, 0)
        return 0 if told is None else told[1]
