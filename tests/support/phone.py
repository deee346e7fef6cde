"""A SIP phone for flows: a real stack of its own on the wire, which does what its script says and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from softswitch.sip.events import (
    Answered,
    Ended,
    Established,
    InviteReceived,
    OfferReceived,
    Progressed,
    ReferReceived,
    RefreshDue,
    Refused,
    TransferCompleted,
    TransferProgressed,
)
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS
from softswitch.sip.refer import Refer
from softswitch.sip.replaces import Replaces
from softswitch.sip.session import transfer
from softswitch.sip.session.terms import PLAIN
from softswitch.sip.stack import SipStack
from softswitch.sip.uri import Uri
from softswitch.transport.driver import SipDriver

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.digest import Credentials
    from softswitch.sip.events import Event
    from softswitch.sip.session.referral import Referral
    from softswitch.sip.session.session import InviteSession

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a called phone does, in seconds after the INVITE; None = never."""

    ring: float | None = None
    early: float | None = None
    answer: float | None = None
    reject: tuple[float, int] | None = None
    hang_up: float | None = None
    hold: float | None = None
    moved_to: str = ""
    """Contact of its 3xx."""


class Joinable(Protocol):
    """What can give a phone's driver an address: a wire, or sockets."""

    def join(self, driver: SipDriver, address: Address) -> None:
        """Give this driver an address."""


class Everyone:
    """Admits all and traces nothing: what a phone on a test wire does."""

    def admits(self, flow: Flow) -> bool:
        """Always."""
        return True

    def connection_lost(self, flow: Flow) -> None:
        """Nobody was known by it."""

    def connection_away(self, flow: Flow) -> None:
        """Nobody was known by it."""

    def received(self, flow: Flow, data: bytes) -> None:
        """Not kept."""

    def sent(self, flow: Flow, data: bytes) -> None:
        """Not kept."""


def sdp(port: int, codecs: str = "8 0 101", direction: str = "sendrecv", host: str = "198.51.100.1") -> bytes:
    """A small audio description."""
    return (
        f"v=0\r\no=- {port} 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {codecs}\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    ).encode()


class Phone:
    """One user agent at one address."""

    def __init__(self, wire: Joinable, address: Address, token: Callable[[], str], plan: Plan | None = None) -> None:
        self.address = address
        self.plan = plan or Plan()
        self.terms = PLAIN
        """The SIP extensions it knows."""
        self.stack = SipStack(token=token, user_agent="test-phone")
        everyone = Everyone()
        self.driver = SipDriver(
            self.stack, asyncio.get_running_loop(), admission=everyone, dispatch=self._dispatch, tracer=everyone
        )
        wire.join(self.driver, address)
        self.events: list[Event] = []
        self.sessions: list[InviteSession] = []
        self.refused: list[int] = []
        self.progress: list[tuple[int, bool]] = []
        self.ended: list[tuple[str, int]] = []
        self.told: list[int] = []
        """What we were told of transfers we asked for."""
        self.referrals: list[Referral] = []
        self.refuse_offers = False
        self.media_host = "198.51.100.1"
        self.media_port = 41000
        self.answered = 0
        self.rang = 0

    def call(
        self,
        number: str,
        switch: Address,
        *,
        body: bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        caller: str = "",
        credentials: Credentials | None = None,
    ) -> InviteSession:
        """Send an INVITE for `number` to the switch; `caller` is From as it is written."""
        with self.driver.turn() as stack:
            session = stack.invite(
                uri=Uri("sip", number, switch[0], switch[1]),
                from_=NameAddr.parse(caller or f"<sip:caller@{self.address[0]}>"),
                to=NameAddr("", Uri("sip", number, switch[0]), NO_PARAMETERS),
                contact=self._contact(),
                flow=self._towards(switch),
                terms=self.terms,
                body=sdp(40000, host=self.media_host) if body is None else body,
                headers=headers,
                credentials=credentials,
                now=self.driver.now(),
            )
        self.sessions.append(session)
        return session

    def hang_up(self, session: InviteSession) -> None:
        """CANCEL or BYE, whatever fits."""
        with self.driver.turn():
            session.hangup(self.driver.now())

    def refer(
        self, session: InviteSession, number: str, *, instead_of: InviteSession | None = None, elsewhere: bool = False
    ) -> None:
        """Ask the switch to let whoever is at its other side call `number`, in the place of another call of ours."""
        replaces = None
        if instead_of is not None:
            tag = instead_of.remote_tag or next(iter(instead_of.early or {}))
            replaces = Replaces(instead_of.call_id, tag, instead_of.local_tag)
        if elsewhere:
            replaces = Replaces("call@elsewhere", "theirs", "ours")
        with self.driver.turn():
            transfer.send(session, Refer(Uri("sip", number, "192.0.2.1"), replaces), self.driver.now())

    def hold(self, session: InviteSession, direction: str = "sendonly") -> None:
        """re-INVITE with another direction."""
        with self.driver.turn():
            session.reinvite(sdp(40000, "8 101", direction, self.media_host), self.driver.now())

    def _answer(self) -> bytes:
        return sdp(self.media_port, "8 101", host=self.media_host)

    def _towards(self, switch: Address) -> Flow:
        return Flow("UDP", self.address, switch)

    def _contact(self) -> NameAddr:
        return NameAddr("", Uri("sip", None, *self.address), NO_PARAMETERS)

    def _dispatch(self, event: Event) -> None:
        self.events.append(event)
        match event:
            case InviteReceived(session=session):
                self.sessions.append(session)
                self.rang += 1
                with self.driver.turn():
                    taken = session.admit(self.terms, self.driver.now())
                if taken:
                    self._follow(session)
            case RefreshDue(session=session):
                with self.driver.turn():
                    session.reinvite(self._answer(), self.driver.now(), is_refresh=True)
            case OfferReceived(session=session):
                with self.driver.turn():
                    if self.refuse_offers:
                        session.reject_reinvite(488, self.driver.now())
                    else:
                        session.accept_reinvite(self._answer(), self.driver.now())
            case Progressed(status=status, body=body):
                self.progress.append((status, bool(body)))
            case Answered():
                self.answered += 1
            case Established():
                pass
            case Refused(status=status):
                self.refused.append(status)
            case TransferProgressed(status=status) | TransferCompleted(status=status):
                self.told.append(status)
            case ReferReceived(referral=referral):
                self.referrals.append(referral)
            case Ended(by=by, status=status):
                self.ended.append((by, status))
            case _:
                pass

    def _follow(self, session: InviteSession) -> None:
        plan, loop = self.plan, asyncio.get_running_loop()
        if plan.ring is not None:
            loop.call_later(plan.ring, self._do, lambda now: session.ring(now, 180))
        if plan.early is not None:
            loop.call_later(plan.early, self._do, lambda now: session.ring(now, 183, body=self._answer()))
        if plan.answer is not None:
            loop.call_later(
                plan.answer, self._do, lambda now: session.accept(self._answer(), now, contact=self._contact())
            )
        if plan.reject is not None:
            status = plan.reject[1]
            headers = (("Contact", f"<{plan.moved_to}>"),) if plan.moved_to else ()
            loop.call_later(plan.reject[0], self._do, lambda now: session.reject(status, now, headers=headers))
        if plan.hang_up is not None:
            loop.call_later(plan.hang_up, self.hang_up, session)

    def _do(self, action: Callable[[float], None]) -> None:
        with self.driver.turn():
            action(self.driver.now())
