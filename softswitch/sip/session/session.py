"""An INVITE session: one dialog usage, whichever side began it. The verbs are in the files beside this one."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from softswitch.sip.authorizer import Authorizer
from softswitch.sip.core import session_key
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import InfoRefused
from softswitch.sip.flow import transport_parameter
from softswitch.sip.message import Request, parse_message
from softswitch.sip.outgoing import header_lines, host_port, one_line
from softswitch.sip.session import accept, admission, invite, refresh
from softswitch.sip.session.info import InfoSender
from softswitch.sip.session.reinvite import Input as ModificationInput
from softswitch.sip.session.reinvite import Modification
from softswitch.sip.session.reliable import Input as ReliableInput
from softswitch.sip.session.reliable import Response as ReliableResponse
from softswitch.sip.session.state import Input, Outcome, Refusal, Release, State
from softswitch.sip.session.table import TABLE
from softswitch.sip.session.terms import PLAIN, SessionTerms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.sip.client_request import ClientRequest
    from softswitch.sip.core import Core
    from softswitch.sip.dialog import Dialog
    from softswitch.sip.digest import Credentials
    from softswitch.sip.dtmf import KeyPress
    from softswitch.sip.flow import Flow
    from softswitch.sip.headers import NameAddr, Reason
    from softswitch.sip.message import Response
    from softswitch.sip.outgoing import Outgoing
    from softswitch.sip.reply import Reply
    from softswitch.sip.session.info import Notice
    from softswitch.sip.session.pending_ack import PendingAck
    from softswitch.sip.session.prack import Acknowledger
    from softswitch.sip.session.referral import Referral
    from softswitch.sip.session.refresh import SessionTimer
    from softswitch.sip.session.reliable import ReliableResponses
    from softswitch.sip.session.transfer import Transfer
    from softswitch.sip.transaction.invite_server import InviteServer
    from softswitch.sip.uri import Uri

Role = Literal["uac", "uas"]


class InviteSession:
    """One call with one far end, from INVITE to the end of BYE.

    Verbs record intent and never wait. A verb that comes too late (the far end has hung up, `Ended` is already
    queued) does nothing; one that can never be right raises LocalProtocolError.
    """

    __slots__ = (
        "_remote_uri", "acknowledger", "authorizer", "call_id", "contact_line", "core", "dialog", "early", "exchange",
        "expiry", "flow", "had_offer", "infos", "invite_cseq", "local_cseq", "local_tag", "modification", "owner",
        "pending_ack", "pinned", "received", "referral", "release", "reliable", "remote_cseq", "remote_tag", "reply",
        "role", "sent", "server", "state", "takes_update", "terms", "timer", "timing", "told", "transfer",
    )  # fmt: skip

    def __init__(
        self,
        core: Core,
        role: Role,
        *,
        call_id: str,
        flow: Flow,
        remote_uri: Uri,
        contact: NameAddr | None,
        credentials: Credentials | None = None,
        terms: SessionTerms = PLAIN,
    ) -> None:
        self.core = core
        self.terms = terms
        self.takes_update = False
        """Whether the far end is known to take UPDATE."""
        self.role: Role = role
        self.state = State.CALLING if role == "uac" else State.INCOMING
        self.call_id = call_id
        self.local_tag = core.token()
        self.remote_tag = ""
        """Empty until a response with a tag settled it."""
        self.flow = flow
        """Where the INVITE came from or went to."""
        self.owner: object | None = None
        """The application's own: whatever this session belongs to."""
        self._remote_uri = remote_uri
        self.contact_line = _contact_line(contact, flow)
        self.dialog: Dialog | None = None
        self.early: dict[str, Dialog] | None = None
        """Ours: early dialogs by remote tag."""
        self.exchange: ClientRequest | None = None
        """Ours: the INVITE until its outcome."""
        self.sent: Outgoing | None = None
        self.server: InviteServer | None = None
        """Theirs: the INVITE until our final response."""
        self.reply: Reply | None = None
        self.received: Request | None = None
        self.had_offer = True
        self.pinned = False
        self.local_cseq = 0
        self.invite_cseq = 0
        """Ours: the number of the INVITE."""
        self.remote_cseq = -1
        """Theirs: the number of the INVITE."""
        self.authorizer = Authorizer(credentials) if credentials is not None else None
        self.acknowledger: Acknowledger | None = None
        """Ours: reliable provisional responses of theirs."""
        self.reliable: ReliableResponses | None = None
        """Theirs: reliable provisional responses of ours."""
        self.pending_ack: PendingAck | None = None
        self.infos: InfoSender | None = None
        """INFO requests of ours."""
        self.modification: Modification | None = None
        self.referral: Referral | None = None
        """The last REFER of theirs."""
        self.transfer: Transfer | None = None
        """The last REFER of ours."""
        self.timing: SessionTimer | None = None
        """How long the session lasts without a refresh."""
        self.release: Release | None = None
        """What shall be told when a hang-up that must wait is through."""
        self.timer = 0
        self.expiry = 0
        """Theirs: the timer of the INVITE's Expires, if it has one."""
        self.told = False

    def register(self) -> None:
        """From here on requests within the dialog find this session, until `finish.end`."""
        self.core.sessions[session_key(self.call_id, self.local_tag)] = self

    # What it is.

    @property
    def request(self) -> Request:
        """The INVITE, ours or theirs."""
        if self.received is None:
            assert self.sent is not None
            request = parse_message(self.sent.encode())
            assert isinstance(request, Request)
            self.received, self.sent = request, None
        return self.received

    @property
    def remote_uri(self) -> Uri:
        """The far end's address of record: To of our INVITE, From of theirs."""
        return self._remote_uri

    @property
    def proceeding(self) -> bool:
        """Ours: whether anything was heard about the INVITE."""
        return self.state not in (State.CALLING, State.CANCEL_HELD)

    @property
    def awaits_ack(self) -> bool:
        """Theirs: answered, and not acknowledged."""
        return self.state in (State.ACCEPTED, State.LEAVING)

    @property
    def is_established(self) -> bool:
        """Answered and acknowledged, and nobody has hung up."""
        return self.state is State.ESTABLISHED

    @property
    def wants_offer(self) -> bool:
        """Theirs: whether the next provisional response must hold our offer."""
        return self.reliable is not None and self.reliable.wants_offer

    @property
    def can_describe(self) -> bool:
        """Theirs: whether a provisional response may hold SDP: our answer always, our offer if it is reliable."""
        return self.had_offer or self.reliable is not None

    # Verbs of the called side.

    def admit(self, terms: SessionTerms, now: float) -> bool:
        """Settle what an INVITE of theirs may use, before anything else. False: it asks for something else, and was
        refused."""
        self._must_be("uas", "admit")
        refusal = admission.admit(self, terms)
        if refusal is not None:
            status, headers = refusal
            self.reject(status, now, headers=headers)
        return refusal is None

    def ring(
        self,
        now: float,
        status: int = 180,
        *,
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
        contact: NameAddr | None = None,
    ) -> None:
        """Send a provisional response 101..199; with SDP it opens early media.

        To an INVITE without an offer SDP is ours, and only a reliable response may hold it: see `wants_offer`.
        """
        self._must_be("uas", "ring")
        if not 100 < status < 200:
            raise LocalProtocolError(f"expected a provisional status 101..199, got {status}")
        if self.state is State.INCOMING:
            self._use(contact)
            lines = header_lines(headers)
            if self.reliable is None or not self.reliable.ring(ReliableResponse(status, lines, body), now):
                accept.ring(self, status, lines, body, now)

    def accept(
        self,
        body: bytes,
        now: float,
        *,
        headers: Sequence[tuple[str, str]] = (),
        contact: NameAddr | None = None,
    ) -> None:
        """Answer with 200: `body` is the SDP answer, or the offer if their INVITE had none.

        What a reliable provisional response has said already is left out, and the 200 waits until that one arrived.
        """
        self._must_be("uas", "accept")
        if self.state is State.INCOMING:
            self._use(contact)
            lines = header_lines(headers) + refresh.answer(self, self.request, now)
            if self.reliable is not None:
                self.reliable.step(ReliableInput.ACCEPT, now, ReliableResponse(200, lines, body))
            else:
                self.step(Input.ACCEPT, now, accept.write(self, 200, lines, body))

    def reject(
        self, status: int, now: float, *, reason: str | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Refuse with a final response 300..699."""
        self._must_be("uas", "reject")
        if not 300 <= status <= 699:
            raise LocalProtocolError(f"expected a refusal 300..699, got {status}")
        phrase = None if reason is None else one_line(reason)
        self.step(Input.REJECT, now, Refusal("local", status, (), phrase, header_lines(headers)))

    # Verbs of the calling side.

    def ack(self, body: bytes, now: float) -> None:
        """Our answer to the offer in their 2xx or reliable provisional response (our INVITE had none)."""
        self._must_be("uac", "ack")
        if self.acknowledger is not None and self.acknowledger.answer(body, now):
            return
        if self.step(Input.ACKNOWLEDGE, now, body) and self.modification is not None:
            self.modification.settle(now)

    # Verbs of both.

    def hangup(
        self,
        now: float,
        *,
        reasons: tuple[Reason, ...] = (),
        status: int = 480,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """End the session, in any state: refusal, CANCEL, BYE, or whichever of them as soon as it is allowed.

        `reasons` (RFC 3326) go along; `status` and `headers` answer an INVITE of theirs that is not answered yet.
        Asking twice is asking once.
        """
        release: Release
        if self.state is State.INCOMING:
            release = Refusal("local", status if 300 <= status <= 699 else 480, reasons, None, header_lines(headers))
        else:
            release = Release("local", 487 if self.state < State.ANSWERED else 200, reasons)
        self.step(Input.HANGUP, now, release)

    def reinvite(self, body: bytes, now: float, *, is_refresh: bool = False) -> None:
        """Offer a change; `OfferAnswered` or `OfferRefused` follows. Waits by itself while an offer is open.

        `is_refresh`: it changes nothing, as `RefreshDue` wants it. Raises LocalProtocolError while another `reinvite`
        has no outcome yet.
        """
        if self.state < State.CLOSING and not self.told:
            self.open_modification().offer(body, now, is_refresh=is_refresh)

    @property
    def has_open_offer(self) -> bool:
        """Whether an offer of theirs within the session waits for `accept_reinvite` or `reject_reinvite`."""
        return self.modification is not None and self.modification.has_theirs

    def accept_reinvite(self, body: bytes, now: float) -> None:
        """Answer `OfferReceived` (or offer, if it was empty)."""
        if self.modification is not None:
            self.modification.step(ModificationInput.ACCEPT, now, body)

    def reject_reinvite(self, status: int, now: float, *, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Refuse `OfferReceived`; the session stays as it was."""
        if not 300 <= status <= 699:
            raise LocalProtocolError(f"expected a refusal 300..699, got {status}")
        if self.modification is not None:
            self.modification.step(ModificationInput.REJECT, now, (status, header_lines(headers)))

    def send_key(self, key: KeyPress, now: float) -> None:
        """Tell a digit by INFO, in order behind those before; `InfoRefused` follows if the far end does not take it."""
        if not self._send_info(key, now):
            self.core.events.append(InfoRefused(self, 503))

    def notify(self, notice: Notice, now: float) -> None:
        """Tell something by INFO, in order behind those before; nobody hears whether the far end takes it."""
        self._send_info(notice, now)

    def _send_info(self, what: KeyPress | Notice, now: float) -> bool:
        if self.state >= State.CLOSING or self.told:
            return True
        if self.infos is None:
            self.infos = InfoSender(self)
        return self.infos.send(what, now)

    # What moves it. Called by the stack, its requests, transactions and timers.

    def step(self, what: int, now: float, payload: object = None) -> bool:
        """Take one row of the table; False for a pair without one, which is in IGNORED."""
        row = TABLE.get((self.state, what))
        if row is None:
            return False
        self.state, action = row
        action(self, now, payload)
        return True

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """1xx to a request of ours."""
        if exchange is self.exchange:
            self.step(Input.PROVISIONAL, now, response)

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """The outcome of a request of ours."""
        if exchange is self.exchange:
            if response is not None and status < 300:
                is_settled = self.had_offer or invite.settled_early(self, response) is not None
                self.step(Input.ANSWER if is_settled else Input.OFFER, now, response)
            elif status != 422 or response is None or not refresh.prolonged(self, exchange, response, now):
                self.step(Input.REFUSED, now, Outcome(status, response))
        elif exchange.method == "BYE":
            self.step(Input.BYE_DONE, now)
        elif exchange.method == "INFO" and self.infos is not None:
            self.infos.on_outcome(exchange, response, status, now)
        elif self.modification is not None:
            self.modification.on_outcome(exchange, response, status, now)

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """May this request be repeated with credentials, and with which number?"""
        if exchange is self.exchange:
            if not self.step(Input.CHALLENGED, now):
                return None
            self.invite_cseq = self.next_cseq()
            return self.invite_cseq
        wanted = self.state is State.CLOSING if exchange.method == "BYE" else self.changeable is not None
        return self.next_cseq() if wanted else None

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK within the dialog. One that was seen before, or has another number, means nothing."""
        pending = self.pending_ack
        if pending is None or request.cseq.number != pending.cseq:
            return
        pending.stop()
        self.pending_ack = None
        if self.is_established:
            if self.modification is not None:
                self.modification.step(ModificationInput.ACK, now, request if pending.late_offer else None)
        else:
            self.step(Input.ACK, now, request)
            if self.modification is not None:
                self.modification.settle(now)
            if self.infos is not None:
                self.infos.resume(now)
            if self.transfer is not None:
                self.transfer.resume(now)

    def on_transport_failed(self, now: float) -> None:
        """A response to their INVITE could not be sent."""
        self.step(Input.TRANSPORT_FAILED, now, Release("transport", 503))

    def on_timer(self, kind: int, now: float) -> None:
        """Ringing goes on, or the application did not acknowledge an offer."""
        if kind == accept.RING_AGAIN:
            accept.ring_again(self, now)
        elif kind == Input.EXPIRED:
            self.step(kind, now, Release("timeout", 487))
        else:
            self.step(kind, now, Release("timeout", 408))

    def on_cancel(self, server: InviteServer, request: Request, now: float) -> None:
        """CANCEL for an INVITE of theirs, already answered with 200."""
        if server is self.server:
            self.step(Input.CANCEL, now, request)
        elif self.modification is not None and self.modification.is_for(server):
            self.modification.step(ModificationInput.CANCEL, now, 487)

    # What the verbs share.

    def next_cseq(self) -> int:
        """The number of the next request (12.2.1.1: strictly increasing, contiguous)."""
        self.local_cseq += 1
        return self.local_cseq

    def authorization(self, method: str, dialog: Dialog | None = None) -> str:
        """Authorization lines for a request within the dialog, or an early one."""
        dialog = dialog or self.dialog
        if self.authorizer is None or dialog is None:
            return ""
        return self.authorizer.lines(method, dialog.uri, self.core.token)

    def open_modification(self) -> Modification:
        """The session's Modification, made when first needed."""
        if self.modification is None:
            self.modification = Modification(self)
        return self.modification

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        """The dialog, early or not, with the far end of this tag."""
        if self.dialog is not None:
            return self.dialog if self.dialog.remote_tag == remote_tag else None
        return self.early.get(remote_tag) if self.early is not None else None

    @property
    def changeable(self) -> Dialog | None:
        """The dialog in which we may offer: the one that stands, or an early one that is settled (RFC 3311 5.1)."""
        if self.is_established:
            return self.dialog
        if not self.takes_update:
            return None
        if self.state is State.INCOMING:
            return self.dialog if self.reliable is not None and self.reliable.settled else None
        if self.state is State.PROCEEDING and self.acknowledger is not None:
            return self.acknowledger.changeable
        return None

    def takes_offer(self, tag: str) -> bool:
        """Whether an offer of theirs can be taken in the dialog with this tag (RFC 3311 5.2)."""
        if self.state is State.INCOMING:
            return self.reliable is not None and self.reliable.settled
        if self.state is State.PROCEEDING:
            return self.acknowledger is not None and self.acknowledger.settled(tag) is not None
        return self.is_established

    def _use(self, contact: NameAddr | None) -> None:
        if contact is not None:
            self.contact_line = _contact_line(contact, self.flow)

    def _must_be(self, role: Role, verb: str) -> None:
        if self.role != role:
            raise LocalProtocolError(f"{verb}: expected a session of role {role}, this one is {self.role}")

    def __repr__(self) -> str:
        return f"<InviteSession {self.role} {self.state.name} {self.call_id}>"


def _contact_line(contact: NameAddr | None, flow: Flow) -> str:
    if contact is not None:
        return one_line(f"Contact: {contact}") + "\r\n"
    return _default_contact_line(flow.transport, *flow.local)


@lru_cache(256)
def _default_contact_line(transport: str, host: str, port: int) -> str:
    parameter = transport_parameter(transport)
    return f"Contact: <sip:{host_port(host, port)}{parameter and ';transport='}{parameter}>\r\n"
