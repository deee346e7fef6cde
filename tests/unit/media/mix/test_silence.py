"""Silence suppression towards a far end that does not know it: comfort noise is heard, not holes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from audiocodecs.coding import Decoder, Encoder

from media.commands import (
    CloseLeg,
    Command,
    Connect,
    Disconnect,
    PayloadFormat,
    Play,
    SendDigits,
    SetDigits,
    SetDirection,
    StartEcho,
    StopPlay,
    Tone,
)
from tests.support.media_world import CN, DTMF, PCMA, PCMU, FarEnd, MediaWorld, Rtp, media_world

OPUS = PayloadFormat(111, "opus", 48000)
QUIET = 40
"""dB below overload."""
RMS = 32768 * 10 ** (-QUIET / 20)


class Call:
    """Alice, who suppresses silence, and Bob."""

    def __init__(self, world: MediaWorld, alice: tuple[PayloadFormat, ...], bob: tuple[PayloadFormat, ...]) -> None:
        self.world = world
        self.alice, self.bob = world.far_end(), world.far_end()
        self.a, self.b = world.leg(self.alice, alice), world.leg(self.bob, bob)
        world.engine.post(Connect(self.a.leg, self.b.leg))

    async def suppressed(self, sequence: int = 1) -> None:
        """She has said something, and then that she says nothing."""
        await self.world.settled()
        self.alice.send(self.a, Rtp(0, 0))
        assert (await self.bob.hear()).payload == b"\xd5" * 160
        self.alice.send(self.a, Rtp(sequence, 160, bytes((QUIET,)), 13))


async def a_while(world: MediaWorld) -> None:
    """Long enough for several packets, by the worker's own clock."""
    listener = world.far_end()
    leg = world.leg(listener)
    world.engine.post(Play(leg.leg, 99, Tone((425,)), repeat=True))
    await listener.hear_many(6)
    world.engine.post(StopPlay(leg.leg))


def continuous(heard: list[Rtp]) -> bool:
    steps = [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard]
    return steps == list(range(len(heard)))


def loudness(far: list[Rtp], codec: str, rate: int | None = None) -> float:
    decoder = Decoder(codec, rate)
    pcm = np.frombuffer(b"".join(decoder.decode(each.payload) for each in far), np.int16)
    return float(np.sqrt(np.mean(pcm.astype(float) ** 2)))


@pytest.mark.parametrize("law", [PCMA, PCMU])
async def test_a_relayed_leg_gets_noise_until_there_is_speech_again(law: PayloadFormat) -> None:
    async with media_world() as world:
        call = Call(world, (PCMA, CN), (law,))
        await world.settled()
        call.alice.send(call.a, Rtp(0, 0))
        first = await call.bob.hear()
        call.alice.send(call.a, Rtp(1, 160, bytes((QUIET,)), 13))
        noise = await call.bob.hear_many(12)
        assert continuous([first, *noise])
        assert {each.payload_type for each in noise} == {law.payload_type}
        assert loudness(noise[4:], law.name) == pytest.approx(RMS, rel=0.2)
        steps = {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in itertools.pairwise(noise)}
        assert steps == {160}
        call.alice.send(call.a, Rtp(2, 160 * 12, b"\x2a" * 160))
        speech = await until(call.bob, b"\x2a" * 160 if law is PCMA else None)
        assert speech.marker
        await a_while(world)
        assert call.bob.heard_nothing()


async def until(bob: FarEnd, payload: bytes | None) -> Rtp:
    """The first packet with this payload; None: that all carry one value only."""
    while True:
        heard = await bob.hear()
        if heard.payload == payload or (payload is None and len(set(heard.payload)) == 1 and heard.marker):
            return heard


async def test_noise_towards_another_codec_and_a_change_of_its_level() -> None:
    async with media_world() as world:
        call = Call(world, (PCMA, CN), (OPUS,))
        await world.settled()
        call.alice.talk(call.a, 3)
        first = await call.bob.hear_many(3)
        call.alice.send(call.a, Rtp(3, 480, bytes((QUIET,)), 13))
        noise = await call.bob.hear_many(15)
        assert continuous([*first, *noise])
        assert loudness(noise[5:], "opus", 8000) == pytest.approx(RMS, rel=0.4)
        call.alice.send(call.a, Rtp(4, 160 * 18, bytes((QUIET + 20,)), 13))
        await call.bob.hear_many(8)
        assert loudness(await call.bob.hear_many(10), "opus", 8000) < RMS / 3


