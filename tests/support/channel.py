"""A network between a sender and us, out of a seed: the same packets are lost, late, doubled and overtaken every time.

What each packet meets depends on the seed and its number alone, so that two receivers can be compared on one channel.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

Sent = TypeVar("Sent")


@dataclass(frozen=True, slots=True)
class Channel:
    """Times in seconds, shares of one."""

    seed: int = 1
    delay: float = 0.03
    loss: float = 0.0
    burst: float = 1.0
    """Mean length of a run of lost packets. 1: every packet is lost for itself; more: Gilbert's two states."""
    jitter: float = 0.0
    """The slowest packet takes so much longer than the quickest; evenly distributed, so that packets overtake."""
    in_order: bool = False
    """A queue instead: no packet overtakes, one that was held up holds up those behind it."""
    drift_ppm: float = 0.0
    """The sender's clock is so much too slow (it takes longer between its packets)."""
    reordering: float = 0.0
    """Share of packets that are held back until two later ones have passed."""
    duplicates: float = 0.0

    def carry(self, sent: Iterable[tuple[float, Sent]]) -> list[tuple[float, Sent]]:
        """From (when it was sent, what) to (when it arrived, what), in order of arrival."""
        dice = random.Random(self.seed)
        arrived: list[tuple[float, int, Sent]] = []
        lost = False
        last = 0.0
        for number, (at, packet) in enumerate(sent):
            drop, again, slow, held, twice = (dice.random() for _ in range(5))
            lost = (again < 1 - 1 / self.burst) if lost and self.burst > 1 else drop < self._begins(lost)
            if lost:
                continue
            arrival = at * (1 + self.drift_ppm / 1e6) + self.delay + slow * self.jitter
            if held < self.reordering:
                arrival += 0.045
            if self.in_order:
                arrival = last = max(arrival, last)
            arrived.append((arrival, number, packet))
            if twice < self.duplicates:
                arrived.append((arrival + 0.003, number, packet))
        arrived.sort(key=lambda entry: entry[:2])
        return [(arrival, packet) for arrival, _, packet in arrived]

    def _begins(self, lost: bool) -> float:
        """The chance that this packet is lost though the one before was not."""
        if self.burst <= 1:
            return self.loss
        return 0.0 if lost else self.loss / (self.burst * (1 - self.loss))
