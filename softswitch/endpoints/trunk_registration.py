"""Trunks that we register at: all their registrations, joined to the gate, to calls and to the operator's eyes.

The protocol is `sip/registration`; here is what it means for trunks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS, Parameters
from softswitch.sip.uri import Uri, escape_user, unescape
from softswitch.telemetry.snapshot import RegistrationSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from softswitch.b2bua.destination import Destination
    from softswitch.endpoints.trunk import Trunk
    from softswitch.sip.digest import Credentials
    from softswitch.sip.events import RegistrationChanged
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request
    from softswitch.sip.registration.registration import Registration
    from softswitch.sip.registration.state import Pace
    from softswitch.sip.stack import SipStack
    from softswitch.transport.next_hop import NextHop

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationPolicy:
    """Where and how to register for a trunk."""

    registrars: tuple[NextHop, ...]
    """In order of preference."""
    domain: Uri
    """The Request-URI: whose users the registrar knows (RFC 3261 10.2)."""
    user: str
    """Our user name in that domain."""
    credentials: Credentials
    contact_user: str
    """User part of our Contact. Calls to it are this trunk's, whatever else comes from the same address."""
    pace: Pace
    required: bool = False
    """Whether the trunk is called only while it is registered."""


class Trusting(Protocol):
    """What is asked of the gate."""

    def registers_at(self, trunk: Trunk, places: Collection[tuple[str, int]]) -> None:
        """Calls may begin there as this trunk's."""


