"""A browser's leg: one port for everything, and media only along the path that ICE has settled on, under keys."""

from __future__ import annotations

import struct
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from media.commands import (
    CloseLeg,
    Connect,
    Play,
    SetKeys,
    SetPath,
    SetRemote,
    StartEcho,
    Tone,
)
from media.events import HandshakeReceived, MediaStarted
from tests.support.browser_far_end import CLIENT_HELLO, STUN, BrowserFarEnd, browser_leg, settle
from tests.support.media_world import LOOPBACK, PCMA, MediaWorld, Rtp, media_world

if TYPE_CHECKING:
    from media.legs import OpenedLeg
    from media.snapshots import LegStatistics

SUITES = ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"]


async def dropped(world: MediaWorld, count: int, reason: str) -> None:
    """So many were dropped for that reason, in all."""
    await world.until(lambda: getattr(world.engine.counters().drops, reason) >= count)
    assert getattr(world.engine.counters().drops, reason) == count


def counted(world: MediaWorld, leg: OpenedLeg) -> LegStatistics:
    """The leg's counters now."""
    found = world.engine.statistics(leg.leg)
    assert found is not None
    return found


@pytest.mark.parametrize("suite", SUITES)
async def test_audio_both_ways_between_a_browser_and_a_phone(suite: str) -> None:
    async with media_world() as world:
        phone = world.far_end()
        with closing(BrowserFarEnd(suite=suite)) as browser:
            a, b = browser_leg(world, browser), world.leg(phone)
            world.engine.post(Connect(a.leg, b.leg))
            browser.say_many(a, 5)
            assert [each.payload for each in await phone.hear_many(5)] == [b"\xd5" * 160] * 5
            phone.talk(b, 5, payload=b"\x55" * 160)
            assert {(await browser.hear()).payload for _ in range(5)} == {b"\x55" * 160}
            started = await world.event(MediaStarted, lambda event: event.leg == a.leg)
            assert (started.address, started.port) == (LOOPBACK, browser.port)
            found = counted(world, a)
            assert (found.packets_received, found.drops.total) == (5, 0)


async def test_handshakes_come_up_and_answers_go_out_before_any_media() -> None:
    async with media_world() as world:
        with closing(BrowserFarEnd()) as browser:
            a = browser_leg(world, browser, settled=False)
            for data in (STUN, CLIENT_HELLO, b"\x03", b"\x14\xfe\xfd", b"\x3f"):
                browser.raw(a, data)
            await world.until(lambda: len(world.told(HandshakeReceived)) == 5)
            told = world.told(HandshakeReceived)
            assert [each.data for each in told] == [STUN, CLIENT_HELLO, b"\x03", b"\x14\xfe\xfd", b"\x3f"]
            assert {(each.leg, each.address, each.port) for each in told} == {(a.leg, LOOPBACK, browser.port)}
            world.engine.send_datagram(a.leg, b"answer", told[0].address, told[0].port)
            assert await browser.take() == b"answer"
            assert browser.rtp.getsockname()[1] != a.port


async def test_what_is_neither_handshake_nor_media_is_malformed() -> None:
    """Octets that RFC 7983 gives to ZRTP, TURN channels and QUIC, or to nobody; nothing; more than a handshake."""
    async with media_world() as world:
        with closing(BrowserFarEnd()) as browser:
            a = browser_leg(world, browser)
            for first in (4, 16, 19, 64, 79, 80, 127, 192, 255):
                browser.raw(a, bytes([first]) + bytes(40))
            browser.raw(a, b"")
            browser.raw(a, STUN + bytes(1500))
            browser.raw(a, b"\x80" + bytes(3000))
            await dropped(world, 12, "malformed")
            assert world.told(HandshakeReceived) == []


async def test_a_phone_hears_no_stun() -> None:
    async with media_world() as world:
        phone = world.far_end()
        a = world.leg(phone)
        phone.send(a, STUN)
        phone.send(a, CLIENT_HELLO)
        await dropped(world, 2, "malformed")
        assert world.told(HandshakeReceived) == []


