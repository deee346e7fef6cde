"""Prompts, tones and echo: one continuous stream, twenty milliseconds a packet, one end for every beginning."""

from __future__ import annotations

import struct
import time
import wave
from typing import TYPE_CHECKING

import pytest

from media.commands import Connect, PayloadFormat, Play, SetDirection, SetFormats, StartEcho, StopEcho, StopPlay, Tone
from media.events import PlaybackFinished
from media.play.prompt import PromptError
from media.play.tone import render_tone
from tests.support.media_world import DTMF, PCMA, PCMU, media_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.media_world import MediaWorld

RING = Tone((425,), (100, 100))
GSM = PayloadFormat(3, "GSM", 8000)


def ends(world: MediaWorld) -> list[tuple[int, int, str]]:
    return [(each.leg, each.playback, each.reason) for each in world.told(PlaybackFinished)]


def prompt_file(folder: Path, seconds: float) -> Path:
    path = folder / "prompt.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"".join(struct.pack("<h", n % 100 * 100) for n in range(int(seconds * 8000))))
    return path


@pytest.mark.parametrize("format_", [PCMA, PCMU])
async def test_a_tone_plays_continuously_until_stopped(format_: PayloadFormat) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice, (format_, DTMF))
        world.engine.post(Play(a.leg, 7, RING, repeat=True))
        heard = await alice.hear_many(15)
        world.engine.post(StopPlay(a.leg))
        await world.event(PlaybackFinished)
        assert ends(world) == [(a.leg, 7, "stopped")]
        source = render_tone(RING)
        track = source.track(format_.payload_type)
        assert track is not None
        sound = track[: source.length] * 3
        assert b"".join(each.payload for each in heard) == sound[: 160 * 15]
        assert {each.payload_type for each in heard} == {format_.payload_type}
        assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == list(range(15))
        assert [(each.timestamp - heard[0].timestamp) & 0xFFFFFFFF for each in heard] == [160 * n for n in range(15)]
        assert [each.marker for each in heard] == [True] + [False] * 14


async def test_packets_leave_every_twenty_milliseconds() -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        world.engine.post(Play(a.leg, 1, RING, repeat=True))
        paces = []
        while not any(0.4 < pace < 0.7 for pace in paces):  # a machine that stands still now and then is forgiven
            assert len(paces) < 20, paces
            await alice.hear()
            began = time.monotonic()
            await alice.hear_many(25)
            paces.append(time.monotonic() - began)


async def test_a_prompt_plays_once_and_ends(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        number = world.engine.load_prompt(prompt_file(tmp_path, 0.11))
        assert world.engine.load_prompt(tmp_path / "prompt.wav") == number
        world.engine.post(Play(a.leg, 3, number))
        assert (await world.event(PlaybackFinished)) == PlaybackFinished(a.leg, 3, "end", 0, 120)
        heard = await alice.hear_many(6)
        assert {len(each.payload) for each in heard} == {160}
        assert heard[-1].payload[80:] == b"\xd5" * 80
        assert alice.heard_nothing()


async def test_prompts_that_cannot_be_played_say_so(tmp_path: Path) -> None:
    async with media_world() as world:
        with pytest.raises(PromptError, match=r"missing\.wav"):
            world.engine.load_prompt(tmp_path / "missing.wav")
        a = world.leg(world.far_end())
        with pytest.raises(ValueError, match="prompt 99 is not loaded"):
            world.engine.post(Play(a.leg, 1, 99))
        world.engine.post(Play(a.leg, 1, RING, repeat=True))
        with pytest.raises(ValueError, match="expected a new playback number, got 1"):
            world.engine.post(Play(a.leg, 1, RING))


async def test_a_leg_without_an_encoder_says_so() -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice, (GSM, DTMF))
        world.engine.post(Play(a.leg, 5, RING))
        assert (await world.event(PlaybackFinished)) == PlaybackFinished(a.leg, 5, "no encoder")
        b = world.leg(alice)
        world.engine.post(Play(b.leg, 6, RING, repeat=True), SetFormats(b.leg, (GSM,), (GSM,)))
        await world.event(PlaybackFinished, lambda event: (event.leg, event.reason) == (b.leg, "no encoder"))


async def test_a_second_play_replaces_the_first_and_each_ends_once() -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        world.engine.post(Play(a.leg, 1, RING, repeat=True), Play(a.leg, 2, RING, repeat=True), StopPlay(a.leg))
        world.engine.post(StopPlay(a.leg))
        await world.settled()
        assert ends(world) == [(a.leg, 1, "stopped"), (a.leg, 2, "stopped")]


async def test_relayed_audio_waits_aside_while_a_prompt_plays() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg), Play(b.leg, 1, RING, repeat=True))
        first = await bob.hear()
        alice.talk(a, 5, payload=b"aside")
        during = await bob.hear_many(5)
        world.engine.post(StopPlay(b.leg))
        await world.event(PlaybackFinished)
        last = [first, *during, *bob.hear_waiting()][-1]
        alice.talk(a, 1, payload=b"again")
        after = await bob.hear()
        assert b"aside" not in {each.payload for each in during}
        assert (after.payload, after.marker) == (b"again", True)
        assert after.sequence == last.sequence + 1 & 0xFFFF
        assert after.ssrc == first.ssrc


async def test_on_hold_a_tone_is_silent_and_goes_on_afterwards() -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        world.engine.post(Play(a.leg, 1, RING, repeat=True))
        before = await alice.hear()
        world.engine.post(SetDirection(a.leg, send=False, receive=True))
        await world.settled()
        before = [before, *alice.hear_waiting()][-1]
        sent = world.engine.counters().packets_sent
        await world.settled()
        assert world.engine.counters().packets_sent == sent
        world.engine.post(SetDirection(a.leg, send=True, receive=True))
        after = await alice.hear()
        assert after.sequence == before.sequence + 1 & 0xFFFF


async def test_many_legs_play_the_same_tone_each_in_its_own_slot() -> None:
    async with media_world() as world:
        ends = [world.far_end() for _ in range(60)]
        legs = [world.leg(end, group=str(number)) for number, end in enumerate(ends)]
        world.engine.post(*(Play(leg.leg, number, RING, repeat=True) for number, leg in enumerate(legs)))
        for end in ends:
            heard = await end.hear_many(8)
            assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == list(range(8))


async def test_echo_sends_back_what_came_and_stops() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg), StartEcho(a.leg))
        alice.talk(a, 3, payload=b"hello")
        heard = await alice.hear_many(3)
        assert {each.payload for each in heard} == {b"hello"}
        assert heard[0].ssrc != alice.ssrc
        world.engine.post(StopEcho(a.leg))
        await world.settled()
        alice.talk(a, 1, payload=b"bob")
        assert (await bob.hear()).payload == b"bob"
        assert alice.heard_nothing()


async def test_a_playback_that_goes_on_in_another_codec_repeats_no_number() -> None:
    """Its tracks have to be made first: the same playback begins anew, at the same clock."""
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice, (PCMA,))
        world.engine.post(Play(a.leg, 7, RING, repeat=True))
        heard = await alice.hear_many(3)
        g722 = PayloadFormat(9, "G722", 8000)
        world.engine.post(SetFormats(a.leg, (g722,), (g722,)))
        while heard[-1].payload_type != 9:
            heard.append(await alice.hear())
        first = heard[-1]
        heard += await alice.hear_many(2)
        assert first.marker
        assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == list(range(len(heard)))
