"""Numbers a trunk may not be asked for, and callers who have had enough: refused however the call is written."""

from __future__ import annotations

from random import Random

import pytest

from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.route import Dial, TrunkTarget
from softswitch.endpoints.callers import CallerLimits
from softswitch.endpoints.toll import TollPolicy
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Plan
from tests.support.switch_world import SWITCH, World
from tests.support.virtual_time import run_virtual

CALLER = 9
GERMANY = Numbering("49", "00", "0")
AT_HOME = TollPolicy.of(international=False, allowed=(), denied=())


def dial(*trunks: int) -> Dial:
    return Dial(tuple(TrunkTarget(f"t{number}") for number in trunks), ring_for=20.0)


@pytest.mark.parametrize("number", ["+33140000000", "0033140000000", "00-33.140000000", "%2B33140000000", "tel-00"])
def test_calls_abroad_are_403_and_told(number: str, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        world = World(Random(1), [dial(1)], toll={"t1": AT_HOME}, numbering=GERMANY)
        carrier = world.phone(1, Plan(answer=1, hang_up=5))
        caller = world.phone(CALLER)
        for _ in range(3):
            caller.call(number, SWITCH)
        await world.settle()
        if number == "tel-00":
            assert carrier.rang == 3
            return
        assert caller.refused == [403] * 3
        assert carrier.rang == 0
        assert {record.outcome for record, _ in world.records} == {Outcome.REJECTED}
        assert world.watch.refused == {("t1", "international"): 3}
        facts = [line.facts for line in world.recent.latest(1)[0].story if line.event == "trunk not used"]
        assert facts == [{"trunk": "t1", "why": "+33140000000 is abroad (international_allowed)"}]
        assert [message for message in caplog.messages if "toll fraud" in message] == caplog.messages[:1]

    run_virtual(story)


def test_a_trunk_that_may_takes_the_call_instead() -> None:
    async def story() -> None:
        world = World(Random(2), [dial(1, 2)], toll={"t1": AT_HOME}, numbering=GERMANY)
        first = world.phone(1, Plan(answer=1))
        world.phone(2, Plan(answer=1, hang_up=5))
        caller = world.phone(CALLER)
        caller.call("+33140000000", SWITCH)
        await world.settle()
        assert (caller.answered, first.rang) == (1, 0)
        assert world.watch.refused == {}, "nothing was refused, and nobody is to be alarmed"

    run_virtual(story)


def test_a_caller_has_so_many_calls_at_once_and_a_day() -> None:
    async def story() -> None:
        world = World(Random(3), [dial(1)], callers=CallerLimits(concurrent=2, calls_per_day=3))
        carrier = world.phone(1, Plan(answer=1, hang_up=5))
        caller = world.phone(CALLER)
        for _ in range(3):
            caller.call("123", SWITCH)
        await world.settle(300)
        assert caller.refused == [403]
        assert world.watch.refused == {("", "concurrent"): 1}
        for _ in range(2):
            caller.call("123", SWITCH)
        caller.call("112", SWITCH)
        await world.settle(300)
        assert caller.refused == [403, 403]
        assert world.watch.refused["", "calls_per_day"] == 1
        assert carrier.rang == 4

    run_virtual(story)


def test_minutes_of_a_day() -> None:
    async def story() -> None:
        world = World(Random(4), [dial(1)], callers=CallerLimits(minutes_per_day=1))
        world.phone(1, Plan(answer=1, hang_up=70))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle(300)
        caller.call("123", SWITCH)
        await world.settle(300)
        assert (caller.answered, caller.refused) == (1, [403])

    run_virtual(story)
