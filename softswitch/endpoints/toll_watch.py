"""Calls refused to prevent fraud, made known: one log line a caller and interval, and a count for alarms."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from softswitch.telemetry.seldom import Seldom

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)


class TollWatch:
    """Counts refusals by rule, and by trunk and rule."""

    def __init__(self) -> None:
        self.refused: dict[tuple[str, str], int] = {}
        """By trunk and rule (`international`, `denied`, `not_allowed`), or by "" and the caller's limit."""
        self._seldom = Seldom()

    def refuse(self, caller: str, broken: Sequence[tuple[str, str]], why: str, now: float) -> None:
        """A call by `caller` was refused. `broken`: each trunk that did not take it and the rule, or "" and a limit."""
        for each in broken:
            self.refused[each] = self.refused.get(each, 0) + 1
        untold = self._seldom.due(f"{caller} {broken[0][1]}", now)
        if untold is not None:
            _log.warning(
                "toll fraud? a call of %s was refused: %s; %d refused since it was last told", caller, why, untold + 1
            )
