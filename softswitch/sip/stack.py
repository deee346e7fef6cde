"""The SIP stack without IO: messages and the time go in; messages, events and the next timer come out.

`receive`, `handle_timers` and the verbs are the only sources of change. Afterwards drain `to_send` and `next_event`,
and call `handle_timers` when `next_timer` is due. Events are values: the stack never calls back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip import loops, replaces
from softswitch.sip.authorizer import Authorizer
from softswitch.sip.body import keep_description
from softswitch.sip.client_request import ClientRequest, RequestOwner
from softswitch.sip.core import Core
from softswitch.sip.dialog import arrange
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.events import ConnectionChanged, RequestCompleted
from softswitch.sip.flow import WEB_SOCKET, same_host
from softswitch.sip.incoming import receive_request, refuse, refuse_malformed
from softswitch.sip.large_request import AnySize
from softswitch.sip.message import KNOWN_METHODS, Request, Response, parse_message
from softswitch.sip.outgoing import Outgoing, header_lines, one_line, via_for
from softswitch.sip.registration.registration import Registration
from softswitch.sip.registration.state import Pace
from softswitch.sip.session import invite
from softswitch.sip.session.session import InviteSession
from softswitch.sip.session.state import Input as SessionInput
from softswitch.sip.session.state import Release
from softswitch.sip.session.terms import PLAIN
from softswitch.sip.timers import Timers
from softswitch.sip.transaction.key import client_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from softswitch.sip.digest import Credentials
    from softswitch.sip.events import Event
    from softswitch.sip.flow import Flow
    from softswitch.sip.headers import NameAddr
    from softswitch.sip.large_request import LargeRequests
    from softswitch.sip.replaces import Match, Replaces
    from softswitch.sip.server_request import ServerRequest
    from softswitch.sip.session.terms import SessionTerms
    from softswitch.sip.statistics import Statistics
    from softswitch.sip.uri import Uri


RFC_TIMERS = Timers()
ANY_SIZE = AnySize()
STANDARD_PACE = Pace()


def room_for_all(request: Request, now: float) -> int | None:
    """A node without limits."""
    return None


def open_to_all(request: Request, flow: Flow, now: float) -> tuple[int, str] | None:
    """A node that asks nobody who he is."""
    return None


def known_to_be_there(request: Request, flow: Flow) -> bool:
    """A node that nobody can send forged addresses to."""
    return False


class SipStack:
    """All transactions, dialogs and sessions of one node."""

    def __init__(
        self,
        *,
        token: Callable[[], str],
        user_agent: str,
        timers: Timers = RFC_TIMERS,
        belongs: Callable[[Flow, Flow], bool] = same_host,
        overload: Callable[[Request, float], int | None] = room_for_all,
        screen: Callable[[Request, Flow, float], tuple[int, str] | None] = open_to_all,
        large: LargeRequests = ANY_SIZE,
        unverified: Callable[[Request, Flow], bool] = known_to_be_there,
    ) -> None:
        """`token` gives a fresh random hexadecimal text, at least 64 bits of it, each time it is called.

        `belongs(flow, own)`: whether whoever sends on `flow` may speak for a dialog that began on `own`. Tags can be
        overheard; requests of anybody else are answered as if there were no such dialog (481).

        `overload(request, now)`: asked about each INVITE that would begin a call, before anything is made for it. None
        takes it; else the answer is 503 with that many seconds as Retry-After, and nothing is kept (RFC 3261 8.2.7).

        `screen(request, flow, now)`: asked next. The status and header lines of a challenge that is sent once and keeps
        nothing either: one that is repeated until its ACK is a weapon against whoever the source is forged to be.

        `large`: what becomes of requests that are too large for UDP.

        `unverified(request, flow)`: whether its source may be forged. No answer to it is then larger than it is.
        """
        self._core = Core(token, user_agent, timers, belongs, overload, screen, large, unverified)
        self._registrations: list[Registration] = []

    # In.

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """One whole message. Whatever it is, nothing is raised: the answer is the RFC's status or silence."""
        core = self._core
        statistics = core.layer.statistics
        try:
            message = parse_message(data)
        except RemoteProtocolError as error:
            statistics.parse_errors += 1
            if error.request is not None:
                error.request.size = len(data)
            refuse_malformed(core, error, flow)
            return
        if isinstance(message, Request):
            message.size = len(data)
        try:
            self._take(message, flow, now)
        except RemoteProtocolError as error:
            # Some header is only read where it is needed; the parser should have had it. The last fence.
            statistics.parse_errors += 1
            if isinstance(message, Request) and message.method != "ACK":
                refuse(core, message, flow, error.status, error.reason)

    def _take(self, message: Request | Response, flow: Flow, now: float) -> None:
        core = self._core
        statistics = core.layer.statistics
        if isinstance(message, Response):
            label = str(message.status)
            statistics.received[label] = statistics.received.get(label, 0) + 1
            transaction = core.layer.client(client_key(message))
            vias = message.headers.lines("Via")
            # 8.1.3.3: more than one Via means that it was not meant for us.
            if transaction is None or len(vias) != 1 or "," in vias[0]:
                statistics.strays += 1
            else:
                if message.body:
                    keep_description(message)
                transaction.receive(message, now)
        else:
            label = message.method if message.method in KNOWN_METHODS else "other"
            statistics.received[label] = statistics.received.get(label, 0) + 1
            receive_request(core, message, flow, now)

    def refuse(self, error: RemoteProtocolError, flow: Flow) -> None:
        """A stream lost its framing: answer what could be made out of the request, if anything (RFC 3261 18.3)."""
        self._core.layer.statistics.parse_errors += 1
        refuse_malformed(self._core, error, flow)

    def handle_timers(self, now: float) -> None:
        """Let everything happen that is due."""
        self._core.layer.timers.fire_due(now)

    def transport_failed(self, flow: Flow, now: float) -> None:
        """A message could not be sent on this flow, or its connection is gone."""
        if flow.connection:
            for session in list(self._core.sessions.values()):
                if session.dialog is not None:
                    session.dialog.connection_lost(flow)
                if flow.transport in WEB_SOCKET and session.flow == flow:
                    what = SessionInput.ACK_MISSING if session.awaits_ack else SessionInput.DIALOG_GONE
                    session.step(what, now, Release("transport", 503))
        self._core.layer.transport_failed(flow, now)
        for registration in self._registrations:
            registration.transport_failed(flow, now)

    def connection_away(self, flow: Flow, now: float) -> None:
        """The connection is gone, its far end expected back: what is sent on this flow waits.

        An INVITE of theirs that is not answered has failed for them with its connection (RFC 3261 17.1.4): for us, too.
        """
        for session in self._sessions_on(flow):
            self._core.events.append(ConnectionChanged(session, is_there=False))
            session.step(SessionInput.TRANSPORT_FAILED, now, Release("transport", 503))

    def connection_resumed(self, flow: Flow) -> bool:
        """Another connection of the same far end serves this flow. Whether any session goes on over it.

        What the far end has not answered may have been lost with the old connection: it is sent again.
        """
        found = self._sessions_on(flow)
        for session in found:
            self._core.events.append(ConnectionChanged(session, is_there=True))
        self._core.layer.repeat_requests(flow)
        return bool(found)

    def _sessions_on(self, flow: Flow) -> list[InviteSession]:
        return [session for session in self._core.sessions.values() if session.flow == flow]

    # Out.

    def next_timer(self) -> float | None:
        """When `handle_timers` is wanted next."""
        return self._core.layer.timers.next()

    def to_send(self) -> Iterator[tuple[Flow, bytes]]:
        """Take what is to be sent, in order."""
        outbox = self._core.layer.outbox
        while outbox:
            yield outbox.popleft()

    def next_event(self) -> Event | None:
        """Take the next event."""
        events = self._core.events
        return events.popleft() if events else None

    @property
    def statistics(self) -> Statistics:
        """Counts since start, and what is alive now."""
        layer = self._core.layer
        statistics = layer.statistics
        statistics.transactions = len(layer.clients) + len(layer.servers)
        statistics.lingering = len(layer.lingering_clients) + len(layer.lingering_servers)
        statistics.sessions = len(self._core.sessions)
        statistics.timers = len(layer.timers)
        return statistics

    def find_replaced(self, named: Replaces) -> tuple[Match, InviteSession | None]:
        """What a Replaces header names among the sessions of this node (RFC 3891)."""
        return replaces.find(self._core, named)

    # Verbs.

    def invite(
        self,
        *,
        uri: Uri,
        from_: NameAddr,
        to: NameAddr,
        contact: NameAddr,
        flow: Flow,
        body: bytes,
        now: float,
        content_type: str = "application/sdp",
        headers: Sequence[tuple[str, str]] = (),
        routes: Sequence[NameAddr] = (),
        credentials: Credentials | None = None,
        call_id: str | None = None,
        terms: SessionTerms = PLAIN,
    ) -> InviteSession:
        """Call somebody. An empty body leaves the offer to them; Max-Forwards among `headers` replaces the usual 70.

        `terms`: the extensions that may be used with them.

        Raises LocalProtocolError if an address or header could not stand in a message.
        """
        core = self._core
        session = InviteSession(
            core,
            "uac",
            call_id=call_id or core.token(),
            flow=flow,
            remote_uri=to.uri,
            contact=contact,
            credentials=credentials,
            terms=terms,
        )
        invite.send(
            session,
            uri=uri,
            from_=from_,
            to=to,
            headers=headers,
            routes=routes,
            content_type=content_type,
            body=body,
            now=now,
        )
        return session

    def call_path(self, session: InviteSession) -> str:
        """What an INVITE on behalf of this session's says in `Call-Path` (see `loops`)."""
        return loops.path(self._core, session.request, session.flow)

    def request(
        self,
        method: str,
        *,
        uri: Uri,
        from_: NameAddr,
        to: NameAddr,
        flow: Flow,
        now: float,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        contact: NameAddr | None = None,
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int = 1,
        content_type: str | None = None,
        routes: Sequence[NameAddr] = (),
        owner: RequestOwner | None = None,
    ) -> ClientRequest:
        """Send a request outside any dialog (OPTIONS, MESSAGE, ...); `RequestCompleted` follows, unless there is an
        `owner` to be told.

        A From tag is added unless `from_` has one. Raises LocalProtocolError like `invite`.
        """
        core = self._core
        branch = core.branch()
        lines = header_lines(headers) + core.agent_line
        if contact is not None:
            lines += header_lines([("Contact", str(contact))])
        if body and content_type is not None:
            lines += header_lines([("Content-Type", content_type)])
        request_uri, route_lines, _ = arrange(str(uri), [one_line(str(route)) for route in routes])
        sender = one_line(str(from_) if from_.tag else f"{from_};tag={core.token()}")
        outgoing = Outgoing(
            method, request_uri, branch, via_for(flow, branch), sender, one_line(str(to)),
            one_line(call_id or core.token()), cseq, route_lines, "", lines, body,
        )  # fmt: skip
        authorizer = Authorizer(credentials) if credentials is not None else None
        return ClientRequest(core, owner or _Reporter(core), outgoing, flow, authorizer, now)

    def register(
        self,
        *,
        registrar: Uri,
        account: NameAddr,
        contact: Callable[[Flow], NameAddr],
        targets: Callable[[], Sequence[Flow]],
        credentials: Credentials,
        pace: Pace = STANDARD_PACE,
    ) -> Registration:
        """A registration of ours, not begun yet; see there. Raises LocalProtocolError like `invite`."""
        registration = Registration(
            self._core,
            registrar=registrar,
            account=account,
            contact=contact,
            targets=targets,
            credentials=credentials,
            pace=pace,
        )
        self._registrations.append(registration)
        return registration

    def respond(
        self,
        exchange: ServerRequest,
        status: int,
        reason: str | None = None,
        *,
        now: float,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> None:
        """Answer a `RequestReceived`. Raises LocalProtocolError if a header could not stand in a message."""
        exchange.respond(status, reason, headers=headers, body=body, content_type=content_type, now=now)


class _Reporter:
    """Owner of requests outside dialogs: their outcome is an event."""

    __slots__ = ("_core",)

    def __init__(self, core: Core) -> None:
        self._core = core

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """Nobody asked."""

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """The outcome."""
        self._core.events.append(RequestCompleted(exchange, response))

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """The next number."""
        return exchange.outgoing.cseq + 1 if exchange.outgoing is not None else None
