"""Two people talk until one leaves; a transfer gives one of them somebody else to talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from softswitch.b2bua.cause import MEDIA_TIMEOUT, NORMAL
from softswitch.b2bua.leg import Leg
from softswitch.b2bua.talk import HungUp, LegReplaced, TransferRequested, WentSilent, talk
from softswitch.callflow.transfer import take_place, transfer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.callflow.transfer import Desk
    from softswitch.dialplan.route import Action


async def converse(desk: Desk, other: Leg) -> Sequence[Action]:
    """Connect whom the call serves with `other`; what the dialplan has for it after a transfer, nothing at the end.

    Raises CallFailed without a common codec, or when a transfer fails and nobody is left to talk to.
    """
    call = desk.call
    desk.join(other)
    while True:
        match await talk(call, call.served, other, desk.resources.sounds.hold_music):
            case HungUp(leg):
                call.cause = leg.cause or NORMAL
                return ()
            case WentSilent():
                call.cause = MEDIA_TIMEOUT
                return ()
            case TransferRequested(leg, request):
                found = await transfer(desk, leg, other if leg is call.served else call.served, request)
                if not isinstance(found, Leg):
                    return found
                other = found
            case LegReplaced(leg, new):
                other = take_place(desk, leg, new, other if leg is call.served else call.served)
            case _ as never:
                assert_never(never)
