"""Listening, whispering and barging on virtual time: who is seated how, and that the call outlives it."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import CloseRoom, JoinRoom, OpenRoom
from softswitch.b2bua.supervision import Mode, NotSupervisableError
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Plan
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import at, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.callflow.supervisor import RunningCall

CALLER, CALLEE, BOSS = 9, 1, 2
CALLER_LEG, CALLEE_LEG, BOSS_LEG = 1, 2, 3


def running(world: World) -> RunningCall:
    (found,) = world.supervisor.calls.values()
    return found


def supervise(world: World, mode: Mode, name: str = "boss") -> None:
    """Ring the phone of trunk t2 for the only call there is."""
    call = running(world)
    destinations = [
        each for stage in world.supervisor.resources.stages(call.call, to(BOSS)) for each in stage.destinations
    ]
    call.supervision.check()
    task = asyncio.get_running_loop().create_task(call.supervision.supervise(name, destinations, mode, 30))
    world.kept = task  # type: ignore[attr-defined]


def joins(world: World) -> list[JoinRoom]:
    return [command for command in world.media.commands if isinstance(command, JoinRoom)]


def seats(world: World) -> dict[int, JoinRoom]:
    """How each leg sits at last."""
    return {join.leg: join for join in joins(world)}


def run_call(story: Callable[[World], None], *, boss: Plan | None = None, codecs: str = "pcma") -> World:
    """A call from 0 to 60 s, answered after 3."""
    made: list[World] = []

    async def scenario() -> None:
        world = World(Random(1), [to(CALLEE)], codecs=(KNOWN_CODECS[codecs],))
        made.append(world)
        world.phone(CALLEE, Plan(ring=0.5, answer=3, hang_up=60))
        world.phone(BOSS, boss or Plan(ring=0.5, answer=1, hang_up=30))
        world.phone(CALLER).call("123", SWITCH)
        story(world)
        await world.settle()

    run_virtual(scenario)
    return made[0]


@pytest.mark.parametrize(
    ("mode", "speaks", "silent_to", "hearing"),
    [
        (Mode.LISTEN, False, (), []),
        (Mode.WHISPER, True, (CALLER_LEG,), [CALLEE_LEG]),
        (Mode.BARGE, True, (), [CALLER_LEG, CALLEE_LEG]),
    ],
)
def test_each_way_of_taking_part(mode: Mode, speaks: bool, silent_to: tuple[int, ...], hearing: list[int]) -> None:
    world = run_call(lambda world: at(10, supervise, world, mode))
    seated = seats(world)
    assert seated[BOSS_LEG] == JoinRoom(seated[BOSS_LEG].room, BOSS_LEG, speaks, True, silent_to)
    assert [leg for leg in (CALLER_LEG, CALLEE_LEG) if seated[leg].hears] == hearing
    assert all(seated[leg].speaks for leg in (CALLER_LEG, CALLEE_LEG))


def test_the_call_goes_on_when_the_supervisor_hangs_up_and_its_record_is_that_of_two() -> None:
    gone: list[list[int]] = []

    def story(world: World) -> None:
        at(10, supervise, world, Mode.BARGE)
        at(45, lambda: gone.append(list(world.media.rooms)))

    world = run_call(story)
    assert gone == [[]]
    record, legs = world.records[0]
    assert record.outcome is Outcome.ANSWERED
    assert record.hung_up_by == "callee"
    assert record.trunk == "t1"
    assert record.talk_seconds == pytest.approx(57, abs=0.1)
    assert [leg.role for leg in legs] == ["caller", "callee", "supervisor"]


def test_the_end_of_the_call_is_the_end_of_its_supervision() -> None:
    world = run_call(lambda world: at(10, supervise, world, Mode.LISTEN), boss=Plan(ring=0.5, answer=1))
    assert sum(isinstance(command, CloseRoom) for command in world.media.commands) == 1
    assert [leg.role for leg in world.records[0][1]] == ["caller", "callee", "supervisor"]


def test_the_way_may_change_meanwhile() -> None:
    changes = []

    def story(world: World) -> None:
        at(10, supervise, world, Mode.LISTEN)
        for moment, mode in ((15, Mode.WHISPER), (20, Mode.BARGE), (25, Mode.LISTEN)):
            at(moment, lambda mode=mode: changes.append(running(world).supervision.change("boss", mode)))

    world = run_call(story)
    assert changes == [True] * 3
    assert [(join.speaks, join.silent_to) for join in joins(world) if join.leg == BOSS_LEG] == [
        (False, ()),
        (True, (CALLER_LEG,)),
        (True, ()),
        (False, ()),
    ]
    assert [join.hears for join in joins(world) if join.leg == CALLER_LEG] == [False, False, True, False]
    assert sum(isinstance(command, OpenRoom) for command in world.media.commands) == 1


def test_a_supervisor_who_does_not_answer_leaves_nothing_behind() -> None:
    for plan in (Plan(ring=0.5), Plan(reject=(1, 486))):
        world = run_call(lambda world: at(10, supervise, world, Mode.LISTEN), boss=plan)
        assert not joins(world)
        assert len(world.records) == 1


def test_a_supervisor_can_be_sent_away() -> None:
    ended = []

    def story(world: World) -> None:
        at(10, supervise, world, Mode.LISTEN)
        at(20, lambda: ended.append(running(world).supervision.end("boss")))
        at(21, lambda: ended.append(running(world).supervision.end("boss")))

    world = run_call(story, boss=Plan(ring=0.5, answer=1))
    assert ended == [True, False]
    assert not world.media.rooms


def test_a_call_in_which_nobody_talks_cannot_be_supervised() -> None:
    refused = []

    def try_it(world: World) -> None:
        with pytest.raises(NotSupervisableError, match="no two parties who talk"):
            running(world).supervision.check()
        refused.append(True)

    run_call(lambda world: at(1, try_it, world))
    assert refused == [True]


@pytest.mark.parametrize("seed", range(30))
def test_random_supervision_leaves_nothing_behind(seed: int) -> None:
    dice = Random(seed)

    def begin(world: World) -> None:
        if world.supervisor.calls:
            try:
                if not running(world).supervision.change("boss", dice.choice(list(Mode))):
                    supervise(world, dice.choice(list(Mode)))
            except NotSupervisableError:
                pass

    def story(world: World) -> None:
        for _ in range(4):
            at(dice.randrange(260) * 0.25, begin, world)

    boss = Plan(ring=0.5, answer=dice.choice([0.5, 5, 50]), hang_up=dice.choice([None, 0.5, 20]))
    assert len(run_call(story, boss=boss).records) == 1
