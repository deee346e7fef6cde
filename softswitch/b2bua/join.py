"""A party of one call goes on in another: its dialog stays, its media moves to a new port by re-INVITE.

Legs of one call live on one media worker, and a call's record is of what happened in it. So nothing is carried over but
the dialog: the old leg ends where it was, with its figures, and a new one begins.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from media.ports import PortsExhausted
from softswitch.b2bua.cause import NO_CIRCUIT, NO_RESPONSE, NOT_ACCEPTABLE, NOT_REGISTERED
from softswitch.b2bua.codec_choice import towards
from softswitch.b2bua.leg import CallFailed, LegState
from softswitch.b2bua.outbound_leg import OutboundLeg
from softswitch.b2bua.video import shown, takes_video
from softswitch.sip.errors import LocalProtocolError

if TYPE_CHECKING:
    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg import Leg

WITHIN = 10.0
"""Seconds a far end has to answer the re-INVITE."""


class JoinedLeg(OutboundLeg):
    """The leg of somebody who comes from another call."""

    __slots__ = ()


async def take(call: Call, old: Leg) -> Leg:
    """The party of `old`, a leg of another call, as a leg of this one; audible to whom this call serves.

    Raises CallFailed: before anything is changed when it is gone, or without a common codec or a port; afterwards, the
    party being gone, when it does not answer or refuses to move.
    """
    switch, served = call.switch, call.served
    if old.ended:
        raise CallFailed(NOT_REGISTERED)
    codecs = towards(old.terms.codecs, served.can_do())
    if not codecs:
        raise old.nothing_in_common(served.can_do() or ())
    session = old.session
    leg = JoinedLeg(switch, call.story, name=old.name, party=old.party, terms=old.terms, session=session)
    leg.group = served.group
    try:
        leg.media = switch.open_media(leg, in_session=True)
    except PortsExhausted as error:
        session.owner = old
        switch.channels.leave(leg.name)
        call.story.warn("not joined", leg=leg.name, cause=str(error))
        raise CallFailed(NO_CIRCUIT) from error
    if old.media is not None:
        leg.media.negotiation.follow(old.media.negotiation)
    if isinstance(old, OutboundLeg):
        leg.number = old.number
    leg.state = LegState.ANSWERED
    leg.answered_at = switch.clock()
    call.own(leg)
    switch.ladder.claim(session.call_id, leg)
    call.story.tell("joined from another call", leg=leg.name, call=old.story.call_id)
    old.story.tell("goes on in another call", leg=old.name, call=call.id)
    old.pass_on()
    try:
        with switch.driver.turn():
            session.reinvite(leg.media.offer(codecs, video=shown(served) if takes_video(leg) else None), switch.clock())
    except LocalProtocolError as error:
        leg.hangup(NOT_ACCEPTABLE)
        raise CallFailed(NOT_ACCEPTABLE) from error
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WITHIN):
            while not leg.audible and not leg.ended:
                await call.changed()
    if leg.cause is not None or not leg.audible:
        leg.hangup(NO_RESPONSE)
        raise CallFailed(leg.cause or NO_RESPONSE)
    leg.media.expect_media()
    return leg
