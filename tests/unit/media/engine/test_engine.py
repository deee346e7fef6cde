"""The engine as a whole: settings that cannot be, several workers, IPv6, and receivers that fail."""

from __future__ import annotations

import asyncio
import socket

import pytest

from media.addresses import address_text, remote_address
from media.commands import Connect, PayloadFormat, Play, SetFormats, Tone
from media.control import MediaEngine
from media.events import EngineDegraded, MediaStarted
from media.posting import CodecNumbers
from media.settings import MediaSettings
from tests.support.media_world import LOOPBACK, Rtp, media_world


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (MediaSettings(address="media.example"), "literal IPv4 or IPv6"),
        (MediaSettings(address=LOOPBACK, workers=0), "at least 1"),
        (MediaSettings(address=LOOPBACK, dscp=64), "DSCP"),
        (MediaSettings(address=LOOPBACK, port_first=30000, port_last=30000), "port range"),
    ],
)
async def test_settings_that_cannot_be_are_refused(settings: MediaSettings, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MediaEngine.start(settings, lambda _: None, asyncio.get_running_loop())


async def test_an_address_that_is_not_ours_is_refused_at_the_start() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1"):
        MediaEngine.start(MediaSettings(address="192.0.2.1"), lambda _: None, asyncio.get_running_loop())


async def test_legs_of_a_group_share_a_worker_and_groups_spread() -> None:
    async with media_world(workers=2) as world:
        pairs = []
        for number in range(4):
            alice, bob = world.far_end(), world.far_end()
            a, b = world.leg(alice, group=str(number)), world.leg(bob, group=str(number))
            world.engine.post(Connect(a.leg, b.leg))
            pairs.append((alice, bob, a))
        for alice, bob, a in pairs:
            alice.talk(a, 2)
            await bob.hear_many(2)
        assert len(world.engine.counters().worker_load) == 2
        others = [world.leg(None, group=name) for name in ("first", "second")]
        refused = []
        for other in others:
            try:
                world.engine.post(Connect(pairs[0][2].leg, other.leg))
            except ValueError as error:
                refused.append(str(error))
        assert len(refused) == 1
        assert "different workers" in refused[0]


async def test_a_receiver_that_fails_loses_only_its_own_event() -> None:
    async with media_world(acceleration="off") as world:
        troubles: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context["message"]))
        heard = world._heard

        def fail_once(event: object) -> None:
            world.engine._on_event = heard
            raise LookupError("no such leg")

        world.engine._on_event = fail_once
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        alice.talk(a, 1)
        bob.talk(b, 1)
        await world.event(MediaStarted)
        assert len(world.told(MediaStarted)) == 1
        assert troubles == ["media event MediaStarted was not handled"]


async def test_a_priority_nobody_may_have_is_told_and_survived() -> None:
    async with media_world(priority=1000, acceleration="off") as world:
        told = await world.event(EngineDegraded)
        assert "priority 1000 refused" in told.reason
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 1)
        await bob.hear()


async def test_ipv6_hears_ipv6_and_mapped_ipv4() -> None:
    try:
        async with media_world(address="::") as world:
            alice, bob = world.far_end(), world.far_end()
            a, b = world.leg(alice), world.leg(bob)
            world.engine.post(Connect(a.leg, b.leg))
            alice.talk(a, 1)
            await bob.hear()
            started = await world.event(MediaStarted)
            assert (started.address, started.port) == (alice.host, alice.port)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


@pytest.mark.parametrize(("dscp", "expected"), [(46, 0xB8), (0, 0)])
async def test_packets_are_marked_for_expedited_forwarding(dscp: int, expected: int) -> None:
    async with media_world(dscp=dscp) as world:
        alice = world.far_end()
        alice.rtp.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        a = world.leg(alice)
        world.engine.post(Play(a.leg, 1, Tone((425,)), repeat=True))
        await world.until(lambda: world.engine.counters().packets_sent > 0)
        _, marks, _, _ = alice.rtp.recvmsg(2048, 64)
        assert marks == [(socket.IPPROTO_IP, socket.IP_TOS, bytes([expected]))]


async def test_the_idle_engine_sleeps() -> None:
    async with media_world(acceleration="off") as world:
        await world.settled()
        before = world.engine.counters().wakeups
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await world.event(EngineDegraded)
        assert world.engine.counters().wakeups - before <= 2


async def test_more_formats_than_there_is_room_for_keep_the_best() -> None:
    many = tuple(PayloadFormat(96 + number, f"codec{number}", 8000) for number in range(30))
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(SetFormats(a.leg, many, many), SetFormats(b.leg, many, many), Connect(a.leg, b.leg))
        alice.send(a, Rtp(1, 1, payload_type=96))
        assert (await bob.hear()).payload_type == 96


def test_codec_names_from_the_network_cannot_grow_without_bound() -> None:
    numbers = CodecNumbers()
    given = [numbers.number(f"rubbish{n}") for n in range(1000)]
    assert len(set(given)) == 96
    assert given[-1] == 255
    assert numbers.number("RUBBISH0") == given[0]
    assert numbers.number("pcma") == 8


@pytest.mark.parametrize(
    ("text", "ipv6", "expected"),
    [
        ("192.0.2.7", False, b"\xc0\x00\x02\x07"),
        ("192.0.2.7", True, b"\0" * 10 + b"\xff\xff\xc0\x00\x02\x07"),
        ("::ffff:192.0.2.7", False, b"\xc0\x00\x02\x07"),
        ("2001:db8::1", True, b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\x01"),
        ("2001:db8::1", False, b""),
        ("0.0.0.0", False, b""),
        ("::", True, b""),
        ("239.1.1.1", False, b""),
        ("ff02::1", True, b""),
        ("255.255.255.255", False, b""),
        ("host.example", False, b""),
        ("", False, b""),
    ],
)
def test_remote_addresses(text: str, ipv6: bool, expected: bytes) -> None:
    assert remote_address(text, ipv6=ipv6) == expected


def test_mapped_addresses_are_shown_as_ipv4() -> None:
    assert address_text(remote_address("192.0.2.7", ipv6=True)) == "192.0.2.7"
    assert address_text(remote_address("2001:db8::1", ipv6=True)) == "2001:db8::1"
