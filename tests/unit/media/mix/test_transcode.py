"""Transcoding on arrival: what one far end says is heard by the other in its own codec and packet time."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from audiocodecs.coding import Decoder, Encoder

from media.commands import CloseLeg, Connect, Disconnect, PayloadFormat, SetFormats, StartEcho
from media.events import DigitReceived, EngineDegraded
from tests.support.media_world import CN, DTMF, PCMA, PCMU, MediaWorld, Rtp, media_world

if TYPE_CHECKING:
    from media.legs import OpenedLeg

G722 = PayloadFormat(9, "G722", 8000)
L16 = PayloadFormat(96, "L16", 8000)
L16_WIDE = PayloadFormat(97, "L16", 16000)
UNKNOWN = PayloadFormat(99, "AMR-NB", 8000)


def tone(samples: int, rate: int = 8000, start: int = 0) -> list[int]:
    """400 Hz at about -10 dBm0."""
    return [round(8000 * math.sin(2 * math.pi * 400 * (start + n) / rate)) for n in range(samples)]


def l16(samples: list[int]) -> bytes:
    return struct.pack(f"!{len(samples)}h", *samples)


def native(samples: list[int]) -> bytes:
    return struct.pack(f"{len(samples)}h", *samples)


def spoken(sequence: int, *, samples: int = 160, payload_type: int = 96) -> Rtp:
    """The packet `sequence` of an L16 talker: a tone that goes on."""
    return Rtp(sequence, sequence * samples, l16(tone(samples, start=sequence * samples)), payload_type)


def expected(first: int, count: int, *, samples: int = 160) -> list[bytes]:
    """What becomes of `count` packets from `first` on in A-law."""
    encoder = Encoder("PCMA")
    return [encoder.encode(native(tone(samples, start=n * samples))) for n in range(first, first + count)]


class Call:
    """Alice and Bob, connected."""

    def __init__(
        self,
        world: MediaWorld,
        alice: tuple[PayloadFormat, ...],
        bob: tuple[PayloadFormat, ...],
        ptimes: tuple[int, int] = (20, 20),
    ) -> None:
        self.alice, self.bob = world.far_end(), world.far_end()
        self.a, self.b = world.leg(self.alice, alice), world.leg(self.bob, bob)
        world.engine.post(SetFormats(self.a.leg, alice, alice, ptimes[0]), SetFormats(self.b.leg, bob, bob, ptimes[1]))
        world.engine.post(Connect(self.a.leg, self.b.leg))
        self.world = world

    async def begin(self) -> None:
        """Everything posted is carried out: nothing that follows is relayed half way."""
        await self.world.settled()

    def say(self, *packets: Rtp) -> None:
        for each in packets:
            self.alice.send(self.a, each)

    async def heard(self, count: int) -> list[Rtp]:
        return await self.bob.hear_many(count)

    async def drained(self) -> None:
        """Whatever was said before this has been dealt with."""
        before = self.world.engine.statistics(self.a.leg)
        assert before is not None
        self.alice.send(self.a, b"\x00")
        await self.world.until(lambda: malformed(self.world, self.a) > before.drops.malformed)


def malformed(world: MediaWorld, leg: OpenedLeg) -> int:
    found = world.engine.statistics(leg.leg)
    assert found is not None
    return found.drops.malformed


def steps(heard: list[Rtp]) -> list[tuple[int, int]]:
    """Sequence numbers and timestamps counted from the first."""
    return [
        ((each.sequence - heard[0].sequence) & 0xFFFF, (each.timestamp - heard[0].timestamp) & 0xFFFFFFFF)
        for each in heard
    ]


async def test_audio_is_said_in_the_codec_of_the_other_side() -> None:
    async with media_world() as world:
        call = Call(world, (L16, DTMF), (PCMA, DTMF))
        await call.begin()
        call.say(*(spoken(n) for n in range(10)))
        heard = await call.heard(10)
        assert [each.payload for each in heard] == expected(0, 10)
        assert {each.payload_type for each in heard} == {8}
        assert steps(heard) == [(n, 160 * n) for n in range(10)]
        assert [each.marker for each in heard] == [True] + [False] * 9


async def test_and_the_other_way_at_the_same_time() -> None:
    async with media_world() as world:
        call = Call(world, (L16,), (PCMA,))
        await call.begin()
        payload = expected(0, 1)[0]
        call.bob.talk(call.b, 5, payload=payload)
        heard = await call.alice.hear_many(5)
        decoded = struct.unpack("160h", Decoder("PCMA").decode(payload))
        assert {each.payload for each in heard} == {l16(list(decoded))}
        assert {each.payload_type for each in heard} == {96}


async def test_sampling_rates_are_converted() -> None:
    """A tone at 16 kHz arrives as the same tone at 8 kHz: what is left beside it is the noise of A-law."""
    async with media_world() as world:
        call = Call(world, (L16_WIDE,), (L16,))
        await call.begin()
        call.say(*(Rtp(n, 320 * n, l16(tone(320, 16000, 320 * n)), 97) for n in range(10)))
        heard = await call.heard(10)
        assert steps(heard) == [(n, 160 * n) for n in range(10)]
        pcm = [each for packet in heard for each in struct.unpack("!160h", packet.payload)][160:]
        phases = [(math.cos(2 * math.pi * n / 20), math.sin(2 * math.pi * n / 20)) for n in range(len(pcm))]
        real = sum(each * cos for each, (cos, _) in zip(pcm, phases, strict=True)) * 2 / len(pcm)
        imaginary = sum(each * sin for each, (_, sin) in zip(pcm, phases, strict=True)) * 2 / len(pcm)
        assert math.hypot(real, imaginary) == pytest.approx(8000, rel=0.01)
        noise = [each - real * cos - imaginary * sin for each, (cos, sin) in zip(pcm, phases, strict=True)]
        assert sum(each * each for each in noise) < 1e-5 * sum(each * each for each in pcm)


@pytest.mark.parametrize(("said", "wanted"), [(20, 40), (20, 30), (20, 60), (40, 20), (30, 20), (60, 10), (10, 60)])
async def test_packets_are_cut_to_the_packet_time_of_the_other_side(said: int, wanted: int) -> None:
    """G.711 both ways, only the packet times differ: not an octet changes."""
    async with media_world() as world:
        call = Call(world, (PCMA,), (PCMA,), (said, wanted))
        await call.begin()
        stream = b"".join(expected(0, 12, samples=80))
        cut = [stream[n : n + said * 8] for n in range(0, len(stream), said * 8)]
        call.say(*(Rtp(n, n * said * 8, each) for n, each in enumerate(cut)))
        count = 120 // wanted
        heard = await call.heard(count)
        assert b"".join(each.payload for each in heard) == stream[: count * wanted * 8]
        assert steps(heard) == [(n, n * wanted * 8) for n in range(count)]


async def test_what_is_only_relayed_keeps_its_packets() -> None:
    async with media_world() as world:
        call = Call(world, (PCMA,), (PCMU,))
        await call.begin()
        call.say(Rtp(0, 0, b"\xd5" * 80), Rtp(1, 80, b"\xd5" * 320))
        assert [len(each.payload) for each in await call.heard(2)] == [80, 320]


async def test_a_lost_packet_stays_lost() -> None:
    """Numbers and all: the far end conceals it when it is due."""
    async with media_world() as world:
        call = Call(world, (L16,), (PCMA,))
        await call.begin()
        call.say(*(spoken(n) for n in (0, 1, 4, 5)))
        heard = await call.heard(4)
        assert steps(heard) == [(n, 160 * n) for n in (0, 1, 4, 5)]
        assert [each.marker for each in heard] == [True, False, False, False]


async def test_a_part_of_a_packet_that_is_lost_is_made_up() -> None:
    async with media_world() as world:
        call = Call(world, (L16,), (PCMA,), (20, 40))
        await call.begin()
        call.say(*(spoken(n) for n in (0, 2, 3, 4, 5)))
        heard = await call.heard(3)
        assert steps(heard) == [(n, 320 * n) for n in range(3)]
        said = b"".join(each.payload for each in heard)
        # 20 ms as they were, a guess, at most 10 ms in which it passes into what came next.
        assert said[:160] == expected(0, 1)[0]
        assert said[400:] == b"".join(expected(2, 4))[80:]
        guess = struct.unpack("160h", Decoder("PCMA").decode(said[160:320]))
        assert max(guess) > 6000


async def test_late_and_repeated_packets_are_not_said_again() -> None:
    async with media_world() as world:
        call = Call(world, (L16,), (PCMA,))
        await call.begin()
        call.say(*(spoken(n) for n in (0, 1, 3, 2, 3, 4)))
        heard = await call.heard(4)
        await call.drained()
        assert steps(heard) == [(n, 160 * n) for n in (0, 1, 3, 4)]
        assert call.bob.heard_nothing()
        found = world.engine.statistics(call.a.leg)
        assert found is not None
        assert found.drops.out_of_order == 1
        assert found.received.duplicates == 1


async def test_a_pause_is_a_pause() -> None:
    """Timestamps that go on without packets being lost: silence suppression."""
    async with media_world() as world:
        call = Call(world, (L16,), (PCMA,))
        await call.begin()
        call.say(spoken(0), replace(spoken(1), timestamp=160 * 10), replace(spoken(2), timestamp=160 * 11))
        heard = await call.heard(3)
        assert steps(heard) == [(0, 0), (1, 1600), (2, 1760)]
        assert [each.marker for each in heard] == [True, True, False]


async def test_a_stream_that_begins_anew_goes_on() -> None:
    """A jump is believed at its second packet; the numbers of what is sent go on without a break."""
    async with media_world() as world:
        call = Call(world, (L16,), (PCMA,))
        await call.begin()
        call.say(spoken(0), spoken(1))
        first = await call.heard(2)
        call.say(*(spoken(n) for n in range(30000, 30004)))
        second = await call.heard(3)
        await call.drained()
        assert [n for n, _ in steps(first + second)] == [0, 1, 2, 3, 4]
        assert [each.payload for each in second] == expected(30001, 3)
        found = world.engine.statistics(call.a.leg)
        assert found is not None
        assert found.drops.out_of_order == 1


async def test_digits_pass_among_transcoded_packets_with_one_timestamp_each() -> None:
    async with media_world() as world:
        call = Call(world, (L16, DTMF), (PCMA, DTMF))
        await call.begin()

        def event(sequence: int, timestamp: int, duration: int, *, end: bool = False) -> Rtp:
            return Rtp(sequence, timestamp, struct.pack("!BBH", 5, 0x80 if end else 10, duration), 101)

        call.say(spoken(0), event(1, 160, 160), replace(spoken(2), timestamp=160), event(3, 160, 320))
        call.say(event(4, 160, 480, end=True), event(5, 160, 480, end=True), replace(spoken(6), timestamp=640))
        heard = await call.heard(7)
        assert [n for n, _ in steps(heard)] == list(range(7))
        digits = [each for each in heard if each.payload_type == 101]
        assert [each.payload[2:] for each in digits] == [b"\0\xa0", b"\x01@", b"\x01\xe0", b"\x01\xe0"]
        assert len({each.timestamp for each in digits}) == 1
        assert (await world.event(DigitReceived)).digit == "5"


async def test_comfort_noise_passes_where_both_sides_know_it() -> None:
    async with media_world() as world:
        call = Call(world, (L16, CN), (PCMA, CN))
        await call.begin()
        call.say(spoken(0), Rtp(1, 160, b"\x40", 13), replace(spoken(2), timestamp=3200))
        heard = await call.heard(3)
        assert [each.payload_type for each in heard] == [8, 13, 8]
        assert [n for n, _ in steps(heard)] == [0, 1, 2]


@pytest.mark.parametrize("payload", [b"", b"\x01"])
async def test_what_no_decoder_reads_is_dropped_and_counted(payload: bytes) -> None:
    async with media_world() as world:
        call = Call(world, (L16,), (PCMA,))
        await call.begin()
        call.say(spoken(0), replace(spoken(1), payload=payload), spoken(2))
        assert [each.payload for each in await call.heard(2)] == expected(0, 1) + expected(2, 1)
        found = world.engine.statistics(call.a.leg)
        assert found is not None
        assert found.drops.undecodable == 1


async def test_the_first_connect_may_come_before_the_formats() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice, (PCMA,)), world.leg(bob, (PCMA,))
        world.engine.post(Connect(a.leg, b.leg), SetFormats(a.leg, (L16,), (L16,)))
        await world.settled()
        alice.send(a, spoken(0))
        assert (await bob.hear()).payload == expected(0, 1)[0]


async def test_a_new_codec_in_the_middle_of_a_call() -> None:
    async with media_world() as world:
        call = Call(world, (L16,), (PCMA,))
        await call.begin()
        call.say(spoken(0))
        first = await call.heard(1)
        world.engine.post(SetFormats(call.b.leg, (L16_WIDE,), (L16_WIDE,)))
        await world.settled()
        call.say(spoken(1))
        second = await call.heard(1)
        world.engine.post(SetFormats(call.b.leg, (L16,), (L16,)))
        await world.settled()
        call.say(spoken(2))
        third = await call.heard(1)
        assert [len(each.payload) for each in first + second + third] == [160, 640, 320]
        assert [n for n, _ in steps(first + second + third)] == [0, 1, 2]
        assert third[0].payload == l16(tone(160, start=320))


async def test_coders_are_used_again_and_again() -> None:
    """Twenty calls, one after the other, with the coders of the first."""
    async with media_world() as world:
        for _ in range(20):
            call = Call(world, (G722,), (PCMA,))
            world.engine.post(Disconnect(call.a.leg, call.b.leg), Connect(call.a.leg, call.b.leg))
            await call.begin()
            call.say(Rtp(0, 0, Encoder("G722").encode(native(tone(320, 16000))), 9))
            assert len((await call.heard(1))[0].payload) == 160
            world.engine.post(CloseLeg(call.a.leg), CloseLeg(call.b.leg))
            await world.gone(call.a)
            await world.gone(call.b)
        idle = world.engine._coding._idle
        assert [len(each) for each in idle.values()] == [1, 1]


async def test_coders_without_memory_are_shared() -> None:
    """Three calls at once, with one A-law decoder and one encoder between them."""
    async with media_world() as world:
        calls = [Call(world, (L16,), (PCMA,)) for _ in range(3)]
        for n, call in enumerate(calls):
            await call.begin()
            call.say(spoken(n))
            assert (await call.heard(1))[0].payload == expected(n, 1)[0]
        lent = [
            {
                coder: id(made)
                for coders in world.engine._legs[call.b.leg].coders.values()
                for coder, made in coders.items()
            }
            for call in calls
        ]
        assert lent[0] == lent[1] == lent[2]
        assert len(lent[0]) == 2


async def test_a_codec_nobody_here_can_code_is_told_once() -> None:
    async with media_world() as world:
        Call(world, (UNKNOWN,), (PCMA,))
        Call(world, (UNKNOWN,), (PCMA,))
        await world.settled()
        assert "AMR-NB" in (await world.event(EngineDegraded, lambda event: "AMR" in event.reason)).reason
        assert len([each for each in world.told(EngineDegraded) if "AMR" in each.reason]) == 1


async def test_an_echo_is_the_far_ends_own_packets() -> None:
    async with media_world() as world:
        call = Call(world, (L16,), (PCMA,))
        world.engine.post(StartEcho(call.a.leg))
        await call.begin()
        call.say(spoken(0), spoken(1))
        assert [each.payload for each in await call.alice.hear_many(2)] == [spoken(0).payload, spoken(1).payload]
        assert call.bob.heard_nothing()


async def test_a_rate_of_l16_that_cannot_be_resampled_spoils_no_other() -> None:
    """Payload type 11 is L16 at 44.1 kHz (RFC 3551)."""
    async with media_world() as world:
        Call(world, (PayloadFormat(11, "L16", 44100), PCMA), (PCMA,))
        later = Call(world, (L16,), (PCMA,))
        await world.settled()
        later.alice.send(later.a, spoken(0))
        assert (await later.bob.hear()).payload == expected(0, 1)[0]
        assert not world.told(EngineDegraded)
