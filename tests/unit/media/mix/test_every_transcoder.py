"""Every codec into every other, through the engine: level and noise of a tone, and how Opus is encoded."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audiocodecs.coding import Decoder, Encoder

from media.commands import CloseLeg, Connect, Encoding, PayloadFormat, SetFormats
from tests.support.media_world import PCMA, PCMU, MediaWorld, Rtp, media_world
from tests.support.voice import speech

if TYPE_CHECKING:
    from numpy.typing import NDArray

G722 = PayloadFormat(9, "G722", 8000)
G729 = PayloadFormat(18, "G729", 8000)
OPUS = PayloadFormat(111, "opus", 48000)
L16 = PayloadFormat(96, "L16", 8000)
L16_WIDE = PayloadFormat(97, "L16", 16000)
EVERY = (PCMA, PCMU, G722, G729, OPUS, L16, L16_WIDE)
# dB of signal over everything else that each leaves of a tone of 1 kHz; of two, the lower one is heard.
CLEAN = {"PCMA": 36, "PCMU": 36, "G722": 40, "G729": 18, "opus": 22, "L16": 60}
AMPLITUDE = 8000
FREQUENCY = 1000
PACKETS = 50


def own_rate(format_: PayloadFormat) -> int:
    """Of the PCM a far end with this codec works on, Hz."""
    return {"G722": 16000, "opus": 16000}.get(format_.name, format_.clock_rate)


def packets(format_: PayloadFormat, pcm: NDArray[np.int16], ms: int = 20) -> list[Rtp]:
    """What a talker with this codec sends."""
    rate = own_rate(format_)
    encoder, count = Encoder(format_.name, rate), rate * ms // 1000
    units = format_.clock_rate * ms // 1000
    return [
        Rtp(number, number * units, encoder.encode(pcm[at : at + count]), format_.payload_type)
        for number, at in enumerate(range(0, len(pcm) - count + 1, count))
    ]


def tone(rate: int) -> NDArray[np.int16]:
    return np.rint(AMPLITUDE * np.sin(2 * np.pi * FREQUENCY * np.arange(rate * PACKETS // 50) / rate)).astype("int16")


def gain_and_noise(heard: NDArray[np.float64], rate: int) -> tuple[float, float]:
    phase = 2 * np.pi * FREQUENCY * np.arange(len(heard)) / rate
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    weights = np.linalg.lstsq(basis, heard, rcond=None)[0]
    rest = float((heard - basis @ weights).std())
    return float(20 * np.log10(np.hypot(*weights) / AMPLITUDE)), float(20 * np.log10((basis @ weights).std() / rest))


async def transcoded(
    world: MediaWorld, source: PayloadFormat, target: PayloadFormat, said: list[Rtp], ptime: int = 20
) -> list[Rtp]:
    """What the far end of a fresh call hears; `ptime`: milliseconds a packet it asks for."""
    alice, bob = world.far_end(), world.far_end()
    a, b = world.leg(alice, (source,)), world.leg(bob, (target,))
    world.engine.post(SetFormats(a.leg, (source,), (source,), 20), SetFormats(b.leg, (target,), (target,), ptime))
    world.engine.post(Connect(a.leg, b.leg))
    await world.settled()
    heard: list[Rtp] = []
    for first in range(0, len(said), 10):  # a socket's buffer is not endless
        part = said[first : first + 10]
        for each in part:
            alice.send(a, each)
        heard += await bob.hear_many(len(part))
    world.engine.post(CloseLeg(a.leg), CloseLeg(b.leg))
    await world.gone(a)
    await world.gone(b)
    return heard


@pytest.mark.parametrize("source", EVERY, ids=lambda it: f"{it.name}-{own_rate(it)}")
async def test_a_tone_arrives_in_every_codec(source: PayloadFormat) -> None:
    said = packets(source, tone(own_rate(source)))
    async with media_world() as world:
        for target in EVERY:
            if target is source:
                continue
            heard = await transcoded(world, source, target, said)
            rate = own_rate(target)
            decoder = Decoder(target.name, rate)
            assert {each.payload_type for each in heard} == {target.payload_type}
            steps = {(after.timestamp - each.timestamp) % 2**32 for each, after in pairwise(heard)}
            assert steps == {target.clock_rate // 50}
            pcm = np.frombuffer(b"".join(decoder.decode(each.payload) for each in heard), "int16").astype(float)
            gain, noise = gain_and_noise(pcm[len(pcm) // 2 :], rate)
            assert abs(gain) < 1.5, f"{source.name} to {target.name}"
            assert noise > min(CLEAN[source.name], CLEAN[target.name]) - 4, f"{source.name} to {target.name}"


async def test_linear_audio_that_fills_no_datagram_goes_in_more_of_them() -> None:
    """60 ms of L16 at 48 kHz are 5,760 octets: what is sent is as much of it as a packet takes."""
    target = PayloadFormat(98, "L16", 48000)
    async with media_world() as world:
        heard = await transcoded(world, PCMA, target, packets(PCMA, tone(8000)), ptime=60)
    assert len(heard) == PACKETS
    assert {len(each.payload) for each in heard} == {48 * 20 * 2}
    assert {(after.timestamp - each.timestamp) % 2**32 for each, after in pairwise(heard)} == {48 * 20}


async def test_against_narrowband_the_upper_band_is_left_out() -> None:
    """G.722 and Opus are coded at 8 kHz then, without a resampler: the octets are those of such an encoder."""
    pcm = speech(8000)[:16000]
    async with media_world() as world:
        for target in (G722, OPUS):
            heard = await transcoded(world, L16, target, packets(L16, pcm))
            encoder = Encoder(target.name, 8000)
            expected = [encoder.encode(pcm[at : at + 160]) for at in range(0, len(pcm), 160)]
            assert [each.payload for each in heard] == expected
            said = [replace(each, payload_type=target.payload_type) for each in heard]
            decoder = Decoder(target.name, 8000)
            back = await transcoded(world, target, L16, said)
            assert b"".join(each.payload for each in back) == b"".join(
                np.frombuffer(decoder.decode(each), "int16").byteswap().tobytes() for each in expected
            )


async def test_opus_is_encoded_as_the_far_end_wants_it() -> None:
    """Bit rate, bandwidth and constancy of its SDP hold, whatever the codec could do."""
    said = packets(L16_WIDE, speech(16000)[:32000])
    for encoding, most, constant in (
        (Encoding(bitrate=18_000), 18_000, False),
        (Encoding(bitrate=40_000), 40_000, False),
        (Encoding(bitrate=16_000, cbr=True), 16_000, True),
        (Encoding(highest_rate=8000, bitrate=20_000), 20_000, False),
    ):
        target = PayloadFormat(111, "opus", 48000, encoding)
        async with media_world() as world:
            heard = await transcoded(world, L16_WIDE, target, said)
        lengths = [len(each.payload) for each in heard]
        assert 0.8 * most < sum(lengths) * 8 / (len(lengths) / 50) <= 1.05 * most
        assert (len(set(lengths)) == 1) is constant
        configurations = {each.payload[0] >> 3 for each in heard}
        narrow = {0, 1, 2, 3, 16, 17, 18, 19}  # table 2 of RFC 6716
        assert (configurations <= narrow) is (encoding.highest_rate == 8000)


async def test_an_encoder_serves_the_next_call_in_its_own_way() -> None:
    """Coders are kept between calls; how the last one encoded is not."""
    said = packets(L16_WIDE, speech(16000)[:16000])
    async with media_world() as world:
        sizes = []
        for bitrate in (40_000, 12_000, 40_000):
            target = PayloadFormat(111, "opus", 48000, Encoding(bitrate=bitrate))
            heard = await transcoded(world, L16_WIDE, target, said)
            sizes.append(sum(len(each.payload) for each in heard))
        assert sizes[1] < 0.5 * sizes[0]
        assert sizes[2] > 0.9 * sizes[0]
