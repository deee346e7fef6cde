"""Digits of any kind become digits of any other: telephone events at every clock, tones, and what signalling sends."""

from __future__ import annotations

import random
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audiocodecs import g711
from audiocodecs.coding import Decoder

from media.commands import Connect, PayloadFormat, SendDigits, SetDigits, SetFormats
from media.events import DigitReceived
from media.pieces import Digits
from media.receive.digit_pieces import InBandDigits
from tests.support.keys import Press, pcm, silence
from tests.support.media_world import DTMF, PCMA, PCMU, FarEnd, MediaWorld, Rtp, media_world

if TYPE_CHECKING:
    from media.legs import OpenedLeg

L16 = PayloadFormat(97, "L16", 16000)
DTMF_16 = PayloadFormat(102, "telephone-event", 16000)
SPEECH = bytes(range(160))


def rate_of(packet: Rtp) -> int:
    return {101: 8000, 102: 16000}[packet.payload_type]


class Ear:
    """What a far end understands of its stream: telephone events and tones."""

    def __init__(self, far: FarEnd) -> None:
        self.far = far
        self.events: list[Rtp] = []
        self.audio: list[Rtp] = []
        self._watch = Digits()
        self._tones = InBandDigits(8000)
        self.pressed: list[tuple[int, int]] = []
        self.toned: list[tuple[int, int]] = []

    async def take(self) -> Rtp:
        packet = await self.far.hear()
        self.note(packet)
        return packet

    def take_waiting(self) -> None:
        for packet in self.far.hear_waiting():
            self.note(packet)

    def note(self, packet: Rtp) -> None:
        if packet.payload_type in (101, 102):
            self.events.append(packet)
            self.pressed += self._watch.packet(
                packet.payload, packet.timestamp, rate_of(packet), 0, ssrc=packet.ssrc, marker=packet.marker
            )
        else:
            self.audio.append(packet)
            if packet.payload_type in (0, 8):
                decoded = Decoder("PCMA" if packet.payload_type == 8 else "PCMU").decode(packet.payload)
                told = self._tones.feed(np.frombuffer(decoded, dtype=np.int16).copy())
                self.toned += [(event, round(ended - began)) for event, began, ended in told]

    async def until_pressed(self, count: int) -> list[tuple[int, int]]:
        while len(self.pressed) < count or not (self.events[-1].payload[1] & 0x80):
            await self.take()
        return self.pressed

    async def until_toned(self, count: int) -> list[tuple[int, int]]:
        while len(self.toned) < count:
            await self.take()
        return self.toned


async def a_leg(
    world: MediaWorld, formats: tuple[PayloadFormat, ...], *, sends: bool = True, listens: bool = False
) -> tuple[FarEnd, OpenedLeg, Ear]:
    far = world.far_end()
    leg = world.leg(far, formats)
    world.engine.post(SetDigits(leg.leg, sends, listens))
    return far, leg, Ear(far)


def event(key: int, units: int, *, end: bool = False) -> bytes:
    return struct.pack("!BBH", key, 0x8A if end else 0x0A, units)


