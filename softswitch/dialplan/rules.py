"""The rules of `dialplan.yaml` as values: conditions, and the route each of them guards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from softswitch.dialplan.numbers import Numbering

if TYPE_CHECKING:
    from collections.abc import Mapping
    from re import Pattern

    from softswitch.dialplan.number_format import NumberFormat
    from softswitch.dialplan.route import Route
    from softswitch.time_condition import TimeCondition

UTC = ZoneInfo("UTC")
AS_TYPED = Numbering()


@dataclass(frozen=True, slots=True)
class NumberCondition:
    """Met when any alternative fits the canonical number. `local`: it is the name of a phone of this node."""

    exact: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    patterns: tuple[Pattern[str], ...] = ()
    local: bool = False

    def fits(self, number: str, phones: frozenset[str]) -> str:
        """How `number` meets the condition (`exact`, `prefix +49`, …), or empty when it does not."""
        if number in self.exact:
            return "exact"
        for prefix in self.prefixes:
            if number.startswith(prefix):
                return f"prefix {prefix}"
        if self.local and number in phones:
            return "local phone"
        for pattern in self.patterns:
            if pattern.fullmatch(number):
                return f"regex {pattern.pattern}"
        return ""

    def __str__(self) -> str:
        alternatives = [*sorted(self.exact), *(f"{prefix}…" for prefix in self.prefixes)]
        alternatives += ["a local phone"] if self.local else []
        alternatives += [f"regex {pattern.pattern}" for pattern in self.patterns]
        return " or ".join(alternatives)


@dataclass(frozen=True, slots=True)
class SourceCondition:
    """Who sends the call: named sources (`trunk:carrier`, `phone:1001`), or all of a kind (`trunk`, `phone`, `guest`)
    whose name is before the colon.
    """

    names: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def fits(self, source: str) -> bool:
        return source in self.names or source.partition(":")[0] in self.kinds

    def __str__(self) -> str:
        return " or ".join([*(f"any {kind}" for kind in sorted(self.kinds)), *sorted(self.names)])


@dataclass(frozen=True, slots=True)
class Rule:
    """All conditions given must hold; None = does not matter."""

    route: Route
    source: SourceCondition | None = None
    called: NumberCondition | None = None
    caller: NumberCondition | None = None
    time: TimeCondition | None = None


@dataclass(frozen=True, slots=True)
class Dialplan:
    """Rules in order: the first whose conditions all hold decides."""

    rules: tuple[Rule, ...]
    numbering: Numbering = AS_TYPED
    phones: frozenset[str] = frozenset()
    zone: ZoneInfo = UTC
    emergency: frozenset[str] = frozenset()
    """Numbers for help, as they are dialled."""
    formats: Mapping[str, NumberFormat] = field(default_factory=dict)
    """How sources (`trunk:<name>`) write numbers with a country code, where that is known."""

    def day_of(self, time: float) -> int:
        """A number that changes at midnight here; `time` in Unix seconds."""
        return datetime.fromtimestamp(time, self.zone).toordinal()

    def midnight_before(self, time: float) -> float:
        """When the day of this moment began, in Unix seconds."""
        return datetime.fromtimestamp(time, self.zone).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
