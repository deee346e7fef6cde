"""Every call admitted ends with one outcome and one record, whatever goes wrong inside or around it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.b2bua.outbound_leg import OutboundLeg
from softswitch.callflow.supervisor import Limits
from softswitch.callflow.view import call_snapshot
from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.route import Answer, Echo, Hangup, Play, Reject, Ring
from softswitch.dialplan.rules import Dialplan
from softswitch.endpoints.admission import Envelope
from softswitch.sip.message import Response, parse_message
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Plan, sdp
from tests.support.puppets import a_moment, responses_to
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.callflow.supervisor import RunningCall
    from softswitch.dialplan.route import Action

CALLER = 9


def one_call(*actions: Action, body: bytes | None = None) -> tuple[World, list[int], Outcome, str]:
    """One call from beginning to end: the world, what the caller was refused with, outcome, and who hung up."""
    kept: list[tuple[World, list[int]]] = []

    async def story() -> None:
        world = World(Random(1), actions)
        world.phone(1, Plan(ring=0.2, answer=1, hang_up=5))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=body)
        await world.settle()
        assert len(world.records) == 1
        kept.append((world, caller.refused))

    run_virtual(story)
    world, refused = kept[0]
    record = world.records[0][0]
    return world, refused, record.outcome, record.hung_up_by


def test_a_script_that_crashes_ends_in_500_one_record_and_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    world, refused, outcome, by = one_call(Play(("/never-loaded.wav",)))
    assert refused == [500]
    assert (outcome, by) == (Outcome.FAILED, "switch")
    assert world.records[0][0].q850_cause == 41
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_script_that_crashes_after_the_answer_hangs_up_and_its_siblings_never_notice() -> None:
    async def story() -> None:
        world = World(Random(1), [Answer(), Ring(3), Play(("/never-loaded.wav",))])
        first, second = world.phone(CALLER), world.phone(8)
        first.call("123", SWITCH)
        await asyncio.sleep(2)
        second.call("123", SWITCH)
        await asyncio.sleep(2)
        assert first.ended == [("remote", 200)]
        assert not second.ended
        await world.settle()
        assert [record.outcome for record, _ in world.records] == [Outcome.ANSWERED] * 2

    run_virtual(story)


def test_an_event_that_cannot_be_handled_ends_that_call_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault lies in a leg, outside any script."""
    whole = OutboundLeg.handle

    def broken(leg: OutboundLeg, event: object) -> None:
        if leg.name == "trunk:t2" and type(event).__name__ == "Answered":
            raise KeyError("no such thing")
        whole(leg, event)  # type: ignore[arg-type]

    monkeypatch.setattr(OutboundLeg, "handle", broken)

    async def story() -> None:
        world = World(Random(1), [to(2)])
        world.phone(2, Plan(ring=0.1, answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [500]
        assert world.records[0][0].outcome is Outcome.FAILED

    run_virtual(story)


def test_an_engine_that_never_says_goodbye_delays_the_record_no_longer_than_two_seconds() -> None:
    async def story() -> None:
        world = World(Random(1), [Hangup(16)])
        world.media.on_event = lambda _event: None
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(1)
        assert not world.records
        assert not world.supervisor.calls
        (over,) = world.supervisor.settling.values()
        assert call_snapshot(over).state == "ending"  # and is found until its record is
        await asyncio.sleep(2)
        assert len(world.records) == 1
        assert not world.supervisor.settling

    run_virtual(story)


def test_a_record_that_cannot_be_filed_is_an_error_in_the_log_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        world = World(Random(1), [Hangup(16)])

        def refuse(*_: object) -> None:
            raise OSError("disk gone")

        world.supervisor._file_records = refuse
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [480]

    run_virtual(story)
    assert "has no record" in caplog.text


def test_a_call_without_end_is_ended_and_says_why() -> None:
    async def story() -> None:
        world = World(Random(1), [Echo(None)])
        world.supervisor._limits = Limits(call_seconds=60)
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(59)
        assert not caller.ended
        await world.settle()
        assert caller.ended == [("remote", 200)]
        record = world.records[0][0]
        assert record.talk_seconds == pytest.approx(60, abs=0.1)
        assert record.q850_cause == 102

    run_virtual(story)


def test_the_limit_of_calls_is_503_with_retry_after_and_no_record() -> None:
    async def story() -> None:
        world = World(Random(1), [Echo(None)])
        world.admission.envelope = Envelope(calls=1, retry_after=7)
        first, second = world.phone(CALLER), world.phone(8)
        session = first.call("123", SWITCH)
        await a_moment()
        assert world.admission.reached == "calls"
        second.call("123", SWITCH)
        await a_moment()
        answers = [parse_message(data) for _, _, remote, data in world.wire.log if remote == second.address]
        refusal = next(answer for answer in answers if isinstance(answer, Response) and answer.status == 503)
        assert refusal.headers.get("Retry-After") == "7"
        left = world.stack.statistics
        assert (left.sessions, left.transactions, left.lingering) == (1, 0, 1), "the refusal left something behind"
        third = world.phone(7)
        emergency = third.call("112", SWITCH)
        await a_moment()
        assert len(world.supervisor.calls) == 2, "an emergency call was refused"
        first.hang_up(session)
        third.hang_up(emergency)
        await world.settle()
        assert len(world.records) == 2
        assert world.admission.calls == 0

    run_virtual(story)


def test_draining_lets_calls_finish_in_their_time() -> None:
    async def story() -> None:
        world = World(Random(1), [Echo(5)])
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()
        began = asyncio.get_running_loop().time()
        await world.supervisor.drain(60)
        assert asyncio.get_running_loop().time() - began < 6
        assert world.records[0][0].talk_seconds == pytest.approx(5, abs=0.1)
        await world.settle()

    run_virtual(story)


def test_draining_nothing_takes_no_time() -> None:
    async def story() -> None:
        world = World(Random(1), [])
        await world.supervisor.drain(60)
        assert asyncio.get_running_loop().time() == 0
        assert world.supervisor.draining

    run_virtual(story)


@pytest.mark.parametrize(
    ("actions", "status", "outcome"),
    [
        ((Reject(403, "Not here"),), 403, Outcome.REJECTED),
        ((Reject(486),), 486, Outcome.REJECTED),
        ((Reject(404),), 404, Outcome.REJECTED),
        ((Hangup(17),), 486, Outcome.BUSY),
        ((Hangup(1),), 404, Outcome.UNREACHABLE),
        ((Hangup(16),), 480, Outcome.NO_ANSWER),
        ((Ring(0.5),), 480, Outcome.REJECTED),
    ],
)
def test_what_the_dialplan_ends_without_an_answer(actions: tuple[Action, ...], status: int, outcome: Outcome) -> None:
    world, refused, result, by = one_call(*actions)
    assert refused == [status]
    assert result is outcome
    assert by == "switch"
    assert world.records[0][0].sip_status == status


def test_no_route_is_404() -> None:
    async def story() -> None:
        world = World(Random(1), [])
        world.supervisor.resources = replace(world.supervisor.resources, dialplan=Dialplan((), Numbering()))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [404]
        assert world.records[0][0].route is None
        assert world.records[0][0].outcome is Outcome.UNREACHABLE

    run_virtual(story)


@pytest.mark.parametrize(
    ("body", "status"), [(b"rubbish", 400), (b"v=0\r\n", 400), (sdp(0), 488), (sdp(40000, "3"), 488)]
)
def test_an_offer_that_cannot_be_taken_leaves_no_port_and_one_record(body: bytes, status: int) -> None:
    world, refused, _, _ = one_call(to(1), body=body)
    assert refused == [status]
    assert not world.media.open
    assert not world.media.recordings, "nothing of a call that never was is recorded"


def test_a_crashing_rule_refuses_with_500_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from softswitch.callflow import supervisor as module

    def broken(*_: object) -> None:
        raise RecursionError("rules")

    monkeypatch.setattr(module, "decide", broken)

    async def story() -> None:
        world = World(Random(1), [to(1)])
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [500]
        assert not world.records

    run_virtual(story)


def test_an_operator_is_named_as_who_ended_the_call() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(3)
        running: RunningCall = next(iter(world.supervisor.calls.values()))
        assert world.supervisor.hang_up(running.call.id)
        await world.settle()
        assert world.records[0][0].hung_up_by == "operator"
        assert callee.ended == [("remote", 200)]
        assert responses_to(world, caller, "INVITE") == [200]

    run_virtual(story)
