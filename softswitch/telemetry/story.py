"""The story of a call: what happened, in order. The one owner of a call's events.

Everything else (the log, the ladder, the admin answer) is a rendering of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from softswitch.telemetry.log_format import LogLine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from softswitch.telemetry.log_format import Fact
    from softswitch.telemetry.log_sink import Sink

OPENING = 200
"""Events kept from the beginning of a call: how it came about."""
CLOSING = 200
"""Events kept from its end: how it went. What lies between is dropped and counted when a call tells more."""
REPEATED = 10
"""Lines of one kind that a call may log in a second once events are dropped: a far end must not fill the disk."""


class StoryLine(NamedTuple):
    """One event of a call. `time` is Unix seconds."""

    time: float
    event: str
    facts: Mapping[str, Fact]


class Message(NamedTuple):
    """One SIP message on the ladder: `path` reads `trunk:carrier -> switch`, `label` `INVITE` or `200 (INVITE)`."""

    time: float
    path: str
    label: str
    note: str


class Story:
    """Collects a call's events in order and tells each one to the log.

    Invariants: at most OPENING + CLOSING events and as many messages are held; one call id joins them all.
    """

    __slots__ = ("_clock", "_lines", "_logged", "_messages", "_omitted", "_sink", "call_id", "started_at")

    def __init__(self, call_id: str, sink: Sink, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self.call_id = call_id
        self._sink = sink
        self._clock = clock
        self._lines: list[StoryLine] = []
        self._messages: list[Message] = []
        self._omitted = 0
        self._logged: dict[str, tuple[int, int]] | None = None
        """Event -> second and lines in it, once events are dropped."""
        self.started_at = clock()

    def tell(self, event: str, /, **facts: Fact) -> None:
        """Note what happened, past tense ("leg answered"), with plain facts; one log line at level info."""
        self._note("info", event, facts)

    def warn(self, event: str, /, **facts: Fact) -> None:
        """As `tell`, for what an operator should look at."""
        self._note("warning", event, facts)

    def fail(self, event: str, /, **facts: Fact) -> None:
        """As `tell`, for what is wrong in the switch itself."""
        self._note("error", event, facts)

    def message(self, path: str, label: str, note: str = "") -> None:
        """Put a SIP message on the ladder; it is not logged. Labels come from `siptrace.label`."""
        if len(self._messages) >= OPENING + CLOSING:
            del self._messages[OPENING]
            self._omitted += 1
        self._messages.append(Message(self._clock(), path, label, note))

    @property
    def lines(self) -> tuple[StoryLine, ...]:
        """The events in order."""
        return tuple(self._lines)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The SIP messages in order."""
        return tuple(self._messages)

    @property
    def omitted(self) -> int:
        """How many events and messages from the middle of a very long call were let go."""
        return self._omitted

    def _note(self, level: str, event: str, facts: dict[str, Fact]) -> None:
        now = self._clock()
        if len(self._lines) >= OPENING + CLOSING:
            del self._lines[OPENING]
            self._omitted += 1
        self._lines.append(StoryLine(now, event, facts))
        if self._omitted and self._is_flood(event, now):
            return
        self._sink.put(LogLine(now, level, self.call_id, event, facts))

    def _is_flood(self, event: str, now: float) -> bool:
        """Whether the log has had enough of this kind for this second."""
        if self._logged is None:
            self._logged = {}
        second, lines = self._logged.get(event, (0, 0))
        if second != int(now):
            second, lines = int(now), 0
        self._logged[event] = (second, lines + 1)
        return lines >= REPEATED
