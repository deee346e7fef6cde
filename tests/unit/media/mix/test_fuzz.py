"""RTP with any header, extension, padding, payload, number or source, against legs that are decoded.

Every datagram is accepted or dropped, and counted once; and a far end that talks sense is heard again within 200 ms
(RFC 3550 A.1: two packets in sequence; a new source after the old one has been silent).
"""

from __future__ import annotations

import asyncio
import struct

import pytest
from audiocodecs.coding import Encoder
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from media.commands import Connect, PayloadFormat, SetFormats
from tests.support.media_world import CN, DEADLINE, DTMF, PCMA, MediaWorld, Rtp, media_world

L16 = PayloadFormat(96, "L16", 8000)
OPUS = PayloadFormat(111, "opus", 48000)
G722 = PayloadFormat(9, "G722", 8000)
G729 = PayloadFormat(18, "G729", 8000)
SAID = (OPUS, L16, G722, G729, PCMA, CN, DTMF)
TYPES = [each.payload_type for each in SAID]
OURS = 0x1234
RESYNCHRONISED = 10
"""Packets of 20 ms."""
MAX_MISORDER = 100
SENSE = struct.pack("!160h", *((n % 50 - 25) * 400 for n in range(160)))
IN_A_LAW = Encoder("PCMA").encode(struct.pack("160h", *((n % 50 - 25) * 400 for n in range(160))))


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """Plausible enough to get past the first look, with lies about everything."""
    padding, extension, sources = draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 15))
    first = draw(st.sampled_from([2, 2, 2, 2, 0, 1, 3])) << 6 | padding << 5 | extension << 4 | sources
    second = draw(st.sampled_from([*TYPES, *TYPES, 0, 13, 72, 77, 127])) | draw(st.booleans()) << 7
    sequence = draw(st.integers(0, 60) | st.integers(0, 0xFFFF) | st.sampled_from([0xFFFF, 0x7FFF, 0x8000]))
    timestamp = draw(st.integers(0, 50).map(lambda n: n * 160) | st.integers(0, 0xFFFFFFFF))
    source = draw(st.sampled_from([OURS, OURS, OURS, OURS, 0, 0xFFFFFFFF, 7]))
    body = draw(st.binary(max_size=4 * sources)) if draw(st.booleans()) else bytes(4 * sources)
    if extension:
        body += struct.pack("!HH", draw(st.integers(0, 0xFFFF)), draw(st.integers(0, 4) | st.integers(0, 0xFFFF)))
    body += draw(payloads)
    if padding:
        body += bytes((draw(st.integers(0, 255)),))
    return struct.pack("!BBHII", first, second, sequence, timestamp, source) + body


payloads = (
    st.binary(max_size=8) | st.binary(max_size=200) | st.just(SENSE) | st.just(bytes(1400)) | st.just(bytes(2100))
)
datagrams = headers() | headers() | headers() | st.binary(max_size=80)


class Victim:
    """A leg that is decoded, and who hears it."""

    def __init__(self, world: MediaWorld, heard: tuple[PayloadFormat, ...], ptime: int) -> None:
        self.world = world
        self.alice, self.bob = world.far_end(), world.far_end()
        self.a, self.b = world.leg(self.alice, SAID), world.leg(self.bob, heard)
        world.engine.post(SetFormats(self.b.leg, heard, heard, ptime), Connect(self.a.leg, self.b.leg))
        self.sent = 0
        self.heard: set[int] = set()
        """Payload types."""

    def counted(self) -> int:
        """Datagrams the leg has accepted or refused."""
        found = self.world.engine.statistics(self.a.leg)
        assert found is not None
        drops = found.drops
        return found.packets_received + drops.malformed + drops.stranger + drops.foreign_ssrc

    async def take(self, datagram: bytes | Rtp) -> None:
        self.alice.send(self.a, datagram)
        self.sent += 1
        await self.world.until(lambda: self.counted() == self.sent)
        self.heard |= {each.payload_type for each in self.bob.hear_waiting()}


def late_by(rubbish: list[bytes], sequence: int, source: int) -> int:
    """Packets from `sequence` on that only come late, if this rubbish of the same source is taken at its word: those
    count as reordered, not as a new beginning (RFC 3550 A.1, MAX_MISORDER)."""
    numbers = [
        int.from_bytes(each[2:4], "big") for each in rubbish if int.from_bytes(each[8:12], "big") == source == OURS
    ]
    ahead = [(number + 1 - sequence) & 0xFFFF for number in [0, *numbers]]
    return max((each for each in ahead if each <= MAX_MISORDER), default=0)


async def attacked(rubbish: list[bytes], sequence: int, timestamp: int, source: int, ptime: int) -> None:
    async with media_world() as world:
        victim = Victim(world, (PCMA, DTMF), ptime)
        await world.settled()
        await victim.take(Rtp(0, 0, SENSE, 96, OURS))
        for each in rubbish:
            await victim.take(each)
        for n in range(RESYNCHRONISED + late_by(rubbish, sequence, source)):
            victim.alice.send(
                victim.a, Rtp((sequence + n) & 0xFFFF, (timestamp + n * 160) & 0xFFFFFFFF, SENSE, 96, source)
            )
            await asyncio.sleep(0.02)
        said = b""
        async with asyncio.timeout(DEADLINE):
            while IN_A_LAW not in said:
                said += (await victim.bob.hear()).payload


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([bytes.fromhex("806f00000000000000001234"), bytes.fromhex("8060000c0000000000001234") + SENSE], 0, 0, OURS, 20)
@given(
    st.lists(datagrams, max_size=30),
    st.integers(0, 60) | st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from([OURS, OURS, 99]),
    st.sampled_from([20, 40]),
)
def test_who_talks_sense_is_heard_again(
    rubbish: list[bytes], sequence: int, timestamp: int, source: int, ptime: int
) -> None:
    asyncio.run(attacked(rubbish, sequence, timestamp, source, ptime))


async def burdened(rubbish: list[bytes], heard: tuple[PayloadFormat, ...], ptime: int) -> None:
    async with media_world() as world:
        victim = Victim(world, heard, ptime)
        await world.settled()
        for each in rubbish:
            await victim.take(each)
        assert victim.heard <= {each.payload_type for each in heard}


@pytest.mark.parametrize(("heard", "ptime"), [((PCMA,), 20), ((OPUS, DTMF), 60), ((G722,), 30), ((G729,), 10)])
def test_every_datagram_is_counted_once(heard: tuple[PayloadFormat, ...], ptime: int) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(datagrams, min_size=1, max_size=40))
    def attack(rubbish: list[bytes]) -> None:
        asyncio.run(burdened(rubbish, heard, ptime))

    attack()
