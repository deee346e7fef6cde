"""SIP over WebSocket (RFC 7118): who may connect, which connection serves which flow, and who is expected back.

There is no socket here: a web server hands its requests for `/sip` to `serve`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, web

from softswitch.household import household
from softswitch.sip.flow import Flow
from softswitch.transport.parties import Parties, Party
from softswitch.transport.tcp import REPORT_INTERVAL, REPORTED_SOURCES
from softswitch.transport.websocket_connection import (
    CLOSE_SECONDS,
    REPLACED,
    WebSocketConnection,
    WebSocketLimits,
)

if TYPE_CHECKING:
    from softswitch.transport.driver import SipDriver
    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

SUBPROTOCOL = "sip"
STRANGERS_PER_SOURCE = 32
"""Connections of one household that have not proven anything yet."""
STOP_SECONDS = 2.0
LEAVING = (WSCloseCode.OK, WSCloseCode.GOING_AWAY)
"""Codes of who has nothing more to say; without a code, or without a goodbye, somebody may be back."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Whose pages may connect (RFC 6455 10.2). A request without Origin comes from no page and is let through."""

    allowed: frozenset[str] = frozenset()
    """`https://host[:port]`, `*` for any; pages of this server itself always may."""

    def admit(self, origin: str | None, host: str) -> bool:
        """Whether a page of `origin` may speak to the server that it calls `host`."""
        if origin is None or "*" in self.allowed:
            return True
        origin = origin.lower()
        scheme, _, place = origin.partition("://")
        return origin in self.allowed or (scheme in ("http", "https") and place == host.lower())