async def test_no_media_goes_or_counts_before_there_are_path_and_keys() -> None:
    async with media_world() as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as browser:
            a, b = browser_leg(world, browser, settled=False), world.leg(phone)
            world.engine.post(Connect(a.leg, b.leg), Play(a.leg, 1, Tone((425,)), repeat=True))
            await world.settled()
            browser.say(a, Rtp(1, 160))
            await dropped(world, 1, "stranger")
            world.engine.post(SetKeys(a.leg, *browser.keys))
            await world.settled()
            browser.say(a, Rtp(2, 320))
            await dropped(world, 2, "stranger")
            world.engine.post(SetKeys(a.leg, None, None), SetPath(a.leg, LOOPBACK, browser.port))
            await world.settled()
            browser.send(a, Rtp(3, 480))
            browser.raw(a, struct.pack("!BBHI", 0x80, 201, 1, 1))
            await dropped(world, 2, "unauthenticated")
            assert world.engine.counters().packets_sent == 0
            world.engine.post(SetKeys(a.leg, *browser.keys))
            assert (await browser.hear()).payload_type == PCMA.payload_type
            browser.say(a, Rtp(4, 640))
            assert (await phone.hear()).payload_type == PCMA.payload_type


async def test_one_key_alone_opens_nothing() -> None:
    async with media_world() as world:
        with closing(BrowserFarEnd()) as browser:
            a = browser_leg(world, browser, settled=False)
            world.engine.post(SetPath(a.leg, LOOPBACK, browser.port), StartEcho(a.leg))
            for keys in ((browser.keys[0], None), (None, browser.keys[1])):
                world.engine.post(SetKeys(a.leg, *keys))
                await world.settled()
                browser.say_many(a, 1)
            await dropped(world, 2, "unauthenticated")
            assert world.engine.counters().packets_sent == 0


async def test_who_is_not_on_the_path_is_not_heard_whatever_he_knows() -> None:
    """Neither with the right keys, nor in a window that a plain leg would have learnt in (THREATS M1, M5)."""
    async with media_world() as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as browser, closing(BrowserFarEnd("127.0.0.9")) as thief:
            thief.sealing, thief.opening = browser.sealing, browser.opening
            a, b = browser_leg(world, browser), world.leg(phone)
            world.engine.post(
                Connect(a.leg, b.leg), SetRemote(a.leg, thief.host, thief.port, thief.host, thief.port, True)
            )
            await world.settled()
            thief.say_many(a, 20)
            await dropped(world, 20, "stranger")
            browser.sequence = 20
            browser.say_many(a, 1)
            await phone.hear()
            phone.talk(b, 1)
            await browser.hear()
            assert thief.heard_nothing()
            assert (await world.event(MediaStarted)).port == browser.port


async def test_nothing_goes_after_consent_is_lost_and_all_goes_on_along_another_path() -> None:
    async with media_world() as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as browser, closing(BrowserFarEnd("127.0.0.9")) as moved:
            moved.sealing, moved.opening = browser.sealing, browser.opening
            a, b = browser_leg(world, browser), world.leg(phone)
            world.engine.post(Connect(a.leg, b.leg))
            browser.say_many(a, 2)
            await phone.hear_many(2)
            world.engine.post(SetPath(a.leg, "", 0))
            await world.settled()
            sent = world.engine.counters().packets_sent
            phone.talk(b, 3)
            browser.say_many(a, 3)
            await dropped(world, 3, "unroutable")
            await dropped(world, 3, "stranger")
            assert world.engine.counters().packets_sent == sent
            world.engine.post(SetPath(a.leg, moved.host, moved.port))
            await world.settled()
            moved.sequence = 5
            moved.say_many(a, 1)
            heard = await phone.hear()
            assert heard.payload == b"\xd5" * 160
            phone.talk(b, 1)
            await moved.hear()
            assert browser.heard_nothing()


async def test_forged_and_replayed_packets_are_dropped_and_counted() -> None:
    """THREATS M4."""
    async with media_world() as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as browser:
            a, b = browser_leg(world, browser), world.leg(phone)
            world.engine.post(Connect(a.leg, b.leg))
            good, next_one = (browser.sealing.seal(bytes(Rtp(n, n * 160))) for n in (1, 2))
            for data in (good, good, next_one[:-1] + bytes([next_one[-1] ^ 1]), next_one[:13]):
                browser.raw(a, data)
            await phone.hear()
            await dropped(world, 1, "replayed")
            await dropped(world, 2, "unauthenticated")