async def test_what_opus_does_not_send_is_heard_as_its_noise() -> None:
    """A packet of one octet: discontinuous transmission (RFC 6716 section 2.1.9)."""
    async with media_world() as world:
        call = Call(world, (OPUS,), (PCMA,))
        await world.settled()
        encoder = Encoder("opus", 48000)
        pcm = np.random.default_rng(1).normal(scale=200, size=960 * 20).astype(np.int16)
        said = [encoder.encode(pcm[n * 960 : (n + 1) * 960].tobytes()) for n in range(20)]
        for n, payload in enumerate(said):
            call.alice.send(call.a, Rtp(n, n * 960, payload, 111))
        speech = await call.bob.hear_many(20)
        call.alice.send(call.a, Rtp(20, 20 * 960, said[-1][:1], 111))
        noise = await call.bob.hear_many(20)
        assert continuous(speech + noise)
        call.alice.send(call.a, Rtp(21, 40 * 960, said[0], 111))
        call.alice.send(call.a, Rtp(22, 41 * 960, said[1], 111))
        await a_while(world)
        rest = call.bob.hear_waiting()
        assert continuous(speech + noise + rest)
        assert [(each.timestamp - speech[0].timestamp) & 0xFFFFFFFF for each in (speech + noise + rest)] == [
            160 * n for n in range(40 + len(rest))
        ]
        await a_while(world)
        assert call.bob.heard_nothing()


async def test_who_knows_comfort_noise_makes_it_himself() -> None:
    async with media_world() as world:
        call = Call(world, (PCMA, CN), (PCMA, CN))
        await call.suppressed()
        assert (await call.bob.hear()).payload_type == 13
        await a_while(world)
        assert call.bob.heard_nothing()


async def test_speech_that_was_overtaken_by_the_noise_does_not_end_it() -> None:
    async with media_world() as world:
        call = Call(world, (PCMA, CN), (PCMA,))
        await call.suppressed(sequence=2)
        await call.bob.hear_many(3)
        call.alice.send(call.a, Rtp(1, 80, b"\x2a" * 160))
        await until(call.bob, b"\x2a" * 160)
        assert len(await call.bob.hear_many(5)) == 5


async def test_digits_are_told_and_do_not_end_it() -> None:
    async with media_world() as world:
        call = Call(world, (PCMA, CN, DTMF), (PCMA, DTMF))
        await call.suppressed()
        await call.bob.hear_many(3)
        call.alice.send(call.a, Rtp(2, 800, b"\x05\x0a\x00\xa0", 101))
        heard = await call.bob.hear_many(6)
        assert sorted(each.payload_type for each in heard) == [8] * 5 + [101]


@pytest.mark.parametrize("how", ["disconnect", "close", "close the other", "hold"])
async def test_noise_ends_with_what_it_is_for(how: str) -> None:
    async with media_world() as world:
        call = Call(world, (PCMA, CN), (PCMA,))
        await call.suppressed()
        await call.bob.hear_many(3)
        ends: dict[str, Command] = {
            "disconnect": Disconnect(call.a.leg, call.b.leg),
            "close": CloseLeg(call.a.leg),
            "close the other": CloseLeg(call.b.leg),
            "hold": SetDirection(call.a.leg, send=True, receive=False),
        }
        world.engine.post(ends[how])
        await world.settled()
        call.bob.hear_waiting()
        await a_while(world)
        assert call.bob.heard_nothing()


async def test_what_is_played_goes_before_noise() -> None:
    async with media_world() as world:
        call = Call(world, (PCMA, CN), (PCMA,))
        await call.suppressed()
        await call.bob.hear_many(3)
        world.engine.post(Play(call.b.leg, 1, Tone((425,)), repeat=True))
        await world.settled()
        call.bob.hear_waiting()
        heard = await call.bob.hear_many(10)
        assert min(loudness([each], "PCMA") for each in heard[2:]) > 10 * RMS


async def test_an_echo_that_is_closed_in_a_pause_leaves_nothing_behind() -> None:
    async with media_world() as world:
        alice = world.far_end()
        leg = world.leg(alice, (PCMA, CN), send=(PCMA,))
        # A leg that was sent a tone has an encoder, and with it something to make noise with.
        world.engine.post(SetDigits(leg.leg, sends=True, listens=False), SendDigits(leg.leg, "1"))
        await alice.hear()
        for _ in range(3):
            await a_while(world)
        alice.hear_waiting()
        world.engine.post(StartEcho(leg.leg))
        await world.settled()
        alice.talk(leg, 3)
        await alice.hear_many(3)
        alice.send(leg, Rtp(3, 480, bytes((QUIET,)), 13))
        await alice.hear_many(3)
        world.engine.post(CloseLeg(leg.leg))
        await world.gone(leg)
        alice.hear_waiting()
        await a_while(world)
        assert alice.heard_nothing()
