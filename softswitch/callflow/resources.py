"""What a call script needs besides the call itself: one immutable value; running calls keep theirs at a reload."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from softswitch.b2bua.cause import ADDRESS_INCOMPLETE, NO_CIRCUIT, NO_RESPONSE, NOT_REGISTERED
from softswitch.b2bua.destination import NOTHING_ELSE, OutwardPolicy
from softswitch.b2bua.dial import Stage
from softswitch.b2bua.failover import is_route_problem
from softswitch.b2bua.leg import CallFailed
from softswitch.b2bua.origin import Number
from softswitch.b2bua.terms import NO_TERMS
from softswitch.b2bua.transfer import NO_RULES, NO_TRANSFERS
from softswitch.dialplan.match import canonical, forbidden, is_emergency
from softswitch.dialplan.route import WITHHELD, Dial, PhoneTarget, TrunkTarget
from softswitch.recording.session import Recording
from softswitch.sip.session.terms import PLAIN, SessionTerms
from softswitch.sip.uri import user_part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.outbound_leg import OutboundLeg
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.b2bua.transfer import TransferPolicy, TransferRules
    from softswitch.callflow.outbound import Outbound
    from softswitch.callflow.sounds import Sounds
    from softswitch.dialplan.route import Target
    from softswitch.dialplan.rules import Dialplan
    from softswitch.endpoints.bindings import Bindings
    from softswitch.endpoints.health import DestinationHealth
    from softswitch.endpoints.trunk import Trunk
    from softswitch.endpoints.trunk_registration import TrunkRegistrations
    from softswitch.sip.flow import Flow
    from softswitch.sip.uri import Uri
    from softswitch.streams.session import Streams
    from softswitch.transport.locate import Locator
    from softswitch.transport.next_hop import NextHop


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything the dialplan's applications draw on."""

    dialplan: Dialplan
    trunks: Mapping[str, Trunk]
    outbound: Outbound
    """Which trunks a call may take, and how often a caller may."""
    bindings: Bindings
    health: DestinationHealth
    locator: Locator
    registrations: TrunkRegistrations
    phone_domain: str
    phone_terms: Mapping[str, MediaTerms]
    """By user name."""
    phone_policy: OutwardPolicy = NOTHING_ELSE
    """What phones are told of a call."""
    sounds: Sounds
    streams: Streams
    recordings: Path
    record_by_default: bool
    phone_session: SessionTerms = PLAIN
    """The SIP extensions that may be used with phones."""
    transfers: TransferRules = NO_RULES

    def stages(self, call: Call, dial: Dial, origin: Origin | None = None, *, by: Leg | None = None) -> list[Stage]:
        """Where to ring, in order. Targets nobody can be reached at now contribute nothing.

        `origin`: who is said to call; None: the caller, or what `dial` says. `by`: whose limits count; None: the
        caller's. Raises CallFailed when nobody at all can
        be reached.
        """
        if origin is None:
            origin = self._said_to_call(call, dial)
        ways: list[list[Stage]] = []
        emergency = is_emergency(self.dialplan, dial.called or _first_number(dial))
        targets, refused = self.outbound.targets(call, dial, emergency=emergency, by=by)
        cause = refused or NO_CIRCUIT
        for target in targets:
            try:
                ways.append(self._ways(call, target, origin, emergency=emergency))
            except CallFailed as failed:
                cause = failed.cause
        if not ways:
            raise CallFailed(cause)
        ways = self._healthy_first(call, ways)
        if dial.strategy == "parallel":
            # Of a trunk only the best next hop rings: several would ring the same person twice.
            return [Stage(tuple(each for of_one in ways for each in of_one[0].destinations))]
        stages: list[Stage] = []
        for of_one in ways:
            for stage in of_one:
                after_trunk = bool(stages) and _is_trunk(stages[-1].destinations[0].name)
                same_kind = after_trunk and _is_trunk(stage.destinations[0].name)
                stages.append(Stage(stage.destinations, stage.alternative or same_kind))
        return stages

    def _healthy_first(self, call: Call, ways: list[list[Stage]]) -> list[list[Stage]]:
        """Trunks without a destination that nothing speaks against come behind the other trunks; phones stay."""
        trunks = [of_one for of_one in ways if _is_trunk(of_one[0].destinations[0].name)]
        if len(trunks) < 2 or self.health.spotless:
            return ways
        now = call.switch.clock()
        ranks = [min(self.health.rank(stage.destinations[0].flow, now) for stage in of_one) for of_one in trunks]
        if ranks == sorted(ranks):
            return ways
        for of_one, rank in zip(trunks, ranks, strict=True):
            if rank:
                name = of_one[0].destinations[0].name
                call.story.tell("trunk tried last", leg=name, why="down" if rank == 2 else "failed lately")
        healthy = iter([trunks[index] for index in sorted(range(len(trunks)), key=ranks.__getitem__)])
        return [next(healthy) if _is_trunk(of_one[0].destinations[0].name) else of_one for of_one in ways]

    def _ways(self, call: Call, target: Target, origin: Origin | None, *, emergency: bool) -> list[Stage]:
        """The ways to one target, best first: each next hop of a trunk, or all of a phone's contacts at once.

        Raises CallFailed when there is none at present.
        """
        now = call.switch.clock()
        match target:
            case TrunkTarget(trunk, number):
                route = self.trunks[trunk]
                if not self.registrations.usable(route):
                    call.story.tell("trunk not registered", trunk=trunk)
                    raise CallFailed(NO_CIRCUIT)
                try:
                    if not number:
                        raise ValueError("no number")
                    found = route.destinations(
                        number,
                        locate=self.locate,
                        health=self.health,
                        now=now,
                        origin=origin,
                        hops=self.outbound.selector.hops(route),
                    )
                except ValueError as error:
                    call.story.tell("number cannot be dialled", trunk=trunk, error=str(error))
                    raise CallFailed(ADDRESS_INCOMPLETE) from error
                if not found:
                    call.story.warn("trunk has no address", trunk=trunk)
                    raise CallFailed(NO_CIRCUIT)
                found = self.health.in_order(self.registrations.preferring(route, found), now)
                if emergency:
                    found = [replace(destination, emergency=True) for destination in found]
                return [Stage((destination,)) for destination in found]
            case PhoneTarget(user):
                rounds = self.bindings.ways(
                    user,
                    now,
                    domain=self.phone_domain,
                    terms=self.phone_terms.get(user, NO_TERMS),
                    session=self.phone_session,
                    policy=self.phone_policy,
                    origin=origin,
                )
                if not rounds:
                    call.story.tell("not registered", phone=user)
                    raise CallFailed(NOT_REGISTERED)
                return [Stage(contacts, alternative=number > 0) for number, contacts in enumerate(rounds)]

    def redirected(self, call: Call, leg: OutboundLeg, by: Leg | None = None) -> list[Destination]:
        """Where a leg may be tried that its trunk has redirected: over the same trunk, and only numbers that it may be
        asked to call and no rule rejects. An address of the trunk's own is taken as the way there, another one is
        not. `by`: as in `stages`."""
        trunk = self.trunks.get(leg.name.removeprefix("trunk:")) if _is_trunk(leg.name) else None
        if trunk is None or not trunk.follows_redirects:
            return []
        found = []
        # The caller stays who was told there, withheld or not; the call was for somebody else before.
        caller = leg.told or call.served.origin
        origin = caller.diverted(Number(user_part(leg.number), leg.number))
        for uri in leg.redirected_to:
            number = canonical(self.dialplan, uri.user or "", leg.name)
            why = self._forbidden(leg, number, call.caller if by is None else by)
            if why:
                call.story.tell("redirection refused", leg=leg.name, to=str(uri), rule=why)
                continue
            try:
                stages = self.stages(call, Dial((TrunkTarget(trunk.name, number),), called=number), origin, by=by)
            except CallFailed as failed:
                call.story.tell("redirection refused", leg=leg.name, to=str(uri), cause=failed.cause.text)
                continue
            ways = [each for stage in stages for each in stage.destinations]
            found.append(max(ways, key=partial(_likeness, uri)))
        return found

    def _forbidden(self, leg: OutboundLeg, number: str, who: Leg) -> str:
        """What the rules have against sending a call of theirs on to this number; nothing when it is for help."""
        if number == leg.number or is_emergency(self.dialplan, leg.number):
            return ""
        return forbidden(self.dialplan, who.name, number, who.origin.number.canonical, datetime.now(UTC))

    def transfer_policy(self, name: str) -> TransferPolicy:
        """Of an endpoint, by its label. A guest came for one destination, and names no other."""
        if name.startswith("guest:"):
            return NO_TRANSFERS
        if not _is_trunk(name):
            return self.transfers.phones
        trunk = self.trunks.get(name.removeprefix("trunk:"))
        return NO_TRANSFERS if trunk is None else trunk.transfer

    def _said_to_call(self, call: Call, dial: Dial) -> Origin | None:
        """What the rule says of the caller; None: nothing."""
        if not dial.caller and not dial.diversion:
            return None
        origin = call.served.origin
        if dial.caller == WITHHELD:
            origin = origin.hidden()
        elif dial.caller:
            origin = origin.calling_as(Number(user_part(dial.caller), dial.caller))
        if dial.diversion:
            origin = origin.diverted(Number(user_part(dial.called), dial.called), dial.diversion)
        return origin

    def watch(self, leg: OutboundLeg, status: int) -> None:
        """Remember how a destination did."""
        if not _is_trunk(leg.name):
            return
        cause = leg.cause
        if cause is NO_RESPONSE:
            status = 408
        elif cause is not None and status == 408 and not is_route_problem(cause):
            status = 480  # it rang: that speaks of the called party
        retry_after = None if cause is None else cause.retry_after
        self.health.report(leg.session.flow, status, leg.switch.clock(), retry_after)

    def record(self, call: Call, segment: int) -> Recording:
        """Start recording this call, for the first time or again after a transfer."""
        return Recording(call, self.recordings, call.switch.number(), segment=segment)

    def locate(self, hop: NextHop) -> list[Flow]:
        """Every way to reach a next hop at present, best first."""
        return self.locator.flows(hop)


def _first_number(dial: Dial) -> str:
    return next((each.number for each in dial.targets if isinstance(each, TrunkTarget) and each.number), "")


def _likeness(uri: Uri, destination: Destination) -> int:
    """How much of where a destination is reached stands in `uri`: 2 address and port, 1 the address, 0 nothing."""
    host, port = destination.flow.remote
    return 0 if host != uri.address else 2 if uri.port in (None, port) else 1


def _is_trunk(name: str) -> bool:
    return name.startswith("trunk:")