async def test_a_flood_of_handshakes_costs_neither_the_media_nor_the_consent_of_the_leg() -> None:
    """THREATS M6, M7: what is taken of it is bounded, and those on the path have a bound of their own."""
    async with media_world() as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as browser, closing(BrowserFarEnd("127.0.0.9")) as flooder:
            a, b = browser_leg(world, browser), world.leg(phone)
            world.engine.post(Connect(a.leg, b.leg))
            await world.settled()
            for volley in range(1, 41):
                for _ in range(25):
                    flooder.raw(a, STUN)
                await world.until(lambda sent=25 * volley: world.engine.counters().packets_received == sent)  # type: ignore[misc]
            browser.raw(a, CLIENT_HELLO)
            await world.event(HandshakeReceived, lambda event: event.port == browser.port)
            browser.say_many(a, 1)
            await phone.hear()
            found = counted(world, a)
            taken = len(world.told(HandshakeReceived))
            assert found.drops.handshake > 500
            assert taken < 500
            assert found.drops.total == found.drops.handshake


async def test_reports_share_the_port_and_may_be_reduced() -> None:
    """RFC 5761, RFC 5506: a lone receiver report counts, and so does what carries no report at all."""
    async with media_world(rtcp_interval=0.1) as world:
        with closing(BrowserFarEnd()) as browser:
            a = browser_leg(world, browser)
            world.engine.post(StartEcho(a.leg))
            browser.say_many(a, 3)
            heard = [await browser.hear() for _ in range(3)]
            report = await browser.hear_rtcp()
            assert (report[1], report[4:8]) == (200, struct.pack("!I", heard[0].ssrc))
            (ntp,) = struct.unpack_from("!I", report, 10)
            block = struct.pack("!IIIIII", heard[0].ssrc, 0, heard[-1].sequence, 0, ntp, 0)
            browser.report(a, struct.pack("!BBHI", 0x81, 201, 7, 0x1234) + block)
            await world.until(lambda: counted(world, a).rtt_ms is not None)
            before = world.engine.counters().rtcp_received
            browser.report(a, struct.pack("!BBHII", 0x81, 206, 2, 0x1234, heard[0].ssrc))
            await world.until(lambda: world.engine.counters().rtcp_received == before + 1)
            for broken in (struct.pack("!BBHI", 0x81, 206, 9, 1), struct.pack("!BBHI", 0x9F, 200, 1, 1)):
                browser.report(a, broken)
            await dropped(world, 2, "malformed")


async def test_a_leg_that_is_closed_gives_its_port_back_and_hears_no_more() -> None:
    async with media_world(port_first=24000, port_last=24001, port_drain=0.0) as world:
        with closing(BrowserFarEnd()) as browser:
            for _ in range(3):
                a = world.engine.open_leg(label="browser", browser=True)
                settle(world, browser, a)
                browser.raw(a, STUN)
                await world.event(HandshakeReceived, lambda event, a=a: event.leg == a.leg)  # type: ignore[misc]
                world.engine.post(CloseLeg(a.leg))
                await world.gone(a)
                world.engine.send_datagram(a.leg, b"late", LOOPBACK, browser.port)
            assert browser.heard_nothing()


@pytest.mark.parametrize("address", ["", "0.0.0.0", "224.0.0.1", "255.255.255.255", "example.org"])
async def test_nothing_is_sent_to_what_is_no_address(address: str) -> None:
    async with media_world() as world:
        with closing(BrowserFarEnd()) as browser:
            a = browser_leg(world, browser)
            world.engine.post(StartEcho(a.leg), SetPath(a.leg, address, 4000))
            world.engine.send_datagram(a.leg, STUN, address, 4000)
            await world.settled()
            browser.say_many(a, 1)
            await dropped(world, 1, "stranger")
            assert world.engine.counters().packets_sent == 0
