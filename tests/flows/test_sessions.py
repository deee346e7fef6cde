"""Calls through the switch with 100rel, UPDATE and session timers on either side: what each side's extensions are is
nothing the other one has to know."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.events import MediaTimeout
from softswitch.sip.events import Answered, OfferAnswered, Progressed
from softswitch.sip.session.terms import SessionTerms, TimerTerms
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Phone, Plan, sdp
from tests.support.puppets import a_moment, act, bodies, requests_to, responses_to
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import at, run_virtual

if TYPE_CHECKING:
    from softswitch.b2bua.leg import Leg

CALLER = 9
RELIABLY = SessionTerms("supported")
TIMED = SessionTerms("supported", TimerTerms(expires=90))


def the_legs(world: World) -> tuple[Leg, Leg]:
    (running,) = world.supervisor.calls.values()
    caller, callee = running.call.legs
    return caller, callee


def phones(world: World, plan: Plan, near: SessionTerms, far: SessionTerms) -> tuple[Phone, Phone]:
    """The caller's and the callee's, which know these extensions."""
    caller, callee = world.phone(CALLER), world.phone(1, plan)
    caller.terms, callee.terms = near, far
    return caller, callee


def nobody_takes_update(world: World) -> None:
    """As far as anybody's Allow says."""
    carry = world.wire.carry
    world.wire.carry = lambda flow, data: carry(flow, data.replace(b"PRACK, UPDATE", b"PRACK"))  # type: ignore[method-assign]


def unplug(world: World, phone: Phone) -> None:
    """From here on nothing comes from it or reaches it."""
    carry = world.wire.carry
    world.wire.carry = (  # type: ignore[method-assign]
        lambda flow, data: None if phone.address in (flow.local, flow.remote) else carry(flow, data)
    )


@pytest.mark.parametrize("far", [SessionTerms(), RELIABLY])
@pytest.mark.parametrize("near", [SessionTerms(), RELIABLY])
def test_each_side_acknowledges_for_itself(near: SessionTerms, far: SessionTerms) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)], session=RELIABLY)
        caller, callee = phones(world, Plan(ring=0.5, early=1, answer=4, hang_up=8), near, far)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.progress == [(180, False), (183, True)]
        assert (caller.answered, callee.ended) == (1, [("local", 200)])
        assert len(requests_to(world, callee, "PRACK")) == (2 if far is RELIABLY else 0)
        assert responses_to(world, caller, "PRACK") == ([200, 200] if near is RELIABLY else [])
        # What a reliable response has said is not said again.
        (answer,) = bodies(caller, Answered)
        assert answer == bodies(caller, Progressed)[-1]
        assert world.records[0][0].outcome is Outcome.ANSWERED

    run_virtual(story)


def test_early_media_that_is_never_acknowledged_ends_the_call_on_both_sides() -> None:
    async def story() -> None:
        world = World(Random(2), [to(1, ring_for=60)], session=RELIABLY)
        caller, callee = phones(world, Plan(early=0.5), RELIABLY, RELIABLY)
        caller.call("123", SWITCH)
        await asyncio.sleep(0.45)
        carry = world.wire.carry
        lost = caller.address
        world.wire.carry = lambda flow, data: None if flow.local == lost else carry(flow, data)  # type: ignore[method-assign]
        await world.settle()
        assert 504 in responses_to(world, caller, "INVITE")
        assert callee.ended == [("remote", 487)]

    run_virtual(story)


def test_a_caller_without_an_offer_hears_early_media_when_it_acknowledges_ours() -> None:
    async def story() -> None:
        world = World(Random(3), [to(1)], session=RELIABLY)
        caller, _ = phones(world, Plan(early=1, answer=6, hang_up=10), SessionTerms("required"), RELIABLY)
        session = caller.call("123", SWITCH, body=b"")
        await asyncio.sleep(2)
        (offer,) = bodies(caller, Progressed)
        assert b"m=audio" in offer
        near, _ = the_legs(world)
        assert [leg.audible for leg in the_legs(world)] == [False, True]
        act(caller, lambda now: session.ack(sdp(40000, "8 101"), now))
        await a_moment()
        assert near.audible
        assert near.media is not None
        assert any(near.media.leg in pair for pair in world.media.connected)
        await world.settle()
        assert bodies(caller, Answered) == [b""]
        assert world.records[0][0].outcome is Outcome.ANSWERED

    run_virtual(story)


