"""Calls leave nothing for the garbage collector, which the daemon lets come but rarely."""

from __future__ import annotations

import asyncio
import gc
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.dialplan.route import Echo, Hangup, Play
from tests.support.phone import Plan, sdp
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.dialplan.route import Action

CALLS = 10

STORIES: dict[str, tuple[list[Action], Plan, float, bytes | None]] = {
    "answered": ([to(1)], Plan(ring=0.1, early=0.2, answer=0.5, hang_up=2), 30, None),
    "caller hangs up": ([to(1)], Plan(ring=0.1, answer=0.5), 3, None),
    "caller gives up": ([to(1)], Plan(ring=0.1), 2, None),
    "busy": ([to(1)], Plan(reject=(0.5, 486)), 30, None),
    "fail over": ([to(2, 1)], Plan(answer=0.5, hang_up=1), 30, None),
    "no answer": ([to(1, ring_for=3)], Plan(ring=0.1), 30, None),
    "echo": ([Echo(1)], Plan(), 30, None),
    "prompt": ([Play(("/prompt.wav",), early=True), Hangup(17)], Plan(), 30, None),
    "nothing offered": ([to(1)], Plan(), 30, sdp(0)),
    "no common codec": ([to(1)], Plan(), 30, sdp(40000, "3")),
}


@pytest.mark.parametrize("story", STORIES)
def test_a_finished_call_is_gone_without_the_collector(story: str) -> None:
    actions, plan, caller_leaves, body = STORIES[story]

    async def calls() -> None:
        world = World(Random(1), actions)
        callee, caller = world.phone(1, plan), world.phone(9)

        async def some(number: int) -> None:
            for _ in range(number):
                session = caller.call("1", SWITCH, body=body)
                asyncio.get_running_loop().call_later(caller_leaves, caller.hang_up, session)
                await asyncio.sleep(60)
            await asyncio.sleep(100)
            for phone in (caller, callee):
                phone.events.clear()
                phone.sessions.clear()
            world.wire.log.clear()
            world.media.commands.clear()

        await some(3)
        gc.collect()
        gc.disable()
        try:
            await some(CALLS)
            assert gc.collect() < CALLS, "less than one object a call"
        finally:
            gc.enable()

    run_virtual(calls)
