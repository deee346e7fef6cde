"""All browsers' transports of the node: whose a datagram is, one timer for all of them, our certificate.

A leg with a port of its own is known by it. Where all share one port, a first datagram is known by the ICE fragment it
names (or, an answer, by how its transaction begins), and from then on by its address, which the engine is told as soon
as the far end has proven itself from there.
"""

from __future__ import annotations

import logging
import math
import secrets
from typing import TYPE_CHECKING, Final, Protocol

from media.commands import BindAddress
from softswitch.sip.timers import TimerQueue
from softswitch.webrtc import stun
from softswitch.webrtc.dice import MARK_OCTETS
from softswitch.webrtc.ice.state import IceCounters
from softswitch.webrtc.identity import RENEWED_AFTER, DtlsIdentity
from softswitch.webrtc.transport import WebTransport

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from media.commands import Command
    from media.events import HandshakeReceived
    from media.snapshots import LegStatistics
    from softswitch.b2bua.web import WebNews
    from softswitch.webrtc.settings import WebSettings
    from softswitch.webrtc.stun import Address

log = logging.getLogger(__name__)

GRAIN: Final = 0.01
"""Seconds a timer may be late: the consent checks of many legs share their wake-ups."""
LATEST_CHANGE: Final = 0.2
"""Seconds."""
MOST_BOUND: Final = 8
"""Addresses of one leg at the shared port, as in the engine (`BindAddress`), however many it is heard from."""
_SHARED: Final = 0
"""The leg of datagrams whose address nobody has bound yet."""


class WebEngine(Protocol):
    """What we need of the media plane."""

    def post(self, *commands: Command) -> None:
        """Carry these out in order, soon; never blocks."""

    def send_datagram(self, leg: int, data: bytes, address: str, port: int) -> None:
        """From the leg's port, at once."""

    def statistics(self, leg: int) -> LegStatistics | None:
        """The leg's counters now; None when it is gone."""


