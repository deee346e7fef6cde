"""A transfer: one party of a call hands the other to somebody else, and gets the call back if nobody is there.

Blind: whoever is to be transferred waits, and the dialplan decides on the number as if the transferor had dialled it.
Attended: the transferor talks to the target already; the two remaining parties are joined, here where both calls are
ours, or by an INVITE with Replaces where the other one is elsewhere (RFC 5589 6, 7).

The transferor is told the true outcome. A call that cannot be handed over returns to it: bridged again while it is
still there, by ringing it where it has hung up already.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from softswitch.b2bua.cause import (
    NO_ROUTE,
    NOT_REGISTERED,
    REPLACED,
    TRANSFERRED,
    ReleaseCause,
    from_q850,
    from_status,
)
from softswitch.b2bua.dial import Stage, dial
from softswitch.b2bua.join import take
from softswitch.b2bua.leg import CallFailed, Leg
from softswitch.b2bua.transfer import part
from softswitch.callflow.announce import failure_tone
from softswitch.callflow.refer_out import refer, route
from softswitch.dialplan.route import (
    Answer,
    Dial,
    Hangup,
    PhoneTarget,
    Record,
    Reject,
    Ring,
    Stream,
    Transfer,
    TrunkTarget,
)
from softswitch.sip.replaces import REFUSALS, Match
from softswitch.sip.uri import unescape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.outbound_leg import OutboundLeg
    from softswitch.b2bua.transfer import TransferRequest
    from softswitch.callflow.recorder import Recorder
    from softswitch.callflow.resources import Resources
    from softswitch.callflow.streaming import Streaming
    from softswitch.dialplan.route import Action
    from softswitch.sip.replaces import Replaces

NOT_THERE = frozenset({408, 480, 486, 487, 600, 603})
"""Answers about the person called. All others speak of the way there: a technical failure (REQUIREMENTS G9)."""
FORBIDDEN = from_status(403)
MOST_REDIRECTIONS = 10
"""Of one call by the dialplan: a rule that leads to itself ends."""


class Desk:
    """What the stories of one call share."""

    __slots__ = ("call", "recorder", "redirections", "resources", "streaming")

    def __init__(self, call: Call, resources: Resources, recorder: Recorder, streaming: Streaming) -> None:
        self.call = call
        self.resources = resources
        self.recorder = recorder
        self.streaming = streaming
        self.redirections = 0
        """By the dialplan's `transfer`."""

    def redirect(self, number: str) -> None:
        """The dialplan hands over once more. Raises CallFailed when that goes in a circle."""
        self.redirections += 1
        if self.redirections > MOST_REDIRECTIONS:
            self.call.story.warn("transfer in a circle", to=number)
            raise CallFailed(from_status(482))

    def join(self, other: Leg) -> None:
        """Answer whom the call serves the way `other` answered us, or the other way round; both are recorded.

        Raises CallFailed without a common codec.
        """
        served = self.call.served
        served.answer(like=other)
        other.answer(like=served)
        other.adapt_to(served)
        self.recorder.add(served, other)


async def transfer(desk: Desk, transferor: Leg, transferee: Leg, request: TransferRequest) -> Leg | Sequence[Action]:
    """Carry it out; whom the one the call serves talks to now, or what the dialplan has for it instead.

    Raises CallFailed when the call ends with it.
    """
    call, resources = desk.call, desk.resources
    if request.is_refer and not resources.transfer_policy(transferor.name).refer:
        request.refuse(403, "Transfers are not accepted here")
        return transferor if call.served is transferee else transferee
    served = call.served
    call.serve(transferee)
    part(transferor, transferee)
    with request:
        try:
            found = await _reach(desk, transferor, request)
        except CallFailed as failed:
            cause = failed.cause
            request.finish(cause.status if cause.status >= 300 else 480)
        else:
            request.finish(200)
            request.dismiss(TRANSFERRED)
            return found
    call.story.tell("transfer failed", status=cause.status, cause=cause.text)
    if cause.status in NOT_THERE and (request.on_failure or resources.transfers.on_failure) == "end":
        request.dismiss(cause)
        await _fail(desk, cause)
    if transferor.ended:
        return await _ring_back(desk, transferor, cause)
    transferor.silent = transferee.silent = False
    call.serve(served)
    other = transferor if served is transferee else transferee
    desk.recorder.add(served, other)
    return other


def take_place(desk: Desk, old: Leg, new: Leg, keeper: Leg) -> Leg:
    """Somebody called to talk to `keeper` in the place of `old` (RFC 3891); whom the one served talks to now."""
    call = desk.call
    try:
        new.answer(like=keeper)
        keeper.adapt_to(new)
    except CallFailed as failed:
        new.hangup(failed.cause)
    if new.ended:
        return old if call.served is keeper else keeper
    call.story.tell("leg replaced", leg=old.name, by=new.name)
    part(old, keeper)
    if call.served is old:
        call.serve(new)
    old.hangup(REPLACED)
    other = keeper if call.served is new else new
    desk.recorder.next_segment()
    desk.recorder.add(call.served, other)
    return other


async def _reach(desk: Desk, transferor: Leg, request: TransferRequest) -> Leg | Sequence[Action]:
    """The target, joined to whom the call serves; or applications that take its place. Raises CallFailed."""
    number = unescape(request.refer.target.user or "")
    replaces = request.refer.replaces
    if request.consulted is not None:
        return _joined(desk, await take(desk.call, request.consulted))
    if replaces is not None:
        consulted = _consulted(desk, transferor, replaces)
        if consulted is not None:
            replaces = None
            other = consulted.partner
            if other is not None and other.answered_at is not None:
                return _joined(desk, await take(desk.call, other))
            if consulted.session.role != "uas":
                raise CallFailed(NOT_REGISTERED)
            # It is not answered yet, or the switch itself answered (a conference): the same number, dialled again.
            number = consulted.session.request.uri.user or ""
            consulted.hangup(TRANSFERRED)
    return await _dial(desk, transferor, request, number, replaces)


