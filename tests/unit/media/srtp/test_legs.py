"""SRTP legs over real sockets: what far ends hear, whom a leg learns from, and keys that change while they talk."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest
import soundfile

from media.commands import (
    CloseLeg,
    CloseRecording,
    Connect,
    OpenRecording,
    PayloadFormat,
    Play,
    SetKeys,
    SetRemote,
    StartTap,
    Tone,
)
from media.events import RecordingFinished
from media.srtp.material import SUITES, KeyMaterial, key_length
from tests.support.media_world import LOOPBACK, PCMA, FarEnd, MediaWorld, Rtp, media_world
from tests.support.srtp import ReferenceSrtp
from tests.unit.media.engine.test_under_load import refused, steered, talk_till_settled

if TYPE_CHECKING:
    from pathlib import Path

    from media.legs import OpenedLeg
    from media.snapshots import LegStatistics

GCM = "AEAD_AES_256_GCM"


def material(suite: str, seed: int) -> KeyMaterial:
    return KeyMaterial(suite, random.Random(seed).randbytes(key_length(suite)))


class Secure:
    """A far end's cryptography: its own key to send, the leg's to receive."""

    def __init__(self, world: MediaWorld, far: FarEnd, leg: OpenedLeg, suite: str, seed: int = 1) -> None:
        self.world, self.far, self.leg = world, far, leg
        self.theirs, self.ours = material(suite, 2 * seed), material(suite, 2 * seed + 1)
        self.sealing = ReferenceSrtp(suite, self.theirs.key_salt)
        self.opening = ReferenceSrtp(suite, self.ours.key_salt)

    def agree(self) -> None:
        self.world.engine.post(SetKeys(self.leg.leg, self.theirs, self.ours))

    def talk(self, count: int = 1, payload: bytes = b"\xd5" * 160) -> list[bytes]:
        """The next `count` packets of this phone's stream, as they went out."""
        sent = []
        for _ in range(count):
            plain = bytes(Rtp(self.far.sequence & 0xFFFF, self.far.sequence * 160, payload, ssrc=self.far.ssrc))
            self.far.sequence += 1
            sent.append(self.sealing.seal(plain))
            self.far.send(self.leg, sent[-1])
        return sent

    async def hear(self) -> Rtp:
        return Rtp.parse(self.opening.open(await self.far._take(self.far.rtp)))


async def counted(world: MediaWorld, leg: OpenedLeg) -> LegStatistics:
    await world.settled()
    found = world.engine.statistics(leg.leg)
    assert found is not None
    return found


@pytest.mark.parametrize("suite", SUITES)
async def test_between_an_srtp_and_a_plain_leg(suite: str) -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secure = Secure(world, alice, a, suite)
        secure.agree()
        world.engine.post(Connect(a.leg, b.leg))
        secure.talk(5, bytes(range(160)))
        heard = await bob.hear_many(5)
        assert {each.payload for each in heard} == {bytes(range(160))}
        assert heard[0].sequence < 0x8000
        bob.talk(b, 5, payload=b"back" * 40)
        back = [await secure.hear() for _ in range(5)]
        assert {each.payload for each in back} == {b"back" * 40}
        assert [(each.sequence - back[0].sequence) & 0xFFFF for each in back] == list(range(5))
        found = await counted(world, a)
        assert (found.drops.total, found.packets_received, found.octets_received) == (0, 5, 5 * 160)
        assert (found.packets_sent, found.octets_sent) == (5, 5 * 160)


async def test_two_srtp_legs_of_different_suites() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        first, second = Secure(world, alice, a, GCM), Secure(world, bob, b, "AES_CM_128_HMAC_SHA1_32", 2)
        first.agree()
        second.agree()
        world.engine.post(Connect(a.leg, b.leg))
        first.talk(1, b"one")
        assert (await second.hear()).payload == b"one"
        second.talk(1, b"two")
        assert (await first.hear()).payload == b"two"


