"""The ways a packet takes when many come: connected sockets, or the kernel's short way. Who is heard stays the same."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from media.commands import CloseLeg, Connect, SetRemote, StartEcho
from media.events import EngineDegraded
from tests.support.media_world import DEADLINE, LOOPBACK, MediaWorld, Rtp, media_world

if TYPE_CHECKING:
    from media.legs import OpenedLeg
    from tests.support.media_world import FarEnd

OPEN = "00000000:0000"
WILDCARD = "0.0.0.0"
SETTLING = 15  # packets at a phone's pace, 0.3 s: every leg has been looked at, and has taken its way


def remote_in_kernel(leg: OpenedLeg) -> str:
    """The remote address the kernel has for the leg's RTP socket, as /proc/net/udp writes it."""
    for line in Path("/proc/net/udp").read_text().splitlines():
        fields = line.split()
        if fields[1].endswith(f":{leg.port:04X}"):
            return fields[2]
    raise AssertionError(f"no socket on port {leg.port}")


class Crowd:
    """So many other legs that the worker gathers."""

    def __init__(self, world: MediaWorld) -> None:
        self._far = world.far_end()
        self._legs = [world.leg(self._far, group=f"crowd {number}") for number in range(80)]

    def talk(self) -> None:
        """20 ms of everybody: 4,000 packets a second when called at that pace."""
        for leg in self._legs:
            self._far.talk(leg)


async def talk_till_settled(world: MediaWorld, alice: FarEnd, a: OpenedLeg, bob: FarEnd, b: OpenedLeg) -> Crowd:
    """Let both talk in a crowd until each leg has taken its way, whichever that is here."""
    crowd = Crowd(world)
    rounds = 0

    def settled() -> bool:
        nonlocal rounds
        crowd.talk()
        bob.talk(b)
        ways = world.engine.counters().packets_steered > 0 or OPEN not in (remote_in_kernel(a), remote_in_kernel(b))
        rounds += ways
        return rounds > SETTLING

    await world.talk_until(alice, a, settled)
    await world.settled()
    return crowd


def refused(world: MediaWorld) -> bool:
    return not world.engine._core.accelerated


def steered(world: MediaWorld) -> int:
    return world.engine.counters().packets_steered


def in_order(heard: list[Rtp]) -> bool:
    first = heard[0].sequence
    return [(each.sequence - first) & 0xFFFF for each in heard] == list(range(len(heard)))


@pytest.mark.parametrize("address", [LOOPBACK, WILDCARD])
async def test_under_load_sockets_are_connected_and_freed_when_the_far_end_moves(address: str) -> None:
    async with media_world(address=address, acceleration="off") as world:
        alice, bob, moved = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        await talk_till_settled(world, alice, a, bob, b)
        assert OPEN not in (remote_in_kernel(a), remote_in_kernel(b))
        assert steered(world) == 0
        alice.talk(a, 1, payload=b"connected")
        while (await bob.hear()).payload != b"connected":
            pass
        world.engine.post(SetRemote(b.leg, moved.host, moved.port, moved.host, moved.rtcp_port))
        await world.settled()
        assert remote_in_kernel(b) == OPEN
        alice.talk(a, 1, payload=b"moved")
        assert (await moved.hear()).payload == b"moved"


@pytest.mark.parametrize("acceleration", ["auto", "off"])
async def test_a_far_end_that_sends_to_another_of_our_addresses_is_still_heard_under_load(acceleration: str) -> None:
    async with media_world(address=WILDCARD, acceleration=acceleration) as world:
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        crowd = Crowd(world)
        world.engine.post(Connect(a.leg, b.leg))
        settled_for = 0

        def talk_to_the_other_address() -> bool:
            nonlocal settled_for
            crowd.talk()
            alice.rtp.sendto(bytes(Rtp(alice.sequence & 0xFFFF, alice.sequence * 160)), ("127.0.0.9", a.port))
            alice.sequence += 1
            settled_for += remote_in_kernel(b) != OPEN or steered(world) > 0
            return settled_for > SETTLING

        await world.talk_until(bob, b, talk_to_the_other_address)
        assert remote_in_kernel(a) == OPEN
        heard = await bob.hear_many(alice.sequence)
        assert in_order(heard)


