"""We ask a far end to call somebody else itself, by REFER: the call then leaves this node (RFC 5589 6)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from softswitch.b2bua.cause import TRANSFERRED, ReleaseCause, from_status
from softswitch.b2bua.leg import CallFailed
from softswitch.dialplan.match import CallFacts, decide
from softswitch.dialplan.route import Reject
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.refer import Refer
from softswitch.sip.session import transfer
from softswitch.sip.uri import Uri, escape_user

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.transfer import TransferRequest
    from softswitch.callflow.transfer import Desk
    from softswitch.dialplan.match import Decision
    from softswitch.dialplan.route import Action

WITHIN = 120.0
"""Seconds a far end has to say how it went."""
NOT_TAKEN = frozenset({403, 405, 420, 489, 501})
"""Refusals of the REFER itself that mean: not here. Then we do it ourselves."""
UNTOLD = from_status(480)


def route(desk: Desk, who: Leg, number: str, at: datetime) -> Decision:
    """Where this number would lead this party."""
    decision = decide(desk.resources.dialplan, CallFacts(who.name, number, who.origin.number.raw), at)
    desk.call.story.tell(
        "transfer routed",
        called=decision.called,
        route=decision.route.name if decision.route is not None else None,
        because=decision.trail[-1].why if decision.trail else None,
    )
    return decision


async def refer(desk: Desk, leg: Leg, number: str, request: TransferRequest | None = None) -> ReleaseCause | None:
    """Ask, and wait for the outcome: TRANSFERRED, or why not; None: it takes no REFER."""
    call, levels = desk.call, leg.transfers
    host = leg.session.remote_uri.host or leg.session.flow.remote[0]
    levels.forget()
    try:
        with call.switch.driver.turn():
            transfer.send(leg.session, Refer(Uri("sip", escape_user(number), host)), call.switch.clock())
    except LocalProtocolError as error:
        call.story.warn("transfer not asked for", leg=leg.name, error=str(error))
        return None
    call.story.tell("transfer asked for", leg=leg.name, to=number)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                while levels.outcome is None:
                    await call.changed()
    finally:
        # Who has been taken over often hangs up in the same breath, which ends this script.
        if request is not None and levels.outcome is not None and levels.outcome.status // 100 == 2:
            request.finish(levels.outcome.status)
    if levels.outcome is None or levels.outcome.status == 0:
        return UNTOLD
    if levels.outcome.status // 100 == 2:
        return TRANSFERRED
    if not levels.outcome.taken and levels.outcome.status in NOT_TAKEN:
        return None
    return from_status(levels.outcome.status)


async def hand_over(desk: Desk, number: str, at: datetime) -> ReleaseCause | Sequence[Action]:
    """The dialplan's `transfer`: what to follow instead, nothing when the far end has taken over; why it could not."""
    call = desk.call
    try:
        desk.redirect(number)
    except CallFailed as failed:
        return failed.cause
    decision = route(desk, call.served, number, at)
    forbidden = decision.actions and isinstance(decision.actions[0], Reject)
    if desk.resources.transfer_policy(call.served.name).refer_out and not forbidden:
        call.served.answer()
        cause = await refer(desk, call.served, number)
        if cause is TRANSFERRED:
            call.cause = TRANSFERRED
            return ()
        if cause is not None:
            return cause
    return decision.actions
