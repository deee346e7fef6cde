"""Where the phones are: the contacts each user has registered, for how long, and by which flow (RFC 3261 10.3).

A call is sent back by the flow the registration came by, which is the only way through a phone's NAT (RFC 5626 idea).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from softswitch.b2bua.destination import NOTHING_ELSE, Destination, OutwardPolicy
from softswitch.b2bua.terms import NO_TERMS, MediaTerms
from softswitch.sip.flow import WEB_SOCKET, Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.outgoing import host_port
from softswitch.sip.parameters import NO_PARAMETERS
from softswitch.sip.session.terms import PLAIN, SessionTerms
from softswitch.sip.uri import Uri
from softswitch.telemetry.snapshot import ContactSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from softswitch.b2bua.origin import Origin


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of one user. Times are monotonic seconds."""

    contact: Uri
    flow: Flow
    expires_at: float
    call_id: str
    cseq: int
    instance: str = ""
    """`+sip.instance`: which device this is; a phone that restarts replaces its own contact (RFC 5626 4.1)."""
    reg_id: str = ""
    """Which of the device's flows (RFC 5626 4.2): several lead to one phone, and one of them is enough to ring it."""
    path: tuple[NameAddr, ...] = ()
    """Proxies on the way to the phone (RFC 3327)."""
    quality: float = 1.0
    user_agent: str = ""
    session: str = ""
    """The session of a page by which it was registered; "": none."""
    is_there: bool = True
    """False: its connection is gone, and it is expected back with another one."""

    def same_place(self, other: Binding) -> bool:
        """True when `other` is the same device or the same contact address (RFC 3261 10.3 step 7)."""
        if self.instance and other.instance:
            # A device that kept one flow before, or does from now on, is the same device all the same.
            same_flow = not self.reg_id or not other.reg_id or self.reg_id == other.reg_id
            return self.instance == other.instance and same_flow
        return self.contact.equivalent(other.contact)


class Bindings:
    """All registrations, in memory. The registrar writes, everybody else asks.

    Invariants: `_sources` counts exactly the bindings of each remote address, `_users_by_flow` holds exactly the users
    reached by each flow; what has expired is never returned.
    """

    __slots__ = ("_by_user", "_sources", "_users_by_flow")

    def __init__(self) -> None:
        self._by_user: dict[str, tuple[Binding, ...]] = {}
        self._sources: dict[str, int] = {}
        self._users_by_flow: dict[Flow, set[str]] = {}

    def lookup(self, user: str, now: float) -> tuple[Binding, ...]:
        """The user's live contacts, best quality first, the freshest first among equals; () when there are none."""
        bindings = self._by_user.get(user, ())
        if any(binding.expires_at <= now for binding in bindings):
            bindings = tuple(binding for binding in bindings if binding.expires_at > now)
            self.replace(user, bindings)
        return bindings

    def replace(self, user: str, bindings: Iterable[Binding]) -> None:
        """Make these the user's contacts, all at once."""
        for old in self._by_user.pop(user, ()):
            self._forget(user, old.flow)
        new = tuple(sorted(bindings, key=lambda binding: (-binding.quality, -binding.expires_at)))
        if new:
            self._by_user[user] = new
            for binding in new:
                address = binding.flow.remote[0]
                self._sources[address] = self._sources.get(address, 0) + 1
                self._users_by_flow.setdefault(binding.flow, set()).add(user)

    def ways(
        self,
        user: str,
        now: float,
        *,
        domain: str,
        terms: MediaTerms = NO_TERMS,
        session: SessionTerms = PLAIN,
        policy: OutwardPolicy = NOTHING_ELSE,
        origin: Origin | None = None,
    ) -> list[tuple[Destination, ...]]:
        """Where the user's phones are reached at present: all that ring together; [] when none is registered.

        What follows the first are further flows of the same devices, freshest first, for when the flow before has
        failed (RFC 5626 7): a phone with two flows rings once.
        """
        to = NameAddr("", Uri("sip", user, domain), NO_PARAMETERS)
        tried: dict[str, int] = {}
        rounds: list[list[Destination]] = []
        for binding in self.lookup(user, now):
            if not binding.is_there:
                continue
            number = tried.get(binding.instance, 0) if binding.reg_id else 0
            if binding.reg_id:
                tried[binding.instance] = number + 1
            while len(rounds) <= number:
                rounds.append([])
            rounds[number].append(
                Destination(
                    name=f"phone:{user}",
                    uri=binding.contact,
                    flow=binding.flow,
                    to=to,
                    routes=binding.path,
                    policy=policy,
                    number=user,
                    origin=origin,
                    terms=terms,
                    session=session,
                )
            )
        return [tuple(each) for each in rounds]

    def has_source(self, address: str) -> bool:
        """True when some phone is registered from this address; an expired one may linger until it is looked up."""
        return address in self._sources

    def has_flow(self, flow: Flow) -> bool:
        """True when some phone is registered by exactly this flow."""
        return flow in self._users_by_flow

    def connection_lost(self, flow: Flow) -> None:
        """Forget what was registered over a connection that is gone, unless the phone can be connected to anew.

        A contact that names the very host the registration came from is no NAT's work: it is dialled instead.
        """
        for user in tuple(self._users_by_flow.get(flow, ())):
            self.replace(user, self._without(self._by_user[user], flow))

    def connection_away(self, flow: Flow) -> None:
        """Ring nobody over this connection until it is replaced."""
        for user in tuple(self._users_by_flow.get(flow, ())):
            bindings = self._by_user[user]
            self.replace(user, [replace(each, is_there=False) if each.flow == flow else each for each in bindings])

    def session_ended(self, user: str, session: str) -> None:
        """Forget what was registered by a page that has signed out."""
        self.replace(user, [each for each in self._by_user.get(user, ()) if each.session != session])

    def purge(self, now: float) -> int:
        """Drop everything that has expired; give how many contacts are left. For a slow periodic call."""
        return sum(len(self.lookup(user, now)) for user in list(self._by_user))

    def users(self) -> tuple[str, ...]:
        """Users with contacts, expired ones possibly included."""
        return tuple(self._by_user)

    def snapshot(self, now: float) -> list[ContactSnapshot]:
        """All contacts, by user."""
        return [
            ContactSnapshot(
                user=user,
                contact=str(binding.contact),
                transport=binding.flow.transport,
                source=host_port(*binding.flow.remote),
                expires_in=binding.expires_at - now,
                user_agent=binding.user_agent,
                instance=binding.instance,
                reg_id=binding.reg_id,
                path=tuple(map(str, binding.path)),
                quality=binding.quality,
                connected=binding.is_there,
            )
            for user in sorted(self._by_user)
            for binding in self.lookup(user, now)
        ]

    def _forget(self, user: str, flow: Flow) -> None:
        address = flow.remote[0]
        self._sources[address] -= 1
        if not self._sources[address]:
            del self._sources[address]
        users = self._users_by_flow.get(flow, set())
        users.discard(user)
        if not users:
            self._users_by_flow.pop(flow, None)

    @staticmethod
    def _without(bindings: tuple[Binding, ...], flow: Flow) -> Iterator[Binding]:
        for binding in bindings:
            if binding.flow != flow:
                yield binding
            elif flow.transport == "TLS" or flow.transport in WEB_SOCKET:
                continue  # a phone whose certificate nobody knows, or a page: it registers anew
            elif binding.contact.address == flow.remote[0] and binding.contact.port is not None:
                remote = (flow.remote[0], binding.contact.port)
                yield replace(binding, flow=Flow(flow.transport, flow.local, remote, 0))
