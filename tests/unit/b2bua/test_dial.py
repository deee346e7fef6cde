"""Ringing: one after the other, together, and what the caller is told when it comes to nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest

from softswitch.b2bua.cause import BUSY, NO_ANSWER, NO_ROUTE, ReleaseCause, from_status
from softswitch.b2bua.dial import _weightiest
from softswitch.dialplan.route import Dial, PhoneTarget, TrunkTarget
from softswitch.telemetry.cdr import Outcome
from softswitch.transport.next_hop import NextHop
from tests.support.phone import Plan, sdp
from tests.support.puppets import a_moment, act, requests_to
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

CALLER = 9


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ([], NO_ROUTE),
        ([BUSY], BUSY),
        ([from_status(502), BUSY], BUSY),
        ([NO_ANSWER, BUSY], NO_ANSWER),
        ([from_status(603), BUSY], from_status(603)),
        ([from_status(600), from_status(603)], from_status(600)),
        ([from_status(302), from_status(404)], from_status(302)),
    ],
)
def test_of_several_failures_the_weightiest_is_told(failures: list[ReleaseCause], told: ReleaseCause) -> None:
    """RFC 3261 16.7 6: a 6xx outweighs all, then the lowest class."""
    assert _weightiest(failures) == told


@pytest.mark.parametrize(
    ("answered", "told", "outcome"),
    [
        (404, 404, Outcome.UNREACHABLE),
        (401, 502, Outcome.UNREACHABLE),
        (302, 480, Outcome.NO_ANSWER),
        (408, 480, Outcome.NO_ANSWER),
        (486, 486, Outcome.BUSY),
        (500, 502, Outcome.UNREACHABLE),
        (603, 603, Outcome.REJECTED),
        (699, 699, Outcome.REJECTED),
    ],
)
def test_what_the_only_callee_answers_is_translated(answered: int, told: int, outcome: Outcome) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        world.phone(1, Plan(ring=0.1, reject=(0.5, answered)))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [told]
        assert world.records[0][0].outcome is outcome

    run_virtual(story)


def test_nobody_there_and_nobody_to_try_next_is_a_time_out_of_the_way_there() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, ring_for=60)])
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(31)
        assert not caller.refused
        await world.settle()
        assert caller.refused == [504]

    run_virtual(story)


def test_a_phone_and_a_trunk_together() -> None:
    """An unregistered phone contributes nothing, the trunk still rings; alone it is 480, not "no such number"."""

    async def story() -> None:
        world = World(Random(1), [Dial((PhoneTarget("1001"), TrunkTarget("t1", "123")), "parallel", 10.0)])
        world.phone(1, Plan(answer=1, hang_up=2))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.answered == 1

        alone = World(Random(1), [Dial((PhoneTarget("1001"),), "sequential", 10.0)])
        caller = alone.phone(CALLER)
        caller.call("123", SWITCH)
        await alone.settle()
        assert caller.refused == [480]
        assert alone.records[0][0].q850_cause == 20

    run_virtual(story)


@pytest.mark.parametrize("number", ["", "\ud800"])
def test_a_number_no_uri_can_hold_is_484(number: str) -> None:
    async def story() -> None:
        world = World(Random(1), [Dial((TrunkTarget("t1", number),), "sequential", 10.0)])
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [484]
        assert callee.rang == 0

    run_virtual(story)


@pytest.mark.parametrize(
    ("number", "user"),
    [("a b", "a%20b"), ("x@evil.example", "x%40evil.example"), ("1;lr", "1%3Blr"), ("ü>", "%C3%BC%3E")],
)
def test_odd_characters_of_a_number_stay_in_the_user_part(number: str, user: str) -> None:
    async def story() -> None:
        world = World(Random(1), [Dial((TrunkTarget("t1", number),), "sequential", 10.0)])
        callee = world.phone(1, Plan(answer=1, hang_up=2))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        uri = requests_to(world, callee, "INVITE")[0].uri
        assert (uri.user, uri.host) == (user, "198.51.100.1")

    run_virtual(story)


def test_an_anonymous_caller_has_no_user_part_and_is_called_back_nowhere() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        callee = world.phone(1, Plan(answer=1, hang_up=2))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        (invite,) = [data for _, _, remote, data in world.wire.log if remote == SWITCH]
        world.wire.log.clear()
        world.driver.received(
            invite.replace(b"From: <sip:caller@", b"From: <sip:"),
            type(caller.sessions[0].flow)("UDP", SWITCH, caller.address),
        )
        await a_moment()
        from_ = requests_to(world, callee, "INVITE")[0].from_
        assert (from_.uri.user, from_.uri.host) == (None, SWITCH[0])
        await world.settle()
        assert world.records[0][0].caller == ""

    run_virtual(story)


@pytest.mark.parametrize(("call_path", "status", "records"), [(True, 482, 2), (False, 483, 9)])
def test_a_call_that_leads_back_to_us_ends_and_leaves_nothing(call_path: bool, status: int, records: int) -> None:
    """From the caller it comes once, from ourselves once; the second time from ourselves is the loop."""

    async def story() -> None:
        world = World(Random(1), [to(1, 2)])
        trunk = world.supervisor.resources.trunks["t1"]
        here = replace(trunk, next_hops=(NextHop(SWITCH[0]),), call_path=call_path)
        world.supervisor.resources = replace(world.supervisor.resources, trunks={"t1": here, "t2": here})
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, headers=(("Max-Forwards", "9"),))
        await world.settle()
        assert caller.refused == [status]
        assert len(world.records) == records

    run_virtual(story)


def test_who_answers_and_hangs_up_in_one_breath_was_not_there() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)], delay=0.0)
        callee = world.phone(1, Plan(ring=0.1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()

        def answer_and_leave(now: float) -> None:
            callee.sessions[0].accept(sdp(41000, "8"), now)
            callee.sessions[0].hangup(now)

        act(callee, answer_and_leave)
        await world.settle()
        assert caller.answered + len(caller.refused) == 1
        assert len(world.records) == 1

    run_virtual(story)


def test_losers_are_told_that_it_was_answered_elsewhere() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, 2, strategy="parallel")])
        loser = world.phone(1, Plan(ring=0.1))
        world.phone(2, Plan(ring=0.1, answer=1, hang_up=3))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        (cancel,) = requests_to(world, loser, "CANCEL")
        assert cancel.headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'

    run_virtual(story)
