"""What callers and held parties hear, as commands to the media engine on virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import Announce, Play, StopPlay
from media.play.countries import RECOMMENDED
from softswitch.callflow.sounds import SHOWN
from softswitch.dialplan import route
from softswitch.dialplan.route import Answer, Dial, HoldMusic, Music, Ringback, Say
from tests.support.phone import Plan
from tests.support.puppets import a_moment
from tests.support.switch_world import SOUNDS, SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from softswitch.callflow.sounds import Sounds
    from softswitch.dialplan.route import Action
    from tests.support.phone import Phone

CALLER = 9
TONE, SONG, FILE, WORDS = RECOMMENDED.ringback, 3, 1, 2
CALLER_LEG, CALLEE_LEG = 1, 2


def heard(world: World, leg: int = CALLER_LEG) -> list[object]:
    """What was played to a leg: sounds, `over` them others, and None where it stopped."""
    found: list[object] = []
    for command in world.media.commands:
        match command:
            case Play(to_leg, _, prompt) if to_leg == leg:
                found.append(prompt[0] if isinstance(prompt, tuple) and len(prompt) == 1 else prompt)
            case Announce(to_leg, _, prompt) if to_leg == leg:
                found.append(("over", prompt))
            case StopPlay(to_leg) if to_leg == leg:
                found.append(None)
            case _:
                pass
    return found


def events(world: World) -> list[str]:
    """The story of the only call, which runs."""
    (running,) = world.supervisor.calls.values()
    return [line.event for line in running.call.story.lines]


def scene(
    actions: list[Action],
    act: Callable[[World, Phone], Awaitable[None]],
    *,
    plan: Plan | None = None,
    sounds: Sounds = SOUNDS,
    body: bytes | None = None,
) -> World:
    """A call from phone 9, with phone 1 following its plan; `act` says what happens and is to be seen."""
    kept: list[World] = []

    async def story() -> None:
        world = World(Random(1), actions, sounds=sounds)
        kept.append(world)
        world.phone(1, plan)
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=body)
        await a_moment()
        await act(world, caller)
        for session in caller.sessions:
            caller.hang_up(session)
        await world.settle()

    run_virtual(story)
    return kept[0]


def dial(kind: str = "media", *, early_media: bool = True, files: tuple[str, ...] = ()) -> Dial:
    return replace(to(1), ringback=Ringback(kind, files, early_media))  # type: ignore[arg-type]


def connected(world: World) -> bool:
    return frozenset((CALLER_LEG, CALLEE_LEG)) in world.media.connected


# Ringing.


def test_a_183_without_audio_gets_our_tone_until_the_first_packet() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(0.8)
        assert caller.progress == [(183, True)]
        assert heard(world) == []  # the first packet has a moment yet
        assert connected(world)
        await asyncio.sleep(0.3)
        assert heard(world) == [TONE]
        world.media.speak(CALLEE_LEG)
        await asyncio.sleep(5)
        assert heard(world) == [TONE, None]
        assert caller.progress == [(183, True)]
        assert "early media heard" in events(world)

    scene([dial()], act, plan=Plan(early=1))


def test_audio_that_comes_at_once_is_never_covered() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(0.7)
        world.media.speak(CALLEE_LEG)
        await asyncio.sleep(5)
        assert heard(world) == []
        assert connected(world)

    scene([dial()], act, plan=Plan(early=1))


def test_a_plain_180_makes_the_callers_own_phone_ring() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(3)
        assert caller.progress == [(180, False)]
        assert heard(world) == []

    scene([dial()], act, plan=Plan(ring=1))


def test_a_tone_is_ours_from_the_first_sign_of_ringing_to_the_answer() -> None:
    async def act(world: World, caller: Phone) -> None:
        assert caller.progress == []
        await asyncio.sleep(1)
        assert caller.progress == [(183, True)]
        assert heard(world) == [TONE]
        await asyncio.sleep(3)
        assert (caller.answered, connected(world), heard(world)) == (1, True, [TONE, None])

    scene([dial("tone")], act, plan=Plan(ring=1, answer=3))


def test_music_begins_with_dialling_and_gives_way_to_the_network() -> None:
    async def act(world: World, caller: Phone) -> None:
        assert caller.progress == [(183, True)]
        assert heard(world) == [SONG]
        await asyncio.sleep(3)
        assert not connected(world)
        assert heard(world) == [SONG]  # there is a 183 by now, and no audio
        world.media.speak(CALLEE_LEG)
        await a_moment()
        assert connected(world)
        assert heard(world) == [SONG, None]

    scene([dial("music", files=("/music.wav",))], act, plan=Plan(early=2))


@pytest.mark.parametrize(("kind", "expected"), [("media", []), ("tone", [TONE]), ("pass", [])])
def test_early_media_can_be_kept_from_the_caller(kind: str, expected: list[object]) -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(1)
        world.media.speak(CALLEE_LEG)
        await asyncio.sleep(5)
        assert not connected(world)
        assert heard(world) == expected

    scene([dial(kind, early_media=False)], act, plan=Plan(early=1))


def test_whatever_comes_may_be_passed_on_as_it_is() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(5)
        assert caller.progress == [(183, True)]
        assert connected(world)
        assert heard(world) == []

    scene([dial("pass")], act, plan=Plan(early=1))


def test_a_caller_who_is_answered_already_hears_ringing_and_then_why_it_failed() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(2)
        assert heard(world) == [TONE]
        await asyncio.sleep(2)
        assert heard(world) == [TONE, None, RECOMMENDED.busy]
        assert not caller.ended
        await asyncio.sleep(5)
        assert caller.ended == [("remote", 200)]

    world = scene([Answer(), dial()], act, plan=Plan(ring=1, reject=(3, 486)))
    assert world.records[0][0].q850_cause == 17


def test_of_two_callees_the_one_who_speaks_is_heard() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, 2, strategy="parallel")])
        world.phone(1, Plan(early=1))
        world.phone(2, Plan(early=2, reject=(6, 500)))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(3)
        assert world.media.connected == {frozenset((1, 2))}
        assert heard(world) == [TONE]
        world.media.speak(3)
        await a_moment()
        assert world.media.connected == {frozenset((1, 3))}
        assert heard(world) == [TONE, None]
        await asyncio.sleep(3)  # who spoke has failed, the other one still promises
        world.media.speak(2)
        await a_moment()
        assert world.media.connected == {frozenset((1, 2))}
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


# Hold.

HOLD = replace(SOUNDS, hold={"": HoldMusic(("/music.wav",), (Say("hello"),), 10.0), "trunk:t1": None})


def test_who_is_held_hears_music_with_announcements_and_it_goes_on_where_it_was() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(2)
        caller.hold(caller.sessions[0])
        await a_moment()
        assert heard(world, CALLEE_LEG) == [SONG]
        await asyncio.sleep(23)  # 10 s, 2 s of words, 10 s
        assert heard(world, CALLEE_LEG) == [SONG, ("over", (WORDS,)), ("over", (WORDS,))]
        caller.hold(caller.sessions[0], "sendrecv")
        await a_moment()
        assert heard(world, CALLEE_LEG)[-1] is None
        caller.hold(caller.sessions[0], "inactive")
        await a_moment()
        again = [command for command in world.media.commands if isinstance(command, Play)][-1]
        assert (again.first, again.start_ms) == (0, 1500)
        assert events(world).count("call on hold") == 2
        assert "call resumed" in events(world)

    scene([to(1)], act, plan=Plan(answer=1), sounds=HOLD)


def test_each_holder_may_have_music_of_its_own_or_none() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(2)
        callee = world.phones[1]
        callee.hold(callee.sessions[0])
        await asyncio.sleep(2)
        assert heard(world) == []

    scene([to(1)], act, plan=Plan(answer=1), sounds=HOLD)


# Announcements and music.


def test_words_that_cannot_be_said_are_told_and_the_call_goes_on() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(10)

    wrong = "x" * 100
    world = scene([route.Play((Say(wrong), "/prompt.wav")), route.Play((Say("hello"), "/prompt.wav"))], act)
    assert heard(world)[:2] == [FILE, (WORDS, FILE)]
    (told,) = [line for line in world.recent.latest(1)[0].story if line.event == "speech failed"]
    assert told.facts["text"] == wrong[:SHOWN]
    assert "did not speak" in str(told.facts["error"])


def test_an_announcement_comes_again_after_a_pause() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(20)
        assert heard(world) == [FILE] * 4  # 2 s long, 4 s apart

    scene([route.Play(("/prompt.wav",), repeat=True, every=4.0)], act)


def test_music_lasts_as_long_as_it_was_told_with_announcements_over_it() -> None:
    async def act(world: World, caller: Phone) -> None:
        assert heard(world) == [SONG]
        await asyncio.sleep(24)
        over = ("over", (FILE, WORDS))
        assert heard(world) == [SONG, over, over]
        await asyncio.sleep(2)
        assert heard(world) == [SONG, over, over, None, FILE]

    music = Music(("/music.wav",), ("/prompt.wav", Say("hello")), 10.0, 25.0)
    scene([music, route.Play(("/prompt.wav",))], act)


def test_an_announcement_that_is_not_ready_does_not_stop_the_music() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(30)
        assert heard(world) == [SONG]

    scene([Music(("/music.wav",), (Say("{{QUEUE_POSITION_DEFAULT}}"),), 5.0)], act)


def test_early_music_answers_nothing() -> None:
    async def act(world: World, caller: Phone) -> None:
        await asyncio.sleep(5)
        assert caller.progress == [(183, True)]
        assert caller.answered == 0
        assert heard(world) == [SONG]

    scene([Music(("/music.wav",), early=True)], act)


@pytest.mark.parametrize(
    ("status", "tone"),
    [(486, RECOMMENDED.busy), (404, RECOMMENDED.special_information), (503, RECOMMENDED.congestion)],
)
def test_which_tone_tells_what(status: int, tone: object) -> None:
    assert SOUNDS.failure_tone(status) is tone
