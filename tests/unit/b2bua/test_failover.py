"""The next trunk is tried for problems of the way, and for no answer about the person called."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from softswitch.b2bua import cause as causes
from softswitch.b2bua.cause import from_refusal, from_response, from_status
from softswitch.b2bua.failover import ABOUT_THE_PERSON, SERVER_FAILURES, is_route_problem
from softswitch.endpoints.health import LONGEST, QUARANTINE
from softswitch.sip.events import Refused
from softswitch.sip.flow import Flow
from softswitch.sip.headers import Reason
from softswitch.sip.message import Request, parse_message
from tests.support.phone import Plan
from tests.support.puppets import a_moment
from tests.support.stage import Stage
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

CALLER = 9


class Mute:
    """Where a trunk leads: nothing comes from there but what the test says."""

    def __init__(self, world: World, number: int) -> None:
        self.address = (f"198.51.100.{number}", 5060)
        self._world = world

    def answer(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Answer the INVITE that came last."""
        *_, data = [data for _, _, remote, data in self._world.wire.log if remote == self.address]
        invite = parse_message(data)
        assert isinstance(invite, Request)
        response = invite.response(status, to_tag="mute", headers=list(headers))
        self._world.driver.received(bytes(response), Flow("UDP", SWITCH, self.address))


@pytest.mark.parametrize(("status", "row"), SERVER_FAILURES.items())
def test_every_server_failure_is_judged_as_the_table_says(status: int, row: tuple[bool, str]) -> None:
    assert is_route_problem(from_status(status)) == row[0]
    assert row[1]


@pytest.mark.parametrize("status", [*range(300, 500), *range(600, 700)])
def test_nothing_but_a_server_failure_or_a_lost_flow_tries_the_next(status: int) -> None:
    assert is_route_problem(from_status(status)) == (status == 430)


def test_a_server_failure_nobody_has_heard_of_is_one() -> None:
    assert is_route_problem(from_status(599))


@pytest.mark.parametrize("local", [causes.NO_RESPONSE, causes.NO_CIRCUIT, causes.UNHEARD])
def test_silence_and_lost_connections_do(local: causes.ReleaseCause) -> None:
    assert is_route_problem(local)


@pytest.mark.parametrize("q850", ABOUT_THE_PERSON)
def test_a_failure_that_carries_an_answer_about_the_person_does_not(q850: int) -> None:
    assert not is_route_problem(from_refusal(503, (Reason("Q.850", q850),)))


@pytest.mark.parametrize("q850", [34, 38, 41, 42, 44, 47, 58, 63, 102, 111, 127])
def test_a_failure_that_carries_one_of_the_network_does(q850: int) -> None:
    assert is_route_problem(from_refusal(503, (Reason("Q.850", q850),)))


def refusal(retry_after: str, status: int = 503) -> int | None:
    request = parse_message(
        b"INVITE sip:1@x SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:1@x>\r\n"
        b"Call-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:a@x>\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(request, Request)
    return from_response(request.response(status, headers=[("Retry-After", retry_after)])).retry_after


@pytest.mark.parametrize(
    ("text", "seconds"), [("120", 120), ("18000;duration=3600", 18000), ("5 (in a meeting)", 5), ("soon", None)]
)
def test_how_long_a_server_wants_to_be_left_alone(text: str, seconds: int | None) -> None:
    assert refusal(text) == seconds


def test_only_a_503_speaks_of_the_server() -> None:
    assert refusal("120", 480) is None


@pytest.mark.parametrize(
    ("plan", "second_is_tried"),
    [
        (Plan(reject=(0.5, 408)), False),  # the phone's stack sent 100 Trying before
        (Plan(ring=0.2, reject=(1, 408)), False),
        (Plan(reject=(0.5, 580)), False),
        (Plan(ring=0.2, reject=(1, 503)), True),
        (Plan(reject=(0.5, 404)), False),
        (Plan(reject=(0.5, 603)), False),
    ],
    ids=["408 after trying", "408 after ringing", "580", "503 after ringing", "404", "603"],
)
def test_which_answers_of_a_trunk_try_the_next(plan: Plan, second_is_tried: bool) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, 2)])
        world.phone(1, plan)
        second = world.phone(2, Plan(answer=1, hang_up=5))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert second.rang == second_is_tried
        assert caller.answered == second_is_tried

    run_virtual(story)


@pytest.mark.parametrize("trying", [False, True])
def test_a_408_speaks_of_the_way_when_nothing_came_before_it(trying: bool) -> None:
    stage = Stage()
    _, invite = stage.place_call()
    if trying:
        stage.answer(invite, 100, tag=None)
    stage.answer(invite, 408)
    refused = next(event for event in stage.events() if isinstance(event, Refused))
    assert refused.at_once is not trying


def test_a_408_at_once_tries_the_next_trunk_and_avoids_the_first() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, 2)])
        mute = Mute(world, 1)
        second = world.phone(2, Plan(answer=1, hang_up=5))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()
        mute.answer(408)
        await asyncio.sleep(3)
        assert second.rang == 1
        ((_, address, _, seconds),) = world.supervisor.resources.health.snapshot(world.driver.now())
        assert address == mute.address[0]
        assert seconds < QUARANTINE
        await world.settle()
        assert caller.answered == 1

    run_virtual(story)


@pytest.mark.parametrize(("asked", "avoided_for"), [("120", 120), ("86400", LONGEST), ("0", 0), (None, QUARANTINE)])
def test_a_503_is_avoided_as_long_as_it_asks_for(asked: str | None, avoided_for: float) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, 2)])
        mute = Mute(world, 1)
        world.phone(2, Plan(answer=1, hang_up=5))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()
        mute.answer(503, () if asked is None else (("Retry-After", asked),))
        at = world.driver.now()
        await a_moment()
        left = [seconds for *_, seconds in world.supervisor.resources.health.snapshot(at)]
        assert left == ([] if avoided_for == 0 else [pytest.approx(avoided_for, abs=1)])
        await world.settle()

    run_virtual(story)
