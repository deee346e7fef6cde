"""Changing a session: by re-INVITE once it stands, by UPDATE before; theirs by either; glare (RFC 3261 14, RFC 3311).

Theory. At most one offer is open between the two ends. Ours is open while SENT; theirs from RECEIVED (or, by UPDATE,
UPDATE_RECEIVED) until our final response, and after a 2xx until its ACK (AWAITING_ACK). Who meets an open offer gets
491 (ours is open) or 500 with Retry-After (theirs is, 14.2). A 491 of theirs makes us wait a random time that differs
by who owns the Call-ID (BACKING_OFF, 14.1). An offer that we may not send yet is held in `wanted`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from softswitch.sip.client_request import ClientRequest
from softswitch.sip.core import ALLOW_LINE
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import OfferAnswered, OfferReceived, OfferRefused
from softswitch.sip.session import refresh
from softswitch.sip.session.fork import DISCARD
from softswitch.sip.session.pending_ack import PendingAck
from softswitch.sip.session.state import Input as SessionInput
from softswitch.sip.session.state import Release
from softswitch.sip.transaction.invite_client import InviteClient
from softswitch.sip.transaction.invite_server import NOBODY, InviteServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.dialog import Dialog
    from softswitch.sip.message import Request, Response
    from softswitch.sip.reply import Reply
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.transaction.non_invite_server import NonInviteServer

    Server = InviteServer | NonInviteServer

SDP_LINE = "Content-Type: application/sdp\r\n"
MOST_GLARES = 5
"""How many times one offer may meet 491 before it counts as refused."""


class State(IntEnum):
    STABLE = 1
    SENT = 2
    BACKING_OFF = 3
    RECEIVED = 4
    UPDATE_RECEIVED = 5
    AWAITING_ACK = 6


class Input(IntEnum):
    """What can happen, and the payload of its action."""

    OFFER = 1
    """What is wanted may be sent."""
    ANSWERED = 2
    """Response 2xx to our re-INVITE or UPDATE."""
    REFUSED = 3
    """Its final status (int) otherwise."""
    GLARE = 4
    """491 to it."""
    BACKED_OFF = 5
    """The time after a 491 is over."""
    THEIR_INVITE = 6
    """Theirs."""
    THEIR_UPDATE = 7
    """Theirs."""
    ACCEPT = 8
    """Our SDP (bytes)."""
    REJECT = 9
    """Our final status and further header lines (int, str)."""
    CANCEL = 10
    """487 (int): they cancelled their re-INVITE."""
    ACK = 11
    """Request."""
    ELSEWHERE = 12
    """487 (int): our INVITE was answered in another dialog than the early one in which we were at it."""


class Theirs:
    """A re-INVITE or UPDATE of theirs, with what answers it."""

    __slots__ = ("reply", "request", "server")

    def __init__(self, request: Request, reply: Reply, server: Server) -> None:
        self.request = request
        self.reply = reply
        self.server = server


class Modification:
    """The open offer of one session, if there is one."""

    __slots__ = ("_dialog", "_exchange", "_glares", "_is_refresh", "_session", "_theirs", "_timer", "_wanted", "state")

    def __init__(self, session: InviteSession) -> None:
        self.state = State.STABLE
        self._wanted: bytes | None = None
        """Our offer until it has its outcome."""
        self._is_refresh = False
        self._session = session
        self._dialog: Dialog | None = None
        """Where the open offer is."""
        self._exchange: ClientRequest | None = None
        self._theirs: Theirs | None = None
        self._glares = 0
        self._timer = 0

    def step(self, what: int, now: float, payload: object = None) -> None:
        """Take one row of the table, then send what was held if it may go now."""
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now, payload)
            self.settle(now)

    def settle(self, now: float) -> None:
        """Send the offer that was held, if it is our turn and the session can be changed."""
        if self._wanted is not None and self.state is State.STABLE and self._session.changeable is not None:
            self.step(Input.OFFER, now)

    def confirmed(self, now: float) -> None:
        """Our INVITE was answered: what was open in this dialog stays so, what was in another is void."""
        dialog = self._session.dialog
        if self._dialog is not None and dialog is not None and self._dialog.remote_tag == dialog.remote_tag:
            self._dialog = dialog
        else:
            self.step(Input.ELSEWHERE, now, 487)
        self.settle(now)

    def offer(self, body: bytes, now: float, *, is_refresh: bool = False) -> None:
        """Offer now, or as soon as it is our turn. Raises LocalProtocolError while an offer of ours is open."""
        if not body:
            raise LocalProtocolError("reinvite: expected an SDP offer, got an empty body")
        if self._wanted is not None:
            raise LocalProtocolError("expected the outcome of the offer before; wait for OfferAnswered or OfferRefused")
        self._wanted = body
        self._is_refresh = is_refresh
        self._glares = 0
        self.settle(now)

    @property
    def has_theirs(self) -> bool:
        """Whether an offer of theirs waits for us."""
        return self._theirs is not None

    def is_for(self, server: Server) -> bool:
        """Whether this transaction holds the open offer of theirs."""
        return self._theirs is not None and self._theirs.server is server

    def on_outcome(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """Final response to our re-INVITE or UPDATE."""
        if exchange is not self._exchange:
            return
        if response is not None and status < 300:
            self.step(Input.ANSWERED, now, response)
        elif self._glares < MOST_GLARES and (status == 491 or self._was_too_short(response, status)):
            self.step(Input.GLARE, now)
        else:
            self.step(Input.REFUSED, now, status)
            if self._session.timing is not None and status not in (408, 481):
                self._session.timing.failed(response, status, now)
            if status in (408, 481):
                # 12.2.1.2: the far end does not know the dialog any more, or is not there.
                release = Release("timeout" if response is None else "remote", status)
                self._session.step(SessionInput.DIALOG_GONE, now, release)

    def _was_too_short(self, response: Response | None, status: int) -> bool:
        """422, and the next attempt will ask for as long a session as they want (RFC 4028 7.3)."""
        timing = self._session.timing
        return status == 422 and response is not None and timing is not None and timing.prolong(response)

    def on_timer(self, _: int, now: float) -> None:
        """The back-off is over."""
        self.step(Input.BACKED_OFF, now)

    def close(self, now: float) -> None:
        """The session ends: their request gets its final response (15.1.2), ours is left to end by itself."""
        self._session.core.layer.timers.cancel(self._timer)
        if self.state in (State.RECEIVED, State.UPDATE_RECEIVED):
            self._cancelled(now, 487)
        exchange, dialog = self._exchange, self._session.dialog
        if self.state is not State.SENT or exchange is None:
            return
        if exchange.method == "UPDATE":
            exchange.owner = DISCARD
        elif exchange.outgoing is not None and dialog is not None:
            ack = dialog.request("ACK", exchange.outgoing.cseq, self._session.core.branch())
            exchange.accepted(dialog.remote_tag, dialog.flow, ack.encode(), DISCARD)
            if isinstance(exchange.transaction, InviteClient):
                exchange.transaction.expect_end(now)

    # Actions.

    def _send(self, now: float, _: None) -> None:
        session = self._session
        dialog, core = session.changeable, session.core
        assert dialog is not None
        assert self._wanted is not None
        # RFC 3311 5.1: before the answer there is nothing but UPDATE; after it a re-INVITE may take its time to answer.
        method = "INVITE" if session.is_established else "UPDATE"
        self._dialog = dialog
        self._changes_early()
        outgoing = dialog.request(
            method,
            session.next_cseq(),
            core.branch(),
            authorization=session.authorization(method, dialog),
            headers=f"{session.contact_line}{ALLOW_LINE}{core.agent_line}{refresh.lines(session)}{SDP_LINE}",
            body=self._wanted,
        )
        self._exchange = ClientRequest(core, session, outgoing, dialog.flow, session.authorizer, now)

    def _answered(self, now: float, response: Response) -> None:
        session, exchange, dialog = self._session, self._exchange, self._dialog
        assert dialog is not None
        assert exchange is not None
        dialog.refresh(response.headers.get("Contact"))
        if exchange.method == "INVITE":
            self._acknowledge(exchange, dialog)
            if session.timing is not None:
                session.timing.settled(response, now)
        self._exchange = self._wanted = None
        session.core.events.append(OfferAnswered(session, response.body))

    def _acknowledge(self, exchange: ClientRequest, dialog: Dialog) -> None:
        core = self._session.core
        assert exchange.outgoing is not None
        ack = dialog.request(
            "ACK",
            exchange.outgoing.cseq,
            core.branch(),
            authorization=exchange.authorization,
            headers=core.agent_line,
        ).encode()
        core.layer.send(dialog.flow, ack, "ACK")
        exchange.accepted(dialog.remote_tag, dialog.flow, ack, DISCARD)

    def _refused(self, _: float, status: int) -> None:
        self._exchange = self._wanted = None
        self._session.core.events.append(OfferRefused(self._session, status, self._is_refresh))

    def _back_off(self, now: float, _: None) -> None:
        # 14.1: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other, in units of 10 ms.
        self._glares += 1
        core = self._session.core
        owner = self._session.role == "uac"
        wait = 2.1 + core.number_below(191) / 100 if owner else core.number_below(201) / 100
        self._exchange = None
        self._timer = core.layer.timers.start(now + wait, self, Input.BACKED_OFF)

    def _wait_no_longer(self, _: float, __: None) -> None:
        """What is wanted goes, unless the session cannot be changed just now."""

    def _take(self, now: float, theirs: Theirs) -> None:
        session = self._session
        session.core.layer.timers.cancel(self._timer)
        self._theirs = theirs
        self._dialog = session.dialog_with(theirs.request.from_tag or "")
        self._changes_early()
        if self._dialog is not None:
            self._dialog.refresh(theirs.request.headers.get("Contact"))
        if isinstance(theirs.server, InviteServer):
            # The application may have to ask the other end of the call first, which takes longer than T1.
            theirs.server.respond(100, theirs.reply.write(100), now)
        session.core.events.append(OfferReceived(session, theirs.request.body, theirs.request.from_tag or ""))

    def _changes_early(self) -> None:
        """What its reliable response said is not the last word in this early dialog any more."""
        acknowledger, dialog = self._session.acknowledger, self._dialog
        early = None if acknowledger is None or dialog is None else acknowledger.settled(dialog.remote_tag)
        if early is not None:
            early.changed = True

    def _refuse_second(self, now: float, theirs: Theirs) -> None:
        # 14.2: "MUST return a 500 response to the second INVITE and MUST include a Retry-After header field".
        wait = self._session.core.number_below(11)
        refuse(self._session, theirs, 500, now, f"Retry-After: {wait}\r\n")

    def _refuse_glare(self, now: float, theirs: Theirs) -> None:
        refuse(self._session, theirs, 491, now)

    def _accept(self, now: float, body: bytes) -> None:
        theirs, session = self._theirs, self._session
        assert theirs is not None
        data = self._success(theirs, body, now)
        self._theirs = None
        if isinstance(theirs.server, InviteServer):
            session.pending_ack = PendingAck(
                session, theirs.server, theirs.request.cseq.number, data, now, late_offer=not theirs.request.body
            )
        else:
            theirs.server.respond(200, data, now)

    def _success(self, theirs: Theirs, body: bytes, now: float) -> bytes:
        session = self._session
        headers = f"{session.contact_line}{ALLOW_LINE}{session.core.server_line}{SDP_LINE if body else ''}"
        if theirs.request.method != "PRACK":
            headers += refresh.answer(session, theirs.request, now)
        return theirs.reply.write(200, headers=headers, body=body)

    def _refuse(self, now: float, refusal: tuple[int, str]) -> None:
        theirs, self._theirs = self._theirs, None
        if theirs is not None:
            status, lines = refusal
            refuse(self._session, theirs, status, now, lines)

    def _cancelled(self, now: float, status: int) -> None:
        self._refuse(now, (status, ""))

    def _leave(self, _: float, __: int) -> None:
        """Ours is offered again where the call is."""
        self._session.core.layer.timers.cancel(self._timer)
        if self._exchange is not None:
            self._exchange.owner = DISCARD
            self._exchange = None

    def _acknowledged(self, _: float, request: Request | None) -> None:
        if request is not None:
            self._session.core.events.append(OfferAnswered(self._session, request.body))


def refuse(session: InviteSession, theirs: Theirs, status: int, now: float, lines: str = "") -> None:
    """A final response to a re-INVITE or UPDATE that leaves all as it was."""
    theirs.server.respond(status, theirs.reply.write(status, headers=session.core.server_line + lines), now)
    if isinstance(theirs.server, InviteServer):
        theirs.server.user = NOBODY


_STABLE, _SENT, _BACKING_OFF, _RECEIVED, _UPDATE_RECEIVED, _AWAITING_ACK = State
TABLE: dict[tuple[int, int], tuple[State, Callable[..., None]]] = {
    (_STABLE, Input.OFFER): (_SENT, Modification._send),
    (_STABLE, Input.THEIR_INVITE): (_RECEIVED, Modification._take),
    (_STABLE, Input.THEIR_UPDATE): (_UPDATE_RECEIVED, Modification._take),
    (_SENT, Input.ANSWERED): (_STABLE, Modification._answered),
    (_SENT, Input.REFUSED): (_STABLE, Modification._refused),
    (_SENT, Input.GLARE): (_BACKING_OFF, Modification._back_off),
    (_SENT, Input.THEIR_INVITE): (_SENT, Modification._refuse_glare),
    (_SENT, Input.THEIR_UPDATE): (_SENT, Modification._refuse_glare),
    (_BACKING_OFF, Input.BACKED_OFF): (_STABLE, Modification._wait_no_longer),
    (_BACKING_OFF, Input.THEIR_INVITE): (_RECEIVED, Modification._take),  # ours goes when theirs is done
    (_BACKING_OFF, Input.THEIR_UPDATE): (_UPDATE_RECEIVED, Modification._take),
    (_RECEIVED, Input.ACCEPT): (_AWAITING_ACK, Modification._accept),
    (_RECEIVED, Input.REJECT): (_STABLE, Modification._refuse),
    (_RECEIVED, Input.CANCEL): (_STABLE, Modification._cancelled),
    (_RECEIVED, Input.THEIR_INVITE): (_RECEIVED, Modification._refuse_second),
    (_RECEIVED, Input.THEIR_UPDATE): (_RECEIVED, Modification._refuse_second),
    (_UPDATE_RECEIVED, Input.ACCEPT): (_STABLE, Modification._accept),
    (_UPDATE_RECEIVED, Input.REJECT): (_STABLE, Modification._refuse),
    (_UPDATE_RECEIVED, Input.THEIR_INVITE): (_UPDATE_RECEIVED, Modification._refuse_second),
    (_UPDATE_RECEIVED, Input.THEIR_UPDATE): (_UPDATE_RECEIVED, Modification._refuse_second),
    (_SENT, Input.ELSEWHERE): (_STABLE, Modification._leave),
    (_BACKING_OFF, Input.ELSEWHERE): (_STABLE, Modification._leave),
    (_UPDATE_RECEIVED, Input.ELSEWHERE): (_STABLE, Modification._cancelled),
    (_AWAITING_ACK, Input.ACK): (_STABLE, Modification._acknowledged),
    (_AWAITING_ACK, Input.THEIR_INVITE): (_AWAITING_ACK, Modification._refuse_glare),
    (_AWAITING_ACK, Input.THEIR_UPDATE): (_AWAITING_ACK, Modification._refuse_glare),
}

_HELD = "held in `wanted` until it is our turn"
_NONE_OUT = "no re-INVITE of ours is out"
_NO_TIMER = "no back-off is running"
_NONE_IN = "no offer of theirs is open: the application's answer came too late, or twice"
_NO_ACK = "no 2xx of ours awaits an ACK"
IGNORED: dict[tuple[int, int], str] = {
    **{(state, Input.OFFER): _HELD for state in State if state is not _STABLE},
    **{
        (state, each): _NONE_OUT
        for state in State
        if state is not _SENT
        for each in (Input.ANSWERED, Input.REFUSED, Input.GLARE)
    },
    **{(state, Input.BACKED_OFF): _NO_TIMER for state in State if state is not _BACKING_OFF},
    **{
        (state, each): _NONE_IN
        for state in (_STABLE, _SENT, _BACKING_OFF, _AWAITING_ACK)
        for each in (Input.ACCEPT, Input.REJECT, Input.CANCEL)
    },
    (_UPDATE_RECEIVED, Input.CANCEL): "only an INVITE can be cancelled",
    (_STABLE, Input.ELSEWHERE): "nothing is open",
    **{(state, Input.ELSEWHERE): "only a session that stands has re-INVITEs" for state in (_RECEIVED, _AWAITING_ACK)},
    **{(state, Input.ACK): _NO_ACK for state in State if state is not _AWAITING_ACK},
}
