"""When a picture was taken, on the clock of the recording: what lip sync needs (RFC 3550 6.4.1)."""

from __future__ import annotations

from typing import Final

_NS_PER_TICK: Final = 1_000_000_000 / 90_000
_MOST_APART: Final = 10_000_000_000
"""Nanoseconds between when a picture is said to have been taken and when it came; more is a clock that was set anew."""


class Moments:
    """One stream's timestamps as nanoseconds of CLOCK_MONOTONIC, as audio that belongs to them was passed on."""

    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._moment = 0

    def report(self, timestamp: int, moment: int) -> None:
        """What was taken under `timestamp` belongs to `moment`: from a sender report."""
        self._timestamp, self._moment = timestamp, moment

    def of(self, timestamp: int, arrival: int) -> int:
        """The moment of a timestamp. Before the first report the first one's arrival is taken for it."""
        if self._timestamp is None:
            self._timestamp, self._moment = timestamp, arrival
        ahead = ((timestamp - self._timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        moment = self._moment + round(ahead * _NS_PER_TICK)
        if abs(moment - arrival) > _MOST_APART:
            moment = arrival
        elif abs(ahead) < 1 << 29:  # long before half a wrap, which is 6.6 hours, it goes on from a later one
            return moment
        self._timestamp, self._moment = timestamp, moment
        return moment
