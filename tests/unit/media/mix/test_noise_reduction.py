"""A leg whose noise is reduced: decoded and encoded again even where its packets could be copied."""

from __future__ import annotations

import numpy as np
from audiocodecs.coding import Decoder, Encoder

from media.commands import Connect, ReduceNoise
from tests.support.media_world import PCMA, FarEnd, MediaWorld, Rtp, media_world

PACKETS = 150
"""Three seconds: the noise has been learnt in the first."""


def noise() -> list[bytes]:
    """Steady noise in A-law, 20 ms each."""
    samples = np.random.default_rng(3).normal(0, 300, 160 * PACKETS).astype(np.int16)
    encoder = Encoder("PCMA")
    return [encoder.encode(samples[160 * n : 160 * (n + 1)].tobytes()) for n in range(PACKETS)]


def loudness(packets: list[bytes]) -> float:
    """dB, of the last second."""
    decoder = Decoder("PCMA")
    samples = np.frombuffer(b"".join(decoder.decode(each) for each in packets[-50:]), np.int16)
    return float(20 * np.log10(np.std(samples.astype(float)) + 1e-9))


async def said(
    world: MediaWorld, alice: FarEnd, leg: object, bob: FarEnd, packets: list[bytes], first: int
) -> list[bytes]:
    heard = []
    for number, payload in enumerate(packets, first):
        alice.send(leg, Rtp(number, 160 * number, payload))  # type: ignore[arg-type]
        heard.append((await bob.hear()).payload)
    return heard


async def test_noise_is_reduced_between_legs_of_one_codec_and_no_longer_when_it_is_switched_off() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice, (PCMA,)), world.leg(bob, (PCMA,))
        world.engine.post(Connect(a.leg, b.leg), ReduceNoise(a.leg))
        await world.settled()
        packets = noise()
        heard = await said(world, alice, a, bob, packets, 1)
        assert len(heard) == PACKETS
        assert loudness(heard) < loudness(packets) - 12
        world.engine.post(ReduceNoise(a.leg, 0))
        await world.settled()
        assert await said(world, alice, a, bob, packets[:5], PACKETS + 1) == packets[:5]


async def test_the_other_direction_stays_a_copy() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice, (PCMA,)), world.leg(bob, (PCMA,))
        world.engine.post(Connect(a.leg, b.leg), ReduceNoise(a.leg))
        await world.settled()
        packets = noise()[:5]
        assert await said(world, bob, b, alice, packets, 1) == packets
