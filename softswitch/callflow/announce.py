"""The switch itself at the other end: prompts and the echo test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.commands import Play, StartEcho, StopEcho, StopPlay
from softswitch.b2bua.cause import MEDIA_TIMEOUT, NOT_ACCEPTABLE
from softswitch.b2bua.leg import CallFailed

if TYPE_CHECKING:
    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg_media import LegMedia
    from softswitch.callflow.recorder import Recorder


async def play(call: Call, prompt: int, recorder: Recorder, *, repeat: bool, early: bool) -> None:
    """Play a prompt to its end; `early`: before answering, where the caller's INVITE makes that possible."""
    if not (early and call.caller.open_early()):
        call.caller.answer()
        recorder.add(call.caller)
    media = await _media(call)
    playback = call.switch.number()
    media.post(Play(media.leg, playback, prompt, repeat))
    try:
        while call.caller.played != playback:
            if call.caller.silent:
                raise CallFailed(MEDIA_TIMEOUT)
            await call.changed()
    finally:
        if call.caller.played != playback:
            media.post(StopPlay(media.leg))


async def echo(call: Call, recorder: Recorder, seconds: float | None) -> None:
    """Send the caller's own audio back."""
    call.caller.answer()
    recorder.add(call.caller)
    media = await _media(call)
    media.post(StartEcho(media.leg))
    try:
        await call.pause(seconds)
    finally:
        media.post(StopEcho(media.leg))
    if call.caller.silent:
        raise CallFailed(MEDIA_TIMEOUT)


async def _media(call: Call) -> LegMedia:
    """The caller's media, once SDP is settled: after a late offer that is when the ACK has come."""
    while not call.caller.audible:
        await call.changed()
    if call.caller.media is None:
        raise CallFailed(NOT_ACCEPTABLE)
    return call.caller.media
