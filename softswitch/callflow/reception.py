"""Who may ask what of us: every event of the SIP stack comes here first and goes to the leg or service it is for."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from softswitch.b2bua.browser import offered
from softswitch.b2bua.cause import INTERNAL
from softswitch.b2bua.header_policy import CLOSED
from softswitch.b2bua.leg import Leg
from softswitch.b2bua.terms import NO_TERMS
from softswitch.callflow.guests import GuestCall, NoGuests
from softswitch.callflow.supervisor import Incoming
from softswitch.dialplan.match import canonical, is_emergency
from softswitch.endpoints.access_control import Phones
from softswitch.endpoints.authentication import Authenticated, Challenge, Refused
from softswitch.endpoints.identity import PrivacyNotPossible, phone_origin
from softswitch.endpoints.trunk import Trunk
from softswitch.sdp.browser import BROWSER_PROFILE
from softswitch.sdp.errors import INCOMPATIBLE_TRANSPORT, warning_value
from softswitch.sip.body import ACCEPT
from softswitch.sip.core import ALLOW, SUPPORTED
from softswitch.sip.events import InviteReceived, RegistrationChanged, RequestCompleted, RequestReceived
from softswitch.sip.flow import WEB_SOCKET
from softswitch.sip.outgoing import header_lines
from softswitch.sip.session.terms import PLAIN, SessionTerms, trickling
from softswitch.stir.errors import StirError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from softswitch.b2bua.header_policy import HeaderTable
    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.callflow.guests import Guests
    from softswitch.callflow.supervisor import CallSupervisor
    from softswitch.callflow.verification import Verification
    from softswitch.endpoints.access_control import Gate
    from softswitch.endpoints.authentication import Authenticator
    from softswitch.endpoints.claims import Claim
    from softswitch.endpoints.registrar import Registrar
    from softswitch.endpoints.trunk_registration import TrunkRegistrations
    from softswitch.sip.events import Event
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request
    from softswitch.transport.driver import SipDriver

log = logging.getLogger(__name__)

ALLOW_HERE = f"{ALLOW}, REGISTER"
CAPABILITIES = (("Allow", ALLOW_HERE), ("Accept", ACCEPT), ("Supported", ", ".join(SUPPORTED)))
"""What OPTIONS asks for (RFC 3261 11.2)."""


NO_GUESTS = NoGuests()


class Reception:
    """The dispatcher. Sources were admitted by the gate; here it is decided what they may begin."""

    def __init__(
        self,
        *,
        gate: Gate,
        authenticator: Authenticator,
        registrar: Registrar,
        supervisor: CallSupervisor,
        driver: SipDriver,
        phone_terms: Mapping[str, MediaTerms],
        identities: Mapping[str, Origin],
        registrations: TrunkRegistrations,
        phone_session: SessionTerms = PLAIN,
        phone_headers: HeaderTable = CLOSED,
        verification: Verification | None = None,
        introduce: Callable[[Flow, str, str], None] | None = None,
        guests: Guests = NO_GUESTS,
    ) -> None:
        """`identities`: how each phone user is presented to whom it calls; `phone_terms`: what media each may have;
        `phone_session`: what SIP extensions all of them may use; `phone_headers`: which headers of what they send may
        cross to the other side; `verification` judges the callers of trunks that are to be judged; `introduce(flow,
        user, instance)` is told who has proven to be at the far end of a WebSocket; `guests` lets callers in who are
        no phones.
        """
        self._gate = gate
        self._authenticator = authenticator
        self._registrar = registrar
        self._supervisor = supervisor
        self._driver = driver
        self._phone_terms = phone_terms
        self._identities = identities
        self._phone_session = phone_session
        self._registrations = registrations
        self._phone_headers = phone_headers
        self._verification = verification
        self._introduce = introduce
        self._guests = guests

    def dispatch(self, event: Event) -> None:
        """Take one event of the stack. A fault of ours ends what the event was about, and nothing else."""
        match event:
            case InviteReceived(session=session):
                try:
                    self._invite(event)
                except Exception:
                    log.exception("an INVITE was not handled")
                    session.hangup(self._driver.now(), status=500)
            case RequestReceived(exchange=exchange):
                try:
                    self._request(event)
                except Exception:
                    log.exception("a request was not handled")
                    with self._driver.turn() as stack:
                        stack.respond(exchange, 500, now=self._driver.now())
            case RequestCompleted():
                pass
            case RegistrationChanged():
                self._registrations.tell(event)
            case _:
                leg = event.session.owner
                if isinstance(leg, Leg):
                    try:
                        leg.handle(event)
                    except Exception as error:
                        log.exception("call %s: %s was not handled", leg.story.call_id, type(event).__name__)
                        leg.hangup(INTERNAL)
                        self._supervisor.fail(leg.story.call_id, error)

    def screen(self, request: Request, flow: Flow, now: float) -> tuple[int, str] | None:
        """Status and header lines for an INVITE whose sender must prove who he is, and has not tried."""
        if not isinstance(self._gate.may_begin(flow), Phones):
            return None
        refusal = self._authenticator.screen(request, flow, now)
        return None if refusal is None else (refusal.status, header_lines(refusal.headers))

    def unverified(self, request: Request, flow: Flow) -> bool:
        """Whether its source may be forged: the answer then goes to somebody who has asked for nothing (THREATS S3)."""
        if not isinstance(self._gate.may_begin(flow), Phones):
            return False
        return not self._authenticator.is_there(request, flow, self._driver.now())

    def _invite(self, event: InviteReceived) -> None:
        now = self._driver.now()
        session, request = event.session, event.request
        match self._gate.may_begin(event.flow):
            case Trunk() as at_source:
                self._call_from_trunk(event, self._registrations.addressed(event.flow, request) or at_source, now)
            case Phones():
                match self._authenticator.authenticate(request, event.flow, now):
                    case Authenticated(trunk=str(name)):
                        trunk = self._supervisor.resources.trunks[name]
                        self._gate.vouch_for(event.flow, trunk, now)
                        self._call_from_trunk(event, trunk, now)
                    case Authenticated(user=user, guest=guest):
                        if self._introduce is not None and event.flow.transport in WEB_SOCKET:
                            self._introduce(event.flow, user, "")
                        if guest is None:
                            self._call_from_phone(event, user, now)
                        else:
                            self._call_from_guest(event, guest, now)
                    case Challenge(headers=headers, status=status):
                        session.reject(status, now, headers=headers)
                    case Refused(status=status, reason=reason, headers=headers):
                        session.reject(status, now, reason=reason, headers=headers)
            case None:
                session.reject(403, now)

    def _call_from_trunk(self, event: InviteReceived, trunk: Trunk, now: float) -> None:
        if event.session.admit(trunk.session, now):
            called = self._registrations.called(trunk, event.request)
            rules, verification = trunk.identity, self._verification
            read = rules.read
            if rules.verify != "ignore" and verification is not None:
                read = partial(self._verified, trunk=trunk, called=called, verification=verification)
            self._begin(event, trunk.label, read, trunk.terms, called)

    def _call_from_phone(self, event: InviteReceived, user: str, now: float) -> None:
        terms = offered(self._phone_terms.get(user, NO_TERMS), event.request.body, event.flow)
        session = trickling(self._phone_session) if terms.is_browser else self._phone_session
        if self._has_consented(event, terms, now) and event.session.admit(session, now):
            read = partial(phone_origin, self._identities[user], table=self._phone_headers)
            self._begin(event, f"phone:{user}", read, terms)

    def _call_from_guest(self, event: InviteReceived, claims: Mapping[str, Claim], now: float) -> None:
        match self._guests.call(claims, event.request, event.flow.remote[0]):
            case Refused(status=status, reason=reason, headers=headers):
                event.session.reject(status, now, reason=reason, headers=headers)
            case GuestCall(origin=origin) as call:
                terms = offered(call.terms, event.request.body, event.flow)
                session = trickling(call.session) if terms.is_browser else call.session
                if self._has_consented(event, terms, now) and event.session.admit(session, now):
                    self._begin(event, call.source, lambda _: origin, terms, call.called, call)

    def _has_consented(self, event: InviteReceived, terms: MediaTerms, now: float) -> bool:
        """Whether media will go to who has agreed to get it (RFC 7675), or it does not come from a page; refused if
        not. Plain RTP goes wherever SDP says, and who has got hold of a password or a link may be anybody.
        """
        flow = event.flow
        if flow.transport not in WEB_SOCKET or terms.web is None or terms.is_browser:
            return True
        host, port = flow.local
        agent = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        expected = (
            f"expected an offer of {BROWSER_PROFILE} with ICE, as browsers make it: plain RTP is for UDP, TCP, TLS"
        )
        warning = warning_value(INCOMPATIBLE_TRANSPORT, agent, expected)
        event.session.reject(488, now, reason="Expected Media Of A Browser", headers=(("Warning", warning),))
        return False

    def _begin(
        self,
        event: InviteReceived,
        source: str,
        read: Callable[[Request], Origin],
        terms: MediaTerms,
        called: str = "",
        guest: GuestCall | None = None,
    ) -> None:
        session, request = event.session, event.request
        try:
            origin = read(request)
        except PrivacyNotPossible as error:
            log.info("%s: a call refused, its caller insists on a privacy that is not known here: %s", source, error)
            session.reject(500, self._driver.now(), reason="Privacy Not Available")
            return
        except StirError as refusal:
            log.info("%s: a call refused, its caller may not be who is shown: %s", source, refusal)
            session.reject(refusal.status, self._driver.now(), reason=refusal.reason)
            return
        self._supervisor.begin(
            Incoming(
                session=session, request=request, source=source, origin=origin, terms=terms, called=called, guest=guest
            )
        )

    def _verified(self, request: Request, *, trunk: Trunk, called: str, verification: Verification) -> Origin:
        """Who calls, and with what right. Raises StirError where only callers with a good signature are taken."""
        plan = self._supervisor.resources.dialplan
        meant = called or request.uri.user or ""
        origin, refusal = verification.judge(
            request,
            trunk.identity.read(request),
            meant,
            lambda raw: canonical(plan, raw, trunk.label),
        )
        if refusal is not None and trunk.identity.verify == "reject" and not is_emergency(plan, meant):
            raise refusal
        return origin

    def _request(self, event: RequestReceived) -> None:
        now = self._driver.now()
        request = event.request
        owner = self._gate.may_begin(event.flow)
        with self._driver.turn() as stack:
            if request.method == "OPTIONS":
                status = 503 if self._supervisor.draining else 200
                stack.respond(event.exchange, status, headers=CAPABILITIES, now=now)
            elif request.method == "REGISTER" and isinstance(owner, Phones):
                answer = self._registrar.register(request, event.flow, now)
                stack.respond(event.exchange, answer.status, answer.reason, headers=answer.headers, now=now)
            elif owner is None or request.method == "REGISTER":
                stack.respond(event.exchange, 403, now=now)
            elif request.method == "REFER":
                stack.respond(event.exchange, 403, "REFER is for calls only", now=now)
            else:
                stack.respond(event.exchange, 405, headers=(("Allow", ALLOW_HERE),), now=now)
