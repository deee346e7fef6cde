"""How many legs each endpoint has at present, and how many it may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Channels:
    """Counts legs by endpoint name (`trunk:carrier`). Legs enter when they are made and leave when they end."""

    def __init__(self, limits: Mapping[str, int | None] | None = None) -> None:
        self._limits = {name: limit for name, limit in (limits or {}).items() if limit is not None}
        self._used: dict[str, int] = {}

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

    def full(self, name: str) -> bool:
        """Whether this endpoint must not get another leg."""
        limit = self._limits.get(name)
        return limit is not None and self._used.get(name, 0) >= limit

    def used(self, name: str) -> int:
        """Legs of this endpoint at present."""
        return self._used.get(name, 0)
