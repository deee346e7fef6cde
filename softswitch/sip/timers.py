"""The clock side of RFC 3261: how long each timer runs, and one queue that holds all that are running.

Time is an argument everywhere (`now`, monotonic seconds); nothing here reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Protocol

RESOLUTION = 1e-6
"""Timers fire this much early, seconds: event loops wake up to a clock tick too soon (asyncio does), and a timer that
then were not due would be armed again for the same instant, for ever where the clock stands still."""


@dataclass(frozen=True, slots=True)
class Timers:
    """The base values, and what RFC 3261 table 4 and RFC 6026 derive from them. Seconds."""

    t1: float = 0.5
    """Estimated round trip; first retransmission after it."""
    t2: float = 4.0
    """Longest interval between retransmissions of non-INVITE requests and INVITE responses."""
    t4: float = 5.0
    """Longest time a message stays in the network."""
    d: float = 32.0
    """Timer D, unreliable transports: how long a refused INVITE answers repeated refusals; at least 32 s."""
    ring_refresh: float = 60.0
    """A provisional response is repeated at this pace so that no proxy's timer C ends the ringing (13.3.1.1)."""

    @property
    def timeout(self) -> float:
        """64*T1: timers B, F, H, J, L, M and the wait for an ACK."""
        return 64.0 * self.t1


class TimerOwner(Protocol):
    """Whatever starts timers. `kind` is the owner's own word for which of its timers this is."""

    def on_timer(self, kind: int, now: float) -> None:
        """Called once when the timer is due."""


class TimerQueue:
    """All running timers: a heap whose cancelled entries are skipped, and swept once they are the majority.

    A cancelled timer lets go of its owner at once; only (deadline, number) waits for the sweep. Without the sweep
    400 calls a second would keep some 50,000 dead entries of 32 s timers.
    """

    __slots__ = ("_heap", "_running", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._running: dict[int, tuple[TimerOwner, int]] = {}
        self._serial = 0

    def __len__(self) -> int:
        """How many timers are running (cancelled ones do not count)."""
        return len(self._running)

    @property
    def held(self) -> int:
        """Entries in the heap, cancelled ones included: what the queue costs in memory."""
        return len(self._heap)

    def start(self, when: float, owner: TimerOwner, kind: int) -> int:
        """Run a timer until `when`; the returned number (never 0) cancels it."""
        self._serial = serial = self._serial + 1
        self._running[serial] = (owner, kind)
        heappush(self._heap, (when, serial))
        return serial

    def cancel(self, timer: int) -> None:
        """Forget a timer. Cancelling one that fired or was cancelled (or 0) does nothing."""
        if self._running.pop(timer, None) is not None:
            heap = self._heap
            if len(heap) > 64 and len(heap) > 2 * len(self._running):
                running = self._running
                self._heap = [entry for entry in heap if entry[1] in running]
                heapify(self._heap)

    def next(self) -> float | None:
        """When the earliest running timer is due."""
        heap, running = self._heap, self._running
        while heap:
            when, serial = heap[0]
            if serial in running:
                return when
            heappop(heap)
        return None

    def fire_due(self, now: float) -> None:
        """Call every owner whose timer is due, earliest first; timers they start meanwhile count too when due."""
        due = now + RESOLUTION
        while (when := self.next()) is not None and when <= due:
            _, serial = heappop(self._heap)
            owner, kind = self._running.pop(serial)
            owner.on_timer(kind, now)
