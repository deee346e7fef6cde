"""Attacks on a leg's port: strangers are neither heard, relayed, recorded nor sent to (RTP bleed, injection)."""

from __future__ import annotations

import struct
import time

from media.commands import Connect, Play, SetRemote, StartEcho, Tone
from media.events import MediaStarted
from tests.support.media_world import LOOPBACK, Rtp, media_world

QUIET = 0.06
"""Seconds of silence after which two packets of another SSRC take a stream over."""


async def test_a_stranger_after_the_lock_is_not_relayed() -> None:
    async with media_world() as world:
        alice, bob, mallory = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        alice.talk(a, 1)
        await bob.hear()
        mallory.talk(a, 50, payload=b"injected")
        alice.talk(a, 1, payload=b"genuine")
        assert (await bob.hear()).payload == b"genuine"
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert found.drops.stranger == 50
        assert found.remote == (alice.host, alice.port)
        assert (found.received.expected, found.packets_received) == (2, 2)


async def test_a_stranger_does_not_draw_the_stream_to_itself() -> None:
    async with media_world() as world:
        alice, bob, mallory = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        mallory.talk(a, 2)
        bob.talk(b, 5)
        assert len(await alice.hear_many(5)) == 5
        assert mallory.heard_nothing()


async def test_a_phone_behind_a_nat_is_found_and_told() -> None:
    async with media_world() as world:
        advertised, real, bob = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(advertised), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        await world.talk_until(real, a, lambda: bool(world.told(MediaStarted)))
        assert world.told(MediaStarted) == [MediaStarted(a.leg, real.host, real.port)]
        bob.talk(b, 1)
        await real.hear()
        assert advertised.heard_nothing()


async def test_after_the_window_nobody_else_wins() -> None:
    async with media_world(latch_window=0.0) as world:
        alice, bob, mallory = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        await world.talk_until(mallory, a, lambda: world.engine.counters().drops.stranger > 6)
        bob.talk(b, 1)
        await alice.hear()
        assert mallory.heard_nothing()
        await world.event(MediaStarted)
        assert world.told(MediaStarted) == [MediaStarted(b.leg, bob.host, bob.port)]


async def test_a_foreign_ssrc_between_the_packets_of_a_talking_source_is_refused() -> None:
    for _ in range(50):
        async with media_world() as world:
            alice, bob = world.far_end(), world.far_end()
            a, b = world.leg(alice), world.leg(bob)
            world.engine.post(Connect(a.leg, b.leg))
            await world.settled()
            began = time.monotonic()
            for _ in range(10):
                alice.talk(a, 1)
                alice.send(a, Rtp(9000, 0, b"spoofed", ssrc=0xBAD))
            await world.until(lambda: world.engine.counters().packets_received == 20)
            if time.monotonic() - began >= QUIET:
                continue  # the machine stood still: the source may have been quiet indeed
            heard = await bob.hear_many(10)
            assert b"spoofed" not in {each.payload for each in heard}
            found = world.engine.statistics(a.leg)
            assert found is not None
            assert (found.drops.foreign_ssrc, found.received.lost) == (10, 0)
            return
    raise AssertionError("this machine never sent twenty packets without a pause of its own")


async def test_without_a_remote_nothing_is_heard_and_nothing_is_sent() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(None), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg), StartEcho(a.leg), Play(a.leg, 1, Tone((425,)), repeat=True))
        alice.talk(a, 20)
        bob.talk(b, 1)
        await world.until(lambda: world.engine.counters().packets_received == 21)
        assert alice.heard_nothing()
        assert world.engine.counters().packets_sent == 0


async def test_addresses_that_must_never_be_sent_to() -> None:
    async with media_world() as world:
        bob = world.far_end()
        b = world.leg(bob)
        for count, address in enumerate(("0.0.0.0", "224.0.0.1", "255.255.255.255", "phone.example", "::1"), 1):
            a = world.leg(None)
            world.engine.post(SetRemote(a.leg, address, 9, address, 10), Connect(a.leg, b.leg))
            bob.talk(b, 1)
            await world.until(lambda count=count: world.engine.counters().drops.unroutable == count)
        assert world.engine.counters().packets_sent == 0


async def test_sdp_that_names_our_own_ports_makes_no_loop() -> None:
    async with media_world() as world:
        alice = world.far_end()
        a, b = world.leg(alice), world.leg(None)
        world.engine.post(
            Connect(a.leg, b.leg),
            SetRemote(b.leg, LOOPBACK, a.port, LOOPBACK, a.port + 1),
            StartEcho(b.leg),
        )
        alice.talk(a, 3)
        await world.until(lambda: world.engine.counters().drops.unroutable == 3)
        assert world.engine.counters().packets_sent == 0


async def test_a_call_that_comes_back_to_us_is_bridged() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, out = world.leg(alice, group="first"), world.leg(None, group="first")
        back, b = world.leg(None, group="second"), world.leg(bob, group="second")
        world.engine.post(
            SetRemote(out.leg, LOOPBACK, back.port, LOOPBACK, back.port + 1),
            SetRemote(back.leg, LOOPBACK, out.port, LOOPBACK, out.port + 1),
            Connect(a.leg, out.leg),
            Connect(back.leg, b.leg),
        )
        alice.talk(a, 3)
        assert len(await bob.hear_many(3)) == 3


async def test_rubbish_on_both_ports_is_dropped_and_counted() -> None:
    async with media_world() as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        stun = struct.pack("!HHI12s", 1, 0, 0x2112A442, bytes(12))
        client_hello = b"\x16\xfe\xfd" + bytes(60)
        for rubbish in (
            b"",
            b"\x80",
            stun,
            client_hello,
            b"\x80\xc8" + bytes(26),
            bytes(3000),
            b"\x90\x08" + bytes(10),
        ):
            alice.send(a, rubbish)
        for rubbish in (b"\x80\xcb\0\0", b"\x80\xc8\xff\xff" + bytes(20), b"x" * 40):
            alice.send_rtcp(a, rubbish)
        alice.talk(a, 1)
        await bob.hear()
        await world.until(lambda: world.engine.counters().drops.malformed == 10)
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert found.received.received == 1


async def test_a_flood_on_one_port_does_not_delay_another_leg() -> None:
    async with media_world() as world:
        alice, bob, carol = world.far_end(), world.far_end(), world.far_end()
        a, b, c = world.leg(alice), world.leg(bob), world.leg(carol)
        world.engine.post(Connect(a.leg, b.leg))
        spoken = 0

        def flood() -> bool:
            nonlocal spoken
            carol.talk(c, 300)
            spoken += 1
            return spoken > 40

        await world.talk_until(alice, a, flood)
        heard = await bob.hear_many(40)
        assert [(each.sequence - heard[0].sequence) & 0xFFFF for each in heard] == list(range(40))
