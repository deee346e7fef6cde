"""Conferences on virtual time: who meets whom, what they hear while they wait, and that nothing is left behind."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import JoinRoom, OpenRoom, Play, StopPlay, Tone
from media.events import DigitReceived
from softswitch.dialplan.route import Conference
from softswitch.telemetry.cdr import Outcome
from tests.support.switch_world import SWITCH, World
from tests.support.virtual_time import at, run_virtual

if TYPE_CHECKING:
    from media.legs import OpenedLeg


def visit(world: World, number: int, *, begin: float, lasts: float) -> None:
    """A phone calls the conference, and hangs up after a while."""
    phone = world.phone(number)
    at(begin, lambda: at(lasts, phone.hang_up, phone.call("600", SWITCH)))


def rooms(world: World) -> list[int]:
    return [len(sitting) for sitting in world.media.rooms.values()]


def test_callers_of_one_name_meet_and_the_last_to_leave_ends_it() -> None:
    async def story() -> None:
        world = World(Random(1), [Conference("team")])
        seen: list[list[int]] = []
        for number in (7, 8, 9):
            visit(world, number, begin=1.0 + number, lasts=29.0)
        for moment in (8.5, 9.5, 10.5, 37.5, 38.5, 39.5):
            at(moment, lambda: seen.append(rooms(world)))
        await world.settle()
        assert seen == [[1], [2], [3], [2], [1], []]
        assert sum(isinstance(command, OpenRoom) for command in world.media.commands) == 1
        assert [record.outcome for record, _ in world.records] == [Outcome.ANSWERED] * 3
        assert [record.hung_up_by for record, _ in world.records] == ["caller"] * 3

    run_virtual(story)


def test_all_legs_of_a_conference_live_on_one_worker() -> None:
    async def story() -> None:
        world = World(Random(2), [Conference("team")])
        groups: list[str] = []
        opened = world.media.open_leg

        def open_leg(*, label: str, group: str = "", browser: bool = False) -> OpenedLeg:
            groups.append(group)
            return opened(label=label, group=group, browser=browser)

        world.media.open_leg = open_leg  # type: ignore[method-assign]
        for number in (8, 9):
            phone = world.phone(number)
            at(10, phone.hang_up, phone.call("600", SWITCH))
        await world.settle()
        assert groups == ["conference:team"] * 2
        assert {command.group for command in world.media.commands if isinstance(command, OpenRoom)} == {
            "conference:team"
        }

    run_virtual(story)


def test_who_waits_hears_music_until_somebody_comes_and_again_when_they_have_left() -> None:
    async def story() -> None:
        world = World(Random(3), [Conference("team", music=("/prompt.wav",))])
        first, second = world.phone(8), world.phone(9)
        at(60, first.hang_up, first.call("600", SWITCH))

        def enter() -> None:
            at(20, second.hang_up, second.call("600", SWITCH))

        at(10, enter)
        await world.settle()
        told = [type(command) for command in world.media.commands if isinstance(command, Play | StopPlay | JoinRoom)]
        assert told == [JoinRoom, Play, JoinRoom, StopPlay, Play, StopPlay]

    run_virtual(story)


def test_a_tone_tells_the_others_who_comes_and_goes() -> None:
    async def story() -> None:
        world = World(Random(4), [Conference("team", tones=True)])
        for number in (7, 8, 9):
            visit(world, number, begin=number, lasts=20)
        await world.settle()
        tones = [
            command
            for command in world.media.commands
            if isinstance(command, Play) and isinstance(command.prompt, Tone)
        ]
        assert len(tones) == 1 + 2 + 2 + 1

    run_virtual(story)


def test_a_full_conference_refuses_the_next() -> None:
    async def story() -> None:
        world = World(Random(5), [Conference("team", most=2)])
        for number in (7, 8, 9):
            phone = world.phone(number)
            at(10, phone.hang_up, phone.call("600", SWITCH))
        await world.settle()
        assert sorted(record.hung_up_by for record, _ in world.records) == ["caller", "caller", "switch"]

    run_virtual(story)


@pytest.mark.parametrize(("keys", "enters"), [("1234", True), ("99#1234", True), ("1#2#3#", False), ("", False)])
def test_a_pin_lets_in_only_who_knows_it(keys: str, enters: bool) -> None:
    async def story() -> None:
        world = World(Random(6), [Conference("team", pin="1234")])
        phone = world.phone(9)
        at(100, phone.hang_up, phone.call("600", SWITCH))
        for delay, key in enumerate(keys):
            at(2 + delay, lambda key=key: world.media.say(DigitReceived(min(world.media.open), key, 100)))
        await world.settle()
        assert any(isinstance(command, JoinRoom) for command in world.media.commands) is enters
        assert world.records[0][0].hung_up_by == ("caller" if enters else "switch")

    run_virtual(story)


def test_keys_pressed_over_the_announcement_end_it_and_count() -> None:
    async def story() -> None:
        world = World(Random(8), [Conference("team", pin="1234", announce=("/prompt.wav",))])
        world.media.prompt_seconds = 30.0
        phone = world.phone(9)
        at(60, phone.hang_up, phone.call("600", SWITCH))
        for delay, key in enumerate("1234"):
            at(2 + delay, lambda key=key: world.media.say(DigitReceived(min(world.media.open), key, 100)))
        await world.settle()
        told = [type(command) for command in world.media.commands if isinstance(command, Play | StopPlay | JoinRoom)]
        assert told == [Play, StopPlay, JoinRoom]

    run_virtual(story)


@pytest.mark.parametrize("announce", [(), ("/prompt.wav",)])
def test_each_try_of_a_pin_is_asked_for(announce: tuple[str, ...]) -> None:
    async def story() -> None:
        world = World(Random(9), [Conference("team", pin="1234", announce=announce)])
        phone = world.phone(9)
        at(100, phone.hang_up, phone.call("600", SWITCH))
        await world.settle()
        prompts = [command.prompt for command in world.media.commands if isinstance(command, Play)]
        asked = [each[0] if isinstance(each, tuple) else each for each in prompts]
        assert [isinstance(each, Tone) for each in asked] == [not announce] * 3

    run_virtual(story)


def test_an_announcement_comes_before_the_others() -> None:
    async def story() -> None:
        world = World(Random(7), [Conference("team", announce=("/prompt.wav",))])
        phone = world.phone(9)
        at(20, phone.hang_up, phone.call("600", SWITCH))
        await world.settle()
        told = [type(command) for command in world.media.commands if isinstance(command, Play | OpenRoom | JoinRoom)]
        assert told == [Play, OpenRoom, JoinRoom]

    run_virtual(story)


@pytest.mark.parametrize("seed", range(40))
def test_random_comings_and_goings_leave_nothing_behind(seed: int) -> None:
    async def story() -> None:
        dice = Random(seed)
        world = World(dice, [Conference("team", music=("/prompt.wav",), tones=True, most=3)])

        def silence() -> None:
            if world.media.open and dice.random() < 0.3:
                world.media.fall_silent(min(world.media.open))

        for number in range(3, 9):
            begin, lasts = dice.randrange(20) * 0.25, dice.randrange(40) * 0.25
            visit(world, number, begin=begin, lasts=lasts)
            at(begin + lasts / 2, silence)
        await world.settle()
        assert len(world.records) == 6

    run_virtual(story)