@pytest.mark.parametrize("address", [LOOPBACK, WILDCARD])
async def test_the_short_way_loses_nothing_and_sends_from_the_legs_own_port(address: str) -> None:
    async with media_world(address=address) as world:
        if refused(world):
            pytest.skip("this kernel does not permit it")
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        await talk_till_settled(world, alice, a, bob, b)
        before = steered(world)
        alice.talk(a, 30, payload=bytes(range(161)))  # an odd length: the checksum's last byte stands alone
        heard = await bob.hear_many(alice.sequence)
        assert steered(world) - before == 30
        assert in_order(heard)
        assert heard[-1].payload == bytes(range(161))
        alice.talk(a, 1, payload=bytes(1500))  # too long for the batch: its own socket sends it
        async with asyncio.timeout(DEADLINE):
            data, source = await asyncio.get_running_loop().sock_recvfrom(bob.rtp, 2048)
            assert (len(data), source) == (1512, (LOOPBACK, b.port))
            alice.talk(a, 1)
            data, source = await asyncio.get_running_loop().sock_recvfrom(bob.rtp, 2048)
            assert (len(data), source) == (172, (LOOPBACK, b.port))
        found = world.engine.statistics(a.leg)
        assert found is not None
        assert (found.received.lost, found.packets_received) == (0, alice.sequence)


async def test_a_stranger_never_takes_the_short_way() -> None:
    async with media_world() as world:
        if refused(world):
            pytest.skip("this kernel does not permit it")
        alice, bob, mallory = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        await talk_till_settled(world, alice, a, bob, b)
        before = steered(world)
        mallory.talk(a, 20, payload=b"injected")
        alice.talk(a, 1, payload=b"genuine")
        heard = await bob.hear_many(alice.sequence)
        await world.until(lambda: world.engine.counters().drops.stranger == 20)
        assert steered(world) - before == 1
        assert b"injected" not in {each.payload for each in heard}


async def test_a_far_end_that_moves_leaves_the_short_way_and_finds_it_again() -> None:
    async with media_world() as world:
        if refused(world):
            pytest.skip("this kernel does not permit it")
        alice, bob, moved = world.far_end(), world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        crowd = await talk_till_settled(world, alice, a, bob, b)
        world.engine.post(SetRemote(b.leg, moved.host, moved.port, moved.host, moved.rtcp_port))
        await world.settled()
        before = steered(world)
        bob.talk(b, 1, payload=b"still heard")
        moved.talk(b, 1, payload=b"moved")
        alice_heard = await alice.hear_many(bob.sequence + 1)
        assert [each.payload for each in alice_heard[-2:]] == [b"still heard", b"moved"]
        assert steered(world) == before
        alice.talk(a, 1, payload=b"to the new place")
        assert (await moved.hear()).payload == b"to the new place"

        def steered_again() -> bool:
            crowd.talk()
            start = steered(world)
            return start - before > 80 * SETTLING

        await world.talk_until(moved, b, steered_again)
        start = steered(world)
        moved.talk(b, 5)
        await world.until(lambda: steered(world) >= start + 5)


async def test_a_closed_legs_port_is_nobodys_and_the_next_leg_starts_anew() -> None:
    async with media_world(port_first=24000, port_last=24171, port_drain=0.0) as world:
        if refused(world):
            pytest.skip("this kernel does not permit it")
        alice, bob = world.far_end(), world.far_end()
        a, b = world.leg(alice), world.leg(bob)
        world.engine.post(Connect(a.leg, b.leg))
        await talk_till_settled(world, alice, a, bob, b)
        world.engine.post(CloseLeg(a.leg))
        await world.gone(a)
        before = world.engine.counters().packets_received
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heir:
            heir.bind((LOOPBACK, a.port))
            heir.settimeout(DEADLINE)
            alice.talk(a, 1)
            assert heir.recv(2048)
        assert world.engine.counters().packets_received == before
        heirs = [world.leg(alice, group=f"heir {number}") for number in range(86 - 81)]
        again = next(each for each in heirs if each.port == a.port)
        world.engine.post(StartEcho(again.leg))
        alice.hear_waiting()
        alice.talk(again, 1, payload=b"new call")
        assert (await alice.hear()).payload == b"new call"


async def test_an_engine_without_the_short_way_says_so() -> None:
    async with media_world(address="::1") as world:
        degraded = await world.event(EngineDegraded)
        assert "IPv4" in degraded.reason
