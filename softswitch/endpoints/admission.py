"""Whether the node takes one more call: as many as were measured to work, and no more.

Asked by the SIP stack before anything is made for a new INVITE, so that refusing costs a fraction of taking it. What is
watched are four figures, each with its own limit: calls at once, calls a second, how late the signalling loop runs, and
how busy the media workers are. The last one stands for what calls differ in: a transcoded call costs ten relayed ones,
and shows as such.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from softswitch.b2bua.channels import CallRate
from softswitch.telemetry.seldom import Seldom
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)

CALLS_PER_WORKER = 1_900
"""Relayed calls a media worker carries on a core of its own, without loss: measured by `python -m tests.bench`."""
CALLS_PER_SECOND = 400
"""Calls set up and torn down on one signalling core: the bar that the bench holds the switch to."""
LATE_TICKS = 3
"""How many looks in a row must find the loop late: one may be a page fault, or somebody else's turn on the core."""
BUSY_LOOKS = 8
"""Looks, two seconds, over which the load of the media workers is averaged."""

Limit = Literal["calls", "rate", "loop_lag", "media_load"]
_WORDS: dict[Limit, str] = {
    "calls": "as many calls as limits.max_calls allows",
    "rate": "more calls a second than limits.calls_per_second allows",
    "loop_lag": "signalling is behind by more than limits.loop_lag",
    "media_load": "every media worker is busier than limits.media_load allows",
}


@value_class(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Where the node's limits are."""

    calls: int = CALLS_PER_WORKER
    calls_per_second: int = CALLS_PER_SECOND
    loop_lag: float = 0.5
    """Seconds. T1 of RFC 3261: later than that, callers repeat themselves, and being late makes us later."""
    media_load: float = 0.95
    """Share of a core."""
    retry_after: int = 10
    """Seconds a refused caller is asked to stay away."""


class Admission:
    """Counts the running calls and judges new ones. Emergency calls are always taken."""

    def __init__(self, envelope: Envelope, *, is_emergency: Callable[[str], bool]) -> None:
        """`is_emergency` tells by the user part of a Request-URI."""
        self.envelope = envelope
        self.calls = 0
        self.refused: dict[str, int] = {}
        """Calls refused since start, by limit."""
        self._is_emergency = is_emergency
        self._rate = CallRate(envelope.calls_per_second)
        self._late = 0
        self._spent: list[tuple[float, Sequence[int]]] = []
        self._busy = False
        self._seldom = Seldom()

    def entered(self, now: float) -> None:
        """One running call more. It alone counts for the rate: a flood of INVITEs that never become calls, because they
        know no password, keeps nobody out.
        """
        self.calls += 1
        self._rate.take(now)

    def left(self) -> None:
        """One less."""
        self.calls -= 1

    def refusal(self, called: str, now: float) -> int | None:
        """Seconds after which the caller of `called` may try again; None: the call is taken."""
        limit = self.reached
        if limit is None:
            if not self._rate.full(now):
                return None
            limit = "rate"
        if self._is_emergency(called):
            return None
        self.refused[limit] = self.refused.get(limit, 0) + 1
        untold = self._seldom.due(limit, now)
        if untold is not None:
            _log.warning(
                "new calls are refused (503): %s; %d refused since it was last told", _WORDS[limit], untold + 1
            )
        return self.envelope.retry_after

    @property
    def reached(self) -> Limit | None:
        """The limit that keeps new calls out at present, the rate aside."""
        if self.calls >= self.envelope.calls:
            return "calls"
        if self._late >= LATE_TICKS:
            return "loop_lag"
        return "media_load" if self._busy else None

    @property
    def why(self) -> str:
        """The same in words, "" when there is none."""
        return "" if self.reached is None else _WORDS[self.reached]

    def observe(self, lag: float, spent: Sequence[int], now: float) -> None:
        """A look at the node, a few times a second.

        `lag`: seconds the loop was late; `spent`: nanoseconds of CPU each media worker has used since its start.
        """
        self._late = min(self._late + 1, LATE_TICKS) if lag >= self.envelope.loop_lag else 0
        looks = self._spent
        looks.append((now, spent))
        if len(looks) <= BUSY_LOOKS:
            return
        then, spent_then = looks.pop(0)
        share = [(after - before) / 1e9 for before, after in zip(spent_then, spent, strict=True)]
        self._busy = bool(share) and min(share) >= self.envelope.media_load * (now - then)
