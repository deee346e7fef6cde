"""How many datagrams of one leg are looked at: a flood costs the leg it is for, and no other."""

from __future__ import annotations

from typing import Final

_RATE: Final = 100.0
_BURST: Final = 200.0
"""Datagrams a second, and at once. A browser sends some fifty while it connects, and one every other second then."""


class DatagramGate:
    """A bucket of tokens."""

    __slots__ = ("_filled_at", "_tokens")

    def __init__(self) -> None:
        self._tokens = _BURST
        self._filled_at = float("-inf")

    def admits(self, now: float) -> bool:
        """One more."""
        tokens = min(_BURST, self._tokens + (now - self._filled_at) * _RATE)
        self._filled_at = now
        self._tokens = tokens - 1.0 if tokens >= 1.0 else tokens
        return tokens >= 1.0