async def test_transcoded_between_srtp_and_plain() -> None:
    g722 = PayloadFormat(9, "G722", 8000)
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice, (g722,)), world.leg(bob, (PCMA,))
        secure = Secure(world, alice, a, GCM)
        secure.agree()
        world.engine.post(Connect(a.leg, b.leg))
        for n in range(5):
            alice.sequence += 1
            packet = Rtp(n, 160 * n, b"\xfa" * 160, 9, alice.ssrc)
            alice.send(a, secure.sealing.seal(bytes(packet)))
        assert {(each.payload_type, len(each.payload)) for each in await bob.hear_many(4)} == {(8, 160)}
        bob.talk(b, 6)
        back = [await secure.hear() for _ in range(5)]
        assert {(each.payload_type, len(each.payload)) for each in back} == {(9, 160)}
        assert [each.sequence - back[0].sequence for each in back] == list(range(5))
        assert (await counted(world, a)).drops.total == 0


@pytest.mark.parametrize("suite", [GCM, "AES_CM_128_HMAC_SHA1_80"])
async def test_tampered_replayed_and_plain_packets_are_dropped_and_counted(suite: str) -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secure = Secure(world, alice, a, suite)
        secure.agree()
        world.engine.post(Connect(a.leg, b.leg))
        (first,) = secure.talk(1, b"true")
        assert (await bob.hear()).payload == b"true"
        for n in range(3):
            alice.send(a, first)
            tampered = bytearray(secure.sealing.seal(bytes(Rtp(10 + n, 0, b"false"))))
            tampered[14] ^= 1
            alice.send(a, bytes(tampered))
            alice.send(a, Rtp(20 + n, 0))
        alice.sequence = 30
        secure.talk(1, b"true again")
        assert (await bob.hear()).payload == b"true again"
        found = await counted(world, a)
        assert (found.drops.replayed, found.drops.unauthenticated, found.drops.total) == (3, 6, 9)
        assert found.packets_received == 2
        assert world.engine.counters().drops.unauthenticated == 6


