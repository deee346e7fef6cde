"""A trunk: a carrier or another switch, known by the addresses it sends from and the next hops it is reached at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.b2bua.destination import NOTHING_ELSE, Destination, OutwardPolicy
from softswitch.b2bua.terms import NO_TERMS, MediaTerms
from softswitch.b2bua.transfer import NO_TRANSFERS, TransferPolicy
from softswitch.endpoints.identity import FROM_ALONE, IdentityRules
from softswitch.endpoints.limits import NO_LIMITS, TrunkLimits
from softswitch.endpoints.selection import IN_ORDER, HopPolicy
from softswitch.endpoints.tls_identities import ANY_TRANSPORT, TrunkTls
from softswitch.endpoints.toll import NO_POLICY, TollPolicy
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS, Parameters
from softswitch.sip.session.terms import PLAIN, SessionTerms
from softswitch.sip.uri import Uri, user_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from softswitch.b2bua.origin import Origin
    from softswitch.endpoints.health import DestinationHealth
    from softswitch.endpoints.network import Source
    from softswitch.endpoints.probe import ProbePolicy
    from softswitch.endpoints.rates import Rates
    from softswitch.endpoints.trunk_registration import RegistrationPolicy
    from softswitch.sip.digest import Credentials
    from softswitch.sip.flow import Flow
    from softswitch.transport.next_hop import NextHop


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """Immutable; a reload makes new ones and running calls keep theirs."""

    name: str
    sources: tuple[Source, ...] = ()
    """Where its calls come from; empty: it may not call us."""
    next_hops: tuple[NextHop, ...] = ()
    """Where calls to it go, in order of preference; empty: it cannot be called."""
    terms: MediaTerms = NO_TERMS
    session: SessionTerms = PLAIN
    """The SIP extensions that may be used in its calls."""
    credentials: Credentials | None = None
    """For challenges from this trunk's realm only."""
    from_domain: str | None = None
    """The host part of To towards this trunk, when it insists on one; `outward.presentation` has that of From."""
    identity: IdentityRules = FROM_ALONE
    """How it tells who calls."""
    outward: OutwardPolicy = NOTHING_ELSE
    """What it is told of a call, and how it writes numbers."""
    registration: RegistrationPolicy | None = None
    """Where and how we register for it; None: we do not."""
    limits: TrunkLimits = NO_LIMITS
    call_path: bool = True
    """Whether calls to it tell where they have been."""
    follows_redirects: bool = False
    """Whether its 3xx leads to another number over it, or is a refusal."""
    transfer: TransferPolicy = NO_TRANSFERS
    """What its REFER does, and whether it takes ours."""
    tls: TrunkTls = ANY_TRANSPORT
    hops: HopPolicy = IN_ORDER
    """How its next hops take turns."""
    probe: ProbePolicy | None = None
    """How its next hops are asked whether they live; None: they are not."""
    toll: TollPolicy = NO_POLICY
    """What it may be asked to call."""
    rates: Rates | None = None
    """What calls over it cost; None: nobody said."""

    @property
    def label(self) -> str:
        """The name used in logs, stories and records."""
        return f"trunk:{self.name}"

    @property
    def reached_at(self) -> tuple[NextHop, ...]:
        """Where anything is sent for it: calls, and REGISTERs."""
        registrars = () if self.registration is None else self.registration.registrars
        return tuple(dict.fromkeys((*self.next_hops, *registrars)))

    def uri_at(self, hop: NextHop, user: str | None) -> Uri:
        """A Request-URI at a next hop; `user` already escaped, None for the host itself."""
        unsaid = hop.secure or hop.transport in ("", "UDP")
        parameters = NO_PARAMETERS if unsaid else Parameters((("transport", hop.transport.lower()),))
        return Uri("sips" if hop.secure else "sip", user, hop.uri_host, hop.uri_port, parameters)

    def destinations(
        self,
        number: str,
        *,
        locate: Callable[[NextHop], Iterable[Flow]],
        health: DestinationHealth,
        now: float,
        origin: Origin | None = None,
        hops: Sequence[NextHop] | None = None,
    ) -> list[Destination]:
        """Where to send a call for `number`, in the order to try; [] when no next hop can be located.

        `locate` gives the flows a next hop resolves to (several addresses of one name are tried one by one), and none
        when it cannot be resolved. Next hops that failed a short while ago come last; `hops`: another order of the
        others. `origin`: who is said to call, when it is not simply the caller. Raises ValueError for a number that
        cannot stand in a SIP URI.
        """
        form = self.outward.presentation.format
        user = user_part(number if form is None else form.write(number))
        found: list[Destination] = []
        for hop in self.next_hops if hops is None else hops:
            scheme = "sips" if hop.secure else "sip"
            to = NameAddr("", Uri(scheme, user, self.from_domain or hop.uri_host), NO_PARAMETERS)
            uri = self.uri_at(hop, user)
            found.extend(
                Destination(
                    name=self.label,
                    uri=uri,
                    flow=flow,
                    to=to,
                    policy=self.outward,
                    number=number,
                    origin=origin,
                    credentials=self.credentials,
                    terms=self.terms,
                    session=self.session,
                    call_path=self.call_path,
                )
                for flow in locate(hop)
            )
        return health.in_order(found, now)
