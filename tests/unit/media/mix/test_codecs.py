"""Any codec to any other, as the far ends hear it; Opus with what only Opus can."""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audiocodecs.coding import Decoder, Encoder

from media.commands import Connect, PayloadFormat, SetFormats
from tests.support.media_world import PCMA, PCMU, MediaWorld, Rtp, media_world
from tests.support.tones import decibels, strength, tone
from tests.support.voice import quality, speech

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

G722 = PayloadFormat(9, "G722", 8000)
G729 = PayloadFormat(18, "G729", 8000)
OPUS = PayloadFormat(111, "opus", 48000)
L16 = PayloadFormat(96, "L16", 8000)
L16_WIDE = PayloadFormat(97, "L16", 16000)
L16_FULL = PayloadFormat(98, "L16", 48000)
CODECS = (PCMA, PCMU, G722, G729, OPUS, L16, L16_WIDE, L16_FULL)
AT_ONCE = 10


def rate_of(format_: PayloadFormat) -> int:
    """What the far end's own coder samples at."""
    return {"opus": 48000, "G722": 16000, "L16": format_.clock_rate}.get(format_.name, 8000)


class Side:
    """A far end that codes: packets of what it says, the sound of what it hears."""

    def __init__(self, format_: PayloadFormat, ptime: int = 20) -> None:
        self.format = format_
        self.rate = rate_of(format_)
        self.ptime = ptime
        wanted = self.rate if format_.name in ("opus", "L16") else None
        self.encoder = Encoder(format_.name, wanted, complexity=5)
        self.decoder = Decoder(format_.name, wanted)

    def packets(self, sound: NDArray[np.int16]) -> list[Rtp]:
        step = self.rate * self.ptime // 1000
        return [
            Rtp(
                n,
                n * self.format.clock_rate * self.ptime // 1000,
                self.encoder.encode(sound[n * step : (n + 1) * step].tobytes()),
                self.format.payload_type,
            )
            for n in range(len(sound) // step)
        ]

    def sound(self, heard: Sequence[Rtp]) -> NDArray[np.int16]:
        return np.frombuffer(b"".join(self.decoder.decode(each.payload) for each in heard), np.int16)


class Talk:
    """One side speaks to the other."""

    def __init__(self, world: MediaWorld, speaker: Side, listener: Side) -> None:
        self.world = world
        self.alice, self.bob = world.far_end(), world.far_end()
        self.a = world.leg(self.alice, (speaker.format,))
        self.b = world.leg(self.bob, (listener.format,))
        for leg, side in ((self.a, speaker), (self.b, listener)):
            world.engine.post(SetFormats(leg.leg, (side.format,), (side.format,), side.ptime))
        world.engine.post(Connect(self.a.leg, self.b.leg))

    async def begin(self) -> None:
        await self.world.settled()

    async def say(self, packets: Sequence[Rtp], answers: int = 1) -> list[Rtp]:
        """A few at a time: the sockets are not made for more. `answers` packets come for each."""
        heard = []
        for first in range(0, len(packets), AT_ONCE):
            some = packets[first : first + AT_ONCE]
            for each in some:
                self.alice.send(self.a, each)
            heard += await self.bob.hear_many(len(some) * answers)
        return heard


@pytest.mark.parametrize(
    ("said", "heard"),
    list(itertools.permutations(CODECS, 2)),
    ids=lambda each: f"{each.name}-{each.clock_rate // 1000}",
)
async def test_any_codec_to_any_other(said: PayloadFormat, heard: PayloadFormat) -> None:
    """A tone keeps its strength and its packets their time; the noise beside it is what the coarser codec makes."""
    speaker, listener = Side(said), Side(heard)
    async with media_world() as world:
        talk = Talk(world, speaker, listener)
        await talk.begin()
        packets = await talk.say(speaker.packets(tone(speaker.rate, 400, 0.25, 0.4).astype(np.int16)))
    assert {each.payload_type for each in packets} == {heard.payload_type}
    assert [(each.sequence - packets[0].sequence) & 0xFFFF for each in packets] == list(range(20))
    step = heard.clock_rate // 50
    assert [(each.timestamp - packets[0].timestamp) & 0xFFFFFFFF for each in packets] == [n * step for n in range(20)]
    sound = listener.sound(packets)[listener.rate // 5 :].astype(float)
    amplitude = strength(sound, listener.rate, 400)
    assert amplitude == pytest.approx(0.25 * 32767, rel=0.15 if "G729" in (said.name, heard.name) else 0.05)
    noise = np.sqrt(max(np.mean(sound**2) - amplitude**2 / 2, 1e-3))
    assert decibels(amplitude / np.sqrt(2) / noise) > (8 if "G729" in (said.name, heard.name) else 20)


@pytest.mark.parametrize(("said", "heard"), [(OPUS, PCMA), (PCMA, OPUS), (G722, OPUS), (OPUS, G722)])
async def test_speech_sounds_as_the_codecs_alone_let_it(said: PayloadFormat, heard: PayloadFormat) -> None:
    speaker, listener = Side(said), Side(heard)
    async with media_world(opus_complexity=5) as world:
        talk = Talk(world, speaker, listener)
        await talk.begin()
        sound = listener.sound(await talk.say(speaker.packets(speech(speaker.rate))))
    rate = min(speaker.rate, listener.rate)
    spoken, sound = speech(rate), sound[:: listener.rate // rate] if listener.rate > rate else sound
    assert quality(spoken[: len(sound)], sound, 8000 if rate == 8000 else 16000) > (3.5 if rate == 8000 else 3.3)


@pytest.mark.parametrize("ptime", [10, 20, 40, 60])
async def test_opus_in_packets_of_any_time(ptime: int) -> None:
    speaker, listener = Side(PCMA), Side(OPUS, ptime)
    async with media_world() as world:
        talk = Talk(world, speaker, listener)
        await talk.begin()
        for each in speaker.packets(tone(8000, 400, 0.25, 0.24).astype(np.int16)):
            talk.alice.send(talk.a, each)
        packets = await talk.bob.hear_many(240 // ptime)
    samples = [listener.decoder.samples(each.payload) for each in packets]
    assert samples == [48 * ptime] * (240 // ptime)


async def test_a_lost_packet_is_rebuilt_from_the_next_one() -> None:
    speaker, listener = Side(OPUS), Side(PCMA)
    speaker.encoder.expect_loss(20)
    said = speaker.packets(speech(48000))[:200]
    repeated = next(n for n in range(60, 200) if len(Decoder("opus", 8000).recover(said[n].payload, 160)) == 320)
    async with media_world() as world:
        talk = Talk(world, speaker, listener)
        await talk.begin()
        before = await talk.say(said[: repeated - 1])
        talk.alice.send(talk.a, said[repeated])
        rebuilt, after = await talk.bob.hear_many(2)
    assert [(each.sequence - before[0].sequence) & 0xFFFF for each in (rebuilt, after)] == [repeated - 1, repeated]
    alone = Decoder("opus", 8000)
    for each in said[: repeated - 1]:
        alone.decode(each.payload)
    assert rebuilt.payload == Encoder("PCMA").encode(alone.recover(said[repeated].payload, 160))
    assert after.payload == Encoder("PCMA").encode(alone.decode(said[repeated].payload))


async def test_nothing_is_missing_towards_an_encoder_that_repeats_itself() -> None:
    """Else the far end would take the repetition of what went before the gap for what was in it."""
    speaker, listener = Side(PCMA), Side(OPUS)
    said = speaker.packets(tone(8000, 400, 0.25, 0.4).astype(np.int16))
    async with media_world() as world:
        talk = Talk(world, speaker, listener)
        await talk.begin()
        for n, each in enumerate(said):
            if n not in (5, 6):
                talk.alice.send(talk.a, each)
        packets = await talk.bob.hear_many(20)
    assert [(each.sequence - packets[0].sequence) & 0xFFFF for each in packets] == list(range(20))
    assert [(each.timestamp - packets[0].timestamp) & 0xFFFFFFFF for each in packets] == [n * 960 for n in range(20)]


async def test_what_g711_loses_is_guessed_rather_than_silent_towards_opus() -> None:
    """Through a gap of two packets the sound goes on, sinking a little, and comes back without a click."""
    speaker, listener = Side(PCMA), Side(OPUS)
    said = speaker.packets(tone(8000, 400, 0.25, 0.6).astype(np.int16))
    async with media_world(opus_complexity=5) as world:
        talk = Talk(world, speaker, listener)
        await talk.begin()
        for n, each in enumerate(said):
            if n not in (15, 16):
                talk.alice.send(talk.a, each)
        sound = listener.sound(await talk.bob.hear_many(30)).astype(float)
    loudness = [float(np.sqrt(np.mean(part**2))) for part in np.split(sound, 120)]
    around = np.median(loudness[40:])
    assert min(loudness[40:]) > 0.4 * around
    assert max(loudness[40:]) < 1.1 * around


def report(leg_ssrc: int, highest: int, lost: int) -> bytes:
    """A receiver report about our stream (RFC 3550 6.4.2) with a CNAME."""
    block = struct.pack("!IIIIII", leg_ssrc, lost & 0xFFFFFF, highest, 0, 0, 0)
    return struct.pack("!BBHI", 0x81, 201, 7, 0x1234) + block + struct.pack("!BBHIBB2x", 0x81, 202, 2, 0x1234, 1, 0)


async def test_the_losses_the_far_end_reports_turn_error_correction_on_and_off() -> None:
    speaker, listener = Side(PCMA), Side(OPUS)
    payloads = [each.payload for each in speaker.packets(speech(8000))[60:160]]
    numbers = itertools.count()

    async with media_world(opus_complexity=5) as world:
        talk = Talk(world, speaker, listener)
        await talk.begin()

        async def repeating() -> tuple[int, Rtp]:
            """How many of a hundred packets repeat the one before, and the last of them."""
            heard = await talk.say([Rtp(n, n * 160, each) for n, each in zip(numbers, payloads, strict=False)])
            return sum(len(listener.decoder.recover(each.payload, 960)) > 0 for each in heard), heard[-1]

        async def reported(last: Rtp, lost: int) -> None:
            before = world.engine.counters().rtcp_received
            talk.bob.send_rtcp(talk.b, report(last.ssrc, last.sequence, lost))
            await world.until(lambda: world.engine.counters().rtcp_received > before)

        repeats, last = await repeating()
        assert repeats == 0
        await reported(last, 20)
        repeats, last = await repeating()
        assert repeats > 30
        for _ in range(12):
            await reported(last, 20)
            repeats, last = await repeating()
        assert repeats == 0


async def test_reports_of_losses_make_opus_more_careful_until_there_are_none() -> None:
    """Octet for octet what an encoder of that effort makes of the same sound, told of the same losses."""
    speaker, listener = Side(PCMA), Side(OPUS)
    said = speaker.packets(speech(8000))[:320]
    sound = [Decoder("PCMA").decode(each.payload) for each in said]
    careful, careless = Encoder("opus", 8000, lossy_complexity=5), Encoder("opus", 8000)
    same: list[tuple[bool, bool]] = []
    lost, told = 0, 0
    async with media_world() as world:
        talk = Talk(world, speaker, listener)
        await talk.begin()
        for at in range(0, 320, 40):
            packets = await talk.say(said[at : at + 40])
            heard = [each.payload for each in packets]
            made = [[encoder.encode(each) for each in sound[at : at + 40]] for encoder in (careful, careless)]
            same.append((heard == made[0], heard == made[1]))
            # Of the first forty packets ten percent are lost, of the others none: up at once, down by quarters.
            lost, told = (4, 10) if at == 0 else (lost, 3 * told // 4)
            report = (0x1234, packets[-1].ssrc, lost, packets[-1].sequence, 0, 0, 0)
            talk.bob.send_rtcp(talk.b, struct.pack("!BBHIIIIIII", 0x81, 201, 7, *report))
            expected = at + 40
            await world.until(lambda expected=expected: _told(world, talk) == expected)  # type: ignore[misc]
            for encoder in (careful, careless):
                encoder.expect_loss(told)
    assert [exactly for exactly, _ in same] == [True] * 8
    assert [carelessly for _, carelessly in same][:2] == [True, False]


def _told(world: MediaWorld, talk: Talk) -> int:
    found = world.engine.statistics(talk.b.leg)
    return 0 if found is None or found.reported is None else found.reported.expected