@pytest.mark.parametrize("between_keys", [False, True])
@pytest.mark.parametrize("suite", [GCM, "AES_CM_128_HMAC_SHA1_32"])
async def test_rubbish_of_every_kind_changes_nothing(suite: str, between_keys: bool) -> None:
    """On the RTP port with rtcp-mux; `between_keys`: while the former key is still taken as well."""
    dice = random.Random(9)
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice, mux=True), world.leg(bob)
        secure = Secure(world, alice, a, suite)
        secure.agree()
        if between_keys:
            secure.theirs = material(GCM, 90)
            secure.agree()
            secure.sealing = ReferenceSrtp(GCM, secure.theirs.key_salt)
        world.engine.post(Connect(a.leg, b.leg))
        secure.talk(1, b"before")
        assert (await bob.hear()).payload == b"before"
        good = [secure.sealing.seal(bytes(Rtp(100 + n, n, dice.randbytes(n)))) for n in range(0, 200, 7)]
        good += [secure.sealing.seal_rtcp(struct.pack("!BBHI", 0x81, 201, 7, alice.ssrc) + bytes(24))]
        for n in range(600):
            spoilt = bytearray(dice.choice(good))
            for bit in dice.sample(range(8 * len(spoilt)), dice.randrange(1, 4)):
                spoilt[bit // 8] ^= 1 << bit % 8
            if dice.random() < 0.3:
                del spoilt[dice.randrange(len(spoilt)) :]
            if dice.random() < 0.2:
                spoilt += dice.randbytes(dice.choice((1, 40, 1900)))
            alice.send(a, bytes(spoilt))
            await world.until(lambda n=n: world.engine.counters().packets_received == n + 2)  # type: ignore[misc]
        alice.sequence = 400
        secure.talk(1, b"after")
        assert (await bob.hear()).payload == b"after"
        found = await counted(world, a)
        assert (found.packets_received, found.drops.total) == (2, 600)
        assert world.engine.counters().rtcp_received == 0


async def test_a_duplicate_of_the_plain_side_is_not_sealed_twice() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secure = Secure(world, bob, b, GCM)
        secure.agree()
        world.engine.post(Connect(a.leg, b.leg))
        for number in (1, 2, 2, 4, 3, 5):
            alice.send(a, Rtp(number, 160 * number, bytes([number]) * 8))
        heard = [await secure.hear() for _ in range(5)]
        assert [each.payload[0] for each in heard] == [1, 2, 4, 3, 5]
        assert (await counted(world, b)).drops.replayed == 1


async def test_nobody_is_learnt_from_who_does_not_authenticate() -> None:
    """A stranger that knows no key cannot win the latch, however quick; one that has it, behind a NAT, can."""
    async with media_world() as world:
        alice, mallory, behind_nat = world.far_end(), world.far_end(), world.far_end()
        a = world.leg(alice)
        secure = Secure(world, behind_nat, a, GCM)
        secure.agree()
        await world.settled()

        def forge() -> bool:
            alice.send(a, Rtp(1, 0))
            return world.engine.counters().drops.unauthenticated > 12

        await world.talk_until(mallory, a, forge)
        found = await counted(world, a)
        assert (found.remote, found.packets_received) == (None, 0)

        def heard() -> bool:
            secure.talk()
            now = world.engine.statistics(a.leg)
            return now is not None and now.remote is not None

        await world.talk_until(mallory, a, heard)
        assert (await counted(world, a)).remote == (LOOPBACK, behind_nat.port)


async def test_a_stranger_with_a_true_packet_cannot_spend_its_number() -> None:
    """Who is seen to be a stranger is dropped before the replay list learns anything."""
    async with media_world() as world:
        alice, bob, mallory = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secure = Secure(world, alice, a, GCM)
        secure.agree()
        world.engine.post(Connect(a.leg, b.leg))
        secure.talk()
        await bob.hear()
        on_its_way = secure.sealing.seal(bytes(Rtp(1, 160, b"raced")))
        mallory.send(a, on_its_way)
        await world.until(lambda: world.engine.counters().drops.stranger == 1)
        alice.send(a, on_its_way)
        assert (await bob.hear()).payload == b"raced"


async def test_rtcp_is_protected_both_ways_and_with_rtcp_mux() -> None:
    for mux in (False, True):
        async with media_world(rtcp_interval=0.1) as world:
            alice = world.far_end()
            a = world.leg(alice, mux=mux)
            secure = Secure(world, alice, a, GCM)
            secure.agree()
            secure.talk(3)
            on_wire = await (alice._take(alice.rtp) if mux else alice.hear_rtcp())
            report = secure.opening.open_rtcp(on_wire)
            assert (report[1], struct.unpack_from("!I", report, 8)[0]) == (201, alice.ssrc)
            said = secure.sealing.seal_rtcp(struct.pack("!BBHI", 0x80, 201, 1, alice.ssrc))
            forged = struct.pack("!BBHI", 0x81, 201, 7, alice.ssrc) + bytes(24)
            for data in (forged, said, said):
                if mux:
                    alice.send(a, data)
                else:
                    alice.send_rtcp(a, data)
            await world.until(lambda: world.engine.counters().drops.replayed == 1)
            assert world.engine.counters().drops.unauthenticated == 1
            assert world.engine.counters().rtcp_received == 1


async def test_the_wrap_of_our_own_stream_and_a_reinvite_with_the_same_key() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secure = Secure(world, bob, b, GCM)
        secure.agree()
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a)
        first = (await secure.hear()).sequence
        number, roc = 0, 0
        # As losses do, 2,999 at a time (RFC 3550's MAX_DROPOUT), so that the wrap does not take 22 minutes.
        while roc < 2:
            number += 2999
            alice.send(a, Rtp(number & 0xFFFF, number * 160 & 0xFFFFFFFF, b"%d" % number))
            roc = (first + number) >> 16
            if number % 5 == 0:
                secure.agree()
                world.engine.post(SetRemote(b.leg, LOOPBACK, bob.port, LOOPBACK, bob.rtcp_port))
            sealed = await bob._take(bob.rtp)
            heard = Rtp.parse(secure.opening.open(sealed, roc))
            assert heard.payload == b"%d" % number


