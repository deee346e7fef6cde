"""One SIP stack on a stage: the test plays the far end message by message, and the clock goes where it is put."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from softswitch.sip.events import InviteReceived
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.session.terms import PLAIN
from softswitch.sip.stack import SipStack, room_for_all
from softswitch.sip.timers import Timers
from softswitch.sip.uri import Uri
from tests.support.wire import ANSWER, OFFER

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.digest import Credentials
    from softswitch.sip.events import Event
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.terms import SessionTerms

US = ("192.0.2.1", 5060)
THEM = ("198.51.100.7", 5060)
UDP = Flow("UDP", US, THEM)
TCP = Flow("TCP", US, THEM, 7)


class Stage:
    """The stack under test and everything around it."""

    def __init__(
        self,
        flow: Flow = UDP,
        timers: Timers | None = None,
        overload: Callable[[Request, float], int | None] = room_for_all,
    ) -> None:
        serial = count(1)
        self.stack = SipStack(
            token=lambda: f"{next(serial):016x}",
            user_agent="stage",
            timers=timers if timers is not None else Timers(),
            overload=overload,
        )
        self.flow = flow
        self.now = 100.0
        self._serial = count(1)

    # What the far end does.

    def hear(self, message: bytes | Request | Response, flow: Flow | None = None) -> None:
        """The stack receives this."""
        data = message if isinstance(message, bytes) else bytes(message)
        self.stack.receive(data, flow or self.flow, self.now)

    def request(
        self,
        method: str,
        *,
        cseq: int = 1,
        to_tag: str = "",
        from_tag: str = "them",
        call_id: str = "call-1",
        branch: str | None = None,
        headers: str = "",
        body: bytes = b"",
        content_type: str = "application/sdp",
        uri: str = "sip:1001@192.0.2.1",
        via: str | None = None,
        contact: str | None = "<sip:them@198.51.100.7:5060>",
        forwards: int = 70,
    ) -> bytes:
        """A request of the far end, as it stands on the wire."""
        top = via or f"SIP/2.0/{self.flow.transport} 198.51.100.7:5060;branch={branch or self.branch()};rport"
        tag = f";tag={to_tag}" if to_tag else ""
        lines = f"Contact: {contact}\r\n" if contact and method in ("INVITE", "UPDATE") else ""
        if body:
            lines += f"Content-Type: {content_type}\r\n"
        return (
            f"{method} {uri} SIP/2.0\r\nVia: {top}\r\nMax-Forwards: {forwards}\r\n"
            f"From: <sip:them@198.51.100.7>;tag={from_tag}\r\nTo: <sip:1001@192.0.2.1>{tag}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {cseq} {method}\r\n{lines}{headers}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def branch(self) -> str:
        """A fresh branch of the far end."""
        return f"z9hG4bKthem{next(self._serial)}"

    def answer(
        self,
        request: Request,
        status: int,
        *,
        tag: str | None = "callee",
        contact: str | None = "<sip:callee@198.51.100.7:5060>",
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """The far end answers a request of ours."""
        lines = list(headers)
        if contact and status < 300:
            lines.append(("Contact", contact))
        self.hear(
            request.response(
                status, to_tag=tag, body=body, content_type="application/sdp" if body else None, headers=lines
            )
        )

    # What came of it.

    def sent(self) -> list[Request | Response]:
        """Everything sent since the last look."""
        return [parse_message(data) for _, data in self.stack.to_send()]

    def sent_on(self) -> list[tuple[Flow, Request | Response]]:
        """The same with the way each message took."""
        return [(flow, parse_message(data)) for flow, data in self.stack.to_send()]

    def one_request(self, method: str) -> Request:
        """The only message sent since the last look, which must be this request."""
        (message,) = self.sent()
        assert isinstance(message, Request)
        assert message.method == method
        return message

    def one_response(self, status: int) -> Response:
        """The only message sent since the last look, which must be this response."""
        (message,) = self.sent()
        assert isinstance(message, Response), message
        assert message.status == status
        return message

    def labels(self) -> list[str]:
        """What was sent since the last look: methods, and statuses with the method they answer."""
        return [
            message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"
            for message in self.sent()
        ]

    def events(self) -> list[Event]:
        """Events since the last look."""
        events = []
        while (event := self.stack.next_event()) is not None:
            events.append(event)
        return events

    def kinds(self) -> list[str]:
        """Names of the events since the last look."""
        return [type(event).__name__ for event in self.events()]

    def wait(self, seconds: float) -> list[tuple[float, str]]:
        """Let time pass; what was sent meanwhile, with the time since the beginning of the wait."""
        start, end = self.now, self.now + seconds
        sent = []
        while (due := self.stack.next_timer()) is not None and due <= end:
            self.now = due
            self.stack.handle_timers(due)
            sent += [(round(due - start, 3), label) for label in self.labels()]
        self.now = end
        return sent

    def all_over(self) -> bool:
        """After all timers ran: is everything gone?"""
        self.wait(200)
        left = self.stack.statistics
        return (left.sessions, left.transactions, left.lingering, left.timers) == (0, 0, 0, 0)

    # How stories begin.

    def place_call(
        self,
        *,
        body: bytes = OFFER,
        credentials: Credentials | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        routes: tuple[str, ...] = (),
        uri: str = "sip:callee@198.51.100.7:5060",
        terms: SessionTerms = PLAIN,
    ) -> tuple[InviteSession, Request]:
        """We call; the session and the INVITE."""
        session = self.stack.invite(
            uri=Uri.parse(uri),
            from_=NameAddr.parse("<sip:us@192.0.2.1>"),
            to=NameAddr.parse("<sip:callee@198.51.100.7>"),
            contact=NameAddr.parse("<sip:192.0.2.1:5060>"),
            flow=self.flow,
            body=body,
            now=self.now,
            headers=headers,
            routes=[NameAddr.parse(route) for route in routes],
            credentials=credentials,
            terms=terms,
        )
        return session, self.one_request("INVITE")

    def call_up(self, credentials: Credentials | None = None) -> InviteSession:
        """A call of ours that stands."""
        session, invite = self.place_call(credentials=credentials)
        self.answer(invite, 200, body=ANSWER)
        self.one_request("ACK")
        self.events()
        return session

    def within(self, session: InviteSession, method: str, **how: object) -> bytes:
        """A request of the far end within the dialog."""
        how.setdefault("cseq", 10)
        how.setdefault("from_tag", session.remote_tag)
        return self.request(method, to_tag=session.local_tag, call_id=session.call_id, **how)  # type: ignore[arg-type]

    def be_called(self, **how: object) -> InviteSession:
        """They call; 100 Trying is out."""
        how.setdefault("body", OFFER)
        self.hear(self.request("INVITE", **how))  # type: ignore[arg-type]
        self.one_response(100)
        (event,) = self.events()
        assert isinstance(event, InviteReceived)
        return event.session

    def called_up(self) -> InviteSession:
        """A call of theirs that stands."""
        session = self.be_called()
        session.accept(ANSWER, self.now)
        self.one_response(200)
        self.hear(self.request("ACK", to_tag=session.local_tag))
        assert self.kinds() == ["Established"]
        return session
