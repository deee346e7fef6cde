"""What a trunk may carry: limits of channels and of calls a second, its direction, and the operator's switch."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from softswitch.b2bua.channels import Capacity
from softswitch.dialplan.route import Echo
from softswitch.endpoints.limits import TrunkLimits
from softswitch.sip.message import Response, parse_message
from tests.support.phone import Phone, Plan
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

CALLER = 9


def retry_after(world: World, phone: Phone) -> list[str | None]:
    """Of every 503 this phone was sent."""
    answers = [parse_message(data) for _, _, remote, data in world.wire.log if remote == phone.address]
    return [each.headers.get("Retry-After") for each in answers if isinstance(each, Response) and each.status == 503]


@pytest.mark.parametrize("capacity", [Capacity(channels=1), Capacity(calls_per_second=1)], ids=["channels", "rate"])
def test_calls_to_a_full_trunk_go_to_the_next_and_then_nowhere(capacity: Capacity) -> None:
    async def story() -> None:
        limits = {f"t{number}": TrunkLimits(capacity=capacity) for number in (1, 2)}
        world = World(Random(1), [to(1, 2)], limits=limits)
        for number in (1, 2):
            world.phone(number, Plan(answer=1, hang_up=9))
        caller = world.phone(CALLER)
        for _ in range(3):
            caller.call("123", SWITCH)
        await world.settle()
        assert (caller.answered, caller.refused) == (2, [503])
        assert sorted(str(record.trunk) for record, _ in world.records) == ["None", "t1", "t2"]
        assert set(world.switch.channels.refused.values()) == {1, 2}

    run_virtual(story)


@pytest.mark.parametrize("capacity", [Capacity(channels=2), Capacity(calls_per_second=2)], ids=["channels", "rate"])
def test_calls_from_a_full_trunk_are_503_with_retry_after(capacity: Capacity, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        world = World(Random(2), [Echo(5)], limits={"inbound": TrunkLimits(capacity=capacity)})
        caller = world.phone(CALLER)
        for _ in range(5):
            caller.call("123", SWITCH)
        await asyncio.sleep(4)
        assert caller.refused == [503] * 3
        assert retry_after(world, caller) == ["10"] * 3
        caller.call("112", SWITCH)
        await asyncio.sleep(0.5)
        assert len(world.supervisor.calls) == 3, "a limit held up an emergency call"
        await world.settle()
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [503] * 3
        assert caller.answered == 4

    run_virtual(story)
    assert len(caplog.messages) == 1
    assert "calls from trunk:inbound are refused" in caplog.messages[0]


def test_an_emergency_call_passes_a_full_trunk() -> None:
    async def story() -> None:
        world = World(Random(3), [to(1)], limits={"t1": TrunkLimits(capacity=Capacity(1, 1))})
        world.phone(1, Plan(answer=1, hang_up=9))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        caller.call("112", SWITCH)
        caller.call("123", SWITCH)
        await world.settle()
        assert (caller.answered, caller.refused) == (2, [503])

    run_virtual(story)


@pytest.mark.parametrize("limits", [TrunkLimits(inbound=False), TrunkLimits(enabled=False)], ids=["way", "switch"])
def test_a_trunk_that_may_not_call_is_403(limits: TrunkLimits) -> None:
    async def story() -> None:
        world = World(Random(4), [Echo(5)], limits={"inbound": limits})
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [403]
        assert world.records == []

    run_virtual(story)


@pytest.mark.parametrize("limits", [TrunkLimits(outbound=False), TrunkLimits(enabled=False)], ids=["way", "switch"])
def test_a_trunk_that_may_not_be_called_is_passed_over(limits: TrunkLimits) -> None:
    async def story() -> None:
        world = World(Random(5), [to(1, 2)], limits={"t1": limits})
        first = world.phone(1, Plan(answer=1, hang_up=5))
        world.phone(2, Plan(answer=1, hang_up=5))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.answered == 1
        assert first.rang == 0

    run_virtual(story)
