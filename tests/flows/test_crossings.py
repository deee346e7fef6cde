"""Messages that cross, come twice, late or never, seen from both legs of a call (RFC 3261 9, 13 and 15)."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.headers import Reason
from softswitch.sip.message import Request, Response
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Plan, sdp
from tests.support.puppets import a_moment, requests_to
from tests.support.raw_peer import RawPeer
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CALLER = ("198.51.100.9", 5060)
CALLEE = ("198.51.100.1", 5060)


class Caller(RawPeer):
    """Says what the test makes it say; its dialog is that of the last 200."""

    def __init__(self, world: World) -> None:
        super().__init__(world.wire, CALLER, SWITCH)

    def request(self, method: str, *, cseq: int = 1, branch: str = "invite", body: bytes = b"") -> bytes:
        """A request of the one call it makes."""
        to_tag = "" if method in ("INVITE", "CANCEL") and cseq == 1 else f";tag={self.tag}"
        content = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:123@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.9:5060;branch=z9hG4bK{branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:them@198.51.100.9>;tag=them\r\nTo: <sip:123@192.0.2.1>{to_tag}\r\n"
            f"Call-ID: crossing\r\nCSeq: {cseq} {method}\r\nContact: <sip:them@198.51.100.9>\r\n{content}"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def call(self) -> None:
        """INVITE, or the same again."""
        self.say(self.request("INVITE", body=sdp(40000, "8 101", host=CALLER[0])))

    @property
    def tag(self) -> str:
        """The switch's."""
        return next(
            (each.to.tag or "" for each in reversed(self.heard) if isinstance(each, Response) and each.to.tag), ""
        )

    def statuses(self, method: str) -> list[int]:
        """What its requests of this method were answered, 100 left out."""
        responses = [each for each in self.heard if isinstance(each, Response)]
        return [each.status for each in responses if each.cseq.method == method and each.status != 100]


def crossing(story: Callable[[World, Caller], Awaitable[None]], outcome: Outcome, plan: Plan) -> None:
    """Run a story to its end: one call, one record, nothing left."""

    async def whole() -> None:
        world = World(Random(1), [to(1)])
        world.phone(1, plan)
        caller = Caller(world)
        caller.call()
        await a_moment()
        await story(world, caller)
        for bye in caller.requests("BYE"):
            caller.answer(bye, 200)
        await world.settle()
        assert [record.outcome for record, _ in world.records] == [outcome]
        assert len(world.phones[1].ended) == 1

    run_virtual(whole)


ANSWERS = Plan(answer=0.1)


def test_an_ack_that_never_comes_ends_both_legs_after_64_t1_and_says_why() -> None:
    async def story(world: World, caller: Caller) -> None:
        await asyncio.sleep(31)
        assert not world.phones[1].ended
        await asyncio.sleep(2)
        (bye,) = caller.requests("BYE")
        assert 'SIP;cause=408;text="no ACK"' in bye.headers.get_all("Reason")
        (other,) = requests_to(world, world.phones[1], "BYE")
        assert Reason.parse(other.headers.get_all("Reason")[0]).cause == 102
        assert caller.statuses("INVITE") == [200] * 11

    crossing(story, Outcome.ANSWERED, ANSWERS)


def test_a_bye_that_overtakes_the_ack_ends_both_legs() -> None:
    async def story(world: World, caller: Caller) -> None:
        caller.say(caller.request("BYE", cseq=2, branch="bye"))
        await a_moment()
        caller.say(caller.request("ACK", branch="ack"))
        await a_moment()
        assert caller.statuses("BYE") == [200]
        assert len(requests_to(world, world.phones[1], "BYE")) == 1

    crossing(story, Outcome.ANSWERED, ANSWERS)


def test_a_cancel_after_the_200_has_no_effect() -> None:
    async def story(world: World, caller: Caller) -> None:
        caller.say(caller.request("CANCEL"))
        caller.say(caller.request("ACK", branch="ack"))
        await a_moment()
        assert caller.statuses("CANCEL") == [200]
        assert not world.phones[1].ended
        caller.say(caller.request("BYE", cseq=2, branch="bye"))
        await a_moment()

    crossing(story, Outcome.ANSWERED, ANSWERS)


