"""Which far ends take large requests over TCP: tried once, and not again for a while where it fails."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from softswitch.sip.flow import Flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from softswitch.sip.flow import Address
    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

FORGIVEN_AFTER = 600.0
"""Seconds for which a far end that does not speak TCP gets its large requests over UDP."""
MOST_REMEMBERED = 1_000


class DatagramLimit:
    """Implements `sip.large_request.LargeRequests` from the node's listeners."""

    def __init__(self, limit: int, listening: Callable[[], Iterable[Listener]]) -> None:
        """`limit`: octets; RFC 3261 18.1.1 has 1300 where the path MTU is unknown, which it is."""
        self.limit = limit
        self._listening = listening
        self._refused: dict[Address, float] = {}

    def instead(self, flow: Flow, now: float) -> Flow | None:
        """The TCP flow to the same address and port, where we have a listener for it and it did not fail lately."""
        if now < self._refused.get(flow.remote, 0.0):
            return None
        six = ":" in flow.remote[0]
        for listener in self._listening():
            if listener.transport == "TCP" and (listener.family == 6) == six:
                return Flow("TCP", listener.local_towards(flow.remote[0]), flow.remote)
        return None

    def refused(self, flow: Flow, now: float) -> None:
        """Remember it."""
        if len(self._refused) >= MOST_REMEMBERED:
            del self._refused[next(iter(self._refused))]
        self._refused.pop(flow.remote, None)
        self._refused[flow.remote] = now + FORGIVEN_AFTER
        log.info("%s:%d takes no TCP: requests above %d octets go there over UDP", *flow.remote, self.limit)
