"""How late the signalling loop runs: a timer due every quarter of a second, and by how much it misses that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from softswitch.telemetry.metrics import Histogram

PERIOD = 0.25
"""Seconds."""


def _nobody(late: float) -> None:
    """Nobody else wants to know."""


class LoopLag:
    """Observes one loop from `start` to `stop`. `worst` is the longest delay since it was last taken, in seconds."""

    __slots__ = ("_due", "_handle", "_histogram", "_loop", "_tell", "_worst")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, histogram: Histogram, tell: Callable[[float], None] = _nobody
    ) -> None:
        """`tell(late)` is called at every look, with the seconds it came late."""
        self._tell = tell
        self._loop = loop
        self._histogram = histogram
        self._worst = 0.0
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to observe."""
        self._due = self._loop.time() + PERIOD
        self._handle = self._loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        """Stop observing."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def take_worst(self) -> float:
        """The longest delay since the last time this was asked, in seconds."""
        worst, self._worst = self._worst, 0.0
        return worst

    def _tick(self) -> None:
        late = max(0.0, self._loop.time() - self._due)
        self._histogram.observe(late)
        self._worst = max(self._worst, late)
        self._tell(late)
        self.start()
