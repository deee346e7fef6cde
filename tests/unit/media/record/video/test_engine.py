"""Pictures of browser legs through a real engine: real sockets, real packets, files that play."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import av
import pytest

from media.commands import CloseLeg, CloseRecording, OpenRecording, StartTap, StopTap
from media.events import RecordingFinished
from media.record.video.pictures import PATIENCE
from tests.support.media_world import media_world
from tests.support.video_peer import FORMATS, Watched, two_watching
from tests.support.video_streams import packets

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.media_world import MediaWorld

COUNT = 60


def frames(path: str) -> int:
    with av.open(path, "r") as source:
        return sum(1 for _ in source.decode(video=0))


async def show(alice: Watched, bob: Watched, stream: tuple[bytes, ...]) -> None:
    """A camera's packets, one after the other as fast as they are passed on."""
    for number, data in enumerate(stream):
        alice.say(data[:8] + alice.video.to_bytes(4, "big") + data[12:])
        if number % 20 == 0:
            alice.talk()
            await bob.see()


async def record(world: MediaWorld, alice: Watched, folder: Path) -> None:
    world.engine.post(
        OpenRecording(5, str(folder / "call.wav")), StartTap(alice.leg.leg, 5, str(folder / "alice.wav"), 0)
    )
    await world.settled()


async def end(world: MediaWorld) -> RecordingFinished:
    world.engine.post(CloseRecording(5))
    return await world.event(RecordingFinished)


@pytest.mark.parametrize("video_first", [True, False])
async def test_a_leg_is_recorded_whenever_it_shows_itself(tmp_path: Path, video_first: bool) -> None:
    async with media_world(record_video=True) as world:
        alice, bob = await two_watching(world)
        if not video_first:
            alice.agree(formats=())
        await record(world, alice, tmp_path)
        alice.agree()
        await world.settled()
        await show(alice, bob, packets("vp8"))
        await alice.arrived(len(packets("vp8")))
        told = await end(world)
        assert [each.path for each in told.files] == [
            str(tmp_path / name) for name in ("alice.wav", "call.wav", "alice.webm")
        ]
        assert told.files[-1].packets == COUNT
        assert told.files[-1].error is None
        assert frames(told.files[-1].path) == COUNT


async def test_a_leg_that_goes_leaves_a_whole_file(tmp_path: Path) -> None:
    async with media_world(record_video=True) as world:
        alice, bob = await two_watching(world)
        await record(world, alice, tmp_path)
        await show(alice, bob, packets("vp8"))
        await alice.arrived(len(packets("vp8")))
        world.engine.post(CloseLeg(alice.leg.leg))
        told = await end(world)
        assert frames(told.files[-1].path) == COUNT


async def test_a_loss_has_a_key_frame_asked_for(tmp_path: Path) -> None:
    async with media_world(record_video=True) as world:
        alice, _ = await two_watching(world)
        await record(world, alice, tmp_path)
        stream = packets("vp8")
        lost = len(stream) - 12  # no key frame of their own accord comes behind it
        began = time.monotonic()
        number = 0

        def shown() -> bool:
            """A packet at each look; those behind the loss until patience with it must have ended."""
            nonlocal number
            if number < len(stream) and (number <= lost + 1 or time.monotonic() - began > 2 * PATIENCE / 1e9):
                if number != lost:
                    alice.say(stream[number][:8] + alice.video.to_bytes(4, "big") + stream[number][12:])
                number += 1
            return number == len(stream)

        await world.until(shown)
        asked = alice.counted().key_frames_wanted
        await world.until(lambda: alice.counted().key_frames_wanted > asked)
        told = await end(world)
        assert told.files[-1].gaps == 1


async def test_what_nobody_wants_is_not_recorded(tmp_path: Path) -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        await record(world, alice, tmp_path)
        await show(alice, bob, packets("vp8"))
        told = await end(world)
        assert [each.path for each in told.files] == [str(tmp_path / name) for name in ("alice.wav", "call.wav")]


async def test_switched_off_on_the_way(tmp_path: Path) -> None:
    async with media_world(record_video=True) as world:
        alice, bob = await two_watching(world)
        await record(world, alice, tmp_path)
        stream = packets("vp8")
        tenth = [number for number, data in enumerate(stream, 1) if data[1] & 0x80][9]
        await show(alice, bob, stream[:tenth])
        await alice.arrived(tenth)
        world.engine.post(StopTap(alice.leg.leg))
        await world.settled()
        alice.agree(formats=FORMATS)
        await show(alice, bob, stream[tenth:])
        await alice.arrived(len(stream))
        told = await end(world)
        assert told.files[-1].packets == 10
