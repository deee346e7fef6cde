"""Puts every SIP message on the ladder of the call it belongs to, by Call-ID, without parsing it."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from softswitch.telemetry.siptrace import label

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.b2bua.leg import Leg
    from softswitch.sip.flow import Flow

UNCLAIMED_KEPT = 1024
"""Dialogs whose first messages wait for a leg: an INVITE comes, and its 100 goes, before there is one."""
LINGER = 1.0
"""Seconds a finished dialog's last messages still find their leg."""
CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class Ladder:
    """Sees all messages of the driver."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._legs: dict[str, Leg] = {}
        self._leaving: deque[tuple[float, str]] = deque()
        self._unclaimed: dict[str, list[tuple[bool, str]]] = {}

    def received(self, flow: Flow, data: bytes) -> None:
        """A message came in."""
        self._note(data, received=True)

    def sent(self, flow: Flow, data: bytes) -> None:
        """A message went out."""
        self._note(data, received=False)

    def claim(self, call_id: str, leg: Leg) -> None:
        """From now on this dialog's messages are the leg's; those already seen are caught up on."""
        self._legs[call_id] = leg
        for received, text in self._unclaimed.pop(call_id, ()):
            _tell(leg, text, received=received)

    def release(self, call_id: str) -> None:
        """The dialog is over but for the answer to its BYE: keep listening for a moment."""
        now = self._clock()
        self._leaving.append((now, call_id))
        while self._leaving[0][0] < now - LINGER:
            self._legs.pop(self._leaving.popleft()[1], None)

    def _note(self, data: bytes, *, received: bool) -> None:
        call_id = _call_id(data)
        leg = self._legs.get(call_id)
        if leg is not None:
            _tell(leg, label(data), received=received)
            return
        waiting = self._unclaimed.get(call_id)
        if waiting is None:
            if not data.startswith(b"INVITE "):
                return
            if len(self._unclaimed) >= UNCLAIMED_KEPT:
                del self._unclaimed[next(iter(self._unclaimed))]
            waiting = self._unclaimed[call_id] = []
        if len(waiting) < 8:
            waiting.append((received, label(data)))


def _tell(leg: Leg, text: str, *, received: bool) -> None:
    leg.story.message(f"{leg.name} -> switch" if received else f"switch -> {leg.name}", text)


def _call_id(data: bytes) -> str:
    start = data.find(b"\nCall-ID: ")
    if start >= 0:
        start += 10
        return data[start : data.find(b"\r", start)].decode("latin-1").strip()
    found = CALL_ID.search(data)
    return found[1].decode("latin-1").strip() if found else ""
