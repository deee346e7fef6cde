"""A next hop that answers no OPTIONS is known to be down before a call finds out, and is tried last."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.dialplan.route import Route
from softswitch.dialplan.rules import Dialplan, Rule
from softswitch.endpoints.health import QUARANTINE, DestinationHealth
from softswitch.endpoints.probe import ProbePolicy, Prober
from softswitch.endpoints.selection import HopPolicy, RankedHop
from softswitch.endpoints.trunk import Trunk
from softswitch.sip.events import RequestReceived
from softswitch.sip.flow import Flow
from softswitch.sip.message import Request, parse_message
from softswitch.transport.next_hop import NextHop
from tests.support.phone import Phone, Plan
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.sip.events import Event

POLICY = ProbePolicy(interval=10.0, timeout=4.0, down_after=3, up_after=2)
PLACE = Flow("UDP", SWITCH, ("192.0.2.7", 5060))


@pytest.mark.parametrize(
    ("heard", "changes"),
    [
        ("++++", []),
        ("--+--+--", []),
        ("---", [(2, "down")]),
        ("-----", [(2, "down")]),
        ("---+-+-+", [(2, "down")]),
        ("---++", [(2, "down"), (4, "up")]),
        ("---++--+---", [(2, "down"), (4, "up"), (10, "down")]),
    ],
)
def test_so_many_in_a_row_change_the_state(heard: str, changes: list[tuple[int, str]]) -> None:
    health = DestinationHealth()
    found = []
    for number, each in enumerate(heard):
        change = health.probed(PLACE, float(number), alive=each == "+", why="", down_after=3, up_after=2)
        if change is not None:
            found.append((number, change))
            assert health.state(PLACE) == change
    assert found == changes


def test_places_probed_are_bounded() -> None:
    health = DestinationHealth(capacity=3)
    flows = [replace(PLACE, remote=(f"192.0.2.{number}", 5060)) for number in range(9)]
    for flow in flows:
        health.probed(flow, 0.0, alive=True, why="", down_after=1, up_after=1)
    assert [health.state(flow) for flow in flows] == ["unknown"] * 6 + ["up"] * 3


class Asked(Phone):
    """Answers OPTIONS with `status`, not at all when it is None, and counts them."""

    status: int | None = 200
    asked = 0

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self.asked += 1
            if self.status is not None:
                self.stack.respond(event.exchange, self.status, now=self.driver.now())
        else:
            super()._dispatch(event)


async def probed_world(strategy: str = "failover") -> tuple[World, Asked, Asked, Prober]:
    """A world whose trunk t1 has two next hops, both asked."""
    world = World(Random(1), [to(1)])
    peers = []
    for number in (1, 2):
        peer = Asked(world.wire, (f"198.51.100.{number}", 5060), world.token, Plan(answer=1, hang_up=2))
        world.phones[number] = peer
        peers.append(peer)
    hops = (NextHop("198.51.100.1"), NextHop("198.51.100.2"))
    policy = HopPolicy(strategy, tuple(map(RankedHop, hops)))  # type: ignore[arg-type]
    resources = world.supervisor.resources
    trunk = replace(resources.trunks["t1"], next_hops=hops, hops=policy, probe=POLICY)
    world.supervisor.resources = replace(resources, trunks={**resources.trunks, "t1": trunk})
    prober = Prober(
        world.driver, resources.health, locate=resources.locate, contact=world.switch.contact, below=lambda n: n // 2
    )
    prober.begin([trunk])
    return world, *peers, prober


async def called(world: World, caller: Phone) -> None:
    caller.call("123", SWITCH)
    await asyncio.sleep(9)


def test_a_silent_next_hop_goes_down_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        world, first, second, prober = await probed_world()
        caller = world.phone(9)
        await called(world, caller)
        assert (first.rang, second.rang) == (1, 0)
        first.status = None
        await asyncio.sleep(40)
        assert [message for message in caplog.messages if "is down" in message] == [
            "trunk t1: 198.51.100.1:5060/UDP is down (OPTIONS: no answer in 4 s)"
        ]
        await called(world, caller)
        assert (first.rang, second.rang) == (1, 1)
        first.status = 404
        await asyncio.sleep(30)
        assert "trunk t1: 198.51.100.1:5060/UDP is up (OPTIONS: answered 404)" in caplog.messages
        await called(world, caller)
        assert (first.rang, second.rang) == (2, 1)
        await prober.stop()
        await world.settle()

    with caplog.at_level(logging.INFO):
        run_virtual(story)


@pytest.mark.parametrize(
    ("status", "down"), [(200, False), (405, False), (401, False), (500, False), (503, True), (408, True)]
)
def test_which_answers_are_signs_of_life(status: int, down: bool) -> None:
    async def story() -> None:
        world, first, _, prober = await probed_world()
        first.status = status
        await asyncio.sleep(45)
        state = world.supervisor.resources.health.state(Flow("UDP", SWITCH, first.address))
        assert state == ("down" if down else "up")
        await prober.stop()
        await world.settle()

    run_virtual(story)


def test_when_all_are_down_they_are_tried_all_the_same() -> None:
    async def story() -> None:
        world, first, second, prober = await probed_world()
        first.status = second.status = None
        await asyncio.sleep(45)
        caller = world.phone(9)
        await called(world, caller)
        assert first.rang == 1
        await prober.stop()
        await world.settle()

    run_virtual(story)


def test_each_address_is_asked_once_an_interval_and_a_late_answer_counts_for_nothing() -> None:
    async def story() -> None:
        world, first, second, prober = await probed_world()
        await asyncio.sleep(9)
        assert (first.asked, second.asked) == (1, 1)
        await asyncio.sleep(40)
        assert (first.asked, second.asked) == (5, 5)
        asked = [parse_message(data) for _, _, remote, data in world.wire.log if remote == first.address]
        options = next(each for each in asked if isinstance(each, Request))
        assert (options.method, str(options.uri), options.max_forwards) == ("OPTIONS", "sip:198.51.100.1", 70)
        await prober.stop()
        await world.settle()
        assert first.asked == 5, "it was still asked"

    run_virtual(story)


def test_trunks_without_a_policy_or_switched_off_are_not_asked() -> None:
    async def story() -> None:
        world, first, _, prober = await probed_world()
        await prober.stop()
        silent = Prober(
            world.driver, DestinationHealth(), locate=world.supervisor.resources.locate,
            contact=world.switch.contact, below=lambda _: 0,
        )  # fmt: skip
        silent.begin([Trunk(name="t", next_hops=(NextHop("198.51.100.1"),))])
        await asyncio.sleep(30)
        assert first.asked == 0
        await silent.stop()
        await world.settle()

    run_virtual(story)


def test_a_trunk_that_is_down_altogether_comes_behind_the_others() -> None:
    async def story() -> None:
        world, first, second, prober = await probed_world()
        third = world.phone(3, Plan(answer=1, hang_up=2))
        world.supervisor.resources = replace(
            world.supervisor.resources, dialplan=Dialplan((Rule(Route("test", (to(1, 3),))),))
        )
        caller = world.phone(9)
        await called(world, caller)
        assert (first.rang, third.rang) == (1, 0)
        first.status = None
        await asyncio.sleep(45)
        await called(world, caller)
        assert (first.rang, second.rang, third.rang) == (1, 1, 0), "one of its next hops lives"
        second.status = None
        await asyncio.sleep(45)
        await called(world, caller)
        assert (first.rang, second.rang, third.rang) == (1, 1, 1)
        told = [line.facts for line in world.recent.latest(1)[0].story if line.event == "trunk tried last"]
        assert told == [{"leg": "trunk:t1", "why": "down"}]
        await prober.stop()
        await world.settle()

    run_virtual(story)


def test_a_trunk_that_failed_lately_comes_behind_the_others_for_a_while() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, 2)])
        first = world.phone(1, Plan(reject=(0.1, 503)))
        second = world.phone(2, Plan(answer=1, hang_up=2))
        caller = world.phone(9)
        for _ in range(2):
            await called(world, caller)
        assert (first.rang, second.rang) == (1, 2)
        await asyncio.sleep(QUARANTINE)
        await called(world, caller)
        assert (first.rang, second.rang) == (2, 3)
        await world.settle()

    run_virtual(story)
