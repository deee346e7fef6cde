"""A call that comes in: what the dialplan decided, one application after the other, from ringing to release."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, assert_never

from softswitch.b2bua.cause import ReleaseCause, from_q850, from_status, towards_caller
from softswitch.b2bua.dial import dial
from softswitch.b2bua.leg import CallFailed
from softswitch.callflow.announce import echo, failure_tone, music, play
from softswitch.callflow.converse import converse
from softswitch.callflow.meeting import confer
from softswitch.callflow.refer_out import hand_over
from softswitch.callflow.transfer import Desk
from softswitch.dialplan.route import (
    Answer,
    Conference,
    Dial,
    Echo,
    Hangup,
    Music,
    Play,
    Record,
    Reject,
    Ring,
    Stream,
    Transfer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.b2bua.call import Call
    from softswitch.callflow.recorder import Recorder
    from softswitch.callflow.resources import Resources
    from softswitch.callflow.streaming import Streaming
    from softswitch.dialplan.route import Action


async def inbound_call(
    call: Call, actions: Sequence[Action], resources: Resources, recorder: Recorder, streaming: Streaming
) -> None:
    """Run `actions` for the caller. When they end without an answered `dial`, so does the call."""
    desk = Desk(call, resources, recorder, streaming)
    async with call:
        call.check()
        try:
            with recorder, streaming:
                recorder.joined = streaming.joined
                while actions:
                    actions = await _follow(desk, actions)
        except CallFailed as failure:
            call.cause = towards_caller(failure.cause)


async def _follow(desk: Desk, actions: Sequence[Action]) -> Sequence[Action]:
    """One after the other; what is to be followed instead when a transfer has led elsewhere."""
    call, resources, recorder, streaming = desk.call, desk.resources, desk.recorder, desk.streaming
    failure: ReleaseCause | None = None
    for action in actions:
        call.story.tell("application", name=type(action).__name__.lower())
        match action:
            case Answer():
                call.served.answer()
            case Ring(seconds):
                call.served.ring()
                await call.pause(seconds)
            case Play():
                await play(call, action, resources.sounds, recorder)
            case Music():
                await music(call, action, resources.sounds, recorder)
            case Echo(seconds):
                await echo(call, recorder, seconds)
            case Conference():
                await confer(call, action, resources, recorder)
                return ()
            case Stream(mode="listen"):
                streaming.listen(action)
            case Stream():
                failure = await streaming.talk(action, recorder)
            case Record(enabled):
                recorder.switch(on=enabled)
            case Reject(status, reason):
                call.rejected = True
                call.cause = ReleaseCause(status, from_status(status).q850, reason or from_status(status).text)
                return ()
            case Hangup(q850):
                call.cause = from_q850(q850, "ended by dialplan", answered=call.served.answered_at is not None)
                return ()
            case Dial() | Transfer():
                outcome = await _connect(desk, action)
                if not isinstance(outcome, ReleaseCause):
                    return outcome
                failure = outcome
            case _:
                assert_never(action)
    if failure is not None:
        await _fail(call, failure, resources)
    return ()


async def _fail(call: Call, failure: ReleaseCause, resources: Resources) -> None:
    """Raises CallFailed; a caller who is answered hears it first."""
    if call.served.answered_at is not None:
        await failure_tone(call, resources.sounds, failure.status)
    raise CallFailed(failure)


async def _connect(desk: Desk, action: Dial | Transfer) -> ReleaseCause | Sequence[Action]:
    """Let the caller talk to somebody; why there was nobody, or what is to be followed instead."""
    match action:
        case Dial():
            return await _dial(desk, action)
        case Transfer(to):
            return await hand_over(desk, to, datetime.now(UTC))


async def _dial(desk: Desk, action: Dial) -> ReleaseCause | Sequence[Action]:
    """Ring, and let the two talk; why nobody answered, or what a transfer leads to."""
    call, resources = desk.call, desk.resources
    try:
        other = await dial(
            call,
            resources.stages(call, action),
            ring_for=action.ring_for,
            watch=resources.watch,
            ringback=resources.sounds.ringback(action.ringback),
            follow=partial(resources.redirected, call),
        )
    except CallFailed as failed:
        call.story.tell("dial failed", status=failed.cause.status, cause=failed.cause.text)
        return failed.cause
    if action.record is not None:
        desk.recorder.switch(on=action.record)
    return await converse(desk, other)
