"""Sessions of pages that somebody has signed out of, for as long as a token of theirs could be good."""

from __future__ import annotations

from typing import Final

MOST: Final = 100_000
"""Remembered; beyond that the one signed out longest ago is forgotten."""


class EndedSessions:
    """Their ids. In memory alone: a restart forgets them, as tokens that nobody renews end in minutes."""

    def __init__(self, *, capacity: int = MOST) -> None:
        self._until: dict[str, float] = {}
        self._capacity = capacity

    def end(self, session: str, until: float) -> None:
        """No token of it is good any more; `until`: Unix seconds after which none would be anyway."""
        ended = self._until
        ended.pop(session, None)
        if len(ended) >= self._capacity:
            del ended[next(iter(ended))]
        ended[session] = until

    def forget(self, now: float) -> None:
        """Those whose tokens have ended by themselves; `now` in Unix seconds."""
        for session in [each for each, until in self._until.items() if until <= now]:
            del self._until[session]

    def __contains__(self, session: str) -> bool:
        return session in self._until

    def __len__(self) -> int:
        return len(self._until)
