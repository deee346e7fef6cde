"""What operators see of a running call, moment by moment."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.callflow.view import call_snapshot
from softswitch.dialplan.route import Echo
from tests.support.phone import Plan
from tests.support.puppets import a_moment
from tests.support.switch_world import SWITCH, World, to
from tests.support.verdicts import good_then_bad
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.telemetry.snapshot import CallSnapshot


def seen(world: World) -> CallSnapshot:
    """The only running call."""
    (running,) = world.supervisor.calls.values()
    return call_snapshot(running)


def test_a_bridged_call_from_ringing_to_the_end() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        world.phone(1, Plan(ring=1, answer=2))
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(1.5)
        ringing = seen(world)
        assert (ringing.state, ringing.destination, ringing.answered_at) == ("ringing", "trunk:t1", None)
        assert [leg.state for leg in ringing.legs] == ["calling", "calling"]
        assert ringing.legs[0].local_media == "192.0.2.1:20002"
        await asyncio.sleep(1.5)
        talking = seen(world)
        assert (talking.state, talking.source, talking.caller, talking.called) == (
            "talking",
            "trunk:inbound",
            "caller",
            "123",
        )
        assert talking.answered_at == pytest.approx(talking.started_at + 2, abs=0.1)
        assert talking.seconds == pytest.approx(3, abs=0.1)
        assert [leg.codec for leg in talking.legs] == ["PCMA", "PCMA"]
        assert all(leg.from_party is not None for leg in talking.legs)
        caller.hold(session)
        await a_moment()
        held = seen(world)
        assert held.state == "held"
        assert [leg.on_hold for leg in held.legs] == [True, False]
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_scores_go_by_their_own_names() -> None:
    async def story() -> None:
        world = World(Random(1), [Echo(None)])
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await a_moment()
        (running,) = world.supervisor.calls.values()
        media = running.call.caller.media
        assert media is not None
        _, summary = good_then_bad(media.leg)
        world.media.verdicts[media.leg] = summary
        snapshot = seen(world)
        heard = snapshot.legs[0].from_party
        of = summary.received
        assert heard is not None
        assert of.worst is not None
        assert (heard.mos_15s, heard.mos_mean, heard.mos_worst) == (of.mos_15s, of.mos_cq, of.worst.mos_cq)
        assert len({heard.mos_15s, heard.mos_mean, heard.mos_worst}) == 3
        assert (heard.mos_ceiling, heard.degradation) == (of.ceiling, of.degradation)
        assert snapshot.recording is not None
        assert snapshot.recording == running.recorder.stereo
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_call_with_nobody_else_in_it() -> None:
    async def story() -> None:
        world = World(Random(1), [Echo(None)])
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await a_moment()
        assert (seen(world).state, seen(world).destination) == ("answered", None)
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_legs_that_are_over_stay_in_the_picture_without_figures() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, 2)])
        world.phone(1, Plan(reject=(1, 503)))
        world.phone(2, Plan(ring=1))
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(3)
        snapshot = seen(world)
        assert [(leg.endpoint, leg.state) for leg in snapshot.legs] == [
            ("trunk:inbound", "calling"),
            ("trunk:t1", "ended"),
            ("trunk:t2", "calling"),
        ]
        assert snapshot.legs[1].from_party is None
        assert snapshot.destination == "trunk:t2"
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)