async def test_a_new_key_of_theirs_the_old_one_still_on_its_way() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secure = Secure(world, alice, a, "AES_CM_128_HMAC_SHA1_80")
        secure.agree()
        world.engine.post(Connect(a.leg, b.leg))
        secure.talk(2, b"old")
        await bob.hear_many(2)
        before = secure.sealing
        late = before.seal(bytes(Rtp(alice.sequence, 320, b"late")))
        alice.sequence += 1
        secure.theirs = material(GCM, 77)
        secure.sealing = ReferenceSrtp(GCM, secure.theirs.key_salt)
        secure.agree()
        await world.settled()
        secure.talk(1, b"new")
        assert (await bob.hear()).payload == b"new"
        alice.send(a, late)
        assert (await bob.hear()).payload == b"late"
        alice.send(a, late)
        await world.until(lambda: world.engine.counters().drops.total == 1)
        bob.talk(b, 1, payload=b"ours stays")
        assert (await secure.hear()).payload == b"ours stays"


@pytest.mark.parametrize("kept", [True, False])
async def test_a_new_key_after_a_wrap_whatever_the_far_end_makes_of_its_rollover_counter(kept: bool) -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secure = Secure(world, alice, a, GCM)
        secure.agree()
        world.engine.post(Connect(a.leg, b.leg))
        for alice.sequence in (*range(60_000, 65_536, 2500), 65_535, 65_536, 65_537):
            secure.talk()
            alice.sequence -= 1
            await bob.hear()
        alice.sequence = 65_538
        secure.theirs = material(GCM, 78)
        secure.sealing = ReferenceSrtp(GCM, secure.theirs.key_salt, roc=1 if kept else 0, highest=1)
        secure.agree()
        await world.settled()
        for n in range(5):
            secure.talk(1, b"%d" % n)
            assert (await bob.hear()).payload == b"%d" % n
        assert (await counted(world, a)).drops.total == 0


async def test_our_new_key_after_a_wrap_begins_a_new_source() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secure = Secure(world, bob, b, GCM)
        secure.agree()
        world.engine.post(Connect(a.leg, b.leg))
        number = 0
        while True:
            alice.send(a, Rtp(number & 0xFFFF, number * 160 & 0xFFFFFFFF))
            await bob._take(bob.rtp)
            numbers = world.engine._core.stream_numbers(b.leg)
            assert numbers is not None
            if numbers[1]:
                break
            number += 2999
        secure.ours = material(GCM, 79)
        secure.opening = ReferenceSrtp(GCM, secure.ours.key_salt)
        secure.agree()
        await world.settled()
        for n in range(3):
            number += 1
            alice.send(a, Rtp(number & 0xFFFF, number * 160 & 0xFFFFFFFF, b"%d" % n))
            heard = await secure.hear()
            assert (heard.payload, heard.ssrc == numbers[0], heard.sequence < 0x8003) == (b"%d" % n, False, True)


async def test_secure_to_plain_and_back_by_offer_and_answer() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secure = Secure(world, alice, a, GCM)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 1, payload=b"plain")
        assert (await bob.hear()).payload == b"plain"
        secure.agree()
        await world.settled()
        alice.talk(a, 1, payload=b"not any more" * 4)
        secure.talk(1, b"secure")
        assert (await bob.hear()).payload == b"secure"
        world.engine.post(SetKeys(a.leg, None, None))
        await world.settled()
        alice.talk(a, 1, payload=b"plain again")
        assert (await bob.hear()).payload == b"plain again"
        assert (await counted(world, a)).drops.unauthenticated == 1


