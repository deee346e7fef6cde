"""INVITE with Replaces on virtual time (RFC 3891): who may take whose place, and what is left of the one that goes."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import Connect
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Phone, Plan, sdp
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import at, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.session.session import InviteSession

CALLER, CALLED, OTHER = 7, 1, 2


def play(story: Callable[[World, Phone, Phone], None], *, called: Plan | None = None, at_: float = 10) -> World:
    """The caller calls, is answered after 2 s, and hangs up whatever it still has at 100 s; the story begins at 10."""
    made: list[World] = []

    async def scenario() -> None:
        world = World(Random(6), [to(CALLED)], own_trunks=True)
        made.append(world)
        callee = world.phone(CALLED, called or Plan(ring=0.5, answer=2))
        caller = world.phone(CALLER)
        world.phone(OTHER)
        caller.call("1", SWITCH)
        at(at_, story, world, caller, callee)
        at(100, hang_up_all, caller)
        await world.settle(300)

    run_virtual(scenario)
    return made[0]


def hang_up_all(phone: Phone) -> None:
    for session in phone.sessions:
        phone.hang_up(session)


def replace(who: Phone, session: InviteSession, *, early_only: bool = False, body: bytes | None = None) -> None:
    """Call in the place of this dialog."""
    tag = session.remote_tag
    value = f"{session.call_id};to-tag={tag};from-tag={session.local_tag}{';early-only' if early_only else ''}"
    who.call("1", SWITCH, headers=(("Replaces", value), ("Require", "replaces")), body=body)


def bridged(world: World) -> tuple[int, int]:
    last = [command for command in world.media.commands if isinstance(command, Connect)][-1]
    return min(last.a, last.b), max(last.a, last.b)


def test_somebody_takes_the_place_of_the_caller() -> None:
    world = play(lambda world, caller, callee: replace(caller, caller.sessions[0]))
    caller, callee = world.phones[CALLER], world.phones[CALLED]
    assert caller.answered == 2
    assert caller.ended == [("remote", 200), ("local", 200)]
    assert callee.ended == [("remote", 200)]
    assert bridged(world) == (2, 3)
    (record, legs) = world.records[0]
    assert (record.outcome, len(world.records)) == (Outcome.ANSWERED, 1), "it is one call"
    assert record.talk_seconds == pytest.approx(98, abs=0.1)
    assert [leg.endpoint for leg in legs] == ["trunk:t7", "trunk:t1", "trunk:t7"]
    byes = [data for _, _, to_, data in world.wire.log if data.startswith(b"BYE") and to_[0] == "198.51.100.7"]
    assert b'Reason: SIP;cause=200;text="Call completed elsewhere"' in byes[0]


def test_somebody_takes_the_place_of_the_called_one() -> None:
    world = play(lambda world, caller, callee: replace(callee, callee.sessions[0]))
    caller, callee = world.phones[CALLER], world.phones[CALLED]
    assert callee.answered == 1
    assert callee.ended == [("remote", 200)] * 2
    assert caller.ended == [("local", 200)]
    assert bridged(world) == (1, 3)


def test_a_call_that_rings_is_picked_up() -> None:
    def story(world: World, caller: Phone, callee: Phone) -> None:
        replace(callee, callee.sessions[0], early_only=True)

    world = play(story, called=Plan(ring=0.5), at_=3)
    caller, callee = world.phones[CALLER], world.phones[CALLED]
    assert caller.answered == callee.answered == 1
    assert callee.ended[0] == ("remote", 487)
    assert bridged(world) == (1, 3)
    (record, _) = world.records[0]
    assert record.outcome is Outcome.ANSWERED
    assert record.talk_seconds == pytest.approx(97, abs=0.1)


def test_an_offer_that_cannot_be_taken_leaves_the_call_as_it_was() -> None:
    def story(world: World, caller: Phone, callee: Phone) -> None:
        replace(caller, caller.sessions[0], body=sdp(40000, "18"))

    world = play(story)
    assert world.phones[CALLER].refused == [488]
    assert world.phones[CALLED].ended == [("remote", 200)]
    assert bridged(world) == (1, 2)


def test_who_gives_up_before_the_answer_leaves_the_call_as_it_was() -> None:
    def story(world: World, caller: Phone, callee: Phone) -> None:
        replace(caller, caller.sessions[0])
        caller.hang_up(caller.sessions[1])

    world = play(story)
    assert world.phones[CALLED].ended == [("remote", 200)]
    assert len(world.records) == 1


def other_dialog(world: World, caller: Phone, callee: Phone) -> None:
    caller.call("1", SWITCH, headers=(("Replaces", "nobody@nowhere;to-tag=a;from-tag=b"),))


def twice(world: World, caller: Phone, callee: Phone) -> None:
    line = ("Replaces", "nobody@nowhere;to-tag=a;from-tag=b")
    caller.call("1", SWITCH, headers=(line, line))


def early_only(world: World, caller: Phone, callee: Phone) -> None:
    replace(caller, caller.sessions[0], early_only=True)


def half(world: World, caller: Phone, callee: Phone) -> None:
    caller.call("1", SWITCH, headers=(("Replaces", "nobody@nowhere;to-tag=a"),))


@pytest.mark.parametrize(("story", "status"), [(other_dialog, 481), (twice, 400), (half, 400), (early_only, 486)])
def test_what_cannot_be_replaced_is_refused(story: Callable[[World, Phone, Phone], None], status: int) -> None:
    world = play(story)
    assert world.phones[CALLER].refused == [status]
    assert bridged(world) == (1, 2)
    assert len(world.records) == 1


def test_a_call_of_theirs_that_is_not_answered_is_not_replaced() -> None:
    def story(world: World, caller: Phone, callee: Phone) -> None:
        first = caller.sessions[0]
        tag = next(iter(first.early or {}))
        value = f"{first.call_id};to-tag={tag};from-tag={first.local_tag}"
        caller.call("1", SWITCH, headers=(("Replaces", value),))

    world = play(story, called=Plan(ring=0.5), at_=3)
    assert 481 in world.phones[CALLER].refused


def test_nobody_reaches_into_the_calls_of_others() -> None:
    world = play(lambda world, caller, callee: replace(world.phones[OTHER], caller.sessions[0]))
    assert world.phones[OTHER].refused == [403]
    assert bridged(world) == (1, 2)


def test_the_later_of_two_at_once_is_refused_or_takes_over() -> None:
    """Whatever the order, the called one talks to one of them at the end and nothing is left of the other."""

    def story(world: World, caller: Phone, callee: Phone) -> None:
        for _ in range(2):
            replace(caller, caller.sessions[0])

    world = play(story)
    assert world.phones[CALLED].ended == [("remote", 200)]
    assert len(world.phones[CALLER].refused) == 1
    assert len(world.records) == 1
