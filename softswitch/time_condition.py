"""Hours of the day on days of the week: when a rule of the dialplan applies, and when a guest may call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

MINUTES_OF_DAY = 24 * 60
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class TimeCondition:
    """Days of the week (Monday 0) and a span of wall-clock minutes in a time zone.

    `start` > `end` runs past midnight and belongs to the day it starts on. Wall clock means that on the day the clocks
    go forward a minute that does not exist is never met, and one that comes twice is met twice.
    """

    zone: ZoneInfo
    days: frozenset[int] = EVERY_DAY
    start: int = 0
    end: int = MINUTES_OF_DAY

    def fits(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return self.start <= minute < self.end and local.weekday() in self.days
        if minute >= self.start:
            return local.weekday() in self.days
        return minute < self.end and (local - timedelta(days=1)).weekday() in self.days

    def __str__(self) -> str:
        names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
        days = "every day" if self.days == EVERY_DAY else " ".join(names[day] for day in sorted(self.days))
        clock = f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"
        return f"{days} {clock} {self.zone.key}"
