"""Loops and spirals through proxies and other B2BUAs, and requests that would make a relay of us."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.loops import MOST_MARKS
from softswitch.sip.message import Request, Response, parse_message
from tests.support.phone import Plan
from tests.support.puppets import a_moment, requests_to
from tests.support.raw_peer import RawPeer
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from softswitch.sip.flow import Flow

CALLER = 9
PROXY = ("198.51.100.1", 5060)
HEADERS_LOST = ("Call-Path",)


class Relay(RawPeer):
    """A proxy that sends every INVITE back to the switch, for the number it is told; or another B2BUA that does."""

    def __init__(self, world: World, number: str, *, b2bua: bool = False, drops: tuple[str, ...] = ()) -> None:
        super().__init__(world.wire, PROXY, SWITCH)
        self._number = number
        self._b2bua = b2bua
        self._drops = drops
        self._turn = 0
        self._asked: dict[str, Request] = {}

    def received(self, data: bytes, flow: Flow) -> None:
        super().received(data, flow)
        message = self.heard[-1]
        if isinstance(message, Response):
            asked = self._asked.get(message.call_id)
            if asked is not None and message.status >= 200:
                self.answer(asked, message.status, tag="relay")
                self.say(self._ack(message))
        elif message.method == "INVITE" and not any(each == message for each in self._asked.values()):
            self._forward(message)

    def _forward(self, message: Request) -> None:
        self._turn += 1
        onward = parse_message(bytes(message))
        assert isinstance(onward, Request)
        onward.uri = replace(onward.uri, user=self._number or onward.uri.user, host=SWITCH[0])
        vias = [] if self._b2bua else onward.headers.get_all("Via")
        onward.headers.set("Via", f"SIP/2.0/UDP {PROXY[0]}:{PROXY[1]};branch=z9hG4bKrelay{self._turn}")
        for via in vias:
            onward.headers.add("Via", via)
        onward.headers.set("Max-Forwards", str((message.max_forwards or 70) - 1))
        if self._b2bua:
            onward.headers.set("Call-ID", f"relay-{self._turn}")
            onward.headers.set("From", f"<sip:relay@{PROXY[0]}>;tag=relay{self._turn}")
        for name in self._drops:
            onward.headers.remove(name)
        self._asked[onward.call_id] = message
        self.say(onward)

    def _ack(self, response: Response) -> bytes:
        return (
            f"ACK sip:{SWITCH[0]} SIP/2.0\r\nVia: {response.headers.get_all('Via')[0]}\r\nMax-Forwards: 70\r\n"
            f"From: {response.headers.get('From')}\r\nTo: {response.headers.get('To')}\r\n"
            f"Call-ID: {response.call_id}\r\nCSeq: {response.cseq.number} ACK\r\nContent-Length: 0\r\n\r\n"
        ).encode()


def looped(relay: Callable[[World], Relay]) -> tuple[list[int], int, list[int]]:
    """A call through such a relay: what the caller is told, how many calls it was for us, Max-Forwards of each."""
    found: list[tuple[list[int], int, list[int]]] = []

    async def story() -> None:
        world = World(Random(1), [to(1)])
        peer = relay(world)
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, headers=(("Max-Forwards", "20"),))
        await world.settle()
        found.append((caller.refused, len(world.records), [each.max_forwards or 0 for each in peer.requests("INVITE")]))

    run_virtual(story)
    return found[0]


@pytest.mark.parametrize("b2bua", [False, True], ids=["proxy", "b2bua"])
def test_a_loop_is_found_at_its_second_turn(b2bua: bool) -> None:
    refused, calls, _ = looped(lambda world: Relay(world, "", b2bua=b2bua))
    assert (refused, calls) == ([482], 2)


def test_behind_somebody_who_keeps_nothing_but_max_forwards_it_ends_all_the_same() -> None:
    refused, calls, forwards = looped(lambda world: Relay(world, "", b2bua=True, drops=HEADERS_LOST))
    assert refused == [483]
    assert calls == len(forwards)
    assert forwards == sorted(forwards, reverse=True)
    assert forwards[-1] >= 1
    assert forwards[0] == 19


def test_a_spiral_goes_on() -> None:
    """It comes back for another number, and is answered there."""

    async def story() -> None:
        world = World(Random(1), [to(1)])
        relay = Relay(world, "456")
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        # The first time around it is another number; the second time it is the loop.
        assert caller.refused == [482]
        assert [each.uri.user for each in relay.requests("INVITE")] == ["123", "123"]
        assert [record.called for record, _ in world.records] == ["456", "123"]

    run_virtual(story)


@pytest.mark.parametrize(("marks", "status"), [(1, 100), (MOST_MARKS - 1, 100), (MOST_MARKS, 483), (500, 483)])
def test_what_others_have_written_is_no_loop_and_not_endless(marks: int, status: int) -> None:
    async def story(world: World, peer: RawPeer) -> None:
        peer.say(invite(headers="Call-Path: " + ",".join(["0123456789ab"] * marks) + "\r\n"))
        await a_moment()
        assert isinstance(peer.heard[0], Response)
        assert peer.heard[0].status == status
        for request in requests_to(world, world.phones[1], "INVITE"):
            assert len(request.headers.get("Call-Path") or "") < 13 * (MOST_MARKS + 1)

    asked(story)


# Never an open relay.


def invite(uri: str = "sip:123@192.0.2.1", headers: str = "", forwards: str = "70", via: str = "198.51.100.9") -> bytes:
    """An INVITE from a trunk."""
    body = "v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
    return (
        f"INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {via}:5060;branch=z9hG4bKrelay\r\nMax-Forwards: {forwards}\r\n"
        f"From: <sip:them@198.51.100.9>;tag=them\r\nTo: <{uri}>\r\nCall-ID: relay\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:them@198.51.100.9>\r\n{headers}Content-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def asked(story: Callable[[World, RawPeer], Awaitable[None]]) -> None:
    """A trunk that asks for odd things, and a callee that is busy."""

    async def whole() -> None:
        world = World(Random(1), [to(1)])
        world.phone(1, Plan(reject=(0.1, 486)))
        peer = RawPeer(world.wire, ("198.51.100.9", 5060), SWITCH)
        await story(world, peer)
        await world.settle()

    run_virtual(whole)


def sent_to(world: World) -> set[str]:
    """Every address the switch has sent anything to."""
    return {to_[0] for _, from_, to_, _ in world.wire.log if from_ == SWITCH}


@pytest.mark.parametrize(
    "message",
    [
        invite(headers="Route: <sip:203.0.113.66;lr>\r\n"),
        invite(headers="Route: <sip:192.0.2.1;lr>, <sip:203.0.113.66;lr>\r\n"),
        invite(headers="Route: <sip:203.0.113.66>\r\n"),
        invite("sip:123@203.0.113.66"),
        invite("sip:123@192.0.2.1;maddr=203.0.113.66"),
        invite(headers="Record-Route: <sip:203.0.113.66;lr>\r\n"),
        invite(headers="P-Asserted-Identity: <sip:123@203.0.113.66>\r\n"),
        invite(headers="Contact: <sip:123@203.0.113.66>\r\n".replace("Contact", "Refer-To")),
    ],
    ids=["route", "two routes", "strict route", "request uri", "maddr", "record-route", "identity", "refer-to"],
)
def test_nobody_makes_us_send_to_a_third_party(message: bytes) -> None:
    async def story(world: World, peer: RawPeer) -> None:
        peer.say(message)
        await a_moment()
        assert sent_to(world) == {"198.51.100.9", "198.51.100.1"}
        (onward,) = requests_to(world, world.phones[1], "INVITE")
        assert str(onward.uri) == "sip:123@198.51.100.1"
        assert not onward.routes

    asked(story)


@pytest.mark.parametrize("via", ["192.0.2.1", "203.0.113.66", "127.0.0.1"])
def test_a_via_that_names_us_or_others_is_answered_where_it_came_from(via: str) -> None:
    async def story(world: World, peer: RawPeer) -> None:
        peer.say(invite(via=via))
        await a_moment()
        assert sent_to(world) == {"198.51.100.9", "198.51.100.1"}
        assert [each.status for each in peer.heard if isinstance(each, Response)][:2] == [100, 486]

    asked(story)


@pytest.mark.parametrize(("forwards", "status"), [("0", 483), ("1", 483), ("2", 100)])
def test_max_forwards(forwards: str, status: int) -> None:
    async def story(world: World, peer: RawPeer) -> None:
        peer.say(invite(forwards=forwards))
        await a_moment()
        finals = [each.status for each in peer.heard if isinstance(each, Response) and each.status != 100]
        assert finals[0] == (486 if status == 100 else status)
        assert bool(requests_to(world, world.phones[1], "INVITE")) is (status == 100)

    asked(story)


def test_the_same_request_on_two_ways_is_merged() -> None:
    """RFC 3261 8.2.2.2."""

    async def story(world: World, peer: RawPeer) -> None:
        peer.say(invite())
        peer.say(invite().replace(b"branch=z9hG4bKrelay", b"branch=z9hG4bKother"))
        await a_moment()
        statuses = [each.status for each in peer.heard if isinstance(each, Response)]
        assert statuses.count(482) == 1
        assert len(requests_to(world, world.phones[1], "INVITE")) == 1

    asked(story)
