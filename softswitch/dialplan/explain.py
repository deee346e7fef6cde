"""The decision for one call told rule by rule: why it went where it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.dialplan.route import describe

if TYPE_CHECKING:
    from datetime import datetime

    from softswitch.dialplan.match import CallFacts, Decision
    from softswitch.dialplan.rules import Dialplan


def explain(plan: Dialplan, facts: CallFacts, decision: Decision, at: datetime) -> str:
    """Several lines for `softswitch simulate`; `at` must know its zone."""
    zone = getattr(at.tzinfo, "key", at.tzname())
    lines = [
        f"from     {safe(facts.source)}",
        f"caller   {_number(facts.caller, decision.caller)}",
        f"called   {_number(facts.called, decision.called)}",
        f"at       {at:%a %Y-%m-%d %H:%M} {zone}",
        "",
    ]
    width = max((len(rule.route.name) for rule in plan.rules), default=0)
    for index, rule in enumerate(plan.rules):
        head = f"line {rule.route.line:<4} {rule.route.name:<{width}}"
        if index < len(decision.trail):
            verdict = decision.trail[index]
            lines.append(f"  {head}  {'YES' if verdict.matched else 'no '}  {safe(verdict.why)}")
        else:
            lines.append(f"  {head}  -    not looked at")
    lines += ["", f"route    {decision.route.name if decision.route else 'none: no rule fits'}"]
    for index, action in enumerate(decision.actions):
        lines.append(f"{'do' if index == 0 else '':<8} {index + 1}. {safe(describe(action))}")
    return "\n".join(lines)


def safe(text: str) -> str:
    """Text from the network or the command line on one line of a terminal: nothing that is not printable."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _number(raw: str, canonical: str) -> str:
    if not raw:
        return "(none)"
    return safe(canonical) if raw == canonical else f"{safe(raw)} = {safe(canonical)}"
