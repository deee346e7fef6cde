"""Ring somebody: one place or several, at once or one after another, until one answers."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from media.ports import PortsExhausted
from softswitch.b2bua.cause import ANSWERED_ELSEWHERE, NO_ANSWER, NO_CIRCUIT, NO_RESPONSE, NO_ROUTE
from softswitch.b2bua.failover import is_route_problem
from softswitch.b2bua.leg import CallFailed, LegState
from softswitch.b2bua.redirect import Redirections, nowhere
from softswitch.b2bua.ringback import Alerting, Ringback
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.cause import ReleaseCause
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.outbound_leg import OutboundLeg
    from softswitch.b2bua.redirect import Follow

    Watch = Callable[[OutboundLeg, int], None]
    """Told of every destination's final status (200 for an answer), so that its health can be remembered."""

PLAIN_RINGBACK = Ringback()
SILENT_AFTER = 4.0
"""Seconds without any response, not even 100 Trying, after which a destination with an alternative is given up.

Timer B would take 32 s, and the caller would be gone; three retransmissions fit into four seconds.
"""


@value_class(frozen=True, slots=True)
class Stage:
    """Destinations that ring at the same time. Several stages are tried in order."""

    destinations: tuple[Destination, ...]
    alternative: bool = False
    """Another way to the person the stage before was for: tried only when that way failed, not when she declined."""


async def dial(
    call: Call,
    stages: Sequence[Stage],
    *,
    ring_for: float,
    watch: Watch,
    ringback: Ringback = PLAIN_RINGBACK,
    on_progress: Callable[[int], None] | None = None,
    follow: Follow = nowhere,
) -> Leg:
    """Ring the stages in order, `ring_for` seconds each; the leg that answered first.

    What the caller hears meanwhile is `ringback`'s affair; `on_progress` is told each provisional status besides.
    `follow` says where a leg that was redirected may be tried instead. Raises CallFailed with the last stage's cause.
    """
    cause = NO_ROUTE
    redirections = Redirections(follow)
    with Alerting(call, ringback, on_progress) as alerting:
        for number, stage in enumerate(stages):
            if number and stage.alternative and not is_route_problem(cause):
                continue
            has_alternative = number + 1 < len(stages) and stages[number + 1].alternative
            silent_after = SILENT_AFTER if has_alternative else ring_for
            try:
                return await _ring(call, stage.destinations, ring_for, silent_after, watch, alerting, redirections)
            except CallFailed as failed:
                cause = failed.cause  # not the exception: kept in a variable it would keep this very frame
    raise CallFailed(cause)


async def _ring(
    call: Call,
    destinations: tuple[Destination, ...],
    ring_for: float,
    silent_after: float,
    watch: Watch,
    alerting: Alerting,
    redirections: Redirections,
) -> Leg:
    ringing, failures = _place(call, destinations)
    now = call.switch.clock()
    give_up, lost_patience = now + ring_for, now + min(silent_after, ring_for)
    while ringing:
        for leg in list(ringing):
            if leg.state is LegState.ANSWERED:
                watch(leg, 200)
                for loser in ringing:
                    if loser is not leg:
                        loser.hangup(ANSWERED_ELSEWHERE)
                return leg
            successor = leg.transfers.replaced_by
            if successor is not None and not successor.ended:
                # Somebody else takes the call from the phone that rings (RFC 3891 1): it was answered elsewhere.
                for rung in ringing:
                    rung.hangup(ANSWERED_ELSEWHERE)
                return successor
            if leg.cause is not None:
                watch(leg, leg.cause.status)
                ringing.remove(leg)
                ringing += _instead_of(call, leg, redirections, failures)
            elif leg.progress:
                alerting.progress(leg)
        if not ringing:
            break
        if await _news(call, alerting, lost_patience if any(not leg.heard_from for leg in ringing) else give_up):
            overdue = call.switch.clock() >= give_up
            for leg in ringing:
                if not leg.heard_from:
                    leg.hangup(NO_RESPONSE)
                elif overdue:
                    leg.hangup(NO_ANSWER)
            if not overdue:
                lost_patience = give_up
    raise CallFailed(_weightiest(failures))


def _instead_of(
    call: Call, leg: OutboundLeg, redirections: Redirections, failures: list[ReleaseCause]
) -> list[OutboundLeg]:
    """Who is called in the place of a leg that has ended: one, or nobody, which is a failure."""
    while (destination := redirections.instead_of(leg)) is not None:
        call.story.tell("redirected", leg=leg.name, uri=str(destination.uri))
        placed, _ = _place(call, (destination,))
        if placed:
            redirections.rings(placed[0], leg)
            return placed
    if leg.cause is not None:
        failures.append(leg.cause)
    return []


async def _news(call: Call, alerting: Alerting, until: float) -> bool:
    """Wait for news, or for the caller's ear to be due; True when it is `until`."""
    alerting.look()
    due = alerting.due
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(until if due is None else min(until, due)):
            await call.changed()
            return False
    return call.switch.clock() >= until


def _place(call: Call, destinations: tuple[Destination, ...]) -> tuple[list[OutboundLeg], list[ReleaseCause]]:
    ringing: list[OutboundLeg] = []
    failures: list[ReleaseCause] = []
    for destination in destinations:
        call.check()
        try:
            leg = call.switch.invite(destination, call.served, call.served.group)
        except CallFailed as failed:
            call.story.tell("not dialled", destination=destination.name, cause=failed.cause.text)
            failures.append(failed.cause)
        except PortsExhausted as error:
            call.story.warn("not dialled", destination=destination.name, cause=str(error))
            failures.append(NO_CIRCUIT)
        else:
            call.own(leg)
            ringing.append(leg)
    return ringing, failures


def _weightiest(failures: list[ReleaseCause]) -> ReleaseCause:
    """The one answer of several that tells the caller most (RFC 3261 16.7 6): 6xx, then the lowest class."""
    return min(failures, key=lambda cause: (cause.status < 600, cause.status // 100, cause.status), default=NO_ROUTE)
