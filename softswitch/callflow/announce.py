"""The switch itself at the other end: announcements, music, tones and the echo test."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from media.commands import Play, StartEcho, StopEcho, StopPlay
from softswitch.b2bua.cause import MEDIA_TIMEOUT, NOT_ACCEPTABLE
from softswitch.b2bua.leg import CallFailed
from softswitch.b2bua.music import MusicPlayer

if TYPE_CHECKING:
    from media.commands import Sound
    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg_media import LegMedia
    from softswitch.callflow.recorder import Recorder
    from softswitch.callflow.sounds import Sounds
    from softswitch.dialplan import route

FAILURE_TONE_SECONDS = 5.0
"""How long a caller who is answered hears that the call has failed, before we hang up."""


async def play(call: Call, action: route.Play, sounds: Sounds, recorder: Recorder) -> None:
    """Play announcements to their end, or again and again; `early`: before answering, where that is possible."""
    numbers = await sounds.numbers(call, action.clips)  # first: nobody shall pay for the silence before words are made
    media = await reach(call, recorder, early=action.early)
    while True:
        if numbers:
            await hear(call, media, numbers)
        if not action.repeat:
            return
        await call.pause(action.every)
        _check(call)
        numbers = await sounds.numbers(call, action.clips)


async def music(call: Call, action: route.Music, sounds: Sounds, recorder: Recorder) -> None:
    """Play music, with announcements over it, for as long as was said."""
    wanted = sounds.music(action.files, action.announce, action.every)
    await reach(call, recorder, early=action.early)
    end = None if action.seconds is None else call.switch.clock() + action.seconds
    with MusicPlayer(call.served, wanted) as player:
        while end is None or call.switch.clock() < end:
            _check(call)
            player.look()
            times = [at for at in (end, player.due) if at is not None]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(times, default=None)):
                    await call.changed()


async def failure_tone(call: Call, sounds: Sounds, status: int) -> None:
    """Let a caller who is answered already hear why the call comes to nothing."""
    media = call.served.media
    if media is None or not call.served.audible:
        return
    media.post(Play(media.leg, call.switch.number(), sounds.failure_tone(status), repeat=True))
    await call.pause(FAILURE_TONE_SECONDS)


async def echo(call: Call, recorder: Recorder, seconds: float | None) -> None:
    """Send the caller's own audio back."""
    media = await reach(call, recorder, early=False)
    media.post(StartEcho(media.leg))
    try:
        await call.pause(seconds)
    finally:
        media.post(StopEcho(media.leg))
    _check(call)


async def reach(call: Call, recorder: Recorder, *, early: bool) -> LegMedia:
    """The caller's media, answered or before. With a late offer SDP is settled when the ACK has come."""
    if not (early and call.served.open_early()):
        call.served.answer()
        recorder.add(call.served)
    while not call.served.audible:
        await call.changed()
    if call.served.media is None:
        raise CallFailed(NOT_ACCEPTABLE)
    return call.served.media


async def hear(call: Call, media: LegMedia, numbers: tuple[Sound, ...], *, until_key: bool = False) -> None:
    """Play all of it; `until_key`: or until the caller presses a key."""
    playback = call.switch.number()
    pressed = call.served.press_count
    media.post(Play(media.leg, playback, numbers))
    try:
        while playback not in call.served.finished and not (until_key and call.served.press_count != pressed):
            _check(call)
            await call.changed()
    finally:
        if playback not in call.served.finished:
            media.post(StopPlay(media.leg))


def _check(call: Call) -> None:
    if call.served.silent:
        raise CallFailed(MEDIA_TIMEOUT)
