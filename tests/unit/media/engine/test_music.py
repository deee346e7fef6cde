"""Music and announcements as they are heard: nothing clicks, music sinks and rises, and goes on where it stopped."""

from __future__ import annotations

import wave
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audiocodecs import g711
from audiocodecs.coding import Decoder, why_unavailable

from media.commands import Announce, CloseLeg, Connect, PayloadFormat, Play, SetFormats, StopPlay, Tone
from media.events import LegGone, PlaybackFinished
from tests.support.media_world import DTMF, PCMA, PCMU, media_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.media_world import FarEnd, MediaWorld, Rtp

MUSIC_HZ, WORDS_HZ = 400.0, 1000.0
L16 = PayloadFormat(96, "L16", 16000)
OTHERS = (PayloadFormat(9, "G722", 8000), PayloadFormat(18, "G729", 8000), PayloadFormat(111, "opus", 48000), L16)


def sine(hz: float, seconds: float, level: float = 8000.0) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(8000 * seconds)) / 8000)


def sound(world: MediaWorld, folder: Path, samples: np.ndarray) -> int:
    """A prompt of these samples at 8 kHz."""
    path = folder / f"{len(list(folder.iterdir()))}.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(samples.astype("<i2").tobytes())
    return world.engine.load_prompt(path)


def pcm(heard: list[Rtp]) -> np.ndarray:
    return np.frombuffer(g711.alaw_to_linear(b"".join(each.payload for each in heard)), dtype="<i2").astype(float)


def amplitude(samples: np.ndarray, hz: float) -> float:
    turn = np.exp(2j * np.pi * hz / 8000 * np.arange(len(samples)))
    return float(2 * abs(np.dot(samples, turn)) / len(samples))


def begun(samples: np.ndarray, rate: int) -> int:
    """Where the music has sunk under the words: a busy listener has more of what is behind them than of themselves."""
    window, step = rate // 20, rate // 100
    starts = range(0, len(samples) - window, step)
    levels = np.array([amplitude(samples[at : at + window], WORDS_HZ * 8000 / rate) for at in starts])
    return int(np.argmax(levels > levels.max() / 2)) * step + round(0.15 * rate)


def sharpest(samples: np.ndarray) -> float:
    """The largest third difference: smooth tones and slow fades have little of it, a step is nothing else."""
    return float(np.max(np.abs(np.diff(samples, 3)))) if len(samples) > 3 else 0.0


SMOOTH = sharpest(np.round(sine(MUSIC_HZ, 0.5) + sine(WORDS_HZ, 0.5)))
"""Of the two sounds added, as smooth as anything below can be."""


async def until_finished(world: MediaWorld, far: FarEnd, playback: int) -> list[Rtp]:
    await world.event(PlaybackFinished, lambda event: event.playback == playback)
    return far.hear_waiting()


