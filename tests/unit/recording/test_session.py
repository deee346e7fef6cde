"""Which leg goes into which file, and what the story says about it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from media.commands import CloseRecording, OpenRecording, StartTap, StopTap
from media.events import RecordedFile, RecordingFailed, RecordingFinished
from softswitch.recording.session import LEFT, RIGHT, Recording
from tests.support.phone import Plan
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

NOON = datetime(2026, 1, 5, 12, 0, 1, tzinfo=UTC)


def test_two_parties_of_one_name_get_files_of_their_own_on_one_clock() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, 1, strategy="parallel")])
        world.phone(1, Plan(ring=0.1))
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(1)
        (running,) = world.supervisor.calls.values()
        call = running.call
        first = call.legs[1]
        recording = Recording(call, Path("/rec"), 77, lambda: NOON)
        for leg in (*call.legs, first):
            recording.add(leg)
        stem = f"/rec/2026-01-05/120001_{call.id}"
        taps = [each for each in world.media.commands if isinstance(each, StartTap)]
        assert [(tap.recording, tap.path, tap.channel) for tap in taps] == [
            (77, f"{stem}_caller.wav", LEFT),
            (77, f"{stem}_trunk-t1.wav", RIGHT),
            (77, f"{stem}_trunk-t1-2.wav", RIGHT),
        ]
        assert recording.stereo == f"{stem}.wav"
        assert OpenRecording(77, recording.stereo) in world.media.commands
        assert call.caller.recording == f"{stem}_caller.wav"
        recording.remove(first)
        assert first.media is not None
        assert StopTap(first.media.leg) in world.media.commands
        recording.close()
        assert CloseRecording(77) in world.media.commands
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert 77 not in world.switch.recordings
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_leg_without_media_is_not_recorded() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        world.phone(1, Plan(ring=0.1))
        caller = world.phone(9)
        session = caller.call("123", SWITCH, body=b"")
        await asyncio.sleep(1)
        (running,) = world.supervisor.calls.values()
        recording = Recording(running.call, Path("/rec"), 78, lambda: NOON)
        recording.add(running.call.caller)
        assert running.call.caller.recording is None
        assert not recording.files
        recording.close()
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_lost_disk_is_told_in_the_story_and_never_touches_the_call() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        world.phone(1, Plan(answer=1))
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(3)
        (running,) = world.supervisor.calls.values()
        (number,) = world.switch.recordings
        world.switch.media_event(RecordingFailed(number, "/rec/a.wav", "No space left on device"))
        world.switch.media_event(
            RecordingFinished(
                number,
                (RecordedFile("/rec/a.wav", None, 2, 2.5, overruns=3, late=1, dropped=0.25),),
            )
        )
        told = {line.event: dict(line.facts) for line in running.call.story.lines}
        assert told["recording failed"] == {"file": "/rec/a.wav", "error": "No space left on device"}
        assert told["recording finished"] == {"files": 1, "seconds": 2.5, "lost_packets": 4, "lost_seconds": 0.25}
        assert not caller.ended
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)