def test_ringing_that_must_hold_an_offer_holds_it() -> None:
    async def story() -> None:
        world = World(Random(4), [to(1)], session=RELIABLY)
        caller, _ = phones(world, Plan(ring=1, answer=6, hang_up=10), SessionTerms("required"), SessionTerms())
        session = caller.call("123", SWITCH, body=b"")
        await asyncio.sleep(2)
        assert caller.progress == [(180, True)]
        act(caller, lambda now: session.ack(sdp(40000, "8 101"), now))
        await world.settle()
        assert caller.answered == 1
        assert world.records[0][0].outcome is Outcome.ANSWERED

    run_virtual(story)


def test_a_callee_moves_its_media_before_it_answers() -> None:
    async def story() -> None:
        world = World(Random(5), [to(1)], session=RELIABLY)
        caller, callee = phones(world, Plan(early=0.5, answer=6, hang_up=10), RELIABLY, RELIABLY)
        caller.call("123", SWITCH)
        await asyncio.sleep(2)
        moved = sdp(43000, "8 101", host="198.51.100.77")
        act(callee, lambda now: callee.sessions[0].reinvite(moved, now))
        await a_moment()
        _, far = the_legs(world)
        assert far.media is not None
        assert far.media.agreement is not None
        assert (far.media.agreement.remote_address, far.media.agreement.remote_port) == ("198.51.100.77", 43000)
        assert responses_to(world, callee, "UPDATE") == [200]
        await asyncio.sleep(5)
        assert far.media.agreement.remote_port == 43000
        await world.settle()
        assert world.records[0][0].outcome is Outcome.ANSWERED

    run_virtual(story)


def test_a_caller_holds_before_the_answer() -> None:
    async def story() -> None:
        world = World(Random(6), [to(1)], session=RELIABLY)
        caller, _ = phones(world, Plan(early=0.5, answer=6, hang_up=10), RELIABLY, RELIABLY)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        caller.hold(session)
        await a_moment()
        (answer,) = bodies(caller, OfferAnswered)
        assert b"a=recvonly" in answer
        await asyncio.sleep(5)
        near, _ = the_legs(world)
        assert near.media is not None
        assert near.media.agreement is not None
        assert near.media.agreement.on_hold
        await world.settle()
        assert caller.answered == 1

    run_virtual(story)


@pytest.mark.parametrize("refresher", ["us", "them"])
def test_a_long_call_is_refreshed_on_both_sides(refresher: str) -> None:
    async def story() -> None:
        terms = SessionTerms("off", TimerTerms(90, 90, refresher))  # type: ignore[arg-type]
        world = World(Random(7), [to(1)], session=terms)
        caller, callee = phones(world, Plan(ring=0.5, answer=1), TIMED, TIMED)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(1000)
        for phone in (caller, callee):
            asked = requests_to(world, phone, "UPDATE")
            told = responses_to(world, phone, "UPDATE")
            assert (len(asked), len(told)) in {(22, 0), (0, 22)}
        caller.hang_up(session)
        await world.settle()
        record, _ = world.records[0]
        assert (record.outcome, record.hung_up_by) == (Outcome.ANSWERED, "caller")

    run_virtual(story)


@pytest.mark.parametrize("lost", ["caller", "callee"])
@pytest.mark.parametrize("refresher", ["us", "them"])
def test_a_far_end_that_is_gone_takes_the_call_with_it(refresher: str, lost: str) -> None:
    async def story() -> None:
        terms = SessionTerms("off", TimerTerms(90, 90, refresher))  # type: ignore[arg-type]
        world = World(Random(8), [to(1)], session=terms)
        caller, callee = phones(world, Plan(answer=1), TIMED, TIMED)
        caller.call("123", SWITCH)
        await asyncio.sleep(100)
        gone, other = (caller, callee) if lost == "caller" else (callee, caller)
        unplug(world, gone)
        await asyncio.sleep(100)
        assert other.ended == [("remote", 200)]
        assert not world.supervisor.calls
        assert world.records[0][0].hung_up_by == "timeout"
        await world.settle()

    run_virtual(story)