async def test_many_keys_are_let_go_of_and_a_key_that_comes_back_goes_on() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        secure = Secure(world, bob, b, GCM)
        first = (secure.theirs, secure.ours, secure.opening)
        heard = []
        for seed in (1, 2, 1, 3, 1):
            other = Secure(world, bob, b, GCM, seed)
            secure.theirs, secure.ours = other.theirs, other.ours
            secure.opening = first[2] if seed == 1 else other.opening
            secure.agree()
            await world.settled()
            alice.talk(a)
            heard.append((await secure.hear()).sequence)
        assert heard == list(range(heard[0], heard[0] + 5))
        keys = world.engine._legs[b.leg].keys
        assert keys is not None
        for seed in range(10, 60):
            secure = Secure(world, bob, b, GCM, seed)
            secure.agree()
        await world.settled()
        await world.until(lambda: not keys._retired)
        assert (len(keys._receiving), len(keys._sending)) == (8, 8)
        alice.talk(a)
        assert (await secure.hear()).payload == b"\xd5" * 160
        world.engine.post(CloseLeg(b.leg))
        await world.gone(b)


async def test_prompts_are_sealed_and_recordings_plain(tmp_path: Path) -> None:
    async with media_world() as world:
        alice = world.far_end()
        a = world.leg(alice, (PCMA,))
        secure = Secure(world, alice, a, GCM)
        secure.agree()
        world.engine.post(
            Play(a.leg, 1, Tone((440,)), repeat=True),
            OpenRecording(1, None),
            StartTap(a.leg, 1, str(tmp_path / "a.wav"), 0),
        )
        first, second = await secure.hear(), await secure.hear()
        assert (second.sequence, second.timestamp - first.timestamp) == (first.sequence + 1, 160)
        for n in range(10):
            secure.talk(1, bytes([0x2A + n % 2]) * 160)
        await counted(world, a)
        world.engine.post(CloseRecording(1))
        await world.event(RecordingFinished)
        samples, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
        # Full scale as it was said, and the silence around it: what is encrypted would be noise.
        assert {-32_256, -31_232} <= set(samples.tolist()) <= {-32_256, -31_232, 0}


async def test_the_short_way_carries_srtp(tmp_path: Path) -> None:
    async with media_world(address="0.0.0.0") as world:
        if refused(world):
            pytest.skip("the kernel permits no acceleration here")
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        await talk_till_settled(world, alice, a, bob, b)
        before = steered(world)
        bob.hear_waiting()
        alice.hear_waiting()
        first, second = Secure(world, alice, a, GCM), Secure(world, bob, b, "AES_CM_128_HMAC_SHA1_80", 2)
        first.agree()
        second.agree()
        await world.settled()
        alice.hear_waiting()
        bob.hear_waiting()
        for n in range(100):
            sent = first.talk(1, bytes([n]) * 160)
            tampered = bytearray(sent[0])
            tampered[-1] ^= 1
            alice.send(a, bytes(tampered))
        heard = [await second.hear() for _ in range(100)]
        assert [each.payload[0] for each in heard] == list(range(100))
        assert steered(world) > before
        found = await counted(world, a)
        assert found.drops.unauthenticated + found.drops.replayed == 100


async def test_keys_changed_twice_at_once_after_a_rollover_still_seal() -> None:
    """The second change comes before the worker has taken the new source of the first."""
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        secret = material(GCM, 1)
        world.engine.post(SetKeys(a.leg, None, material(GCM, 2)), Connect(a.leg, b.leg))
        await world.settled()
        for number in range(0, 3 * 65536, 2000):
            bob.send(b, Rtp(number & 0xFFFF, number * 160))
            await alice._take(alice.rtp)
        world.engine.post(SetKeys(a.leg, None, secret), SetKeys(a.leg, material(GCM, 3), secret))
        await world.settled()
        bob.send(b, Rtp(0, 0))
        assert len(await alice._take(alice.rtp)) == 12 + 160 + 16
