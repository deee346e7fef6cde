"""Which trunks take a call, in which order, and why each of them does or does not: one place for all of it.

Asked by calls and by `softswitch simulate` alike, so that what is explained is what happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.b2bua.cause import NO_CIRCUIT, NO_RATE, NOT_PERMITTED
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from softswitch.b2bua.cause import ReleaseCause
    from softswitch.dialplan.route import Choose, TrunkTarget
    from softswitch.endpoints.selection import Selector
    from softswitch.endpoints.toll import TollGuard, TollRefusal
    from softswitch.endpoints.trunk import Trunk


@value_class(frozen=True, slots=True)
class Considered:
    """One trunk of a rule."""

    target: TrunkTarget
    why: str = ""
    """What put it in its place, or keeps it out."""
    refused: ReleaseCause | None = None
    """Set when it is kept out."""
    toll: TollRefusal | None = None
    """Set when that was to prevent fraud."""


class TrunkChooser:
    """Puts the trunks of a rule in order for one call, and keeps out those that may not take it."""

    def __init__(self, trunks: Mapping[str, Trunk], selector: Selector, guard: TollGuard) -> None:
        self._trunks = trunks
        self._selector = selector
        self._guard = guard

    def consider(
        self, targets: Sequence[TrunkTarget], choose: Choose, called: str, *, emergency: bool
    ) -> list[Considered]:
        """Those that take the call, in the order to try them, then those that do not.

        `called`: what was dialled, canonical, before a rule rewrote it for a trunk.
        """
        kept: list[TrunkTarget] = []
        out: list[Considered] = []
        for target in targets:
            refused = self._refused(target, called, emergency=emergency)
            if refused is None:
                kept.append(target)
            else:
                out.append(refused)
        if choose == "least_cost":
            taken, unrated = self._by_cost(kept, called or _first_number(targets), emergency=emergency)
            return taken + unrated + out
        if choose == "in_order":
            kept.sort(key=lambda target: target.priority)
            return [Considered(target) for target in kept] + out
        why = {"round_robin": "by turns", "weighted": "by weight"}[choose]
        name = "dial " + " ".join(target.trunk for target in targets)
        return [Considered(target, why) for target in self._selector.order(name, kept, choose)] + out

    def _refused(self, target: TrunkTarget, called: str, *, emergency: bool) -> Considered | None:
        trunk = self._trunks[target.trunk]
        closed = trunk.limits.closed_to("outbound")
        if closed:
            return Considered(target, closed, NO_CIRCUIT)
        if emergency:
            return None
        number = target.number or ""
        form = trunk.outward.presentation.format
        # What the far end will make of what we write: a carrier without + may take any long number for one abroad.
        read = number if form is None else form.read(form.write(number))
        toll = self._guard.judge(trunk.toll, number, called, read)
        return None if toll is None else Considered(target, str(toll), NOT_PERMITTED, toll)

    def _by_cost(
        self, targets: Sequence[TrunkTarget], called: str, *, emergency: bool
    ) -> tuple[list[Considered], list[Considered]]:
        rated: list[tuple[int, float, Considered]] = []
        unrated: list[Considered] = []
        for target in targets:
            rates = self._trunks[target.trunk].rates
            rate = None if rates is None else rates.rate(called)
            if rate is not None:
                rated.append((target.priority, rate.price, Considered(target, str(rate))))
            elif emergency:
                unrated.append(Considered(target, "no rate, and an emergency"))
            else:
                unrated.append(Considered(target, f"no rate for {called}", NO_RATE))
        rated.sort(key=lambda each: each[:2])  # stable: of equal prices the first one named
        return [each for _, _, each in rated], unrated


def _first_number(targets: Sequence[TrunkTarget]) -> str:
    return next((target.number for target in targets if target.number), "")