def test_a_phone_without_update_is_offered_what_is_agreed_word_for_word() -> None:
    async def story() -> None:
        world = World(Random(9), [to(1)], session=SessionTerms("off", TimerTerms(90, 90, "us")))
        caller, callee = phones(world, Plan(answer=1), SessionTerms(), SessionTerms())
        nobody_takes_update(world)
        caller.media_port = 40000  # as in its offer
        session = caller.call("123", SWITCH)
        await asyncio.sleep(5)
        commands = len(world.media.commands)
        await asyncio.sleep(200)
        (answered,) = bodies(caller, Answered)
        to_caller = requests_to(world, caller, "INVITE")
        to_callee = requests_to(world, callee, "INVITE")
        assert {request.body for request in to_caller} == {answered}
        first, *later = [request.body for request in to_callee]
        assert len(later) == len(to_caller) == 4
        assert set(later) == {first}
        # Nothing of it reaches the engine: the audio goes on as if nothing had happened.
        assert len(world.media.commands) == commands
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_silent_far_end_that_is_there_may_be_heard_again() -> None:
    async def story() -> None:
        world = World(Random(11), [to(1)])
        caller, callee = phones(world, Plan(answer=1), SessionTerms(), SessionTerms())
        session = caller.call("123", SWITCH)
        await asyncio.sleep(5)
        _, far = the_legs(world)
        assert far.media is not None
        world.media.say(MediaTimeout(far.media.leg, 60.0))
        await a_moment()
        assert len(requests_to(world, callee, "OPTIONS")) == 1
        assert requests_to(world, caller, "OPTIONS") == []
        await asyncio.sleep(100)
        assert callee.ended == []
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_silent_far_end_that_forgot_the_call_or_is_gone_ends_it() -> None:
    async def story() -> None:
        world = World(Random(12), [to(1)])
        caller, callee = phones(world, Plan(answer=1), SessionTerms(), SessionTerms())
        caller.call("123", SWITCH)
        await asyncio.sleep(5)
        unplug(world, callee)
        _, far = the_legs(world)
        assert far.media is not None
        world.media.fall_silent(far.media.leg)
        await asyncio.sleep(33)
        assert caller.ended == [("remote", 200)]
        assert world.records[0][0].hung_up_by == "timeout"
        act(callee, lambda now: callee.sessions[0].hangup(now))
        await world.settle()

    run_virtual(story)


def test_a_refused_refresh_leaves_the_call_alone() -> None:
    async def story() -> None:
        world = World(Random(10), [to(1)], session=SessionTerms("off", TimerTerms(90, 90, "us")))
        caller, callee = phones(world, Plan(answer=1), SessionTerms(), SessionTerms())
        nobody_takes_update(world)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(5)
        callee.refuse_offers = True
        await asyncio.sleep(300)
        assert callee.ended == []
        assert len(requests_to(world, callee, "INVITE")) > 5
        caller.hold(session)
        await a_moment()
        assert bodies(caller, OfferAnswered) != []
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


SEEDS = 160


@pytest.mark.parametrize("block", range(4))
def test_random_schedules_leave_nothing_behind(block: int) -> None:
    for seed in range(block * SEEDS // 4, (block + 1) * SEEDS // 4):
        try:
            run_virtual(partial(_random_story, Random(seed)))
        except BaseException as error:
            raise AssertionError(f"seed {seed}") from error


async def _random_story(dice: Random) -> None:
    """Callers and callees with any extensions, that change their media whenever they like, over a bad line or not."""

    def terms() -> SessionTerms:
        timer = dice.choice([None, TimerTerms(90, 90), TimerTerms(90, 90, "us"), TimerTerms(100, 95, "them")])
        return SessionTerms(dice.choice(["off", "supported", "supported", "required"]), timer)

    lossy = dice.random() < 0.4
    world = World(
        dice,
        [to(1, 2, strategy=dice.choice(["sequential", "parallel"]), ring_for=dice.choice([5.0, 20.0]))],
        delay=dice.choice([0.0, 0.02]),
        jitter=0.05 if lossy else 0.0,
        loss=0.1 if lossy else 0.0,
        session=terms(),
    )
    for number in (1, 2):
        plan = Plan(
            ring=dice.choice([None, 0.25, 1.0]),
            early=dice.choice([None, 0.5, 2.0]),
            answer=dice.choice([None, 0.5, 3.0, 8.0]),
            hang_up=dice.choice([None, 30.0, 250.0]),
        )
        world.phone(number, plan).terms = terms()
    caller = world.phone(CALLER)
    caller.terms = terms()
    caller.refuse_offers = dice.random() < 0.1
    session = caller.call("123", SWITCH, body=None if dice.random() < 0.8 else b"")
    for phone in world.phones.values():
        for _ in range(dice.randrange(3)):
            at(dice.choice([0.75, 2.5, 20.0, 120.0]) + dice.random(), _change, phone)
    at(dice.choice([4.0, 60.0, 200.0]), caller.hang_up, session)
    await world.settle(600)
    for phone in world.phones.values():
        assert len(phone.ended) == len(phone.sessions)


def _change(phone: Phone) -> None:
    """Hold or resume in whatever session this phone has, if it has offered nothing yet."""
    for session in phone.sessions:
        modification = session.modification
        if session.changeable is not None and (modification is None or modification._wanted is None):
            phone.hold(session, "sendonly")
