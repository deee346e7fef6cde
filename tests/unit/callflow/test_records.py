"""What stands in the records of calls that ended in every way there is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.quality.verdict import StreamCounters
from media.snapshots import VideoStatistics
from softswitch.callflow.records import heard, shown
from softswitch.dialplan.route import Answer, Echo, Play, Record, Reject
from softswitch.telemetry.cdr import CallRecord, LegRecord, Outcome, Shown
from tests.support.phone import Plan
from tests.support.quiet_media import NOTHING_HEARD
from tests.support.switch_world import SWITCH, World, to
from tests.support.verdicts import good_then_bad
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.dialplan.route import Action
    from tests.support.phone import Phone

CALLER = 9


def recorded(
    *actions: Action, callee: Plan | None = None, caller_does: Callable[[World, Phone], None] | None = None
) -> tuple[CallRecord, Sequence[LegRecord]]:
    """The records of one call."""
    kept: list[tuple[CallRecord, Sequence[LegRecord]]] = []

    async def story() -> None:
        world = World(Random(1), actions or [to(1)])
        if callee is not None:
            world.phone(1, callee)
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        if caller_does is not None:
            asyncio.get_running_loop().call_later(5, caller_does, world, caller)
        await world.settle()
        kept.extend(world.records)

    run_virtual(story)
    ((call, legs),) = kept
    assert [leg.leg_id for leg in legs] == [f"{call.call_id}-{number}" for number in range(len(legs))]
    assert call.sip_status == legs[0].sip_status
    assert all(leg.q850_cause is not None for leg in legs)
    assert all(leg.ended_after >= 0 for leg in legs)
    return call, legs


def hang_up(_: World, caller: Phone) -> None:
    """The caller leaves."""
    caller.hang_up(caller.sessions[0])


def test_callee_hangs_up() -> None:
    call, legs = recorded(callee=Plan(ring=1, answer=2, hang_up=10))
    assert (call.outcome, call.hung_up_by, call.q850_cause) == (Outcome.ANSWERED, "callee", 16)
    assert call.ringing_after == pytest.approx(1, abs=0.05)
    assert call.answered_after == pytest.approx(2, abs=0.05)
    assert call.talk_seconds == pytest.approx(8, abs=0.05)
    assert [leg.hung_up_by for leg in legs] == ["local", "remote"]
    assert [leg.codec for leg in legs] == ["PCMA", "PCMA"]
    assert legs[1].created_at >= legs[0].created_at
    assert call.recording is not None
    assert [leg.recording is not None for leg in legs] == [True, True]


def test_caller_hangs_up() -> None:
    call, legs = recorded(callee=Plan(answer=2), caller_does=hang_up)
    assert (call.outcome, call.hung_up_by) == (Outcome.ANSWERED, "caller")
    assert [leg.hung_up_by for leg in legs] == ["remote", "local"]


def test_caller_gives_up() -> None:
    call, legs = recorded(callee=Plan(ring=1), caller_does=hang_up)
    assert (call.outcome, call.hung_up_by, call.sip_status, call.answered_after) == (
        Outcome.ABANDONED,
        "caller",
        487,
        None,
    )
    assert legs[1].sip_status == 487


def test_nobody_answers_on_the_second_trunk_either() -> None:
    call, legs = recorded(to(2, 1, ring_for=4), callee=Plan(ring=1))
    assert (call.outcome, call.destination, call.trunk) == (Outcome.NO_ANSWER, "trunk:t1", "t1")
    assert [leg.sip_status for leg in legs] == [480, 504, 480]


def test_echo_has_one_leg_and_no_destination() -> None:
    call, legs = recorded(Echo(3))
    assert (call.outcome, call.destination, call.hung_up_by, len(legs)) == (Outcome.ANSWERED, None, "switch", 1)


@pytest.mark.parametrize("status", [404, 486, 500, 603])
def test_a_refusal_is_the_callees(status: int) -> None:
    call, legs = recorded(callee=Plan(reject=(1, status)))
    assert (call.hung_up_by, legs[1].hung_up_by) == ("callee", "remote")


def test_our_own_rejection_after_a_refusal_is_the_switchs() -> None:
    call, _ = recorded(to(1), Reject(486, "user busy"), callee=Plan(reject=(1, 486)))
    assert (call.outcome, call.hung_up_by) == (Outcome.REJECTED, "switch")


def test_running_out_of_time_is_the_switchs_even_when_another_refused() -> None:
    call, _ = recorded(to(1), to(2, ring_for=3), callee=Plan(reject=(1, 486)))
    assert (call.sip_status, call.hung_up_by) == (504, "switch")


def test_an_apology_after_a_failed_dial_is_an_answered_call() -> None:
    call, _ = recorded(to(1), Play(("/prompt.wav",)), callee=Plan(reject=(1, 486)))
    assert (call.outcome, call.q850_cause, call.sip_status) == (Outcome.ANSWERED, 17, 200)


def test_not_recorded_when_the_rule_says_so() -> None:
    call, legs = recorded(Record(enabled=False), to(1), callee=Plan(answer=1, hang_up=3))
    assert call.recording is None
    assert not any(leg.recording for leg in legs)


def test_recording_switched_off_on_the_way_keeps_what_there_is() -> None:
    call, legs = recorded(Echo(1), Record(enabled=False), to(1), callee=Plan(answer=1, hang_up=3))
    assert call.recording is not None
    assert [leg.recording is not None for leg in legs] == [True, False]


def test_ceiling_and_degradation_stand_beside_the_score() -> None:
    _, summary = good_then_bad(1)
    found = heard(StreamCounters(1250, 1200, 50, 0, 50, 2.0, 0), summary.received)
    assert found is not None
    assert found.degradation is not None
    assert found.mos_15s is None
    assert (found.mos_mean, found.mos_ceiling) == (summary.received.mos_cq, summary.received.ceiling)
    assert found.degradation.loss > 0.1
    assert found.degradation.discard == 0


def test_video_is_counted_where_there_was_any() -> None:
    video = VideoStatistics(
        packets=900,
        octets=800_000,
        lost=3,
        relayed=880,
        nowhere=15,
        refused=5,
        key_frames_asked=2,
        key_frames_wanted=1,
        repairs_asked=4,
        tap_overruns=0,
    )
    assert shown(replace(NOTHING_HEARD, video=video)) == Shown(
        packets=900, octets=800_000, lost=3, relayed=880, refused=5, key_frames_asked=2, repairs_asked=4
    )
    assert shown(NOTHING_HEARD) is None
    assert shown(None) is None


def test_a_caller_whose_ack_never_comes_ends_by_time_out() -> None:
    async def story() -> None:
        world = World(Random(1), [Answer(), Echo(None)])
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(0.0015)  # the INVITE is there, the 200 on its way
        deaf = world.wire._drivers.pop(SWITCH)
        await asyncio.sleep(40)
        world.wire._drivers[SWITCH] = deaf
        await world.settle()
        (record, legs) = world.records[0]
        assert record.outcome is Outcome.ANSWERED
        assert (record.hung_up_by, legs[0].hung_up_by) == ("timeout", "timeout")
        assert record.ended_after == pytest.approx(32, abs=0.5)

    run_virtual(story)
