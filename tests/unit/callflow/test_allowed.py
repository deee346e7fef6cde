"""What the person at a leg may do, and to whom digits can be sent, moment by moment."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import SendDigits
from softswitch.b2bua.keypad import DigitsRefusedError
from softswitch.b2bua.transfer import NO_TRANSFERS, PHONES
from softswitch.callflow.view import call_snapshot
from tests.flows.test_browsers import Standing, WebWorld
from tests.flows.test_video import Standing as Pages
from tests.support.phone import Plan
from tests.support.puppets import a_moment
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.b2bua.transfer import TransferPolicy


def allowed(world: World, policy: TransferPolicy = PHONES) -> list[str]:
    """Of each leg of the only call."""
    (running,) = world.supervisor.calls.values()
    return [" ".join(leg.allowed_actions) for leg in call_snapshot(running, lambda _name: policy).legs]


def refused(world: World, *, caller: bool = False) -> str:
    """The code of the refusal of a digit for a party; empty: it was sent."""
    (call_id,) = world.supervisor.calls
    try:
        world.supervisor.send_digits(call_id, caller=caller, digits="5", duration_ms=100, gap_ms=80)
    except DigitsRefusedError as error:
        return error.refusal.code
    return ""


def sent(world: World) -> list[str]:
    return [each.digits for each in world.media.commands if isinstance(each, SendDigits)]


def test_two_phones() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        world.phone(1, Plan(ring=1, answer=2))
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(1.5)
        assert allowed(world) == ["end", "end"]
        assert (refused(world), refused(world, caller=True)) == ("not_answered", "not_answered")
        await asyncio.sleep(1.5)
        assert allowed(world) == ["end mute hold transfer send_digits"] * 2
        assert allowed(world, NO_TRANSFERS) == ["end mute hold send_digits"] * 2
        assert (refused(world), refused(world, caller=True), sent(world)) == ("", "", ["5", "5"])
        caller.hold(session)
        await a_moment()
        assert allowed(world) == ["end mute hold transfer send_digits", "end mute hold transfer"]
        assert (refused(world), refused(world, caller=True)) == ("", "on_hold")
        assert world.supervisor.send_digits("nobody", caller=True, digits="5", duration_ms=100, gap_ms=80) is None
        caller.hang_up(session)
        await world.settle()
        assert sent(world) == ["5", "5", "5"]

    run_virtual(story)


def test_a_phone_that_holds_still_hears_of_keys_by_info() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)], dtmf=("info", "rfc4733"))
        world.phone(1, Plan(answer=1))
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        caller.hold(session)
        await a_moment()
        assert (refused(world, caller=True), sent(world)) == ("", [])
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


@pytest.mark.parametrize("mask", [False, True])
def test_the_story_tells_the_digits_unless_they_are_a_secret(mask: bool) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)], mask_digits=mask)
        world.phone(1, Plan(answer=1))
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        assert refused(world) == ""
        (running,) = world.supervisor.calls.values()
        (line,) = [line for line in running.call.story.lines if line.event == "digits sent"]
        facts = dict(line.facts)
        assert facts.get("digits") == (None if mask else "5")
        assert (facts["count"], facts["by"]) == (1, "rfc4733")
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_browser_is_sent_no_digits_but_may_send_them() -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        await standing.up()
        assert allowed(world) == ["end mute hold transfer", "end mute hold transfer send_digits"]
        assert (refused(world), refused(world, caller=True)) == ("webrtc_party", "")
        standing.caller.hang_up(standing.called)
        await world.settle()
        assert len(sent(world)) == 1

    run_virtual(story)


@pytest.mark.parametrize(("voices", "pictures"), [(0, " camera share_screen"), (7, ""), (6, "")])
def test_two_browsers_may_show_each_other_pictures_unless_one_is_there_for_its_voice(
    voices: int, pictures: str
) -> None:
    async def story() -> None:
        standing = Pages(voices=voices)
        await standing.up()
        assert allowed(standing.world, NO_TRANSFERS) == [f"end mute hold{pictures}"] * 2
        await standing.over()

    run_virtual(story)
