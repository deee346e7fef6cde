"""The scope: legs are released whatever happens, and only our own cancellation is swallowed."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.b2bua.call import Call
from softswitch.b2bua.cause import ADMIN, BUSY, INTERNAL, NORMAL, SHUTDOWN
from softswitch.b2bua.inbound_leg import InboundLeg
from softswitch.b2bua.terms import MediaTerms
from softswitch.endpoints.identity import FROM_ALONE
from softswitch.sip.events import InviteReceived
from softswitch.telemetry.log_sink import NullSink
from softswitch.telemetry.story import Story
from tests.support.puppets import a_moment
from tests.support.switch_world import CODECS, SWITCH, World
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from softswitch.sip.events import Event
    from tests.support.phone import Phone

CALLER = 9


class Solo(World):
    """A switch whose calls have no supervisor: the test holds the scope itself."""

    def __init__(self) -> None:
        super().__init__(Random(1), [])
        self.incoming: list[Call] = []

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, InviteReceived):
            story = Story(self.token(), NullSink())
            caller = InboundLeg(
                self.switch,
                story,
                name="trunk:a",
                origin=FROM_ALONE.read(event.request),
                terms=MediaTerms(CODECS),
                session=event.session,
            )
            caller.take_offer(event.request.body)
            self.incoming.append(Call(caller, self.switch, story))
            return
        super()._dispatch(event)


def scene(script: Callable[[Solo, Phone, Call], Awaitable[None]]) -> None:
    """One caller has called; then the script, and nothing may be left."""

    async def story() -> None:
        world = Solo()
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()
        await script(world, caller, world.incoming[0])
        await world.settle()
        assert all(leg.ended for leg in world.incoming[0].legs)

    run_virtual(story)


def test_the_end_of_the_scope_releases_the_caller_with_the_calls_cause() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        async with call:
            call.cause = BUSY
        await a_moment()
        assert caller.refused == [486]

    scene(script)


def test_the_caller_leaving_cancels_whatever_the_script_waits_for() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        reached = False
        asyncio.get_running_loop().call_later(1, caller.hang_up, caller.sessions[0])
        async with call:
            await asyncio.sleep(100)
            reached = True
        assert not reached
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        assert call.cause.status == 487

    scene(script)


def test_a_script_that_swallows_its_cancellation_is_stopped_at_its_next_step() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        steps = []
        asyncio.get_running_loop().call_later(1, caller.hang_up, caller.sessions[0])
        async with call:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(100)
            steps.append("went on")
            await call.changed()
            steps.append("and on")
        assert steps == ["went on"]

    scene(script)


def test_an_error_of_the_script_passes_and_the_caller_hears_500() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        with pytest.raises(ZeroDivisionError):
            async with call:
                raise ZeroDivisionError
        assert call.cause == INTERNAL
        await a_moment()
        assert caller.refused == [500]

    scene(script)


def test_a_cancellation_from_outside_passes_and_the_caller_hears_503() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        async def body() -> None:
            async with call:
                await asyncio.sleep(100)

        task = asyncio.ensure_future(body())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.cause == SHUTDOWN
        await a_moment()
        assert caller.refused == [503]

    scene(script)


def test_a_cancellation_from_outside_is_not_swallowed_by_a_pause() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        went_on = []

        async def body() -> None:
            async with call:
                await call.pause(100)
                went_on.append(True)

        task = asyncio.ensure_future(body())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not went_on

    scene(script)


def test_both_at_once_still_passes_the_outer_cancellation() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        async def body() -> None:
            async with call:
                await asyncio.sleep(100)

        task = asyncio.ensure_future(body())
        await asyncio.sleep(1)
        call.caller.hangup(NORMAL)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    scene(script)


def test_a_time_out_inside_stays_a_time_out() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        async with call:
            await call.pause(3)
            assert asyncio.get_running_loop().time() == pytest.approx(3.4, abs=0.1)

    scene(script)


def test_a_script_that_ends_its_own_caller_may_still_leave_by_itself() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        async with call:
            call.end(ADMIN)
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        assert task.cancelling() == 0
        assert call.cause == ADMIN

    scene(script)


def test_a_caller_gone_before_the_scope_is_entered() -> None:
    async def script(_: Solo, caller: Phone, call: Call) -> None:
        caller.hang_up(caller.sessions[0])
        await a_moment()
        reached = False
        async with call:
            call.check()
            reached = True
        assert not reached

    scene(script)


def test_one_leg_that_cannot_be_released_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(world: Solo, caller: Phone, call: Call) -> None:
        second = world.phone(8)
        second.call("456", SWITCH)
        await a_moment()
        other = world.incoming[1].caller
        call.own(other)
        hang_up = InboundLeg._hang_up

        def failing(leg: InboundLeg, cause: object) -> None:
            hang_up(leg, cause)  # type: ignore[arg-type]
            if leg is call.caller:
                raise RuntimeError("broken leg")

        monkeypatch.setattr(InboundLeg, "_hang_up", failing)
        with pytest.raises(RuntimeError, match="broken leg"):
            async with call:
                call.cause = BUSY
        assert call.caller.ended
        assert other.ended
        await a_moment()
        assert second.refused == [486]

    scene(script)


def test_a_silent_caller_ends_a_pause() -> None:
    async def script(world: Solo, caller: Phone, call: Call) -> None:
        call.caller.answer()
        await a_moment()
        asyncio.get_running_loop().call_later(2, world.media.fall_silent, next(iter(world.media.open)))
        async with call:
            await call.pause(None)
            assert call.caller.silent

    scene(script)
