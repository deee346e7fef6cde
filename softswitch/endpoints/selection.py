"""In which order alternatives are tried: next hops of a trunk, trunks of a rule. Lower priority first; among equals the
strategy decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.endpoints.trunk import Trunk
    from softswitch.transport.next_hop import NextHop

Strategy = Literal["failover", "round_robin", "weighted"]


class Ranked(Protocol):
    """What can be put in order."""

    @property
    def priority(self) -> int:
        """Lower is tried first."""

    @property
    def weight(self) -> int:
        """Share among those of the same priority."""


R = TypeVar("R", bound=Ranked)


@value_class(frozen=True, slots=True)
class RankedHop:
    """A next hop and its place."""

    hop: NextHop
    priority: int = 0
    weight: int = 1


@value_class(frozen=True, slots=True)
class HopPolicy:
    """How a trunk's next hops take turns."""

    strategy: Strategy = "failover"
    ranked: tuple[RankedHop, ...] = ()
    """All of its next hops; (): they are alike, and tried in order."""


IN_ORDER = HopPolicy()


class Selector:
    """Puts alternatives in order. Remembers whose turn it is, by name, for as long as the node runs."""

    def __init__(self, below: Callable[[int], int]) -> None:
        """`below(n)`: dice, 0..n-1."""
        self._below = below
        self._turns: dict[str, int] = {}

    def hops(self, trunk: Trunk) -> Sequence[NextHop]:
        """A trunk's next hops in the order to try them for one call."""
        policy = trunk.hops
        if not policy.ranked:
            return trunk.next_hops
        return [each.hop for each in self.order(trunk.name, policy.ranked, policy.strategy)]

    def order(self, name: str, alternatives: Sequence[R], strategy: Strategy) -> list[R]:
        """All of them. `name`: whose turns are counted."""
        turn = 0
        if strategy == "round_robin":
            turn = self._turns.get(name, 0)
            self._turns[name] = turn + 1
        tiers: dict[int, list[R]] = {}
        for each in alternatives:
            tiers.setdefault(each.priority, []).append(each)
        found: list[R] = []
        for priority in sorted(tiers):
            tier = tiers[priority]
            if strategy == "round_robin":
                first = turn % len(tier)
                found += tier[first:] + tier[:first]
            elif strategy == "weighted":
                found += self._thrown(tier)
            else:
                found += tier
        return found

    def _thrown(self, tier: list[R]) -> list[R]:
        """In an order thrown by weight: exact shares, and a weight of 0 only behind all others.

        Not the throw of RFC 2782, which favours small weights: what an operator writes are shares, 9 and 1.
        """
        left = list(tier)
        found: list[R] = []
        while left:
            total = sum(each.weight for each in left)
            if not total:
                return found + left
            thrown = self._below(total)
            for index, each in enumerate(left):
                thrown -= each.weight
                if thrown < 0:
                    found.append(left.pop(index))
                    break
        return found