class WebSocketTransport:
    """All WebSockets of one port."""

    def __init__(self, driver: SipDriver, listener: Listener, limits: WebSocketLimits, origins: Origins) -> None:
        """`listener`: of transport `WS` or `WSS`, with the port of the web server."""
        self.driver = driver
        self.listener = listener
        self.limits = limits
        self._origins = origins
        self._parties: Parties[WebSocketConnection] = Parties()
        self._known: dict[int, Flow] = {}
        """Every flow that is served or waited for."""
        self._strangers: dict[WebSocketConnection, None] = {}
        self._per_source: dict[str, int] = {}
        self._awaited: dict[Party, asyncio.TimerHandle] = {}
        self._reported: set[str] = set()
        self._reporting_since = 0.0
        self._next = 1
        self._is_closing = False
        self._none_left = asyncio.Event()
        self._none_left.set()
        driver.attach(listener, self)

    @property
    def open_connections(self) -> int:
        """How many WebSockets there are."""
        return len(self._parties)

    @property
    def expected(self) -> int:
        """How many parties have lost theirs, and may be back."""
        return self._parties.absent

    # -- for the web server -----------------------------------------------------------------------------------------

    async def serve(self, request: web.Request, remote: tuple[str, int]) -> web.StreamResponse:
        """One request for a WebSocket from `remote`, until its end; or an answer that says what was expected."""
        refusal = self._refusal(request, remote[0])
        if refusal is not None:
            return refusal
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            autoping=False,
            compress=False,
            max_msg_size=self.limits.message_octets + 1,
            timeout=CLOSE_SECONDS,
        )
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        number, self._next = self._next, self._next + 1
        listener = self.listener
        flow = Flow(listener.transport, listener.local_towards(remote[0]), remote, number)
        connection = WebSocketConnection(self, socket, transport, flow)
        self._welcome(connection)
        code: int = WSCloseCode.ABNORMAL_CLOSURE
        try:
            code = await connection.run()
        except Exception:  # the web server tells nobody, since strangers' garbage would fill the log
            log.exception("%s %s:%d: a message was not handled", listener.transport, *remote)
            connection.abort()
        finally:
            self._lost(connection, code)
        return socket

    def _refusal(self, request: web.Request, source: str) -> web.Response | None:
        if not self._origins.admit(request.headers.get("Origin"), request.host):
            return web.Response(status=403, text="expected a page of this server, or of one of web.origins\n")
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if SUBPROTOCOL not in [each.strip() for each in offered.split(",")]:
            return web.Response(status=400, text=f"expected Sec-WebSocket-Protocol: {SUBPROTOCOL} (RFC 7118 4.1)\n")
        full = len(self._parties) >= self.limits.connections
        if self._is_closing or full or self._per_source.get(source, 0) >= self.limits.per_source:
            return web.Response(status=503, text="too many connections\n", headers={"Retry-After": "10"})
        at = household(source)
        if sum(household(each.flow.remote[0]) == at for each in self._strangers) >= STRANGERS_PER_SOURCE:
            return web.Response(status=503, text="too many connections without credentials\n")
        return None

    def _welcome(self, connection: WebSocketConnection) -> None:
        flow = connection.flow
        self._parties.opened(connection, flow.connection)
        self._known[flow.connection] = flow
        source = flow.remote[0]
        self._per_source[source] = self._per_source.get(source, 0) + 1
        self._none_left.clear()
        self._strangers[connection] = None
        if len(self._strangers) > self.limits.strangers:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.close(WSCloseCode.TRY_AGAIN_LATER, "too many connections without credentials")

    # -- for the driver ---------------------------------------------------------------------------------------------

    def send(self, flow: Flow, data: bytes) -> None:
        """Over whatever connection serves the flow now; what its party has to come back for waits."""
        connection = self._parties.connection(flow.connection)
        if connection is not None:
            connection.send(data)
        elif not self._parties.wait(flow.connection, data, self.limits.unsent_octets):
            asyncio.get_running_loop().call_soon(self.driver.transport_failed, flow)

    async def close(self) -> None:
        """Say goodbye to everybody; nobody is waited for any more."""
        self._is_closing = True
        for timer in self._awaited.values():
            timer.cancel()
        self._awaited.clear()
        for connection in self._parties.connections():
            connection.close(WSCloseCode.GOING_AWAY, "the server stops")
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._none_left.wait()
        except TimeoutError:
            for connection in self._parties.connections():
                connection.abort()

    # -- who is there -----------------------------------------------------------------------------------------------

    def introduce(self, flow: Flow, user: str, instance: str) -> None:
        """Who sends on this flow has proven to be this user. What an earlier connection of the same instance had
        begun goes on over this one."""
        if not self._is_ours(flow):
            return
        connection = self._parties.connection(flow.connection)
        if connection is None:
            return
        connection.is_introduced = True
        self._strangers.pop(connection, None)
        party, known = Party(user, instance), self._parties.party(flow.connection)
        if not instance and known is not None:
            return  # a call of somebody who has said more already
        succession = self._parties.introduce(flow.connection, party)
        timer = self._awaited.pop(party, None)
        if timer is not None:
            timer.cancel()
        if succession.replaced is not None:
            succession.replaced.close(REPLACED, "another connection of this instance took its place")
        for data in succession.waiting:
            connection.send(data)
        if succession.flows:
            log.info("%s is back over another connection, from %s", user, flow.remote[0])
        for number in succession.flows:
            if not self.driver.connection_resumed(self._known[number]):
                self._parties.drop(number)
                self._forget((number,))

    def party(self, flow: Flow) -> Party | None:
        """Who is at the far end of a flow, if that is known."""
        return self._parties.party(flow.connection) if self._is_ours(flow) else None

    def _is_ours(self, flow: Flow) -> bool:
        return self._known.get(flow.connection) == flow

    def _lost(self, connection: WebSocketConnection, code: int) -> None:
        source = connection.flow.remote[0]
        self._per_source[source] -= 1
        if not self._per_source[source]:
            del self._per_source[source]
        self._strangers.pop(connection, None)
        # A page that is left or loaded anew says so (RFC 6455 7.4.1); what it knew of its calls is gone with it.
        may_return = code not in LEAVING and not self._is_closing and self.limits.reconnect > 0
        flows, party = self._parties.closed(connection, may_return=may_return)
        if not len(self._parties):
            self._none_left.set()
        if party is None:
            self._forget(flows)
            return
        log.info("%s has lost its connection (%d), expected back within %g s", party.user, code, self.limits.reconnect)
        for number in flows:
            self.driver.connection_away(self._known[number])
        loop = asyncio.get_running_loop()
        self._awaited[party] = loop.call_later(self.limits.reconnect, self._give_up, party)

    def _give_up(self, party: Party) -> None:
        del self._awaited[party]
        log.info("%s has not come back", party.user)
        self._forget(self._parties.give_up(party))

    def _forget(self, flows: tuple[int, ...]) -> None:
        for number in flows:
            self.driver.connection_lost(self._known.pop(number))

    def report(self, connection: WebSocketConnection, trouble: str) -> None:
        """Tell why a connection is closed, once for each source in an interval."""
        now = asyncio.get_running_loop().time()
        if now - self._reporting_since >= REPORT_INTERVAL:
            self._reported.clear()
            self._reporting_since = now
        source = connection.flow.remote[0]
        if source not in self._reported and len(self._reported) < REPORTED_SOURCES:
            self._reported.add(source)
            log.warning("%s %s:%d closed: %s", self.listener.transport, *connection.flow.remote, trouble)