def press(far: FarEnd, leg: OpenedLeg, key: int, ms: int, *, rate: int = 8000, payload_type: int = 101) -> list[Rtp]:
    """One key of a phone: packets every 20 ms of its time, three ends."""
    began = far.sequence * 160
    packets = []
    for n in range(ms // 20 + 3):
        elapsed = min(20 * (n + 1), ms)
        payload = event(key, elapsed * rate // 1000, end=n >= ms // 20)
        packets.append(Rtp(far.sequence, began, payload, payload_type, far.ssrc, n == 0))
        far.sequence += 1
    for packet in packets:
        far.send(leg, packet)
    return packets


def tones(far: FarEnd, leg: OpenedLeg, keys: list[tuple[int, int]]) -> list[bytes]:
    """Keys as A-law, with silence before, between and behind them."""
    parts = [silence(8000, 100)]
    for key, ms in keys:
        parts += [Press(key, ms).sound(8000), silence(8000, 100)]
    whole = g711.linear_to_alaw(memoryview(pcm(np.concatenate([*parts, silence(8000, 20)])).tobytes()).cast("h"))
    said = [whole[at : at + 160] for at in range(0, len(whole) - 159, 160)]
    for payload in said:
        far.talk(leg, payload=payload)
    return said


@pytest.mark.parametrize(("formats", "rate"), [((PCMA, DTMF), 8000), ((L16, DTMF_16, DTMF), 16000)])
async def test_digits_are_sent_as_telephone_events_of_the_audio_clock(
    formats: tuple[PayloadFormat, ...], rate: int
) -> None:
    async with media_world() as world:
        far, leg, ear = await a_leg(world, formats)
        far.talk(leg, payload_type=formats[0].payload_type)
        await world.settled()
        world.engine.post(SendDigits(leg.leg, "15#", duration_ms=100, gap_ms=60))
        assert await ear.until_pressed(3) == [(1, 100), (5, 100), (11, 100)]
        assert {rate_of(packet) for packet in ear.events} == {rate}
        assert [packet.sequence - ear.events[0].sequence for packet in ear.events] == [
            n & 0xFFFF for n in range(len(ear.events))
        ]
        begins = [packet for packet in ear.events if packet.marker]
        assert len(begins) == len({packet.timestamp for packet in ear.events}) == 3
        for before, after in pairwise(begins):
            assert (after.timestamp - before.timestamp) & 0xFFFFFFFF >= rate * 150 // 1000


async def test_audio_waits_while_a_digit_is_sent_and_goes_on_behind_it() -> None:
    async with media_world() as world:
        far, leg, ear = await a_leg(world, (PCMA, DTMF))
        other, source, _ = await a_leg(world, (PCMA, DTMF))
        far.talk(leg)
        world.engine.post(Connect(leg.leg, source.leg))
        other.talk(source, payload=SPEECH)
        first = await ear.take()
        world.engine.post(SendDigits(leg.leg, "7", duration_ms=200, gap_ms=40))
        await world.settled()

        def goes_on() -> bool:
            ear.take_waiting()
            return ear.audio[-1] is not first

        await world.talk_until(other, source, goes_on)
        assert ear.pressed == [(7, 200)]
        begins = ear.events[0].timestamp
        behind = ear.audio[-1]
        assert behind.marker
        assert (behind.sequence - ear.events[-1].sequence) & 0xFFFF == 1
        assert (behind.timestamp - begins) & 0xFFFFFFFF >= 1600


async def test_digits_are_sent_as_tones_where_no_telephone_event_is_agreed() -> None:
    async with media_world() as world:
        far, leg, ear = await a_leg(world, (PCMU,))
        far.talk(leg, payload_type=0)
        world.engine.post(SendDigits(leg.leg, "0*D", duration_ms=80, gap_ms=60))
        heard = await ear.until_toned(3)
        assert [key for key, _ in heard] == [0, 10, 15]
        assert [ms for _, ms in heard] == pytest.approx([80] * 3, abs=8)
        assert [b.timestamp - a.timestamp for a, b in pairwise(ear.audio)] == [160] * (len(ear.audio) - 1)


@pytest.mark.parametrize("loss", [0.0, 0.3])
async def test_telephone_events_become_those_of_another_clock(loss: float) -> None:
    dice = random.Random(7)
    async with media_world() as world:
        far, leg, _ = await a_leg(world, (PCMA, DTMF))
        other, target, ear = await a_leg(world, (L16, DTMF_16, DTMF))
        world.engine.post(Connect(leg.leg, target.leg))
        other.talk(target, payload_type=97, payload=b"\x00" * 640)
        far.talk(leg)
        await world.settled()
        for key, ms in ((3, 100), (3, 120), (12, 200)):
            before = far.sequence
            for packet in press_packets(far, key, ms):
                if dice.random() >= loss or packet.sequence in (before, far.sequence - 1):
                    far.send(leg, packet)
            far.sequence += 10
        assert await ear.until_pressed(3) == [(3, 100), (3, 120), (12, 200)]
        assert {packet.payload_type for packet in ear.events} == {102}
        await world.event(DigitReceived, lambda event: event.digit == "A")
        assert [(each.digit, each.duration_ms) for each in world.told(DigitReceived)] == [
            ("3", 100), ("3", 120), ("A", 200),
        ]  # fmt: skip


def press_packets(far: FarEnd, key: int, ms: int) -> list[Rtp]:
    began = far.sequence * 160
    packets = []
    for n in range(ms // 20 + 3):
        payload = event(key, min(20 * (n + 1), ms) * 8, end=n >= ms // 20)
        packets.append(Rtp(far.sequence, began, payload, 101, far.ssrc, n == 0))
        far.sequence += 1
    return packets


async def test_telephone_events_become_tones() -> None:
    async with media_world() as world:
        far, leg, _ = await a_leg(world, (PCMA, DTMF))
        other, target, ear = await a_leg(world, (PCMA,))
        world.engine.post(Connect(leg.leg, target.leg))
        other.talk(target)
        far.talk(leg)
        await world.settled()
        press(far, leg, 9, 100)
        far.sequence += 20
        press(far, leg, 9, 60)
        heard = await ear.until_toned(2)
        assert [key for key, _ in heard] == [9, 9]
        assert [ms for _, ms in heard] == pytest.approx([100, 60], abs=8)
        statistics = world.engine.statistics(leg.leg)
        assert statistics is not None
        assert statistics.drops.unroutable == 0


async def test_tones_become_telephone_events_and_are_taken_out_of_the_audio() -> None:
    async with media_world() as world:
        far, leg, _ = await a_leg(world, (PCMA,), listens=True)
        other, target, ear = await a_leg(world, (PCMU, DTMF))
        world.engine.post(Connect(leg.leg, target.leg))
        other.talk(target, payload_type=0)
        await world.settled()
        tones(far, leg, [(4, 100), (4, 70)])
        pressed = await ear.until_pressed(2)
        assert [key for key, _ in pressed] == [4, 4]
        assert [ms for _, ms in pressed] == pytest.approx([100, 70], abs=8)
        second = await world.event(DigitReceived, lambda event: event.duration_ms < 85)
        assert (second.leg, second.digit) == (leg.leg, "4")
        assert ear.toned == []


async def test_tones_are_silenced_where_signalling_sends_the_digit() -> None:
    """What passes before the tone is suspected is too short for any receiver."""
    async with media_world() as world:
        far, leg, _ = await a_leg(world, (PCMA,), listens=True)
        other, target, ear = await a_leg(world, (PCMA,), sends=False)
        world.engine.post(Connect(leg.leg, target.leg))
        other.talk(target)
        await world.settled()
        said = tones(far, leg, [(2, 200)])
        digit = await world.event(DigitReceived)
        assert (digit.leg, digit.digit) == (leg.leg, "2")
        assert digit.duration_ms == pytest.approx(200, abs=8)
        for _ in said:
            await ear.take()
        assert ear.toned == []
        heard = b"".join(packet.payload for packet in ear.audio)
        loud = np.flatnonzero(np.abs(np.frombuffer(g711.alaw_to_linear(heard), dtype=np.int16)) > 1000)
        assert len(loud) < 24 * 8
        assert loud[0] == pytest.approx(800, abs=20)


async def test_tones_stay_tones_between_legs_that_both_want_them() -> None:
    async with media_world() as world:
        far, leg, _ = await a_leg(world, (PCMA,), listens=True)
        other, target, ear = await a_leg(world, (PCMA,), listens=True)
        world.engine.post(Connect(leg.leg, target.leg))
        other.talk(target)
        await world.settled()
        said = tones(far, leg, [(6, 90)])
        assert [key for key, _ in await ear.until_toned(1)] == [6]
        assert (await world.event(DigitReceived)).digit == "6"
        while len(ear.audio) < len(said):
            await ear.take()
        assert [packet.payload for packet in ear.audio] == said


async def test_legs_that_only_relay_tones_have_nothing_to_make_them_with() -> None:
    """It is the greatest part of a leg's memory."""
    async with media_world() as world:
        _, alice, _ = await a_leg(world, (PCMA,), listens=True)
        _, bob, _ = await a_leg(world, (PCMA,))
        world.engine.post(Connect(alice.leg, bob.leg))
        records = [world.engine._legs[leg.leg] for leg in (alice, bob)]
        assert [record.plan for record in records] == [None, None]
        world.engine.post(SetFormats(alice.leg, (PCMA, DTMF), (PCMA, DTMF)))
        assert [record.plan is None for record in records] == [True, False]


async def test_a_key_held_when_the_call_changes_hands_is_let_go() -> None:
    async with media_world() as world:
        far, leg, _ = await a_leg(world, (PCMA, DTMF))
        other, target, ear = await a_leg(world, (L16, DTMF_16))
        third, elsewhere, _ = await a_leg(world, (PCMA, DTMF))
        world.engine.post(Connect(leg.leg, target.leg))
        other.talk(target, payload_type=97, payload=b"\x00" * 640)
        third.talk(elsewhere)
        await world.settled()
        for packet in press_packets(far, 8, 500)[:10]:
            far.send(leg, packet)
        while not ear.events:
            await ear.take()
        world.engine.post(Connect(leg.leg, elsewhere.leg))
        pressed = await ear.until_pressed(1)
        assert pressed[0][0] == 8
        assert pressed[0][1] <= 200


@pytest.mark.parametrize(
    ("digits", "duration", "gap"), [("", 100, 60), ("1" * 33, 100, 60), ("x", 100, 60), ("1", 20, 60), ("1", 100, 0)]
)
async def test_what_cannot_be_sent_is_refused(digits: str, duration: int, gap: int) -> None:
    async with media_world() as world:
        _, leg, _ = await a_leg(world, (PCMA, DTMF))
        with pytest.raises(ValueError, match=r"expected 1 to 32|digits last"):
            world.engine.post(SendDigits(leg.leg, digits, duration, gap))
