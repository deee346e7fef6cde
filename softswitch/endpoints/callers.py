"""How many calls each caller may have at once, and in a day: a stolen password is worth no more than that.

Counted are calls over trunks. Everything is in memory; what was used up before a restart is read from the call records
once, at the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable

CallerLimit = Literal["concurrent", "calls_per_day", "minutes_per_day"]

CAPACITY = 100_000
"""Callers remembered in a day; beyond it those seen first are forgotten, one in a hundred at a time."""


@value_class(frozen=True, slots=True)
class CallerLimits:
    """What one caller may do over trunks. None: as much as it likes."""

    concurrent: int | None = None
    """Calls at once."""
    calls_per_day: int | None = None
    minutes_per_day: float | None = None
    """Minutes of conversation. A call that is under way is not cut short."""

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return not (self.concurrent is None and self.calls_per_day is None and self.minutes_per_day is None)


class _Used:
    """By one caller."""

    __slots__ = ("calls", "day", "now", "seconds")

    def __init__(self, day: int) -> None:
        self.day = day
        self.now = 0
        self.calls = 0
        self.seconds = 0.0


class CallerLedger:
    """What every caller has used. Times are Unix seconds; a day is one of the calendar, in the zone `day_of` knows."""

    def __init__(self, limits: CallerLimits, day_of: Callable[[float], int], capacity: int = CAPACITY) -> None:
        """`day_of(time)`: a number that changes at midnight."""
        self._limits = limits
        self._day_of = day_of
        self._capacity = capacity
        self._used: dict[str, _Used] = {}
        self._running: dict[str, dict[str, set[str]]] = {}
        """The numbers called in each call, by who wanted them, the first of them first."""

    def restore(self, caller: str, calls: int, seconds: float, now: float) -> None:
        """What a caller has used today before the node was started."""
        used = self._of(caller, now)
        used.calls += calls
        used.seconds += seconds

    def begin(
        self, call_id: str, caller: str, called: str, now: float, *, regardless: bool = False
    ) -> CallerLimit | None:
        """The limit that keeps this caller from calling `called`; None: it is counted.

        Once for each number of a call, however many trunks are tried: a call that somebody transfers from number to
        number is one of theirs at a time, and several of the day. `regardless`: counted in any case.
        """
        limits = self._limits
        if not limits.any:
            return None
        numbers = self._running.get(call_id, {}).get(caller)
        if numbers is not None and called in numbers:
            return None
        used = self._of(caller, now)
        if not regardless:
            if numbers is None and limits.concurrent is not None and used.now >= limits.concurrent:
                return "concurrent"
            if limits.calls_per_day is not None and used.calls >= limits.calls_per_day:
                return "calls_per_day"
            if limits.minutes_per_day is not None and used.seconds >= limits.minutes_per_day * 60:
                return "minutes_per_day"
        used.calls += 1
        if numbers is None:
            used.now += 1
            numbers = self._running.setdefault(call_id, {})[caller] = set()
        numbers.add(called)
        return None

    def end(self, call_id: str, talk_seconds: float, now: float) -> None:
        """A call is over, whether it was counted or not. What was talked is the first caller's."""
        for caller in self._running.pop(call_id, ()):
            used = self._of(caller, now)
            used.now = max(0, used.now - 1)
            used.seconds += talk_seconds
            talk_seconds = 0.0

    def _of(self, caller: str, now: float) -> _Used:
        day = self._day_of(now)
        used = self._used.get(caller)
        if used is None:
            if len(self._used) >= self._capacity:
                self._forget(day)
            used = self._used[caller] = _Used(day)
        elif used.day != day:
            used.day, used.calls, used.seconds = day, 0, 0.0
        return used

    def _forget(self, today: int) -> None:
        """Who has no call and was not here today; if nobody, whoever has no call and came first.

        Several at a time: everybody is looked at, which must not happen for each new caller once there is no room.
        """
        idle = [caller for caller, used in self._used.items() if not used.now]
        gone = [caller for caller in idle if self._used[caller].day != today] or idle[: 1 + self._capacity // 100]
        for caller in gone:
            del self._used[caller]
