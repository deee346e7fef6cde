"""Video between two legs over real sockets: passed on octet for octet, and only while both sides want it."""

from __future__ import annotations

import struct

import pytest

from media.commands import CloseLeg, Connect, Disconnect, PayloadFormat, SetVideo
from media.srtp.material import SUITES
from media.video.ring import VideoTap
from tests.support.media_world import PCMA, Rtp, media_world
from tests.support.video_peer import RTX, VP8, Picture, Watched, pli, two_watching


async def test_packets_arrive_as_they_were_sent() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        pictures = alice.show(3) + alice.show(1, payload_type=RTX.payload_type)
        assert [await bob.see() for _ in range(4)] == pictures
        back = bob.show(2)
        assert [await alice.see() for _ in range(2)] == back
        seen = alice.counted()
        assert (seen.packets, seen.octets, seen.relayed, seen.nowhere, seen.lost) == (
            4,
            sum(map(len, pictures)),
            4,
            0,
            0,
        )


async def test_audio_is_counted_without_the_video_beside_it() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        alice.show(20)
        alice.talk(4)
        for _ in range(20):
            await bob.see()
        await world.until(lambda: alice.statistics().packets_received == 4)
        found = alice.statistics()
        assert (found.packets_received, found.ssrc_received, found.received.expected) == (4, 0xA0, 4)
        assert (found.drops.total, found.video is not None and found.video.packets) == (0, 20)


async def test_a_leg_without_video_does_not_know_its_payload_types() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        alice.agree(formats=())
        await world.settled()
        alice.show(5)
        await world.until(lambda: alice.statistics().drops.total == 5)
        bob.show(2)
        await bob.arrived(2)
        assert (bob.counted().nowhere, bob.counted().relayed) == (2, 0)


async def test_a_stranger_is_not_seen() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        stranger = world.far_end()
        sealed = alice.sealing.seal(bytes(Picture(1)))
        assert isinstance(sealed, bytes)
        stranger.send(alice.leg, sealed)
        await world.until(lambda: alice.statistics().drops.stranger == 1)
        assert alice.counted().packets == 0
        assert bob.far.heard_nothing()


async def test_nothing_is_shown_while_either_side_does_not_want_it() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        bob.agree(send=False)
        await world.settled()
        alice.show(3)
        await alice.arrived(3)
        alice.agree(receive=False)
        bob.agree()
        await world.settled()
        alice.show(3)
        await alice.arrived(6)
        alice.agree()
        await world.settled()
        last = alice.show(1)
        assert await bob.see() == last[0]
        assert (alice.counted().nowhere, alice.counted().relayed) == (6, 1)


@pytest.mark.parametrize("change", ["connect", "resume"])
async def test_who_begins_to_see_has_a_key_frame_asked_for(change: str) -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world, connected=change == "resume")
        if change == "resume":
            bob.agree(send=False)
            await world.settled()
        alice.show(2)
        alice.say(bytes(Picture(1, ssrc=7, payload_type=RTX.payload_type)))
        await alice.arrived(3)
        assert alice.counted().key_frames_wanted == 0
        world.engine.post(
            Connect(alice.leg.leg, bob.leg.leg) if change == "connect" else SetVideo(bob.leg.leg, (VP8, RTX))
        )
        told = await alice.told()
        assert [each[1] for each in told] == [201, 206]
        assert struct.unpack("!BBHII", told[1]) == (0x81, 206, 2, alice.our_ssrc(), alice.video)
        alice.show(1)
        await bob.see()
        assert alice.counted().key_frames_wanted == 1


async def test_the_first_packet_of_a_camera_is_its_key_frame() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        alice.show(1)
        await bob.see()
        assert alice.counted().key_frames_wanted == 0


async def test_a_new_viewer_after_another() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        alice.show(2)
        await bob.see()
        carol = Watched(world, audio=0xC0, video=0xC1)
        await world.settled()
        world.engine.post(Disconnect(alice.leg.leg, bob.leg.leg), Connect(alice.leg.leg, carol.leg.leg))
        told = await alice.told()
        assert told[1][1] == 206
        picture = alice.show(1)
        assert await carol.see() == picture[0]


async def test_no_more_than_the_highest_rate() -> None:
    async with media_world(video_kbit=100) as world:
        alice, bob = await two_watching(world)
        alice.show(100)
        await world.until(lambda: alice.counted().packets + alice.counted().refused == 100)
        seen = alice.counted()
        # A burst of half a second of 100 kbit/s is 6250 octets, and what was allowed while we sent.
        assert 5 <= seen.packets < 50
        assert seen.refused == 100 - seen.packets
        assert bob.counted().refused == 0


