"""A bounded queue from the signalling loop to one working thread. Putting never waits; the thread sleeps when idle."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """Filled by any thread, emptied by exactly one.

    Invariant: everything put is taken in order, or was refused and counted in `refused`. Waking the thread costs a lock
    only when it sleeps: while it gathers or works, putting is one append.
    """

    __slots__ = ("_asleep", "_capacity", "_closing", "_items", "_wake", "refused")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._wake = threading.Event()
        self._asleep = False
        self._closing = False
        self.refused = 0

    def put(self, item: T) -> bool:
        """Queue the item; False, and counted, when the queue is full or closed."""
        if len(self._items) >= self._capacity or self._closing:
            self.refused += 1
            return False
        self._items.append(item)
        if self._asleep:
            self._wake.set()
        return True

    def wait(self, gather: float) -> None:
        """For the thread: sleep until there is something, then let more gather for `gather` seconds.

        Comes back sooner when hurried or closed, perhaps with nothing to take.
        """
        self._wake.clear()
        self._asleep = True
        # What was put before the flag went up has set no event.
        if not self._items and not self._closing:
            self._wake.wait()
        self._asleep = False
        self._wake.clear()
        if not self._closing:
            self._wake.wait(gather)

    def take(self, most: int) -> list[T]:
        """For the thread: up to `most` items, the oldest first."""
        items = self._items
        return [items.popleft() for _ in range(min(most, len(items)))]

    def put_back(self, items: list[T]) -> None:
        """For the thread: these could not be dealt with and come first again."""
        self._items.extendleft(reversed(items))

    def pause(self, seconds: float) -> None:
        """For the thread: wait that long, or until hurried or closed."""
        self._wake.clear()
        if not self._closing:
            self._wake.wait(seconds)

    def hurry(self) -> None:
        """Have the thread come back from `wait` or `pause` at once."""
        self._wake.set()

    def close(self) -> None:
        """Refuse further items and let the thread finish."""
        self._closing = True
        self._wake.set()

    @property
    def closing(self) -> bool:
        """True once `close` was called."""
        return self._closing

    def __len__(self) -> int:
        return len(self._items)
