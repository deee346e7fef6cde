"""A carrier that trunks register at: a phone on the wire with a registrar of its own, that can be switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.endpoints.authentication import Authenticator, account
from softswitch.endpoints.bindings import Bindings
from softswitch.endpoints.registrar import Registrar, RegistrarLimits
from softswitch.sip.digest import NonceKeeper
from softswitch.sip.events import RequestReceived
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from tests.support.phone import Phone, sdp

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.events import Event
    from softswitch.sip.session.session import InviteSession
    from tests.support.phone import Address, Joinable, Plan

REALM = "carrier.example"


class Carrier(Phone):
    """Answers REGISTER, calls the contacts it knows, and takes calls as its plan says."""

    def __init__(
        self, wire: Joinable, address: Address, token: Callable[[], str], plan: Plan | None = None, **users: str
    ) -> None:
        """`users`: name -> password."""
        super().__init__(wire, address, token, plan)
        self.up = True
        self.bindings = Bindings()
        self.registers: list[tuple[float, int]] = []
        """When a REGISTER came, and how it was answered."""
        self.answer_headers: tuple[tuple[str, str], ...] = ()
        self._registrar = Registrar(
            Authenticator(
                [account(user, password, REALM) for user, password in users.items()],
                NonceKeeper(b"a secret of the carrier, 32 oct.."),
                realm=REALM,
            ),
            self.bindings,
            RegistrarLimits(least_expires=30),
        )
        taken = self.driver.received
        self.driver.received = lambda data, flow: taken(data, flow) if self.up else None  # type: ignore[method-assign]

    def call_contact(self, user: str, called: str, *, headers: tuple[tuple[str, str], ...] = ()) -> InviteSession:
        """INVITE the contact this user has registered, for whom stands in To."""
        (binding,) = self.bindings.lookup(user, self.driver.now())
        with self.driver.turn() as stack:
            session = stack.invite(
                uri=binding.contact,
                from_=NameAddr("", Uri("sip", "+4989555", REALM)),
                to=NameAddr("", Uri("sip", called, REALM)),
                contact=self._contact(),
                flow=Flow("UDP", self.address, binding.flow.remote),
                body=sdp(40000, host=self.media_host),
                headers=headers,
                now=self.driver.now(),
            )
        self.sessions.append(session)
        return session

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, RequestReceived) and event.request.method == "REGISTER":
            now = self.driver.now()
            answer = self._registrar.register(event.request, event.flow, now)
            self.registers.append((now, answer.status))
            headers = (*answer.headers, *(self.answer_headers if answer.status == 200 else ()))
            with self.driver.turn() as stack:
                stack.respond(event.exchange, answer.status, answer.reason, headers=headers, now=now)
        else:
            super()._dispatch(event)
