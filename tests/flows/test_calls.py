"""Stories of single calls on virtual time, and thousands of random ones that must leave nothing behind."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import Connect, StartTap
from softswitch.dialplan.route import Answer, Dial, Echo, Hangup, Play, Record, Reject, Ring
from softswitch.sip.events import OfferAnswered
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Phone, Plan, sdp
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import at, run_virtual

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession

CALLER = 9


def test_answered_call_is_bridged_recorded_and_ended_by_the_callee() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        world.phone(1, Plan(ring=0.5, answer=3, hang_up=30))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.answered == 1
        assert (180, False) in caller.progress
        record, legs = world.records[0]
        assert record.outcome is Outcome.ANSWERED
        assert record.hung_up_by == "callee"
        assert record.talk_seconds == pytest.approx(27, abs=0.1)
        assert [leg.codec for leg in legs] == ["PCMA", "PCMA"]
        assert sum(isinstance(command, StartTap) for command in world.media.commands) == 2
        assert any(isinstance(command, Connect) for command in world.media.commands)

    run_virtual(story)


def test_caller_hangs_up_while_the_callee_rings() -> None:
    async def story() -> None:
        world = World(Random(2), [to(1)])
        callee = world.phone(1, Plan(ring=0.1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        at(5, caller.hang_up, session)
        await world.settle()
        assert callee.ended == [("remote", 487)]
        assert world.records[0][0].outcome is Outcome.ABANDONED
        assert world.records[0][0].hung_up_by == "caller"

    run_virtual(story)


def test_busy_reaches_the_caller_as_busy_and_no_other_trunk_is_tried() -> None:
    async def story() -> None:
        world = World(Random(3), [to(1, 2)])
        world.phone(1, Plan(reject=(1, 486)))
        second = world.phone(2, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [486]
        assert second.rang == 0
        assert world.records[0][0].outcome is Outcome.BUSY

    run_virtual(story)


@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_failing_trunk_is_replaced_by_the_next(status: int) -> None:
    async def story() -> None:
        world = World(Random(4), [to(1, 2)])
        world.phone(1, Plan(reject=(1, status)))
        world.phone(2, Plan(answer=1, hang_up=5))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.answered == 1
        assert world.records[0][0].trunk == "t2"

    run_virtual(story)


def test_a_silent_trunk_is_given_up_in_seconds_and_tried_last_by_the_next_call() -> None:
    async def story() -> None:
        world = World(Random(5), [to(1, 2)])
        world.phone(2, Plan(answer=1, hang_up=2))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(10)
        assert caller.answered == 1
        assert world.records[0][0].answered_after == pytest.approx(5, abs=0.2)
        await world.settle()

    run_virtual(story)


def test_ring_time_out_ends_in_no_answer() -> None:
    async def story() -> None:
        world = World(Random(6), [to(1, ring_for=10)])
        callee = world.phone(1, Plan(ring=0.1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [480]
        assert callee.ended == [("remote", 487)]
        assert world.records[0][0].outcome is Outcome.NO_ANSWER

    run_virtual(story)


def test_of_several_that_ring_the_first_to_answer_wins() -> None:
    async def story() -> None:
        world = World(Random(7), [to(1, 2, 3, strategy="parallel")])
        losers = [world.phone(1, Plan(ring=0.1)), world.phone(3, Plan(ring=0.2, answer=4.0))]
        winner = world.phone(2, Plan(ring=0.1, answer=3, hang_up=10))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.answered == 1
        assert winner.ended == [("local", 200)]
        assert [loser.ended for loser in losers] == [[("remote", 487)]] * 2

    run_virtual(story)


def test_early_media_is_passed_with_its_sdp_and_the_answer_repeats_it() -> None:
    async def story() -> None:
        world = World(Random(8), [to(1)])
        world.phone(1, Plan(early=0.5, answer=3, hang_up=6))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert (183, True) in caller.progress
        assert caller.answered == 1

    run_virtual(story)


def test_hold_is_answered_by_the_leg_and_the_other_side_stays_up() -> None:
    async def story() -> None:
        world = World(Random(9), [to(1)])
        callee = world.phone(1, Plan(answer=1, hang_up=30))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        at(5, caller.hold, session)
        at(10, caller.hold, session, "sendrecv")
        await asyncio.sleep(12)
        answers = [event.body for event in caller.events if isinstance(event, OfferAnswered)]
        assert [b"a=recvonly" in body for body in answers] == [True, False]
        assert not callee.ended
        await world.settle()
        assert world.records[0][0].outcome is Outcome.ANSWERED

    run_virtual(story)


def test_no_common_codec_is_488_for_the_caller() -> None:
    async def story() -> None:
        world = World(Random(10), [to(1)])
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=sdp(40000, "3"))
        await world.settle()
        assert caller.refused == [488]
        assert callee.rang == 0

    run_virtual(story)


def test_a_late_offer_is_bridged() -> None:
    async def story() -> None:
        world = World(Random(11), [to(1)])
        world.phone(1, Plan(answer=1, hang_up=9))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH, body=b"")
        await asyncio.sleep(3)
        with caller.driver.turn():
            session.ack(sdp(40000, "8"), caller.driver.now())
        await world.settle()
        record, legs = world.records[0]
        assert record.outcome is Outcome.ANSWERED
        assert [leg.codec for leg in legs] == ["PCMA", "PCMA"]

    run_virtual(story)


def test_prompt_then_dial_then_apology() -> None:
    async def story() -> None:
        world = World(Random(12), [Play(("/prompt.wav",), early=True), to(1, ring_for=5), Play(("/prompt.wav",))])
        world.phone(1, Plan(ring=0.1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert (183, True) in caller.progress
        assert caller.answered == 1
        assert world.records[0][0].answered_after == pytest.approx(7, abs=0.2)

    run_virtual(story)


def test_media_time_out_ends_the_call() -> None:
    async def story() -> None:
        world = World(Random(13), [to(1)])
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(5)
        world.media.fall_silent(min(world.media.open))
        await asyncio.sleep(59)
        assert caller.ended == []
        await world.settle()
        assert caller.ended == [("remote", 200)]
        assert callee.ended == [("remote", 200)]
        assert world.records[0][0].q850_cause == 102

    run_virtual(story)


def test_draining_refuses_new_calls_and_ends_the_running_ones() -> None:
    async def story() -> None:
        world = World(Random(14), [to(1)])
        world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(3)
        drain = asyncio.get_running_loop().create_task(world.supervisor.drain(10))
        await asyncio.sleep(1)
        late = world.phone(8)
        late.call("123", SWITCH)
        await drain
        await world.settle()
        assert late.refused == [503]
        assert caller.ended == [("remote", 200)]
        assert len(world.records) == 1

    run_virtual(story)


def test_an_operator_ends_a_call() -> None:
    async def story() -> None:
        world = World(Random(15), [to(1)])
        world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(3)
        assert world.supervisor.hang_up(next(iter(world.supervisor.calls)))
        assert not world.supervisor.hang_up("nobody")
        await world.settle()
        assert world.records[0][0].q850_cause == 31

    run_virtual(story)


@pytest.mark.parametrize("order", ["answer first", "hang-up first"])
def test_answer_and_hang_up_in_the_same_tick(order: str) -> None:
    async def story() -> None:
        world = World(Random(16), [to(1)], delay=0.0)
        callee = world.phone(1, Plan(ring=0.1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)

        def answer() -> None:
            with callee.driver.turn():
                callee.sessions[0].accept(sdp(41000, "8"), callee.driver.now())

        if order == "answer first":
            answer()
            caller.hang_up(session)
        else:
            caller.hang_up(session)
            answer()
        await world.settle()
        assert len(world.records) == 1
        assert len(callee.ended) == 1

    run_virtual(story)


def test_a_trunk_with_all_its_channels_in_use_is_passed_over() -> None:
    async def story() -> None:
        world = World(Random(17), [to(8, 1)])
        limited = world.phone(8, Plan(answer=1))
        other = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        sessions = [caller.call("123", SWITCH), caller.call("123", SWITCH)]
        await asyncio.sleep(5)
        assert (limited.rang, other.rang) == (1, 1)
        for session in sessions:
            caller.hang_up(session)
        await asyncio.sleep(1)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(5)
        assert limited.rang == 2
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


SEEDS = 3000


@pytest.mark.timeout(400)
@pytest.mark.parametrize("block", range(10))
def test_random_schedules_leave_nothing_behind(block: int) -> None:
    for seed in range(block * SEEDS // 10, (block + 1) * SEEDS // 10):
        try:
            run_virtual(partial(_random_story, Random(seed)))
        except BaseException as error:
            raise AssertionError(f"seed {seed}") from error


async def _random_story(dice: Random) -> None:
    """A few callers, a few callees, events on a coarse grid, so that many fall into the same tick."""

    def grid(high: float) -> float:
        return dice.randint(0, int(high * 4)) / 4

    def maybe(chance: float, high: float) -> float | None:
        return grid(high) if dice.random() < chance else None

    lossy = dice.random() < 0.3
    world = World(
        dice,
        _random_actions(dice),
        delay=dice.choice([0.0, 0.0, 0.02]),
        jitter=dice.choice([0.0, 0.05]) if lossy else 0.0,
        loss=0.1 if lossy else 0.0,
    )
    for number in range(1, dice.randint(1, 4)):
        rejects = dice.random() < 0.25
        world.phone(
            number,
            Plan(
                ring=maybe(0.7, 2),
                early=maybe(0.3, 3),
                answer=None if rejects else maybe(0.7, 12),
                reject=(grid(8), dice.choice([404, 480, 486, 500, 503, 603])) if rejects else None,
                hang_up=maybe(0.5, 30),
            ),
        )
    callers = dice.randint(1, 3)
    for number in range(callers):
        await asyncio.sleep(grid(3))
        caller = world.phone(CALLER + 10 + number)
        session = caller.call("123", SWITCH, body=None if dice.random() < 0.9 else b"")
        for when in (maybe(0.7, 40), maybe(0.2, 40)):
            if when is not None:
                at(when, caller.hang_up, session)
        at(60.0, caller.hang_up, session)
        if dice.random() < 0.3:
            at(grid(20), _hold_if_up, caller, session)
        if dice.random() < 0.15:
            at(grid(30), _operator, world)
        if dice.random() < 0.15:
            at(grid(30), _silence, world)
    await world.settle(400)
    assert len(world.records) <= callers
    if not lossy:
        assert len(world.records) == callers
    assert len({record.call_id for record, _ in world.records}) == len(world.records)
    for phone in world.phones.values():
        assert len(phone.ended) == len(phone.sessions)


def _random_actions(dice: Random) -> list[Dial | Answer | Echo | Hangup | Play | Record | Reject | Ring]:
    dial = to(
        *dice.sample([1, 2, 3, 4], dice.randint(1, 3)),
        strategy=dice.choice(["sequential", "parallel"]),
        ring_for=dice.choice([2.0, 5.0, 10.0]),
    )
    before: list[Dial | Answer | Echo | Hangup | Play | Record | Reject | Ring] = [
        Answer(),
        Ring(1.5),
        Play(("/prompt.wav",), early=True),
        Play(("/prompt.wav",)),
        Record(enabled=False),
        Echo(2.0),
    ]
    after: list[Dial | Answer | Echo | Hangup | Play | Record | Reject | Ring] = [
        Play(("/prompt.wav",), repeat=True),
        Hangup(17),
        Reject(603),
        Echo(None),
    ]
    return [
        *([dice.choice(before)] if dice.random() < 0.4 else []),
        dial,
        *([dice.choice(after)] if dice.random() < 0.4 else []),
    ]


def _hold_if_up(caller: Phone, session: InviteSession) -> None:
    if session.is_established:
        caller.hold(session)


def _operator(world: World) -> None:
    for call_id in list(world.supervisor.calls)[:1]:
        world.supervisor.hang_up(call_id)


def _silence(world: World) -> None:
    for leg in sorted(world.media.open)[:1]:
        world.media.fall_silent(leg)