async def test_music_sinks_under_an_announcement_and_rises_again(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        music = sound(world, tmp_path, sine(MUSIC_HZ, 4))
        words = sound(world, tmp_path, sine(WORDS_HZ, 0.5) * 0.9)
        world.engine.post(Play(a.leg, 1, music, repeat=True))
        before = await alice.hear_many(10)
        world.engine.post(Announce(a.leg, 2, words, duck_db=15))
        during = await until_finished(world, alice, 2)
        after = await alice.hear_many(15)
        whole = pcm([*before, *during, *after])
        assert [(e.sequence - before[0].sequence) & 0xFFFF for e in [*before, *during, *after]] == list(
            range(len(whole) // 160)
        )
        windows = np.array([amplitude(whole[at : at + 400], WORDS_HZ) for at in range(0, len(whole) - 400, 40)])
        begun = int(np.argmax(windows > 1000)) * 40
        middle = whole[begun + 1600 : begun + 3200]
        assert 20 * np.log10(amplitude(middle, MUSIC_HZ) / 8000) == pytest.approx(-15, abs=0.5)
        assert amplitude(middle, WORDS_HZ) == pytest.approx(7200, rel=0.03)
        last = whole[-800:]
        assert amplitude(last, MUSIC_HZ) == pytest.approx(8000, rel=0.03)
        assert amplitude(last, WORDS_HZ) < 100
        # The music was never interrupted: its phase at the end is that of its beginning.
        expected = sine(MUSIC_HZ, len(whole) / 8000)
        assert np.max(np.abs(last - expected[-800:])) < 500
        assert sharpest(whole) < SMOOTH + 2200  # what A-law itself adds


async def test_a_click_would_be_noticed() -> None:
    """The measure of the tests here: a gain that jumps instead of moving."""
    music = np.round(sine(MUSIC_HZ, 1))
    music[4005:] *= 10 ** (-15 / 20)
    heard = np.frombuffer(g711.alaw_to_linear(g711.linear_to_alaw(music.astype("<i2").tobytes())), dtype="<i2")
    assert sharpest(heard.astype(float)) > SMOOTH + 2200


@pytest.mark.parametrize("ptime", [10, 20, 30, 40, 60])
async def test_it_stops_within_one_packet_and_fades(tmp_path: Path, ptime: int) -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(*(SetFormats(leg.leg, (PCMA, DTMF), (PCMA, DTMF), ptime) for leg in (a, b)))
        music = sound(world, tmp_path, sine(MUSIC_HZ, 4))
        world.engine.post(Play(a.leg, 1, music, repeat=True))
        heard = await alice.hear_many(6)
        heard += alice.hear_waiting()
        world.engine.post(StopPlay(a.leg), Connect(a.leg, b.leg))
        heard += await until_finished(world, alice, 1)
        bob.talk(b, 1, payload=b"hello")
        assert (await alice.hear()).payload == b"hello"
        assert {len(each.payload) for each in heard} == {ptime * 8}
        stopped = world.told(PlaybackFinished)[0].position_ms // ptime
        assert stopped == len(heard)
        whole = pcm(heard)
        assert abs(whole[-1]) < 400
        assert np.max(np.abs(whole[-ptime * 8 : -ptime * 4])) > 3000
        assert sharpest(np.concatenate([whole, np.zeros(8)])) < SMOOTH + 2200


async def test_after_an_answer_nothing_is_heard_but_the_callee(tmp_path: Path) -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        music = sound(world, tmp_path, sine(MUSIC_HZ, 4))
        words = sound(world, tmp_path, sine(WORDS_HZ, 4))
        world.engine.post(Connect(a.leg, b.leg), Play(a.leg, 1, music, repeat=True))
        await alice.hear_many(3)
        world.engine.post(Announce(a.leg, 2, words))
        await alice.hear_many(5)
        world.engine.post(StopPlay(a.leg))
        while len(world.told(PlaybackFinished)) < 2:
            bob.talk(b, 1, payload=b"answered")
            await alice.hear()
        heard = alice.hear_waiting()
        assert {(each.playback, each.reason) for each in world.told(PlaybackFinished)} == {
            (1, "stopped"),
            (2, "stopped"),
        }
        bob.talk(b, 2, payload=b"answered")
        heard += await alice.hear_many(2)
        answered = [each.payload == b"answered" for each in heard]
        assert answered == sorted(answered)
        assert answered[-1]


async def test_music_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        first, second = (np.arange(16000) / 2, 9000 + np.arange(16000) / 2)
        songs = (sound(world, tmp_path, first), sound(world, tmp_path, second))
        world.engine.post(Play(a.leg, 1, songs, repeat=True, first=1, start_ms=500))
        heard = pcm(await alice.hear_many(10))
        assert heard[0] == pytest.approx(0, abs=300)  # it comes in softly
        assert heard[400:] == pytest.approx(second[4400:5600], rel=0.04)
        world.engine.post(StopPlay(a.leg))
        stopped = await world.event(PlaybackFinished)
        alice.hear_waiting()
        assert (stopped.sound, stopped.position_ms > 690) == (1, True)
        world.engine.post(Play(a.leg, 2, songs, repeat=True, first=stopped.sound, start_ms=stopped.position_ms))
        again = pcm(await alice.hear_many(4))
        at = stopped.position_ms * 8
        assert again[400:] == pytest.approx(second[at + 400 : at + 640], rel=0.04)


async def test_sounds_follow_each_other_and_begin_again(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        songs = [np.full(480, 1000.0), np.full(800, 3000.0), np.full(320, 6000.0)]
        numbers = tuple(sound(world, tmp_path, song) for song in songs)
        world.engine.post(Play(a.leg, 1, numbers, repeat=True))
        heard = pcm(await alice.hear_many(20))
        assert heard == pytest.approx(np.concatenate(songs * 2), rel=0.05)
        world.engine.post(Play(a.leg, 2, numbers))
        await world.event(PlaybackFinished, lambda event: event.playback == 2)
        assert world.told(PlaybackFinished)[-1] == PlaybackFinished(a.leg, 2, "end", 2, 40)


async def test_one_song_fades_into_the_next(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        songs = [sound(world, tmp_path, sine(hz, 2)) for hz in (MUSIC_HZ, WORDS_HZ)]
        world.engine.post(Play(a.leg, 1, songs[0], repeat=True))
        before = await alice.hear_many(5)
        world.engine.post(Play(a.leg, 2, songs[1], repeat=True))
        across = await until_finished(world, alice, 1)
        after = await alice.hear_many(5)
        whole = pcm([*before, *across, *after])
        assert amplitude(whole[-800:], WORDS_HZ) == pytest.approx(8000, rel=0.03)
        assert amplitude(whole[-800:], MUSIC_HZ) < 100
        assert sharpest(whole) < SMOOTH + 2200


async def test_an_announcement_without_music_is_just_played(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        words = sound(world, tmp_path, sine(WORDS_HZ, 0.1))
        world.engine.post(Announce(a.leg, 2, words))
        heard = await until_finished(world, alice, 2)
        assert amplitude(pcm(heard), WORDS_HZ) == pytest.approx(8000, rel=0.05)
        assert [(each.playback, each.reason) for each in world.told(PlaybackFinished)] == [(2, "end")]


async def test_the_next_announcement_replaces_the_one_that_runs(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        music = sound(world, tmp_path, sine(MUSIC_HZ, 2) * 0.3)
        words = [sound(world, tmp_path, sine(hz, 0.4)) for hz in (WORDS_HZ, 700.0)]
        world.engine.post(Play(a.leg, 1, music, repeat=True))
        before = await alice.hear_many(3)
        world.engine.post(Announce(a.leg, 2, words[0]))
        before += await alice.hear_many(8)
        world.engine.post(Announce(a.leg, 3, words[1]))
        whole = pcm([*before, *await until_finished(world, alice, 3)])
        ends = [(each.playback, each.reason) for each in world.told(PlaybackFinished)]
        assert ends == [(2, "stopped"), (3, "end")]
        assert sharpest(whole) < SMOOTH + 2200


@pytest.mark.parametrize("format_", OTHERS, ids=lambda format_: format_.name)
@pytest.mark.parametrize("ptime", [20, 40])
async def test_a_track_is_made_for_a_leg_that_needs_one(tmp_path: Path, format_: PayloadFormat, ptime: int) -> None:
    why = why_unavailable(format_.name)
    if why is not None:
        pytest.skip(why)
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice, (format_, DTMF))
        world.engine.post(SetFormats(a.leg, (format_, DTMF), (format_, DTMF), ptime))
        music = sound(world, tmp_path, sine(MUSIC_HZ, 0.5))
        world.engine.post(Play(a.leg, 1, music))
        heard = await until_finished(world, alice, 1)
        assert world.told(PlaybackFinished)[-1].reason == "end"
        decoder = Decoder(format_.name, 16000) if format_ is L16 else Decoder(format_.name)
        samples = np.frombuffer(b"".join(decoder.decode(each.payload) for each in heard), dtype="<i2").astype(float)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        assert np.argmax(spectrum) * decoder.sample_rate / len(samples) == pytest.approx(MUSIC_HZ, abs=10)
        assert len(samples) / decoder.sample_rate == pytest.approx(0.5, abs=ptime / 1000)
        steps = {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(heard)}
        assert steps == {format_.clock_rate // 1000 * ptime}


async def test_a_new_codec_takes_over_where_the_old_one_was(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        ramp = np.arange(24000) / 2
        world.engine.post(Play(a.leg, 1, sound(world, tmp_path, ramp)))
        heard = await alice.hear_many(5)
        world.engine.post(SetFormats(a.leg, (L16, DTMF), (L16, DTMF)))
        changed = [each for each in await alice.hear_many(20) if each.payload_type == L16.payload_type]
        decoder = Decoder("L16", 16000)
        samples = np.frombuffer(b"".join(decoder.decode(each.payload) for each in changed), dtype="<i2").astype(float)
        assert len(samples) > 1600
        assert samples[600] > pcm(heard)[-1]
        assert np.diff(samples[600:1600]).mean() == pytest.approx(0.25, abs=0.01)
        narrow = PayloadFormat(97, "L16", 8000)
        world.engine.post(SetFormats(a.leg, (narrow, DTMF), (narrow, DTMF)))
        assert narrow.payload_type in {each.payload_type for each in await alice.hear_many(20)}
        assert not world.told(PlaybackFinished)


async def test_what_waits_for_its_track_ends_when_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        legs = [world.leg(alice, (L16, DTMF), group=str(number)) for number in range(3)]
        songs = [sound(world, tmp_path, sine(MUSIC_HZ, 3)) for _ in legs]
        for number, (leg, song) in enumerate(zip(legs, songs, strict=True)):
            world.engine.post(Play(leg.leg, number, song, repeat=True))
        await world.settled()
        world.engine.post(StopPlay(legs[0].leg), Play(legs[1].leg, 9, songs[1], repeat=True), CloseLeg(legs[2].leg))
        gone = await world.gone(legs[2])
        ends = [(each.leg, each.playback, each.reason) for each in world.told(PlaybackFinished)]
        assert (legs[2].leg, 2, "stopped") in ends
        assert isinstance(gone, LegGone)
        world.engine.post(StopPlay(legs[1].leg))
        await world.until(lambda: len(world.told(PlaybackFinished)) == 4)
        assert sorted((each.leg, each.playback) for each in world.told(PlaybackFinished)) == sorted(
            [(legs[0].leg, 0), (legs[1].leg, 1), (legs[1].leg, 9), (legs[2].leg, 2)]
        )


async def test_a_track_made_before_is_there_for_everybody(tmp_path: Path) -> None:
    async with media_world() as world:
        music = sound(world, tmp_path, sine(MUSIC_HZ, 0.2))
        await world.engine.prepare(music, ("L16", "PCMU", "GSM", "no such codec"))
        alice = world.far_end()
        a = world.leg(alice, (PayloadFormat(97, "L16", 8000),))
        world.engine.post(Play(a.leg, 1, music))
        assert (await alice.hear()).payload_type == 97


async def test_what_cannot_be_played(tmp_path: Path) -> None:
    async with media_world() as world:
        a = world.leg(world.far_end(), (PCMU,))
        song = sound(world, tmp_path, sine(MUSIC_HZ, 0.2))
        tone = Tone((425,))
        for prompt, first, start in (((), 0, 0), ((tone,) * 9, 0, 0), (song, 1, 0), (song, 0, -1)):
            with pytest.raises(ValueError, match="sound"):
                world.engine.post(Play(a.leg, 1, prompt, first=first, start_ms=start))
        world.engine.forget_prompt(song)
        with pytest.raises(ValueError, match="not loaded"):
            world.engine.post(Announce(a.leg, 1, song))


@pytest.mark.parametrize("format_", OTHERS, ids=lambda format_: format_.name)
async def test_announcements_are_mixed_for_every_codec(tmp_path: Path, format_: PayloadFormat) -> None:
    why = why_unavailable(format_.name)
    if why is not None:
        pytest.skip(why)
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice, (format_, DTMF))
        music = sound(world, tmp_path, sine(MUSIC_HZ, 4))
        words = sound(world, tmp_path, sine(WORDS_HZ, 0.6))
        world.engine.post(Play(a.leg, 1, music, repeat=True))
        heard = await alice.hear_many(5)
        world.engine.post(Announce(a.leg, 2, words, duck_db=12))
        heard += await until_finished(world, alice, 2)
        world.engine.post(StopPlay(a.leg))
        await world.event(PlaybackFinished, lambda event: event.playback == 1)
        decoder = Decoder(format_.name, 16000 if format_ is L16 else None)
        pieces = [decoder.decode(each.payload) for each in heard]
        samples = np.frombuffer(b"".join(pieces), dtype="<i2").astype(float)
        middle = samples[begun(samples, decoder.sample_rate) :][: round(0.3 * decoder.sample_rate)]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        hz = np.arange(len(spectrum)) * decoder.sample_rate / len(middle)
        words_level, music_level = (np.max(spectrum[np.abs(hz - each) < 30]) for each in (WORDS_HZ, MUSIC_HZ))
        assert 20 * np.log10(music_level / words_level) == pytest.approx(-12, abs=3)
        assert {each.payload_type for each in heard} == {format_.payload_type}
        assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == list(range(len(heard)))
