"""A conference as each of its callers sees it: a key to get in, music until somebody comes, then everybody's voices."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from typing import TYPE_CHECKING

from media.commands import Tone
from softswitch.b2bua.cause import MEDIA_TIMEOUT, NORMAL
from softswitch.b2bua.leg import CallFailed
from softswitch.b2bua.music import MusicPlayer
from softswitch.callflow.announce import hear, reach

if TYPE_CHECKING:
    from media.commands import Sound
    from softswitch.b2bua.call import Call
    from softswitch.b2bua.conference import Conference
    from softswitch.b2bua.leg_media import LegMedia
    from softswitch.callflow.recorder import Recorder
    from softswitch.callflow.resources import Resources
    from softswitch.dialplan import route

ASKED = Tone((660,), (150, 100))
"""Heard before each try where there is no announcement: else the caller would wait in silence, and so would we."""
PIN_TRIES = 3
PIN_SECONDS = 20.0
"""For all digits of one try, from the end of the question on."""


async def confer(call: Call, action: route.Conference, resources: Resources, recorder: Recorder) -> None:
    """Take part until the caller hangs up."""
    media = await reach(call, recorder, early=False)
    numbers = await resources.sounds.numbers(call, action.announce)
    if numbers and not action.pin:
        await hear(call, media, numbers)
    if action.pin and not await _knows(call, media, numbers or (ASKED,), action.pin):
        call.story.warn("conference pin wrong", conference=action.name)
        call.cause = NORMAL
        return
    conference = call.switch.conferences.enter(
        action.name, call.served, most=action.most, speaks=action.speaks, tones=action.tones
    )
    try:
        await _sit(call, conference, action, resources)
    finally:
        call.switch.conferences.leave(conference, call.served)


async def _sit(call: Call, conference: Conference, action: route.Conference, resources: Resources) -> None:
    player = MusicPlayer(call.served, resources.sounds.music(action.music)) if action.music else None
    held_since: float | None = None
    try:
        while True:
            if call.served.silent:
                raise CallFailed(MEDIA_TIMEOUT)
            held_since = _look_at_hold(call, conference, action, held_since)
            if player is not None and conference.waits:
                player.start()
            elif player is not None:
                player.stop()
            await call.changed()
    finally:
        if player is not None:
            player.stop()


def _look_at_hold(call: Call, conference: Conference, action: route.Conference, since: float | None) -> float | None:
    """Who holds the conference sends the music of its own switch: nobody is to hear that. Since when it holds."""
    leg = call.served
    on_hold = leg.media is not None and leg.media.on_hold
    if on_hold is (since is not None):
        return since
    if action.speaks:
        call.switch.conferences.let_speak(conference, leg, speaks=not on_hold)
    now = call.switch.clock()
    if since is None:
        call.story.tell("conference on hold", leg=leg.name, conference=conference.name)
        return now
    call.story.tell("conference resumed", leg=leg.name, conference=conference.name, seconds=round(now - since, 1))
    return None


async def _knows(call: Call, media: LegMedia, question: tuple[Sound, ...], pin: str) -> bool:
    """Whether the caller presses the right keys; # ends a try early. Each try begins with the question."""
    for _ in range(PIN_TRIES):
        before = call.served.press_count
        await hear(call, media, question, until_key=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PIN_SECONDS):
                while not _is_complete(call.served.pressed_since(before), pin):
                    if call.served.silent:
                        raise CallFailed(MEDIA_TIMEOUT)
                    await call.changed()
        if hmac.compare_digest(call.served.pressed_since(before).rstrip("#").encode(), pin.encode()):
            return True
    return False


def _is_complete(pressed: str, pin: str) -> bool:
    return len(pressed) >= len(pin) or pressed.endswith("#")
