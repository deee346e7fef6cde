"""The life of a leg: ports, ids, time-outs, digits, recordings, and nothing left behind."""

from __future__ import annotations

import socket
import time
import wave
from pathlib import Path

import pytest

from media.commands import (
    CloseLeg,
    CloseRecording,
    Connect,
    OpenRecording,
    Play,
    SetDirection,
    SetMediaTimeout,
    SetRemote,
    StartTap,
    StopTap,
    Tone,
)
from media.events import DigitReceived, LegGone, MediaTimeout, PlaybackFinished, RecordingFinished
from media.ports import PortsExhausted
from tests.support.media_world import CN, DTMF, LOOPBACK, PCMA, Rtp, media_world

SILENCE = 0.25
"""Seconds of silence after which the legs of a test are given up."""


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_ports_are_pairs_and_rest_before_reuse() -> None:
    async with media_world(port_first=24001, port_last=24008, port_drain=0.2) as world:
        legs = [world.leg(None) for _ in range(3)]
        assert {leg.port for leg in legs} == {24002, 24004, 24006}
        with pytest.raises(PortsExhausted, match="all 3 RTP port pairs"):
            world.leg(None)
        world.engine.post(CloseLeg(legs[1].leg))
        await world.gone(legs[1])
        with pytest.raises(PortsExhausted):
            world.leg(None)
        await world.until(lambda: world.engine.counters().ports_free == 1)
        assert world.leg(None).port == legs[1].port


async def test_ports_somebody_else_holds_are_skipped() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, 24103))
        async with media_world(port_first=24100, port_last=24105) as world:
            assert {world.leg(None).port for _ in range(2)} == {24100, 24104}
            with pytest.raises(PortsExhausted):
                world.leg(None)


async def test_an_id_that_is_gone_touches_nobody() -> None:
    async with media_world(port_first=24200, port_last=24203, port_drain=0.0) as world:
        alice, bob = world.far_end(), world.far_end()
        old = world.leg(alice)
        world.engine.post(CloseLeg(old.leg))
        await world.gone(old)
        a, b = world.leg(alice), world.leg(bob)
        assert old.leg not in (a.leg, b.leg)
        world.engine.post(
            Connect(a.leg, b.leg),
            CloseLeg(old.leg),
            SetRemote(old.leg, bob.host, 9, bob.host, 9),
            SetDirection(old.leg, send=False, receive=False),
            Play(old.leg, 1, Tone((425,)), repeat=True),
            Connect(old.leg, b.leg),
        )
        alice.talk(a, 1)
        await bob.hear()
        assert world.engine.statistics(old.leg) is None
        assert len(world.told(LegGone)) == 1


async def test_closing_tells_once_with_the_final_counts_and_frees_the_partner() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 4)
        await bob.hear_many(4)
        world.engine.post(Play(a.leg, 9, Tone((425,)), repeat=True), CloseLeg(a.leg), CloseLeg(a.leg))
        gone = await world.gone(a)
        assert gone.statistics.packets_received == 4
        assert [type(each) for each in world.events if getattr(each, "leg", None) == a.leg][-2:] == [
            PlaybackFinished,
            LegGone,
        ]
        bob.talk(b, 1)
        await world.until(lambda: world.engine.statistics(b.leg).packets_received == 1)
        world.engine.post(CloseLeg(b.leg))
        await world.gone(b)
        assert len(world.told(LegGone)) == 2
        assert world.engine.counters().legs == 0


async def test_nothing_is_left_behind() -> None:
    before = descriptors()
    async with media_world(port_drain=0.0) as world:
        alice, bob = world.far_end(), world.far_end()
        running = descriptors()
        for _ in range(20):
            pairs = [(world.leg(alice), world.leg(bob)) for _ in range(25)]
            world.engine.post(*(Connect(a.leg, b.leg) for a, b in pairs))
            world.engine.post(*(CloseLeg(leg.leg) for pair in pairs for leg in pair))
        await world.until(lambda: world.engine.counters().legs == 0)
        assert descriptors() == running
        assert len(world.told(LegGone)) == 1000
    assert descriptors() == before


async def test_stopping_closes_what_is_open_and_tells() -> None:
    before = descriptors()
    async with media_world() as world:
        legs = [world.leg(world.far_end()) for _ in range(3)]
    assert {each.leg for each in world.told(LegGone)} == {leg.leg for leg in legs}
    assert descriptors() == before


async def test_thousands_of_commands_at_once_are_all_carried_out_in_order() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        toggles = [SetDirection(b.leg, send=bool(n % 2), receive=True) for n in range(9999)]
        world.engine.post(Connect(a.leg, b.leg), *toggles, SetDirection(b.leg, send=True, receive=True))
        await world.settled()
        alice.talk(a, 1)
        await bob.hear()


async def test_silence_is_told_once_and_again_after_the_next_packet() -> None:
    async with media_world() as world:
        alice = world.far_end()
        began = time.monotonic()
        a = world.leg(alice)
        world.engine.post(SetMediaTimeout(a.leg, 0.2))
        first = await world.event(MediaTimeout)
        assert 0.2 <= first.silent_for < time.monotonic() - began
        alice.talk(a, 1)
        await world.until(lambda: len(world.told(MediaTimeout)) == 2)


