"""A trunk answers 3xx: refused as ever, or followed over the same trunk and no further than it may be asked to call."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.b2bua.redirect import MOST, places
from softswitch.dialplan.route import Reject
from softswitch.endpoints.toll import TollPolicy
from softswitch.sip.message import Response
from softswitch.telemetry.cdr import Outcome
from softswitch.transport.next_hop import NextHop
from tests.support.phone import sdp
from tests.support.puppets import a_moment
from tests.support.raw_peer import RawPeer
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from softswitch.dialplan.route import Action
    from softswitch.endpoints.trunk import Trunk
    from tests.support.phone import Phone

CALLER = 9
HERE = ("198.51.100.1", 5060)
ELSEWHERE = ("198.51.100.2", 5060)


class Redirecting:
    """A call over a trunk of two addresses; the test answers in their place."""

    def __init__(self, world: World, peers: dict[str, RawPeer], caller: Phone) -> None:
        self.world = world
        self.peers = peers
        self.caller = caller

    @property
    def asked(self) -> list[str]:
        """The numbers that were called, in order."""
        invites = [
            data.split(b" ", 2)[1].decode()
            for _, from_, to_, data in self.world.wire.log
            if from_ == SWITCH and to_ in (HERE, ELSEWHERE) and data.startswith(b"INVITE ")
        ]
        return list(dict.fromkeys(uri.removeprefix("sip:") for uri in invites))

    async def redirects(self, *contacts: str, status: int = 302, at: str = HERE[0]) -> None:
        """Answer the last INVITE."""
        peer = self.peers[at]
        peer.answer(peer.requests("INVITE")[-1], status, headers=tuple(("Contact", each) for each in contacts))
        await a_moment()

    async def answers(self, status: int = 200, at: str = HERE[0]) -> None:
        """Answer the last INVITE for good."""
        peer = self.peers[at]
        body = sdp(41000, "8 101") if status == 200 else b""
        peer.answer(peer.requests("INVITE")[-1], status, tag="callee", body=body)
        await a_moment()


def redirecting(
    story: Callable[[Redirecting], Awaitable[None]],
    outcome: Outcome = Outcome.ANSWERED,
    routes: dict[str, list[Action]] | None = None,
    **policy: object,
) -> None:
    """Run a story of such a call to its end; `routes`: what rules before the one that dials do with a number."""

    async def whole() -> None:
        world = World(Random(1), [to(1)], routes=routes)
        resources = world.supervisor.resources
        settings: dict[str, object] = {"follows_redirects": True, **policy}
        hops = (NextHop(HERE[0]), NextHop(ELSEWHERE[0]))
        trunk: Trunk = replace(resources.trunks["t1"], next_hops=hops, **settings)  # type: ignore[arg-type]
        resources.trunks["t1"] = trunk  # type: ignore[index]
        peers = {address[0]: RawPeer(world.wire, address, SWITCH) for address in (HERE, ELSEWHERE)}
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await a_moment()
        await story(Redirecting(world, peers, caller))
        if session.is_established:
            caller.hang_up(session)
            await a_moment()
            for peer in peers.values():
                for bye in peer.requests("BYE"):
                    peer.answer(bye, 200)
        await world.settle()
        assert world.records[0][0].outcome is outcome

    run_virtual(whole)


def test_by_default_a_3xx_is_a_refusal() -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects("<sip:456@198.51.100.1>")
        assert call.asked == ["123@198.51.100.1"]
        assert call.caller.refused == [480]

    redirecting(story, Outcome.NO_ANSWER, follows_redirects=False)


@pytest.mark.parametrize("status", [300, 301, 302])
def test_rfc_3261_8_1_3_4_contacts_are_tried_by_q_until_one_answers(status: int) -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects(
            "<sip:111@198.51.100.1>;q=0.2", "<sip:222@198.51.100.1>;q=0.9", "<sip:333@198.51.100.1>", status=status
        )
        assert call.asked[1:] == ["333@198.51.100.1"]
        await call.answers(404)
        assert call.asked[2:] == ["222@198.51.100.1"]
        await call.answers(486)
        assert call.asked[3:] == ["111@198.51.100.1"]
        await call.answers()
        assert call.caller.answered == 1

    redirecting(story)


@pytest.mark.parametrize("status", [305, 380, 399])
def test_what_asks_for_something_else_is_not_followed(status: int) -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects("<sip:456@198.51.100.1>", status=status)
        assert call.asked == ["123@198.51.100.1"]

    redirecting(story, Outcome.NO_ANSWER)


def test_an_address_of_the_trunk_is_the_way_and_a_foreign_one_is_only_a_number() -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects("<sip:123@198.51.100.2>;q=1", "<sip:456@203.0.113.66>;q=0.5")
        assert call.asked[1:] == ["123@198.51.100.2"]
        await call.answers(480, at=ELSEWHERE[0])
        assert call.asked[2:] == ["456@198.51.100.1"]
        assert not [to_ for _, from_, to_, _ in call.world.wire.log if to_[0] == "203.0.113.66"]
        await call.answers()

    redirecting(story)


def test_nobody_is_tried_twice() -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects("<sip:123@198.51.100.1>", "<sip:456@198.51.100.1>", "<sip:456@198.51.100.1;user=phone>")
        assert call.asked == ["123@198.51.100.1", "456@198.51.100.1"]
        await call.redirects("<sip:123@203.0.113.1>", "<tel:456>")
        assert call.asked == ["123@198.51.100.1", "456@198.51.100.1"]
        assert call.caller.refused == [480]

    redirecting(story, Outcome.NO_ANSWER)


def test_those_who_always_know_somebody_else_come_to_an_end() -> None:
    async def story(call: Redirecting) -> None:
        for number in range(200, 220):
            if call.caller.refused:
                break
            await call.redirects(f"<sip:{number}@198.51.100.1>")
        assert len(call.asked) == 1 + MOST
        assert call.caller.refused == [480]

    redirecting(story, Outcome.NO_ANSWER)


def test_a_redirected_one_who_is_redirected_again_is_followed_before_the_others() -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects("<sip:222@198.51.100.1>", "<sip:333@198.51.100.1>;q=0.1")
        await call.redirects("<sip:444@198.51.100.1>")
        await call.answers(404)
        assert [each.partition("@")[0] for each in call.asked] == ["123", "222", "444", "333"]
        await call.answers()

    redirecting(story)


def test_who_refuses_for_everybody_ends_it() -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects("<sip:222@198.51.100.1>", "<sip:333@198.51.100.1>;q=0.1")
        await call.answers(603)
        assert call.caller.refused == [603]
        assert len(call.asked) == 2

    redirecting(story, Outcome.REJECTED)


def test_toll_fraud_a_number_that_may_not_be_called_is_passed_over() -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects("<sip:0900123@198.51.100.1>", "<sip:1234@198.51.100.1>;q=0.5")
        assert call.asked[1:] == ["1234@198.51.100.1"]
        await call.answers()

    redirecting(story, toll=TollPolicy.of(international=True, allowed=["123"], denied=["0900"]))


def test_toll_fraud_a_number_that_a_rule_rejects_is_passed_over() -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects(
            "<sip:0900123@198.51.100.1>", "<sip:%30900123@198.51.100.2>", "<sip:456@198.51.100.1>;q=0.5"
        )
        assert call.asked[1:] == ["456@198.51.100.1"]
        await call.answers()

    redirecting(story, routes={"0900123": [Reject(403)]})


def test_where_all_numbers_are_rejected_the_redirection_is_a_refusal() -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects("<sip:0900123@198.51.100.1>")
        assert call.asked == ["123@198.51.100.1"]
        assert call.caller.refused == [480]

    redirecting(story, Outcome.NO_ANSWER, routes={"0900123": [Reject(403)]})


@pytest.mark.parametrize("contacts", [(), ("<mailto:a@example.com>",), ("<sip:198.51.100.1>",)])
def test_places_nobody_can_be_called_at_are_a_refusal(contacts: tuple[str, ...]) -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects(*contacts)
        assert call.asked == ["123@198.51.100.1"]
        assert call.caller.refused == [480]

    redirecting(story, Outcome.NO_ANSWER)


def test_a_caller_who_has_gone_is_not_called_for() -> None:
    async def story(call: Redirecting) -> None:
        await call.redirects("<sip:222@198.51.100.1>", "<sip:333@198.51.100.1>")
        peer = call.peers[HERE[0]]
        peer.answer(peer.requests("INVITE")[-1], 180, tag="callee")
        await a_moment()
        call.caller.hang_up(call.caller.sessions[0])
        await a_moment()
        (cancel,) = peer.requests("CANCEL")
        peer.answer(cancel, 200)
        await call.answers(487)
        assert len(call.asked) == 2

    redirecting(story, Outcome.ABANDONED)


@pytest.mark.parametrize(
    ("values", "users"),
    [
        (["<sip:a@x>", "<sip:b@x>"], ["a", "b"]),
        (["<sip:a@x>;q=0.1, <sip:b@x>;q=0.2"], ["b", "a"]),
        (["<sip:a@x>;q=nonsense", "<sip:b@x>;q=0.001"], ["b", "a"]),
        (["<sip:a@x>;q=-1", "<sip:b@x>;q=99"], ["b", "a"]),
        ([f"<sip:u{n}@x>" for n in range(50)], [f"u{n}" for n in range(MOST)]),
        ([], []),
    ],
)
def test_the_order_of_places(values: list[str], users: list[str]) -> None:
    response = Response(302)
    for value in values:
        response.headers.add("Contact", value)
    assert [uri.user for uri in places(response)] == users
