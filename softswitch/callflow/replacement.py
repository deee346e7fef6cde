"""An INVITE with Replaces (RFC 3891): somebody calls to take another's place in a call that is running.

That is what the target of an attended transfer receives, and how a phone picks up a call that rings at another. The new
leg belongs to the running call; its script answers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.ports import PortsExhausted
from softswitch.b2bua.cause import NO_CIRCUIT, NOT_ACCEPTABLE, from_status
from softswitch.b2bua.inbound_leg import InboundLeg
from softswitch.b2bua.leg import Leg
from softswitch.sdp.errors import SdpError
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.replaces import REFUSALS, Match, replaces_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from softswitch.b2bua.switchboard import Switchboard
    from softswitch.callflow.supervisor import Incoming, RunningCall


class JoiningLeg(InboundLeg):
    """The leg of somebody who calls into a running call."""

    __slots__ = ()

    role = "callee"


def take_place(incoming: Incoming, switch: Switchboard, calls: Mapping[str, RunningCall]) -> None:
    """Hand the INVITE to the call it names, or refuse it with the status RFC 3891 3 names."""
    session, now = incoming.session, switch.clock()
    try:
        named = replaces_of(incoming.request)
    except RemoteProtocolError as error:
        session.reject(error.status, now, reason=error.reason)
        return
    assert named is not None
    with switch.driver.turn() as stack:
        match, found = stack.find_replaced(named)
    old = found.owner if found is not None else None
    running = calls.get(old.story.call_id) if isinstance(old, Leg) else None
    status = REFUSALS.get((match, named.early_only))
    if not isinstance(old, Leg) or running is None:
        session.reject(status or 481, now)
        return
    if not _may_replace(incoming.source, old.name):
        status = 403
    elif status is None and match is Match.CONFIRMED and not _talks(old):
        status = 480
    elif status is None and old.transfers.replaced_by is not None:
        status = 486
    if status is not None:
        old.story.tell("replacement refused", leg=old.name, by=incoming.source, status=status)
        session.reject(status, now)
        return
    leg = JoiningLeg(
        switch, old.story, name=incoming.source, origin=incoming.origin, terms=incoming.terms, session=session
    )
    leg.group = old.group
    running.call.own(leg)
    switch.ladder.claim(session.call_id, leg)
    old.story.tell("replacement received", leg=old.name, by=leg.name)
    try:
        leg.take_offer(incoming.request.body)
    except SdpError as error:
        leg.refuse_offer(NOT_ACCEPTABLE if error.status == 488 else from_status(error.status), error)
    except PortsExhausted:
        leg.hangup(NO_CIRCUIT)
    else:
        old.transfers.replaced_by = leg
        old.on_change()


def _may_replace(source: str, replaced: str) -> bool:
    """Whoever is on the line, and one phone of ours for another. A trunk reaches into nobody else's calls."""
    return source == replaced or (source.startswith("phone:") and replaced.startswith("phone:"))


def _talks(leg: Leg) -> bool:
    return leg.partner is not None and leg.partner.answered_at is not None
