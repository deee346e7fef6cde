"""One call, one decision: the first rule that fits, and why every earlier one did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from softswitch.dialplan.numbers import MAX_LENGTH, clean
from softswitch.dialplan.route import Action, Dial, Reject, Route
from softswitch.value import value_class

if TYPE_CHECKING:
    from datetime import datetime

    from softswitch.dialplan.rules import Dialplan, Rule

NO_ROUTE = (Reject(404, "No Route"),)
TOO_LONG = (Reject(414, "Number Too Long"),)  # RFC 3261 21.4.10: longer than the server is willing to interpret

Condition = Literal["from", "called", "caller", "time"]


@value_class(frozen=True, slots=True)
class CallFacts:
    """What is known of a call before it is routed. `source`: `trunk:<name>`, `phone:<user>` or `guest:<link>`;
    numbers as received."""

    source: str
    called: str
    caller: str = ""


class RuleVerdict(NamedTuple):
    """What became of one rule. `failed` names the first condition that did not hold, None when all did.

    `value`: what was found wanting, or how a rule with a `called` condition was met. A tuple, because every call makes
    one for every rule it passes; the words are made only when somebody reads them.
    """

    rule: Rule
    failed: Condition | None
    value: str | datetime

    @property
    def matched(self) -> bool:
        return self.failed is None

    @property
    def why(self) -> str:
        """In words."""
        match self.failed:
            case None:
                return f"called {self.value}" if self.value else "every condition holds"
            case "from":
                return f"from {self.value}, not {self.rule.source}"
            case "called":
                return f"called {self.value}, not {self.rule.called}"
            case "caller":
                return f"caller {self.value or '(none)'}, not {self.rule.caller}"
            case "time":
                return f"at {self.value:%a %H:%M}, not {self.rule.time}"


@value_class(frozen=True, slots=True)
class Decision:
    """Where the call goes. `route` None: no rule fits, and `actions` refuse it.

    `actions` are the route's with every number and phone filled in: run these. `called` and `caller` are canonical.
    """

    route: Route | None
    actions: tuple[Action, ...]
    trail: tuple[RuleVerdict, ...]
    called: str
    caller: str


def decide(plan: Dialplan, facts: CallFacts, at: datetime) -> Decision:
    """The decision for one call at a moment. Never raises; a naive `at` is wall clock in the plan's zone."""
    if len(facts.called) > MAX_LENGTH or len(facts.caller) > MAX_LENGTH:
        return Decision(None, TOO_LONG, (), facts.called[:MAX_LENGTH], facts.caller[:MAX_LENGTH])
    called, caller = canonical(plan, facts.called, facts.source), canonical(plan, facts.caller, facts.source)
    return _first(plan, facts.source, called, caller, at)


def forbidden(plan: Dialplan, source: str, called: str, caller: str, at: datetime) -> str:
    """Why a call that is under way may not be sent on to a number nobody has dialled; empty: it may. Both canonical.

    A phone's call may go where the phone itself might have called. One from outside was never meant to reach numbers
    out there by itself, so that only what a rule says of the number counts, not that outsiders are refused the rest.
    """
    if len(called) > MAX_LENGTH:
        return "longer than any number"
    decision = _first(plan, source, called, caller, at)
    if not isinstance(decision.actions[0], Reject):
        return ""
    if decision.route is None:
        return "no rule fits" if source.startswith("phone:") else ""
    verdict = decision.trail[-1]
    return verdict.why if verdict.rule.called is not None or source.startswith("phone:") else ""


def _first(plan: Dialplan, source: str, called: str, caller: str, at: datetime) -> Decision:
    moment = at if at.tzinfo is not None else at.replace(tzinfo=plan.zone)
    trail: list[RuleVerdict] = []
    for rule in plan.rules:
        verdict = _judge(plan, rule, source, called, caller, moment)
        trail.append(verdict)
        if verdict.failed is None:
            actions = tuple(
                action.resolve(called) if isinstance(action, Dial) else action for action in rule.route.actions
            )
            return Decision(rule.route, actions, tuple(trail), called, caller)
    return Decision(None, NO_ROUTE, tuple(trail), called, caller)


def straight(plan: Dialplan, route: Route, facts: CallFacts) -> Decision:
    """The decision where something else than the rules has chosen the route."""
    called, caller = canonical(plan, facts.called, facts.source), canonical(plan, facts.caller, facts.source)
    return Decision(route, route.actions, (), called, caller)


def canonical(plan: Dialplan, raw: str, source: str = "") -> str:
    """The form of a number that rules see: the name of a phone of this node and a number for help as they are (000 is
    one, and no call abroad), everything else read as its source writes numbers, then by the numbering rules.
    """
    name = clean(raw)
    if name in plan.phones or name in plan.emergency:
        return name
    form = plan.formats.get(source)
    return plan.numbering.canonical(name if form is None else form.read(name))


def is_emergency(plan: Dialplan, raw: str) -> bool:
    """Whether this number is for help, so that nothing may hold the call up."""
    return len(raw) <= MAX_LENGTH and clean(raw) in plan.emergency


def _judge(plan: Dialplan, rule: Rule, source: str, called: str, caller: str, at: datetime) -> RuleVerdict:
    if rule.source is not None and not rule.source.fits(source):
        return RuleVerdict(rule, "from", source)
    how = ""
    if rule.called is not None:
        how = rule.called.fits(called, plan.phones)
        if not how:
            return RuleVerdict(rule, "called", called)
    if rule.caller is not None and not rule.caller.fits(caller, plan.phones):
        return RuleVerdict(rule, "caller", caller)
    if rule.time is not None and not rule.time.fits(at):
        return RuleVerdict(rule, "time", at.astimezone(rule.time.zone))
    return RuleVerdict(rule, None, f"{called}: {how}" if how else "")
