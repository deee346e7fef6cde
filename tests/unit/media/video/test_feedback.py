"""What two browsers tell each other of video by RTCP: told on, in their own terms, and only that."""

from __future__ import annotations

import random
import struct

import pytest

from tests.support.media_world import media_world
from tests.support.video_peer import (
    BYE,
    PSFB,
    RTPFB,
    SDES,
    Watched,
    block,
    feedback,
    packet,
    parts,
    pli,
    receiver_report,
    sender_report,
    two_watching,
)

SECOND = 1 << 32
NACK = struct.pack("!HH", 7, 0b101)
TWCC = struct.pack("!HHIHH", 1, 2, 0x01000003, 0x2002, 0x0404)
REMB = b"REMB" + struct.pack("!BBHI", 1, 4 << 2, 1000, 0xA1)


async def seen(*watched: Watched) -> None:
    """Everybody has shown a picture, so that all sources are known."""
    for each in watched:
        each.show()
        await each.arrived(1)


@pytest.mark.parametrize(
    ("kind", "form", "about", "body"),
    [
        (RTPFB, 1, 0xA1, NACK),
        (RTPFB, 15, 0xA1, TWCC),
        (PSFB, 1, 0xA1, b""),
        (PSFB, 4, 0, struct.pack("!IBBH", 0xA1, 3, 0, 0)),
        (PSFB, 15, 0, REMB),
    ],
    ids=["nack", "transport-cc", "pli", "fir", "remb"],
)
@pytest.mark.parametrize("reduced", [True, False], ids=["reduced", "compound"])
async def test_feedback_reaches_who_sends_the_picture(
    kind: int, form: int, about: int, body: bytes, *, reduced: bool
) -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        await seen(alice, bob)
        bob.tell(*([] if reduced else [receiver_report(0xB0)]), feedback(kind, form, 0xB1, about, body))
        report, told = await alice.told()
        assert report == receiver_report(alice.our_ssrc())
        assert told == feedback(kind, form, alice.our_ssrc(), about, body)


async def test_what_is_about_audio_or_about_nobody_stays_here() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        alice.talk()
        await seen(alice, bob)
        bob.tell(
            receiver_report(0xB0, block(bob.our_ssrc())),
            feedback(RTPFB, 1, 0xB0, bob.our_ssrc(), NACK),
            pli(0xB1, 0xDEAD),
            feedback(PSFB, 4, 0xB1, 0, struct.pack("!IBBH", 0xDEAD, 1, 0, 0)),
            feedback(PSFB, 15, 0xB1, 0, b"NONE" + bytes(4)),
            feedback(RTPFB, 3, 0xB1, 0xA1, bytes(8)),
        )
        bob.tell(pli(0xB1, 0xA1))
        assert [each[1] for each in await alice.told()] == [201, 206]
        assert bob.counted().key_frames_asked == 1
        assert bob.counted().repairs_asked == 0


async def test_reports_of_pictures_come_back_in_the_senders_own_time() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        await seen(alice, bob)
        theirs = 0x1234567800000000 + 12345
        alice.tell(sender_report(0xA1, theirs, 90000))
        _, report, names = await bob.told()
        assert names[1] == SDES
        assert report[1] == 200
        (ssrc, ours, timestamp) = struct.unpack_from("!IQI", report, 4)
        assert (ssrc, timestamp) == (0xA1, 90000)
        assert ours != theirs
        bob.tell(receiver_report(0xB1, block(0xA1, last_sr=ours >> 16 & 0xFFFFFFFF, delay=99) + block(bob.our_ssrc())))
        (told,) = await alice.told()
        assert told == receiver_report(alice.our_ssrc(), block(0xA1, last_sr=theirs >> 16 & 0xFFFFFFFF, delay=99))
        # One that answers no report of ours says nothing about the time.
        bob.tell(receiver_report(0xB1, block(0xA1, last_sr=4711, delay=99)))
        (told,) = await alice.told()
        assert told == receiver_report(alice.our_ssrc(), block(0xA1))


async def test_pictures_are_as_old_as_the_sound_their_sender_took_with_them() -> None:
    """Audio with a timestamp, and a picture of the same moment, have the same time by what we report of both."""
    async with media_world(rtcp_interval=0.2) as world:
        alice, bob = await two_watching(world)
        bob.talk()
        alice.talk(3)
        await seen(alice, bob)
        moment = 3_900_000_000 * SECOND
        # By her clock the sample 160 was taken at that moment, and picture timestamp 450 a second later.
        alice.tell(sender_report(0xA0, moment, 160))
        alice.tell(sender_report(0xA1, moment + SECOND, 450))
        audio: tuple[int, int] | None = None
        picture: int | None = None
        numbers: tuple[int, int] | None = None
        while audio is None or picture is None:
            data = await bob.hear()
            if not 192 <= data[1] <= 223:
                if data[1] & 0x7F == 8 and numbers is None:
                    numbers = struct.unpack_from("!HI", data, 2)
                continue
            for part in parts(data):
                if part[1] == 200:
                    source, ntp, timestamp = struct.unpack_from("!IQI", part, 4)
                    if source == bob.our_ssrc():
                        audio = (ntp, timestamp)
                    elif source == 0xA1:
                        picture = ntp
        assert numbers is not None
        # The first packet heard was number 0, timestamp 0 of hers: 160 later is the moment.
        at = audio[0] - ((audio[1] - (numbers[1] + 160)) & 0xFFFFFFFF) * SECOND // 8000
        assert abs(picture - SECOND - at) / SECOND < 0.04


async def test_a_picture_whose_sound_is_not_passed_on_is_as_old_as_its_report() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        await seen(alice, bob)
        stamps = []
        for second in range(3):
            alice.tell(sender_report(0xA1, (5 + second) * SECOND, 0))
            _, report, _ = await bob.told()
            stamps.append(struct.unpack_from("!Q", report, 8)[0] - second * SECOND)
        assert max(stamps) - min(stamps) < 2 * SECOND


async def test_who_takes_leave_is_told_on_for_pictures_alone() -> None:
    async with media_world() as world:
        alice, bob = await two_watching(world)
        alice.talk()
        await seen(alice, bob)
        await world.until(lambda: alice.statistics().packets_received == 1)
        alice.tell(receiver_report(0xA1), packet(BYE, 2, struct.pack("!II", 0xA0, 0xA1)))
        _, told = await bob.told()
        assert told == packet(BYE, 1, struct.pack("!I", 0xA1))


async def test_rubbish_that_authenticates_does_no_harm() -> None:
    dice = random.Random(3)
    async with media_world() as world:
        alice, bob = await two_watching(world)
        await seen(alice, bob)
        for _ in range(400):
            kind = dice.choice([200, 201, 202, 203, 204, 205, 206, 207])
            body = dice.randbytes(4 * dice.randrange(1, 40))
            data = bytearray(packet(kind, dice.randrange(32), body))
            if dice.random() < 0.3:
                data[2:4] = dice.randbytes(2)
            bob.tell(bytes(data))
        bob.tell(pli(0xB1, 0xA1))
        while True:
            told = await alice.told()
            if pli(alice.our_ssrc(), 0xA1) in told:
                break
        alice.show()
        await bob.see()
