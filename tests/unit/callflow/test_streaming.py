"""Streams among the other applications of a rule."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from softswitch.dialplan.route import Stream
from softswitch.streams.connection import StreamTarget
from softswitch.streams.session import Streams
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Plan
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual


def test_who_listens_behind_a_failed_dial_does_not_hide_the_failure() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1), Stream("scribe", "listen")])
        world.supervisor.resources = replace(
            world.supervisor.resources, streams=Streams({"scribe": StreamTarget("scribe", "not-a-url")})
        )
        world.phone(1, Plan(reject=(1, 486)))
        caller = world.phone(9)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [486]
        assert world.records[0][0].outcome is Outcome.BUSY

    run_virtual(story)
