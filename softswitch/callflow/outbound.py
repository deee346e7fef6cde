"""From a rule's `dial` to the trunks this call may take, told in its story: chosen, priced, guarded against fraud."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from softswitch.b2bua.cause import TOO_MUCH
from softswitch.dialplan.route import TrunkTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.cause import ReleaseCause
    from softswitch.b2bua.leg import Leg
    from softswitch.dialplan.route import Dial, Target
    from softswitch.endpoints.callers import CallerLedger
    from softswitch.endpoints.choice import TrunkChooser
    from softswitch.endpoints.selection import Selector
    from softswitch.endpoints.toll_watch import TollWatch
    from softswitch.store.call_log import Used


class Outbound:
    """What every way of calling out goes through: dialled, transferred, redirected."""

    def __init__(
        self,
        chooser: TrunkChooser,
        selector: Selector,
        callers: CallerLedger,
        watch: TollWatch,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`wall_clock`: Unix seconds, for what is counted by the day."""
        self.selector = selector
        self.watch = watch
        self._chooser = chooser
        self._callers = callers
        self._wall_clock = wall_clock

    def targets(
        self, call: Call, dial: Dial, *, emergency: bool, by: Leg | None = None
    ) -> tuple[list[Target], ReleaseCause | None]:
        """The targets this call may be sent to, in the order to try; and why trunks were left out, where they were.

        `by`: who wants it so, and whose limits count: who transfers; None: the caller.
        """
        who = call.caller if by is None else by
        if not any(isinstance(target, TrunkTarget) for target in dial.targets):
            return list(dial.targets), None
        trunks = [target for target in dial.targets if isinstance(target, TrunkTarget)]
        others: list[Target] = [target for target in dial.targets if not isinstance(target, TrunkTarget)]
        considered = self._chooser.consider(trunks, dial.choose, dial.called, emergency=emergency)
        taken = [each for each in considered if each.refused is None]
        refused = next((each.refused for each in considered if each.refused is not None), None)
        for each in considered:
            if each.refused is not None:
                call.story.tell("trunk not used", trunk=each.target.trunk, why=each.why)
        if not taken:
            broken = [(each.target.trunk, each.toll.rule) for each in considered if each.toll is not None]
            if broken:
                self._refuse(call, who, broken, next(each.why for each in considered if each.toll is not None))
            return others, refused
        if dial.choose != "in_order":
            order = ", then ".join(f"{each.target.trunk} ({each.why})" for each in taken)
            call.story.tell("trunks chosen", how=dial.choose, order=order)
        limit = self._callers.begin(call.id, self._caller(who), dial.called, self._wall_clock(), regardless=emergency)
        if limit is not None:
            call.story.tell("caller has reached a limit", limit=limit)
            self._refuse(call, who, [("", limit)], f"limits.callers.{limit} is reached")
            return others, TOO_MUCH
        if [each.target for each in taken] == trunks:
            return list(dial.targets), None
        return [*others, *(each.target for each in taken)], refused

    def ended(self, call: Call) -> None:
        """A call is over: what of it was conversation over a trunk is the caller's."""
        talked = sum(
            leg.ended_at - leg.answered_at
            for leg in call.legs[1:]
            if leg.name.startswith("trunk:") and leg.answered_at is not None and leg.ended_at is not None
        )
        self._callers.end(call.id, talked, self._wall_clock())

    def _refuse(self, call: Call, who: Leg, broken: Sequence[tuple[str, str]], why: str) -> None:
        self.watch.refuse(self._caller(who), broken, why, call.switch.clock())

    def _caller(self, who: Leg) -> str:
        return caller_key(who.name, who.origin.number.canonical)


def caller_key(source: str, number: str) -> str:
    """Who is counted as one caller: a phone or a call link, whatever number it shows; a number, with its trunk."""
    return source if source.startswith(("phone:", "guest:")) else f"{source} {number}".rstrip()


def restore(callers: CallerLedger, used: Iterable[Used], now: float) -> None:
    """Count what callers have used today before the node was started."""
    for each in used:
        callers.restore(caller_key(each.source, each.caller), each.calls, each.talk_seconds, now)
