"""Rules that can never decide because an earlier one takes every call they would: where that can be proved.

Proof is per condition and against one earlier rule at a time. A regular expression is only compared with itself, so a
rule that is not named here may still be unreachable; one that is named certainly is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.dialplan.rules import Dialplan, NumberCondition, Rule, SourceCondition
    from softswitch.time_condition import TimeCondition


def unreachable(plan: Dialplan) -> list[tuple[int, int]]:
    """Pairs (rule, the first earlier rule that covers it), as indexes."""
    found = []
    for later, rule in enumerate(plan.rules):
        for earlier in range(later):
            if _covers(plan.rules[earlier], rule, plan.phones):
                found.append((later, earlier))
                break
    return found


def _covers(wide: Rule, narrow: Rule, phones: frozenset[str]) -> bool:
    return (
        _source_covers(wide.source, narrow.source)
        and _number_covers(wide.called, narrow.called, phones)
        and _number_covers(wide.caller, narrow.caller, phones)
        and _time_covers(wide.time, narrow.time)
    )


def _source_covers(wide: SourceCondition | None, narrow: SourceCondition | None) -> bool:
    if wide is None:
        return True
    if narrow is None:
        return wide.kinds >= {"trunk", "phone", "guest"}
    return narrow.kinds <= wide.kinds and all(map(wide.fits, narrow.names))


def _number_covers(wide: NumberCondition | None, narrow: NumberCondition | None, phones: frozenset[str]) -> bool:
    if wide is None:
        return True
    if narrow is None:
        return False
    texts = {pattern.pattern for pattern in wide.patterns}
    return (
        all(wide.fits(number, phones) for number in narrow.exact)
        and all(any(prefix.startswith(wider) for wider in wide.prefixes) for prefix in narrow.prefixes)
        and all(pattern.pattern in texts for pattern in narrow.patterns)
        and (not narrow.local or wide.local or all(wide.fits(phone, phones) for phone in phones))
    )


def _time_covers(wide: TimeCondition | None, narrow: TimeCondition | None) -> bool:
    if wide is None or wide == narrow:
        return True
    if narrow is None or wide.zone.key != narrow.zone.key or not narrow.days <= wide.days:
        return False
    straight = wide.start < wide.end and narrow.start < narrow.end
    return straight and wide.start <= narrow.start and narrow.end <= wide.end