def test_both_hang_up_at_once() -> None:
    async def story(world: World, caller: Caller) -> None:
        caller.say(caller.request("ACK", branch="ack"))
        await a_moment()
        world.phones[1].hang_up(world.phones[1].sessions[0])
        caller.say(caller.request("BYE", cseq=2, branch="bye"))
        await a_moment()
        assert caller.statuses("BYE") == [200]

    crossing(story, Outcome.ANSWERED, ANSWERS)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO", "BYE"])
def test_whatever_comes_after_the_end_is_481(method: str) -> None:
    async def story(world: World, caller: Caller) -> None:
        caller.say(caller.request("ACK", branch="ack"))
        caller.say(caller.request("BYE", cseq=2, branch="bye"))
        await asyncio.sleep(1)
        body = sdp(40000, "8", host=CALLER[0]) if method in ("INVITE", "UPDATE") else b""
        caller.say(caller.request(method, cseq=3, branch="late", body=body))
        await a_moment()
        assert caller.statuses(method)[-1] == 481

    crossing(story, Outcome.ANSWERED, ANSWERS)


def test_repetitions_on_every_side_are_one_call() -> None:
    async def story(world: World, caller: Caller) -> None:
        for _ in range(3):
            caller.call()
            caller.say(caller.request("ACK", branch="ack"))
        await a_moment()
        for _ in range(3):
            caller.say(caller.request("BYE", cseq=2, branch="bye"))
        await a_moment()
        assert caller.statuses("BYE") == [200, 200, 200]
        assert len(requests_to(world, world.phones[1], "INVITE")) == 1
        assert len(requests_to(world, world.phones[1], "BYE")) == 1

    crossing(story, Outcome.ANSWERED, ANSWERS)


def test_a_cancel_that_crosses_the_callees_200_ends_the_callee_with_bye() -> None:
    async def story(world: World, caller: Caller) -> None:
        phone = world.phones[1]
        with phone.driver.turn():
            phone.sessions[0].accept(sdp(41000, "8 101"), phone.driver.now())
        caller.say(caller.request("CANCEL"))
        await a_moment()
        if 200 in caller.statuses("INVITE"):
            caller.say(caller.request("ACK", branch="ack"))
            caller.say(caller.request("BYE", cseq=2, branch="bye"))
        else:
            caller.say(caller.request("ACK"))
        await a_moment()
        assert phone.ended == [("remote", 200)]

    crossing(story, Outcome.ABANDONED, Plan(ring=0.1))


def test_a_2xx_that_comes_again_after_the_call_gets_its_ack_again_and_nothing_else() -> None:
    async def whole() -> None:
        world = World(Random(1), [to(1)])
        callee = RawPeer(world.wire, CALLEE, SWITCH)
        caller = world.phone(9)
        session = caller.call("123", SWITCH)
        await a_moment()
        (invite,) = callee.requests("INVITE")
        callee.answer(invite, 200, tag="callee", body=sdp(41000, "8 101"))
        await a_moment()
        caller.hang_up(session)
        await a_moment()
        (bye,) = callee.requests("BYE")
        callee.answer(bye, 200)
        await a_moment()
        before = len(callee.heard)
        callee.answer(invite, 200, tag="callee", body=sdp(41000, "8 101"))
        await a_moment()
        (again,) = callee.heard[before:]
        assert isinstance(again, Request)
        assert (again.method, again.to.tag) == ("ACK", "callee")
        await asyncio.sleep(40)
        before = len(callee.heard)
        callee.answer(invite, 200, tag="callee", body=sdp(41000, "8 101"))
        callee.answer(invite, 486, tag="callee")
        await a_moment()
        assert len(callee.heard) == before, "the transaction is over: nobody knows what that answers"
        await world.settle()
        assert len(world.records) == 1

    run_virtual(whole)
