"""What the SIP stack tells its driver: values in the past tense, drained with `SipStack.next_event()`.

Every session ends with exactly one `Ended`, and nothing about it follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sip.client_request import ClientRequest
    from softswitch.sip.dtmf import KeyPress
    from softswitch.sip.flow import Flow
    from softswitch.sip.headers import Reason
    from softswitch.sip.message import Request, Response
    from softswitch.sip.registration.registration import Registration
    from softswitch.sip.server_request import ServerRequest
    from softswitch.sip.session.referral import Referral
    from softswitch.sip.session.session import InviteSession

EndedBy = Literal["local", "remote", "timeout", "transport"]
RegistrationNews = Literal["registered", "holding", "failing", "refused", "lost", "ended"]
"""`holding`: the refresh failed, the contact still counts. `failing`: not registered, another attempt follows soon."""


@value_class(frozen=True, slots=True)
class InviteReceived:
    """Somebody calls. 100 Trying is already sent; ring, accept, reject or hang up the session."""

    session: InviteSession
    request: Request
    flow: Flow


@value_class(frozen=True, slots=True)
class RequestReceived:
    """A request outside any dialog (OPTIONS, REGISTER, MESSAGE, ...): answer with `SipStack.respond`."""

    exchange: ServerRequest
    request: Request
    flow: Flow


@value_class(frozen=True, slots=True)
class RequestCompleted:
    """The outcome of `SipStack.request`; no response: nobody answered in 64*T1 or the transport failed."""

    exchange: ClientRequest
    response: Response | None


@value_class(frozen=True, slots=True)
class RegistrationChanged:
    """We are registered somewhere, or are no longer; told once for each change, not for each attempt."""

    registration: Registration
    news: RegistrationNews


@value_class(frozen=True, slots=True)
class Progressed:
    """A provisional response 101..199; `body` may hold early SDP."""

    session: InviteSession
    status: int
    body: bytes
    reason: str
    tag: str
    """Of the early dialog: several mean that a proxy has forked our INVITE. Empty: the response makes none."""


@value_class(frozen=True, slots=True)
class Answered:
    """Our INVITE was accepted. Its body is the answer, or the offer when our INVITE had none: then call `ack`."""

    session: InviteSession
    body: bytes
    response: Response


@value_class(frozen=True, slots=True)
class Refused:
    """Our INVITE failed: 300..699, 408 (nobody answered) or 503 (transport). `Ended` follows."""

    session: InviteSession
    response: Response | None
    status: int
    at_once: bool = False
    """No provisional response came before, not even 100."""


@value_class(frozen=True, slots=True)
class Established:
    """The caller's ACK arrived; `body` is the answer when our 2xx carried the offer."""

    session: InviteSession
    body: bytes


@value_class(frozen=True, slots=True)
class OfferReceived:
    """A re-INVITE or UPDATE; `b""`: the far end asks for our offer. Answer with accept_ or reject_reinvite."""

    session: InviteSession
    body: bytes
    tag: str = ""
    """Of the far end: before the answer to a forked INVITE of ours it says which of them offers."""


@value_class(frozen=True, slots=True)
class OfferAnswered:
    """The answer to an offer of ours: to `reinvite`, or in the ACK after an offerless re-INVITE."""

    session: InviteSession
    body: bytes


@value_class(frozen=True, slots=True)
class OfferRefused:
    """Our `reinvite` failed; the session stays as it was before (RFC 3261 14.1)."""

    session: InviteSession
    status: int
    refresh: bool = False
    """It would have changed nothing."""


@value_class(frozen=True, slots=True)
class FarEndAsked:
    """The far end has answered the OPTIONS of `probe.ask`, and knows the dialog."""

    session: InviteSession
    status: int


@value_class(frozen=True, slots=True)
class RefreshDue:
    """The session has to be refreshed, and the far end takes no UPDATE: offer what is agreed again, `refresh=True`."""

    session: InviteSession


@value_class(frozen=True, slots=True)
class InfoReceived:
    """An INFO within the dialog, already answered with 200."""

    session: InviteSession
    request: Request
    key: KeyPress | None
    """The digit it tells, if it tells one."""


@value_class(frozen=True, slots=True)
class CandidatesReceived:
    """An INFO of the package trickle-ice, already answered with 200."""

    session: InviteSession
    fragment: bytes
    """Lines of SDP (RFC 8840 9): `a=candidate:` and `a=end-of-candidates` among them."""


@value_class(frozen=True, slots=True)
class InfoRefused:
    """A digit of ours was not taken: 300..699, 408 (nobody answered) or 503 (transport)."""

    session: InviteSession
    status: int


@value_class(frozen=True, slots=True)
class ReferReceived:
    """They ask for a transfer: accept the referral or refuse it, at once."""

    session: InviteSession
    referral: Referral


@value_class(frozen=True, slots=True)
class ReferralEnded:
    """They know the outcome of the transfer they asked for, or do not listen any more."""

    session: InviteSession


@value_class(frozen=True, slots=True)
class TransferProgressed:
    """A REFER of ours: the call it asked for has this provisional status, the far end says."""

    session: InviteSession
    status: int


@value_class(frozen=True, slots=True)
class TransferCompleted:
    """A REFER of ours has its outcome: the final status of the call it asked for, or of the REFER itself where that
    was refused; 0: nobody told."""

    session: InviteSession
    status: int
    taken: bool
    """Whether the far end took the REFER."""


@value_class(frozen=True, slots=True)
class ConnectionChanged:
    """The far end, a page, has lost its connection and is expected back; or is back."""

    session: InviteSession
    is_there: bool


@value_class(frozen=True, slots=True)
class Ended:
    """The session is over; the last event about it."""

    session: InviteSession
    reasons: tuple[Reason, ...]
    """The Reason headers (RFC 3326) of the BYE or CANCEL that ended it, theirs or ours."""
    by: EndedBy
    status: int
    """The final status of an INVITE that was not answered (486, 487, ...); 200 for a call that was."""


Event = (
    InviteReceived
    | RequestReceived
    | RequestCompleted
    | RegistrationChanged
    | Progressed
    | Answered
    | Refused
    | Established
    | OfferReceived
    | OfferAnswered
    | OfferRefused
    | RefreshDue
    | FarEndAsked
    | InfoReceived
    | CandidatesReceived
    | InfoRefused
    | ReferReceived
    | ReferralEnded
    | TransferProgressed
    | TransferCompleted
    | ConnectionChanged
    | Ended
)
