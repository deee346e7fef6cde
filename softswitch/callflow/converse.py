"""Two people talk until one leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from softswitch.b2bua.cause import MEDIA_TIMEOUT, NORMAL
from softswitch.b2bua.talk import HungUp, WentSilent, talk

if TYPE_CHECKING:
    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.talk import HoldMusic
    from softswitch.callflow.recorder import Recorder


async def converse(call: Call, other: Leg, recorder: Recorder, hold_music: HoldMusic | None = None) -> None:
    """Answer the caller the way `other` answered us, and connect the two. Raises CallFailed without a common codec."""
    call.caller.answer(like=other)
    other.adapt_to(call.caller)
    recorder.add(call.caller, other)
    match await talk(call, call.caller, other, hold_music):
        case HungUp(leg):
            call.cause = leg.cause or NORMAL
        case WentSilent():
            call.cause = MEDIA_TIMEOUT
        case _ as never:
            assert_never(never)
