"""Joins the sans-IO SIP stack to sockets and the loop's clock.

The stack is handed out only inside `with driver.turn() as stack:`. Leaving the outermost turn drains what the stack
wants sent, dispatches its events and re-arms the one timer, so that forgetting to flush cannot be written.
"""

from __future__ import annotations

import contextvars
import logging
import math
from typing import TYPE_CHECKING, Protocol

from softswitch.transport.listener import is_wildcard

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import TracebackType

    from softswitch.sip.errors import RemoteProtocolError
    from softswitch.sip.events import Event
    from softswitch.sip.flow import Flow
    from softswitch.sip.stack import SipStack
    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

GRAIN = 0.01
"""Seconds a timer may fire late: small beside T1, the shortest of them."""


class Transport(Protocol):
    """Something that carries SIP messages of one transport from one local address."""

    def send(self, flow: Flow, data: bytes) -> None:
        """Send or queue; a failure comes back later through `SipDriver.transport_failed`."""

    async def close(self) -> None:
        """Release sockets and connections."""


class Admission(Protocol):
    """Decides before any parsing whether a source may speak to us at all."""

    def admits(self, flow: Flow) -> bool:
        """False: the bytes are dropped without an answer (default deny)."""

    def connection_lost(self, flow: Flow) -> None:
        """This connection is gone, and with it whoever was known by it."""

    def connection_away(self, flow: Flow) -> None:
        """This connection is gone, and whoever was known by it is expected back."""


class Tracer(Protocol):
    """Sees every message for the ladder of its call."""

    def received(self, flow: Flow, data: bytes) -> None:
        """`data` came in."""

    def sent(self, flow: Flow, data: bytes) -> None:
        """`data` went out."""


class Turn:
    """The scope in which the stack may be touched; nested scopes are one turn."""

    __slots__ = ("_driver",)

    def __init__(self, driver: SipDriver) -> None:
        self._driver = driver

    def __enter__(self) -> SipStack:
        self._driver.depth += 1
        return self._driver.stack

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        driver = self._driver
        if driver.depth == 1:
            try:
                driver.drain()
            finally:
                driver.depth = 0
        else:
            driver.depth -= 1


class SipDriver:
    """Owns one stack: feeds it datagrams and time, carries out what it wants."""

    def __init__(
        self,
        stack: SipStack,
        loop: asyncio.AbstractEventLoop,
        *,
        admission: Admission,
        dispatch: Callable[[Event], None],
        tracer: Tracer,
    ) -> None:
        self.stack = stack
        self.depth = 0
        self._loop = loop
        self._admission = admission
        self._dispatch = dispatch
        self._tracer = tracer
        self._turn = Turn(self)
        self._context = contextvars.copy_context()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._transports: dict[tuple[str, bool, str, int], Transport] = {}
        self._listeners: list[Listener] = []

    # -- for everybody above ------------------------------------------------------------------------------------

    def turn(self) -> Turn:
        """The only way to the stack."""
        return self._turn

    def now(self) -> float:
        """The clock the stack is fed with: the loop's, in monotonic seconds."""
        return self._loop.time()

    def listening(self) -> list[Listener]:
        """The listeners, in the order they were added."""
        return list(self._listeners)

    # -- for transports -----------------------------------------------------------------------------------------

    def attach(self, listener: Listener, carrier: Transport) -> None:
        """From now on messages of flows that start at this listener go out through `carrier`."""
        self._listeners.append(listener)
        host = "" if is_wildcard(listener.address) else listener.advertised or listener.address.partition("%")[0]
        self._transports[listener.transport, listener.family == 6, host, listener.port] = carrier

    def admits(self, flow: Flow) -> bool:
        """Whether the source of this flow may speak to us."""
        return self._admission.admits(flow)

    def received(self, data: bytes, flow: Flow) -> None:
        """One whole message of an admitted source."""
        self._tracer.received(flow, data)
        with self._turn as stack:
            stack.receive(data, flow, self._loop.time())

    def refuse(self, error: RemoteProtocolError, flow: Flow) -> None:
        """A stream whose messages cannot be told apart any more: answer what can be, before it is closed."""
        with self._turn as stack:
            stack.refuse(error, flow)

    def connection_lost(self, flow: Flow) -> None:
        """A connection is gone: transactions on it have failed, registrations through it are void."""
        self._admission.connection_lost(flow)
        self.transport_failed(flow)

    def connection_away(self, flow: Flow) -> None:
        """A connection is gone, and what is sent on its flow waits: its far end is expected back."""
        self._admission.connection_away(flow)
        with self._turn as stack:
            stack.connection_away(flow, self._loop.time())

    def connection_resumed(self, flow: Flow) -> bool:
        """Another connection serves this flow now. Whether any call goes on over it."""
        with self._turn as stack:
            return stack.connection_resumed(flow)

    def transport_failed(self, flow: Flow) -> None:
        """A message could not be sent there."""
        with self._turn as stack:
            stack.transport_failed(flow, self._loop.time())

    # -- the turn -----------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Send, dispatch, and again, until the stack has nothing more to say; then re-arm the timer."""
        stack = self.stack
        while True:
            for flow, data in stack.to_send():
                self._send(flow, data)
            event = stack.next_event()
            if event is None:
                break
            try:
                self._dispatch(event)
            except Exception:
                # One call's fault must not stop the others: the dispatcher is the last fence.
                log.exception("an event was not handled: %s", type(event).__name__)
        self._arm(stack.next_timer())

    def _send(self, flow: Flow, data: bytes) -> None:
        host, port = flow.local
        transports = self._transports
        # 0.0.0.0 and :: often share a port, or one advertised name: the peer's address tells them apart.
        ipv6 = ":" in flow.remote[0]
        carrier = transports.get((flow.transport, ipv6, host, port)) or transports.get((flow.transport, ipv6, "", port))
        if carrier is None:
            log.error("no %s listener at %s:%d to send from", flow.transport, *flow.local)
            self._loop.call_soon(self.transport_failed, flow)
            return
        self._tracer.sent(flow, data)
        try:
            carrier.send(flow, data)
        except Exception:
            # What else waits to be sent, and the timers, belong to other calls.
            log.exception("a message to %s:%d was not sent", *flow.remote)
            self._loop.call_soon(self.transport_failed, flow)

    def _arm(self, at: float | None) -> None:
        if at is None:
            return
        if self._timer is not None:
            if at >= self._timer_at:
                return  # fires early, finds nothing due, re-arms: cheaper than cancelling for every transaction
            self._timer.cancel()
        # Rounded up, so that the thousands of long timers of finished transactions share their wake-ups.
        at = math.ceil(at / GRAIN) * GRAIN
        self._timer_at = at
        # Armed in whichever call's turn comes first, but it works for all of them: its log lines name none.
        self._timer = self._loop.call_at(at, self._fire, context=self._context)

    def _fire(self) -> None:
        self._timer = None
        with self._turn as stack:
            stack.handle_timers(self._loop.time())

    async def close(self) -> None:
        """Stop the timer and close every transport."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for carrier in self._transports.values():
            await carrier.close()
        self._transports.clear()
