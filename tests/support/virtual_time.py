"""An event loop whose clock jumps to the next timer: hours of calls in milliseconds, every race repeatable."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class DeadlockError(RuntimeError):
    """Nothing is ready and no timer is set: some coroutine waits for ever."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: time passes by jumping to the moment the loop would have slept until."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise DeadlockError("no timer pending and nothing ready")
            self.now += max(0.0, timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop on virtual time, starting at 0.0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.now


def run_virtual(scenario: Callable[[], Coroutine[object, object, T]]) -> T:
    """Run one scenario to its end on a fresh virtual-time loop."""
    loop = VirtualTimeLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(scenario())
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def at(seconds: float, action: Callable[..., object], *args: object) -> None:
    """Do something `seconds` from now."""
    asyncio.get_running_loop().call_later(seconds, action, *args)
