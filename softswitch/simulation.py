"""What would become of a call, told without placing it: the rule that takes it, and the trunks it would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch import parties
from softswitch.dialplan.explain import explain, safe
from softswitch.dialplan.match import decide, is_emergency
from softswitch.dialplan.moment import parse_moment
from softswitch.dialplan.route import Dial, TrunkTarget
from softswitch.endpoints.choice import TrunkChooser
from softswitch.endpoints.selection import Selector
from softswitch.endpoints.toll import TollGuard
from softswitch.provision import NOON, facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from config.load import Settings
    from config.problem import Problem
    from softswitch.dialplan.match import CallFacts, Decision
    from softswitch.dialplan.rules import Dialplan
    from softswitch.endpoints.trunk import Trunk
    from softswitch.provision import Provision


def simulate(settings: Settings, plan: Dialplan, facts: CallFacts, at: datetime) -> tuple[Decision, str]:
    """The decision, and several lines that tell why. Turns begin with the first, dice fall on the lowest number."""
    decision = decide(plan, facts, at)
    lines = [explain(plan, facts, decision, at)]
    trunks = parties.trunks(settings)
    chooser = TrunkChooser(trunks, Selector(lambda _: 0), TollGuard(plan.numbering))
    for number, action in enumerate(decision.actions, 1):
        if isinstance(action, Dial):
            lines += _trunks(plan, trunks, chooser, action, number)
    return decision, "\n".join(lines)


def refused_tests(provision: Provision) -> Iterator[Problem]:
    """Calls the dialplan's tests send to trunks that would all refuse them: where they go is not where they get."""
    settings, plan = provision.settings, provision.dialplan
    chooser = TrunkChooser(parties.trunks(settings), Selector(lambda _: 0), TollGuard(plan.numbering))
    for index, test in enumerate(settings.dialplan.tests):
        at = NOON.replace(tzinfo=plan.zone) if test.at is None else parse_moment(test.at, plan.zone)
        decision = decide(plan, facts_of(test.from_, test.to, test.caller), at)
        for action in decision.actions:
            if not isinstance(action, Dial) or not all(isinstance(each, TrunkTarget) for each in action.targets):
                continue
            targets = [each for each in action.targets if isinstance(each, TrunkTarget)]
            emergency = is_emergency(plan, action.called)
            considered = chooser.consider(targets, action.choose, action.called, emergency=emergency)
            if all(each.refused is not None for each in considered):
                why = "; ".join(f"{each.target.trunk}: {each.why}" for each in considered)
                message = f"no trunk of the rule would take this call: {why}"
                yield settings.dialplan_positions.problem(("tests", index, "to"), message)


def _trunks(plan: Dialplan, trunks: dict[str, Trunk], chooser: TrunkChooser, dial: Dial, number: int) -> Iterator[str]:
    targets = [target for target in dial.targets if isinstance(target, TrunkTarget)]
    if not targets:
        return
    emergency = is_emergency(plan, dial.called)
    considered = chooser.consider(targets, dial.choose, dial.called, emergency=emergency)
    width = max(len(target.trunk) for target in targets)
    head = f"trunks   of {number}., {dial.choose}"
    yield head + (": an emergency call, which nothing holds up" if emergency else "")
    for place, each in enumerate(considered, 1):
        mark = f"{place}." if each.refused is None else "-"
        why = each.why if each.refused is None else f"{each.refused.status}: {each.why}"
        yield safe(f"         {mark:<3} {each.target.trunk:<{width}}  {why or _shares(each.target)}".rstrip())
        hops = trunks[each.target.trunk].hops
        if each.refused is None and hops.ranked:
            order = ", ".join(f"{hop.hop} (priority {hop.priority}, weight {hop.weight})" for hop in hops.ranked)
            yield safe(f"             {hops.strategy}: {order}")


def _shares(target: TrunkTarget) -> str:
    return "" if (target.priority, target.weight) == (0, 1) else f"priority {target.priority}, weight {target.weight}"