class WebTransports:
    """The registry; `softswitch.b2bua.web.WebDoor` for legs."""

    def __init__(
        self,
        engine: WebEngine,
        loop: asyncio.AbstractEventLoop,
        *,
        settings: WebSettings,
        wall_clock: Callable[[], float],
    ) -> None:
        """`wall_clock`: seconds of the epoch, for the certificate."""
        self.engine = engine
        self.settings = settings
        self.now = loop.time
        self.soon = loop.call_soon
        self._dropped = IceCounters()
        """Of transports that are closed, and at the shared port what was nobody's."""
        self._loop = loop
        self._wall_clock = wall_clock
        self._made_at = wall_clock()
        self._identity = DtlsIdentity(settings.suites, self._made_at)
        self._by_leg: dict[int, WebTransport] = {}
        self._by_fragment: dict[str, WebTransport] = {}
        self._by_mark: dict[bytes, WebTransport] = {}
        self._by_address: dict[Address, WebTransport] = {}
        self._timers = TimerQueue()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    def __len__(self) -> int:
        """Transports that are open."""
        return len(self._by_leg)

    # For legs.

    def open(
        self, leg: int, *, address: str, port: int, on_state: Callable[[WebNews], None], in_session: bool = False
    ) -> WebTransport:
        """For a leg of the engine that SDP would name `address` and `port`. News come from the loop, never from within
        a call of ours, and none after `close`.

        `in_session`: it takes the place of another of ours. A browser that is shown the same fingerprint keeps the DTLS
        association it has (RFC 8842 5.5), which this one knows nothing of: so it gets a certificate of its own.
        """
        mark = self._new_mark()
        transport = WebTransport(
            self,
            leg,
            addresses=self.settings.addresses or (address,),
            port=port,
            identity=self._another_identity() if in_session else self._newest_identity(),
            mark=mark,
            on_state=on_state,
        )
        self._by_leg[leg] = self._by_mark[mark] = transport
        return transport

    def receive(self, event: HandshakeReceived) -> None:
        """A datagram of ICE or DTLS that came to a leg's port, or to the shared one."""
        try:
            self._receive(event, self._loop.time())
        except Exception:
            # Other legs' datagrams, and their media events, wait behind this one.
            log.exception("a datagram of leg %d was not handled", event.leg)

    def _receive(self, event: HandshakeReceived, now: float) -> None:
        source = (event.address, event.port)
        if event.leg != _SHARED:
            transport = self._by_leg.get(event.leg)
            if transport is not None:
                transport.receive(event.data, source, now)
            return
        transport = self._whose(event.data, source)
        if transport is None:
            self._dropped.stranger += 1
            return
        transport.receive(event.data, source, now)
        if self._by_address.get(source) is not transport and transport.has_heard(source):
            self._bind(transport, source)

    def dropped(self) -> dict[str, int]:
        """Datagrams of ICE and DTLS that were not used, by reason, since the start."""
        total = IceCounters()
        for counters in (self._dropped, *(each.counters() for each in self._by_leg.values())):
            total += counters
        return total.by_reason()

    def close(self) -> None:
        """All of them."""
        for transport in tuple(self._by_leg.values()):
            transport.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # For transports.

    def names(self, transport: WebTransport, fragment: str, known: bool) -> None:
        """An ICE fragment of ours is in use, or no longer."""
        if known:
            self._by_fragment[fragment] = transport
        else:
            self._by_fragment.pop(fragment, None)

    def closed(self, transport: WebTransport) -> None:
        """It is over."""
        self._dropped += transport.counters()
        self._timers.cancel(transport.timer)
        self._by_leg.pop(transport.leg, None)
        self._by_mark.pop(transport.mark, None)
        for address in transport.bound:
            self._unbind(transport, address)

    def arm(self, transport: WebTransport, due: float) -> None:
        """Call its `on_timer` then. A timer that is a little early stays: it finds nothing due and arms again, which
        costs less than a change with every datagram."""
        if transport.timer_at <= due < transport.timer_at + LATEST_CHANGE:
            return
        self._timers.cancel(transport.timer)
        transport.timer_at = due
        transport.timer = self._timers.start(due, transport, 0) if due < math.inf else 0
        if transport.timer:
            self._wake(due)

    # Within.

    def _bind(self, transport: WebTransport, source: Address) -> None:
        bound = transport.bound
        if source not in bound:
            if len(bound) >= MOST_BOUND:
                oldest = next(each for each in bound if each != transport.path)
                bound.remove(oldest)
                self._unbind(transport, oldest)
            bound.append(source)
        self._by_address[source] = transport
        self.engine.post(BindAddress(transport.leg, *source))

    def _unbind(self, transport: WebTransport, address: Address) -> None:
        """Unless another one has it by now."""
        if self._by_address.get(address) is transport:
            del self._by_address[address]

    def _whose(self, data: bytes, source: Address) -> WebTransport | None:
        known = self._by_address.get(source)
        if not stun.is_stun(data):
            return known
        # A new call of a browser may come from an address of its last one: what the message names goes first.
        if data[:2] == b"\0\1":
            fragment = stun.first_fragment(data)
            return None if fragment is None else self._by_fragment.get(fragment)
        return self._by_mark.get(data[8 : 8 + MARK_OCTETS])

    def _new_mark(self) -> bytes:
        while (mark := secrets.token_bytes(MARK_OCTETS)) in self._by_mark:
            pass
        return mark

    def _another_identity(self) -> DtlsIdentity:
        return DtlsIdentity(self.settings.suites, self._wall_clock())

    def _newest_identity(self) -> DtlsIdentity:
        now = self._wall_clock()
        if abs(now - self._made_at) > RENEWED_AFTER:  # a clock that was set counts as one that ran
            self._identity, self._made_at = DtlsIdentity(self.settings.suites, now), now
        return self._identity

    def _wake(self, due: float) -> None:
        due = math.ceil(due / GRAIN) * GRAIN
        if self._timer is not None:
            if due >= self._timer_at:
                return
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_at(due, self._fire)

    def _fire(self) -> None:
        self._timer = None
        try:
            self._timers.fire_due(self._loop.time())
        finally:  # one leg's fault must not stop the clock of the others
            due = self._timers.next()
            if due is not None:
                self._wake(due)