class TrunkRegistrations:
    """The registrations of all trunks that have one. Without `begin` there are none."""

    def __init__(self) -> None:
        self._trunks: dict[str, Trunk] = {}
        self._by_name: dict[str, Registration] = {}
        self._by_contact: dict[str, Trunk] = {}
        self._places: dict[str, frozenset[tuple[str, int]]] = {}

    def begin(
        self,
        trunks: Iterable[Trunk],
        stack: SipStack,
        *,
        locate: Callable[[NextHop], Iterable[Flow]],
        gate: Trusting,
        now: float,
    ) -> None:
        """Register for every trunk that wants it; `locate` leads to its registrars, the best first."""
        for trunk in trunks:
            policy = trunk.registration
            if policy is None or not trunk.limits.enabled:
                continue
            self._trunks[trunk.name] = trunk
            self._by_contact[policy.contact_user] = trunk
            account = NameAddr("", replace(policy.domain, user=escape_user(policy.user), port=None))
            registration = self._by_name[trunk.name] = stack.register(
                registrar=policy.domain,
                account=account,
                contact=_contacts(policy.contact_user),
                targets=self._targets(trunk, policy, locate, gate),
                credentials=policy.credentials,
                pace=policy.pace,
            )
            _log.info("trunk %s: registering at %s", trunk.name, ", ".join(map(str, policy.registrars)))
            registration.start(now)

    def look(self, now: float) -> None:
        """Notice addresses of ours that have changed; to be called now and then."""
        for registration in self._by_name.values():
            registration.look(now)

    def stop(self, now: float) -> None:
        """Have all contacts forgotten: an intent, without a promise."""
        for registration in self._by_name.values():
            registration.stop(now)

    def tell(self, event: RegistrationChanged) -> None:
        """Log one change."""
        registration = event.registration
        name = next((name for name, each in self._by_name.items() if each is registration), "?")
        match event.news:
            case "registered":
                _log.info("trunk %s: registered at %s", name, _shown(registration.flow))
            case "refused":
                _log.error(
                    "trunk %s: registration refused, calls to us will not come: %s; check username, password and realm",
                    name, registration.error,
                )  # fmt: skip
            case "ended":
                _log.info("trunk %s: registration ended", name)
            case "holding":
                _log.warning("trunk %s: not refreshed, and registered still: %s", name, registration.error)
            case "failing":
                _log.warning("trunk %s: not registered, trying again: %s", name, registration.error)
            case "lost":
                _log.warning("trunk %s: registration lost, registering again", name)

    # -- calls --------------------------------------------------------------------------------------------------

    def addressed(self, flow: Flow, request: Request) -> Trunk | None:
        """The trunk that a request from a registrar names; None when it names none, or its source is no registrar.

        Several accounts may be with one carrier: the contact tells them apart, else the user name in To.
        """
        if not self._places:
            return None
        here = [name for name, places in self._places.items() if flow.remote in places]
        if not here:
            here = [name for name, places in self._places.items() if flow.remote[0] in {host for host, _ in places}]
        users = (_user(request.uri), _user(request.to.uri))
        trunks = [self._trunks[name] for name in here]
        for trunk in trunks:
            if trunk.registration is not None and trunk.registration.contact_user == users[0]:
                return trunk
        for trunk in trunks:
            if trunk.registration is not None and trunk.registration.user in users:
                return trunk
        return None

    def called(self, trunk: Trunk, request: Request) -> str:
        """The number a call from this trunk is for; "": that in the Request-URI.

        A registrar puts our Contact there; whom the caller meant stands in P-Called-Party-ID (RFC 7315 4.2) or in To.
        """
        policy = trunk.registration
        if policy is None or _user(request.uri) != policy.contact_user:
            return ""
        stated = request.headers.get("P-Called-Party-ID")
        meant = _address(stated) if stated is not None else None
        return (meant or request.to).uri.user or ""

    def usable(self, trunk: Trunk) -> bool:
        """Whether calls may be sent there as far as its registration matters."""
        policy = trunk.registration
        if policy is None or not policy.required:
            return True
        registration = self._by_name.get(trunk.name)
        return registration is not None and registration.is_registered

    def preferring(self, trunk: Trunk, destinations: list[Destination]) -> list[Destination]:
        """The same destinations, the one that holds our contact first, with the route the registrar asks for.

        RFC 3608 5: the Service-Route is for requests to the domain that gave it.
        """
        registration = self._by_name.get(trunk.name)
        if registration is None or registration.flow is None:
            return destinations
        flow, route = registration.flow, registration.service_route
        place = flow.transport, flow.remote
        if route:
            destinations = [replace(each, routes=route) for each in destinations]
        return sorted(destinations, key=lambda each: (each.flow.transport, each.flow.remote) != place)

    # -- what may be seen ---------------------------------------------------------------------------------------

    def snapshot(self, trunk: Trunk, now: float) -> RegistrationSnapshot | None:
        """The state of one trunk's registration; None when it has none."""
        registration = self._by_name.get(trunk.name)
        if registration is None:
            return None
        return RegistrationSnapshot(
            registered=registration.is_registered,
            state=registration.state.name.lower(),
            registrar=None if registration.flow is None else _shown(registration.flow),
            for_seconds=None if registration.since is None else now - registration.since,
            expires_in=None if registration.expires_at is None else registration.expires_at - now,
            retry_in=None if registration.retry_at is None else max(0.0, registration.retry_at - now),
            error=registration.error,
        )

    def states(self) -> Mapping[str, bool]:
        """Whether it is registered, for every trunk that registers."""
        return {name: registration.is_registered for name, registration in self._by_name.items()}

    def _targets(
        self, trunk: Trunk, policy: RegistrationPolicy, locate: Callable[[NextHop], Iterable[Flow]], gate: Trusting
    ) -> Callable[[], list[Flow]]:
        def targets() -> list[Flow]:
            flows = list(dict.fromkeys(flow for hop in policy.registrars for flow in locate(hop)))
            places = frozenset(flow.remote for flow in flows)
            # An empty answer is DNS in trouble: calls still come from where they came.
            if places and places != self._places.get(trunk.name):
                self._places[trunk.name] = places
                gate.registers_at(trunk, places)
            return flows

        return targets


def _contacts(user: str) -> Callable[[Flow], NameAddr]:
    def contact(flow: Flow) -> NameAddr:
        host, port = flow.local
        parameters = NO_PARAMETERS if flow.transport == "UDP" else Parameters((("transport", flow.transport.lower()),))
        return NameAddr("", Uri("sip", escape_user(user), f"[{host}]" if ":" in host else host, port, parameters))

    return contact


def _shown(flow: Flow | None) -> str:
    return "nowhere" if flow is None else f"{flow.remote[0]} port {flow.remote[1]} ({flow.transport})"


def _user(uri: Uri) -> str:
    try:
        return unescape(uri.user or "")
    except RemoteProtocolError:
        return ""


def _address(text: str) -> NameAddr | None:
    try:
        return NameAddr.parse(text)
    except RemoteProtocolError:
        return None