async def test_a_held_leg_may_be_silent() -> None:
    async with media_world() as world:
        held, open_ = world.leg(world.far_end()), world.leg(world.far_end())
        world.engine.post(
            SetMediaTimeout(held.leg, 0.1),
            SetDirection(held.leg, send=True, receive=False),
            SetMediaTimeout(open_.leg, 0.3),
        )
        await world.event(MediaTimeout)
        assert [each.leg for each in world.told(MediaTimeout)] == [open_.leg]
        world.engine.post(SetDirection(held.leg, send=True, receive=True))
        await world.event(MediaTimeout, lambda event: event.leg == held.leg)


async def _who_falls_silent() -> tuple[list[str], float]:
    """Two legs get nothing but reports, after comfort noise and after speech: who was given up, and the longest time
    (seconds) this test itself let pass between two reports."""
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        quiet, dead = world.leg(alice, (PCMA, CN)), world.leg(bob, (PCMA, CN))
        alice.send(quiet, Rtp(1, 160, b"\x40", 13))
        bob.send(dead, Rtp(1, 160, b"\xd5" * 160, 8))
        await world.until(lambda: world.engine.counters().packets_received == 2)
        world.engine.post(SetMediaTimeout(quiet.leg, SILENCE), SetMediaTimeout(dead.leg, SILENCE))
        empty_report = b"\x80\xc9\0\1\0\0\x12\x34"
        longest, last = 0.0, time.monotonic()
        while not world.told(MediaTimeout):
            alice.send_rtcp(quiet, empty_report)
            bob.send_rtcp(dead, empty_report)
            await world.settled()
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        names = {quiet.leg: "quiet", dead.leg: "dead"}
        return [names[each.leg] for each in world.told(MediaTimeout)], longest


async def test_comfort_noise_with_reports_is_not_silence() -> None:
    for _ in range(20):
        silent, longest_pause = await _who_falls_silent()
        if longest_pause < SILENCE / 2:  # else the machine stood still, and both were silent indeed
            assert silent == ["dead"]
            return
    raise AssertionError("this machine never ran the test without a pause of its own")


async def test_a_key_press_is_told_once_and_relayed() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 2)
        payloads = [bytes([11, 10, n * 160 >> 8, n * 160 & 0xFF]) for n in range(1, 6)] + [b"\x0b\x8a\x03\xc0"] * 3
        for number, payload in enumerate(payloads, 2):
            alice.send(a, Rtp(number, 320, payload, 101, marker=number == 2))
        heard = await bob.hear_many(2 + len(payloads))
        assert [each.payload for each in heard[2:]] == payloads
        assert {each.payload_type for each in heard[2:]} == {101}
        assert len({each.timestamp for each in heard[2:]}) == 1
        assert heard[2].marker
        await world.event(DigitReceived)
        assert world.told(DigitReceived) == [DigitReceived(a.leg, "#", 120)]


async def test_legs_are_recorded_while_they_talk_and_strangers_are_not(tmp_path: Path) -> None:
    async with media_world() as world:
        alice, bob, mallory = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob, (PCMA, DTMF))
        paths = [str(tmp_path / name) for name in ("stereo.wav", "a.wav", "b.wav")]
        world.engine.post(
            Connect(a.leg, b.leg),
            OpenRecording(1, paths[0]),
            StartTap(a.leg, 1, paths[1], 0),
            StartTap(b.leg, 1, paths[2], 1),
            Play(b.leg, 4, Tone((425,)), repeat=True),
        )
        await world.settled()

        def talked() -> bool:
            alice.talk(a, payload=b"\x2a" * 160)
            mallory.talk(a, payload=b"\x80" * 160)
            return world.engine.counters().packets_received >= 45

        await world.talk_until(bob, b, talked)
        world.engine.post(StopTap(b.leg), CloseRecording(1))
        finished = await world.event(RecordingFinished)
        assert {each.path for each in finished.files} == set(paths)
        assert sum(each.packets for each in finished.files if each.leg is not None) >= 20
        with wave.open(paths[1]) as recorded:
            samples = recorded.readframes(recorded.getnframes())
        assert len(samples) > 2 * 1000
        loudest = max(abs(int.from_bytes(samples[n : n + 2], "little", signed=True)) for n in range(0, len(samples), 2))
        assert loudest == 32256


async def test_a_recorded_leg_that_closes_lets_its_recording_finish(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice)
        path = str(tmp_path / "a.wav")
        world.engine.post(OpenRecording(1, None), StartTap(a.leg, 1, path, 0), CloseLeg(a.leg))
        world.engine.post(StartTap(a.leg, 1, str(tmp_path / "late.wav"), 0))
        await world.gone(a)
        world.engine.post(CloseRecording(1))
        await world.event(RecordingFinished)


async def test_more_events_than_the_ring_holds_are_told_all_the_same() -> None:
    async with media_world(port_first=20000, port_last=29999) as world:
        alice = world.far_end()
        legs = [world.leg(alice) for _ in range(200)]
        tone = Tone((425,))
        for playback in range(100):
            world.engine.post(*(Play(leg.leg, playback, tone, repeat=True) for leg in legs))
        world.engine.post(*(CloseLeg(leg.leg) for leg in legs))
        await world.until(lambda: len(world.told(LegGone)) == len(legs))
        assert len(world.told(PlaybackFinished)) == 100 * len(legs)
        assert world.engine.counters().events_lost == 0
