"""Why a leg ends reaches the other side of the call: RFC 3326 in BYE and CANCEL, RFC 6432 in responses."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.events import Refused
from softswitch.sip.headers import Reason
from tests.support.phone import Plan
from tests.support.puppets import a_moment, act, requests_to
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.sip.message import Request, Response

CALLER = 9
ELSEWHERE = (Reason("SIP", 200, "Call completed elsewhere"),)
BOTH = (Reason("SIP", 580, "Precondition failure"), Reason("Q.850", 47, "resource unavailable"))


def said(message: Request | Response) -> tuple[Reason, ...]:
    """Its Reason headers."""
    return tuple(Reason.parse(text) for text in message.headers.get_all("Reason"))


@pytest.mark.parametrize("reasons", [ELSEWHERE, BOTH, (Reason("Q.850", 31),), (Reason("X-OTHER", 3, "whatever"),)])
def test_what_a_caller_says_in_cancel_reaches_the_callee(reasons: tuple[Reason, ...]) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        callee = world.phone(1, Plan(ring=0.1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await a_moment()
        act(caller, lambda now: session.hangup(now, reasons=reasons))
        await world.settle()
        (cancel,) = requests_to(world, callee, "CANCEL")
        assert said(cancel) == reasons

    run_virtual(story)


@pytest.mark.parametrize("by", ["caller", "callee"])
@pytest.mark.parametrize("reasons", [BOTH, (Reason("Q.850", 38, "network out of order"),)])
def test_what_one_side_says_in_bye_reaches_the_other(by: str, reasons: tuple[Reason, ...]) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        phones = {"callee": world.phone(1, Plan(answer=0.1)), "caller": world.phone(CALLER)}
        phones["caller"].call("123", SWITCH)
        await asyncio.sleep(2)
        act(phones[by], lambda now: phones[by].sessions[0].hangup(now, reasons=reasons))
        await world.settle()
        (other,) = phones.keys() - {by}
        (bye,) = requests_to(world, phones[other], "BYE")
        assert said(bye) == reasons
        assert world.records[0][0].q850_cause == reasons[-1].cause

    run_virtual(story)


def test_a_bye_without_a_reason_is_a_normal_end() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        callee = world.phone(1, Plan(answer=0.1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        caller.hang_up(session)
        await world.settle()
        (bye,) = requests_to(world, callee, "BYE")
        assert said(bye) == (Reason("Q.850", 16, "normal clearing"),)

    run_virtual(story)


@pytest.mark.parametrize(
    ("status", "given", "told", "passed"),
    [
        (486, 'Q.850;cause=17;text="user busy"', 486, (Reason("Q.850", 17, "user busy"),)),
        (480, "Q.850;cause=20", 480, (Reason("Q.850", 20),)),
        (503, "Q.850;cause=38", 503, (Reason("Q.850", 38),)),
        (407, 'SIP;cause=407, Q.850;cause=21;text="no"', 502, (Reason("Q.850", 21, "no"),)),
        (404, None, 404, (Reason("Q.850", 1, "no route for this number"),)),
    ],
)
def test_a_refusals_q850_cause_reaches_the_caller(
    status: int, given: str | None, told: int, passed: tuple[Reason, ...]
) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        callee = world.phone(1)
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()
        headers = () if given is None else (("Reason", given),)
        act(callee, lambda now: callee.sessions[0].reject(status, now, headers=headers))
        await world.settle()
        (refused,) = (event for event in caller.events if isinstance(event, Refused))
        assert refused.response is not None
        assert (refused.status, said(refused.response)) == (told, passed)
        assert world.records[0][0].q850_cause == passed[0].cause

    run_virtual(story)