async def _dial(
    desk: Desk, transferor: Leg, request: TransferRequest, number: str, replaces: Replaces | None
) -> Leg | Sequence[Action]:
    """Follow the dialplan as if the transferor had dialled this."""
    call, resources = desk.call, desk.resources

    def redirected(leg: OutboundLeg) -> Sequence[Destination]:
        return _on_behalf(Stage(tuple(resources.redirected(call, leg, transferor))), transferor, replaces).destinations

    decision = route(desk, transferor, number, datetime.now(UTC))
    forbidden = decision.actions and isinstance(decision.actions[0], Reject)
    if not request.is_refer and resources.transfer_policy(call.served.name).refer_out and not forbidden:
        cause = await refer(desk, call.served, number, request)
        if cause is TRANSFERRED:
            call.cause = TRANSFERRED
            return ()
        if cause is not None:
            raise CallFailed(cause)
    failure: ReleaseCause | None = None
    for position, action in enumerate(decision.actions):
        match action:
            case Dial():
                try:
                    leg = await dial(
                        call,
                        [
                            _on_behalf(stage, transferor, replaces)
                            for stage in resources.stages(call, action, by=transferor)
                        ],
                        ring_for=action.ring_for,
                        watch=resources.watch,
                        ringback=resources.sounds.transfer_ringback(action.ringback),
                        on_progress=request.progress,
                        follow=redirected,
                    )
                    found = _joined(desk, leg)
                except CallFailed as failed:
                    failure = failed.cause
                    request.on_failure = action.failed_transfer
                    continue
                if action.record is not None:
                    desk.recorder.switch(on=action.record)
                    desk.recorder.add(call.served, leg)
                return found
            case Record(enabled):
                desk.recorder.switch(on=enabled)
            case Stream(mode="listen"):
                desk.streaming.listen(action)
            case Reject() | Hangup() if failure is not None:
                break  # it says so in the caller's words; the transferor shall know what really happened
            case Reject(status, reason):
                raise CallFailed(replace(from_status(status), text=reason or from_status(status).text))
            case Hangup(q850):
                raise CallFailed(from_q850(q850, "ended by dialplan", answered=False))
            case Transfer(to):
                desk.redirect(to)
                return await _dial(desk, transferor, request, to, replaces)
            case Answer() | Ring():
                pass
            case _:
                return decision.actions[position:]
    raise CallFailed(failure or NO_ROUTE)


def _on_behalf(stage: Stage, transferor: Leg, replaces: Replaces | None) -> Stage:
    """The same, telling whom it is for (RFC 3892) and which dialog it is to replace (RFC 5589 7.1)."""
    destinations = []
    for destination in stage.destinations:
        host = destination.flow.local[0]
        # As it would itself be told there: its number in that form, if it is one of ours, and if it may be known.
        told = destination.policy.presentation.show(
            transferor.origin, f"[{host}]" if ":" in host else host, destination.uri
        )
        by = told.from_.uri
        headers = [*destination.headers, ("Referred-By", f"<{by}>")]
        if replaces is not None:
            headers += [("Replaces", str(replaces)), ("Require", "replaces")]
        destinations.append(replace(destination, headers=tuple(headers)))
    return Stage(tuple(destinations), stage.alternative)


def _joined(desk: Desk, leg: Leg) -> Leg:
    """Raises CallFailed, with the leg released, when the two cannot be joined."""
    desk.recorder.next_segment()
    try:
        desk.join(leg)
    except CallFailed as failed:
        leg.hangup(failed.cause)
        raise
    return leg


def _consulted(desk: Desk, transferor: Leg, replaces: Replaces) -> Leg | None:
    """The transferor's leg of its other call, when that is a call of this node. Raises CallFailed when it may not be
    named, or is no more."""
    with desk.call.switch.driver.turn() as stack:
        match, session = stack.find_replaced(replaces)
    if match is Match.NOTHING or session is None:
        return None
    leg = session.owner
    if not isinstance(leg, Leg) or leg.ended:
        raise CallFailed(from_status(603))
    if leg.name != transferor.name or leg in (transferor, desk.call.served):
        raise CallFailed(FORBIDDEN)
    status = REFUSALS.get((match, replaces.early_only))
    if status is not None and match is not Match.EARLY_THEIRS:
        raise CallFailed(from_status(status))
    return leg


async def _ring_back(desk: Desk, transferor: Leg, cause: ReleaseCause) -> Leg:
    """The transferor has hung up: ring it. Raises CallFailed with the transfer's own cause when it is not there."""
    call, resources = desk.call, desk.resources
    kind, _, name = transferor.name.partition(":")
    target = TrunkTarget(name, transferor.party.uri.user) if kind == "trunk" else PhoneTarget(name)
    call.story.tell("ringing transferor back", transferor=transferor.name)
    try:
        leg = await dial(
            call,
            resources.stages(call, Dial((target,)), by=transferor),
            ring_for=resources.transfers.ring_for,
            watch=resources.watch,
            ringback=resources.sounds.transfer_ringback(None),
        )
        return _joined(desk, leg)
    except CallFailed as failed:
        call.story.tell("transferor not reached", status=failed.cause.status, cause=failed.cause.text)
    return await _fail(desk, cause)


async def _fail(desk: Desk, cause: ReleaseCause) -> NoReturn:
    """Let whom the call serves hear it, and end. Raises CallFailed."""
    await failure_tone(desk.call, desk.resources.sounds, cause.status)
    raise CallFailed(cause)