async def test_more_sources_than_a_browser_has() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        for ssrc in range(100, 200):
            alice.say(bytes(Picture(1, ssrc=ssrc)))
        await world.until(lambda: alice.counted().packets + alice.counted().refused == 100)
        assert (alice.counted().packets, alice.counted().refused) == (16, 84)
        for _ in range(16):
            await bob.see()


async def test_a_source_whose_number_is_taken() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        alice.talk()
        alice.say(bytes(Picture(1, ssrc=bob.our_ssrc())))
        alice.say(bytes(Picture(9, ssrc=alice.audio)))
        last = alice.show(1)
        assert await bob.see() == last[0]
        assert alice.counted().refused == 2


async def test_losses_are_those_of_pictures() -> None:
    async with media_world() as world:
        alice, _bob = await two_watching(world)
        for sequence in (65534, 65535, 2, 1, 5, 20000, 20001):
            alice.say(bytes(Picture(sequence)))
        for sequence in (1, 9):
            alice.say(bytes(Picture(sequence, ssrc=7, payload_type=RTX.payload_type)))
        await world.until(lambda: alice.counted().packets == 9)
        assert alice.counted().lost == 3


@pytest.mark.parametrize("suite", SUITES)
async def test_many_sources_under_one_key(suite: str) -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world, suite=suite)
        sent = [
            alice.say(bytes(Picture(sequence, ssrc=ssrc))) for sequence in range(65530, 65545) for ssrc in (10, 11, 12)
        ]
        alice.talk()
        heard = [await bob.hear() for _ in range(len(sent) + 1)]
        assert heard[:-1] == sent
        assert Rtp.parse(heard[-1]).ssrc == bob.our_ssrc()
        bob.tell(pli(1, 11))
        assert (await alice.told())[1] == pli(alice.our_ssrc(), 11)


async def test_a_key_that_comes_back_numbers_on() -> None:
    """RFC 3711 9.1: no number is used twice under one key, whatever a re-INVITE goes back to."""
    async with media_world() as world:
        alice, bob = await two_watching(world)
        first = (bob.sealing, bob.opening)
        alice.show()
        await bob.see()
        bob.protect("AEAD_AES_128_GCM", 9)
        await world.settled()
        alice.show()
        await bob.see()
        bob.protect("AEAD_AES_128_GCM", bob.audio)
        bob.sealing, bob.opening = first
        await world.settled()
        last = alice.show()
        assert [await bob.see()] == last


async def test_the_tap_has_every_packet_with_its_time() -> None:
    async with media_world() as world:
        alice, _bob = await two_watching(world)
        tap = VideoTap()
        assert world.engine._core.start_video_tap(alice.leg.leg, tap.address)
        world.engine._wake_soon()
        await world.settled()
        sent = alice.show(3) + alice.show(1, payload_type=RTX.payload_type)
        await alice.arrived(4)
        alice.agree(receive=False)
        await world.settled()
        alice.show(1)
        await alice.arrived(5)
        entries = tap.read()
        assert [each[-1] for each in entries] == sent
        assert [each[1:6] for each in entries][2:] == [(96, False, 0xA1, 6000, 2), (97, True, 0xA1, 9000, 3)]
        times = [each[0] for each in entries]
        assert times == sorted(times)
        assert tap.overruns == 0
        world.engine.post(CloseLeg(alice.leg.leg))
        await world.gone(alice.leg)
        assert tap.closed
        assert tap.read() == []


async def test_a_tap_of_a_leg_without_video_ends_at_once() -> None:
    async with media_world() as world:
        leg = world.leg(None, (PCMA,))
        tap = VideoTap(4096)
        assert world.engine._core.start_video_tap(leg.leg, tap.address)
        world.engine._wake_soon()
        await world.settled()
        assert tap.closed


async def test_the_end_of_a_leg_tells_of_its_video() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        alice.show(2)
        await bob.see()
        await bob.see()
        world.engine.post(CloseLeg(alice.leg.leg), CloseLeg(bob.leg.leg))
        gone = await world.gone(alice.leg)
        assert gone.statistics.video is not None
        assert gone.statistics.video.relayed == 2


async def test_payload_types_are_seven_bits() -> None:
    async with media_world() as world:
        alice, _bob = await two_watching(world)
        with pytest.raises(ValueError, match="0-127"):
            world.engine.post(SetVideo(alice.leg.leg, (PayloadFormat(128, "VP8", 90000),)))
