"""The calls that ended last, with their stories: what an operator asks for right after something went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.telemetry.snapshot import FinishedCall


class RecentCalls:
    """The last `capacity` finished calls, by id. The oldest is forgotten first."""

    __slots__ = ("_calls", "_capacity")

    def __init__(self, capacity: int = 200) -> None:
        self._capacity = capacity
        self._calls: dict[str, FinishedCall] = {}

    def add(self, call: FinishedCall) -> None:
        """Keep this call, forgetting the oldest one if need be."""
        self._calls[call.record.call_id] = call
        if len(self._calls) > self._capacity:
            del self._calls[next(iter(self._calls))]

    def get(self, call_id: str) -> FinishedCall | None:
        """The call of this id; None when it is not among the last ones."""
        return self._calls.get(call_id)

    def latest(self, count: int) -> list[FinishedCall]:
        """Up to `count` calls, the last one first."""
        return [call for call, _ in zip(reversed(self._calls.values()), range(max(0, count)), strict=False)]

    def __len__(self) -> int:
        return len(self._calls)
