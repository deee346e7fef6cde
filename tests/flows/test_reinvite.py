"""A call that stands is changed by either side: every direction, address, codec, packet time, and what the other hears.

RFC 3264 8 within the rules of RFC 3261 14. Hold is local: whatever one leg asks for, the other leg is told nothing.
"""

from __future__ import annotations

import asyncio
import re
from random import Random
from typing import TYPE_CHECKING, Literal, TypeVar

import pytest

from media.commands import Connect, Disconnect, SetDirection, SetFormats, SetRemote
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sip.events import OfferAnswered, OfferReceived, OfferRefused
from softswitch.sip.flow import Flow
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Plan
from tests.support.puppets import a_moment, act, bodies, requests_to, responses_to
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from softswitch.b2bua.leg import Leg
    from softswitch.sip.session.session import InviteSession
    from tests.support.phone import Phone

Order = TypeVar("Order", SetDirection, SetFormats, SetRemote)
Side = Literal["caller", "callee"]
SIDES: tuple[Side, Side] = ("caller", "callee")
CODECS = tuple(KNOWN_CODECS[name] for name in ("pcma", "pcmu", "g722"))
REVERSED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
SENDS, RECEIVES = {"sendrecv", "recvonly"}, {"sendrecv", "sendonly"}
"""Their directions in which we send, and in which we receive."""


def description(
    *, port: int = 40000, codecs: str = "8 101", direction: str = "", host: str = "198.51.100.9", version: int = 2,
    more: str = "", ptime: int = 0,
) -> bytes:  # fmt: skip
    """An audio description; `more`: whole lines after it."""
    lines = f"a={direction}\r\n" if direction else ""
    lines += f"a=ptime:{ptime}\r\n" if ptime else ""
    events = "a=rtpmap:101 telephone-event/8000\r\n" if "101" in codecs.split() else ""
    return (
        f"v=0\r\no=- 7 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {codecs}\r\n{events}{lines}{more}"
    ).encode()


class Standing:
    """A call that stands, and the side of it that makes changes."""

    def __init__(self, world: World, side: Side, phones: dict[Side, Phone]) -> None:
        self.world = world
        self.phone = phones[side]
        self.other = phones["callee" if side == "caller" else "caller"]
        self.session: InviteSession = self.phone.sessions[0]
        (running,) = world.supervisor.calls.values()
        self.leg: Leg = running.call.legs[SIDES.index(side)]
        self.other_leg: Leg = running.call.legs[1 - SIDES.index(side)]

    async def offers(self, body: bytes) -> None:
        """re-INVITE."""
        act(self.phone, lambda now: self.session.reinvite(body, now))
        await a_moment()

    @property
    def answers(self) -> list[bytes]:
        """The SDP of our answers."""
        return bodies(self.phone, OfferAnswered)

    @property
    def refusals(self) -> list[int]:
        """Our refusals."""
        return [event.status for event in self.phone.events if isinstance(event, OfferRefused)]

    def last(self, kind: type[Order]) -> Order:
        """The engine's last order of a kind for this side's leg."""
        assert self.leg.media is not None
        number = self.leg.media.leg
        return [each for each in self.world.media.commands if isinstance(each, kind) and each.leg == number][-1]

    @property
    def sends_and_receives(self) -> tuple[bool, bool]:
        """As the engine knows it."""
        order = self.last(SetDirection)
        return order.send, order.receive

    @property
    def remote(self) -> tuple[str, int]:
        """Where the engine sends."""
        order = self.last(SetRemote)
        return order.address, order.port


def standing(
    side: Side, story: Callable[[Standing], Awaitable[None]], *, alive: bool = True, other_is_told: bool = False
) -> None:
    """Run a story of such a call; at its end both legs stand, the other one was told nothing, and nothing is left."""

    async def whole() -> None:
        world = World(Random(1), [to(1)], codecs=CODECS)
        callee = world.phone(1, Plan(answer=0.1))
        caller = world.phone(9)
        session = caller.call("123", SWITCH, body=description(version=1))
        await asyncio.sleep(1)
        call = Standing(world, side, {"caller": caller, "callee": callee})
        await story(call)
        if alive:
            assert not caller.ended + callee.ended
            assert bool(bodies(call.other, OfferReceived)) is other_is_told
            caller.hang_up(session)
        await world.settle()
        assert world.records[0][0].outcome is Outcome.ANSWERED

    run_virtual(whole)


def direction_of(body: bytes) -> str:
    """The direction of its audio; none said is sendrecv."""
    found = re.search(rb"a=(sendrecv|sendonly|recvonly|inactive)\r\n", body)
    return found[1].decode() if found else "sendrecv"


def origin(body: bytes) -> tuple[int, int]:
    """Number and version of o=."""
    found = re.search(rb"o=\S+ (\d+) (\d+) ", body)
    assert found is not None
    return int(found[1]), int(found[2])


# RFC 3264 8.4: every direction pair.


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("before", REVERSED)
def test_rfc_3264_6_1_every_direction_from_every_direction(side: Side, before: str) -> None:
    async def story(call: Standing) -> None:
        steps = [direction for after in REVERSED for direction in (before, after)]
        for version, direction in enumerate(steps, 2):
            await call.offers(description(direction=direction, version=version))
            assert direction_of(call.answers[-1]) == REVERSED[direction]
            assert call.sends_and_receives == (direction in SENDS, direction in RECEIVES)
        assert call.leg.partner is call.other_leg

    standing(side, story)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("direction", REVERSED)
def test_rfc_2543_hold_by_address_and_back(side: Side, direction: str) -> None:
    async def story(call: Standing) -> None:
        await call.offers(description(host="0.0.0.0", direction=direction))
        assert direction_of(call.answers[-1]) == ("recvonly" if direction in RECEIVES else "inactive")
        assert call.sends_and_receives == (False, direction in RECEIVES)
        await call.offers(description(version=3))
        assert direction_of(call.answers[-1]) == "sendrecv"
        assert call.sends_and_receives == (True, True)
        assert call.remote == ("198.51.100.9", 40000)

    standing(side, story)


def test_both_hold_each_other_and_come_back_one_by_one() -> None:
    async def story(call: Standing) -> None:
        others = call.other.sessions[0]
        await call.offers(description(direction="sendonly"))
        act(
            call.other,
            lambda now: others.reinvite(description(port=41000, host="198.51.100.1", direction="inactive"), now),
        )
        await a_moment()
        await call.offers(description(direction="sendrecv", version=3))
        assert direction_of(call.answers[-1]) == "sendrecv"
        act(call.other, lambda now: others.reinvite(description(port=41000, host="198.51.100.1", version=3), now))
        await a_moment()
        assert [direction_of(body) for body in bodies(call.other, OfferAnswered)] == ["inactive", "sendrecv"]

    standing("caller", story)


# Address, codec, packet time.


@pytest.mark.parametrize("side", SIDES)
def test_rfc_3264_8_3_1_a_new_address_and_port(side: Side) -> None:
    async def story(call: Standing) -> None:
        await call.offers(description(host="198.51.100.77", port=45678))
        assert call.remote == ("198.51.100.77", 45678)
        assert call.sends_and_receives == (True, True)
        bridge = [each for each in call.world.media.commands if isinstance(each, Connect | Disconnect)]
        assert [type(each) for each in bridge] == [Connect]

    standing(side, story)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("offered", "answered"),
    [("8 101", "8 101"), ("0 101", "0 101"), ("9", "9"), ("0 8 9 101", "8 101"), ("9 8 0 101", "8 101"), ("18 9", "9")],
)
def test_rfc_3264_8_3_2_another_codec_also_one_the_other_side_has_not(side: Side, offered: str, answered: str) -> None:
    """A codec in use that is still offered stays in use, whatever the order; another one is transcoded."""

    async def story(call: Standing) -> None:
        await call.offers(description(codecs=offered))
        assert f"RTP/AVP {answered}\r\n".encode() in call.answers[-1]
        formats = call.last(SetFormats)
        assert str(formats.send[0].payload_type) == answered.split()[0]
        assert call.other_leg.media is not None
        assert call.other_leg.media.agreement is not None
        assert call.other_leg.media.agreement.codec.name == "PCMA"

    standing(side, story)


@pytest.mark.parametrize("side", SIDES)
def test_after_a_detour_the_codec_of_the_other_side_is_taken_again(side: Side) -> None:
    """What the partner uses is relayed; staying with the codec of the detour would be transcoded for ever."""

    async def story(call: Standing) -> None:
        await call.offers(description(codecs="9"))
        await call.offers(description(codecs="9 8 101", version=3))
        assert b"RTP/AVP 8 101\r\n" in call.answers[-1]

    standing(side, story)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("ptime", "sent"), [(10, 10), (30, 30), (60, 60), (0, 20), (500, 60)])
def test_rfc_4566_6_another_packet_time(side: Side, ptime: int, sent: int) -> None:
    async def story(call: Standing) -> None:
        await call.offers(description(ptime=40))
        await call.offers(description(ptime=ptime, version=3))
        formats = call.last(SetFormats)
        assert formats.ptime == sent

    standing(side, story)


# Streams that come and go.


@pytest.mark.parametrize("side", SIDES)
def test_rfc_3264_8_1_video_that_is_added_is_refused_and_audio_goes_on(side: Side) -> None:
    video = "m=video 50000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"

    async def story(call: Standing) -> None:
        await call.offers(description(more=video))
        assert b"m=video 0 RTP/AVP 96\r\n" in call.answers[-1]
        assert call.sends_and_receives == (True, True)
        await call.offers(description(more=video.replace("50000", "0"), version=3))
        assert b"m=video 0 " in call.answers[-1]

    standing(side, story)


@pytest.mark.parametrize("side", SIDES)
def test_rfc_3264_8_2_audio_on_port_0_is_a_stream_taken_away_and_it_may_come_back(side: Side) -> None:
    async def story(call: Standing) -> None:
        await call.offers(description(port=0))
        assert b"m=audio 0 RTP/AVP " in call.answers[-1]
        assert call.sends_and_receives == (False, False)
        await call.offers(description(version=3))
        assert direction_of(call.answers[-1]) == "sendrecv"
        assert call.sends_and_receives == (True, True)

    standing(side, story)


@pytest.mark.parametrize("side", SIDES)
def test_rfc_3264_8_the_order_of_streams_is_kept_when_another_takes_over(side: Side) -> None:
    second = "m=audio 46000 RTP/AVP 8\r\n"

    async def story(call: Standing) -> None:
        await call.offers(description(port=0, more=second))
        lines = re.findall(rb"m=\S+ (\d+) ", call.answers[-1])
        assert lines[0] == b"0"
        assert lines[1] != b"0"
        assert call.remote == ("198.51.100.9", 46000)

    standing(side, story)


# The o= line.


@pytest.mark.parametrize("side", SIDES)
def test_rfc_3264_8_our_version_grows_by_one_with_every_change_and_only_then(side: Side) -> None:
    async def story(call: Standing) -> None:
        for version, direction in enumerate(("sendonly", "sendonly", "sendrecv", "inactive"), 2):
            await call.offers(description(direction=direction, version=version))
        (number, first), *later = [origin(body) for body in call.answers]
        assert later == [(number, first), (number, first + 1), (number, first + 2)]

    standing(side, story)


@pytest.mark.parametrize("side", SIDES)
def test_a_far_end_that_forgets_to_count_is_understood_all_the_same(side: Side) -> None:
    async def story(call: Standing) -> None:
        await call.offers(description(direction="sendonly", version=1))
        await call.offers(description(port=40002, version=1))
        assert call.remote[1] == 40002
        assert call.sends_and_receives == (True, True)

    standing(side, story)


# What cannot be taken leaves all as it was (RFC 3261 14.2).


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("offer", "status"),
    [
        (description(codecs="96", more="a=rtpmap:96 AMR-WB/16000\r\n"), 488),
        (description(host="127.0.0.1"), 488),
        (description(host="pbx.example"), 488),
        (description().replace(b"RTP/AVP", b"RTP/SAVP"), 488),
        (b"v=0\r\nnonsense", 400),
        (b"v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nt=0 0\r\n", 488),
    ],
    ids=["codec", "loopback", "name", "profile", "unreadable", "no stream"],
)
def test_rfc_3261_14_2_what_cannot_be_taken_changes_nothing(side: Side, offer: bytes, status: int) -> None:
    async def story(call: Standing) -> None:
        before = len(call.world.media.commands)
        await call.offers(offer)
        assert call.refusals == [status]
        assert len(call.world.media.commands) == before
        await call.offers(description(direction="sendonly"))
        assert call.sends_and_receives == (False, True)

    standing(side, story)


# Delayed offers: a re-INVITE without SDP asks us (RFC 3261 14.2).


async def asked(call: Standing, answer: bytes) -> bytes:
    """The far end asks for our offer; its ACK has `answer`. Our offer."""
    dialog, flow = call.session.dialog, call.session.flow
    assert dialog is not None
    number = call.session.next_cseq()
    before = len(call.world.wire.log)
    call.world.driver.received(dialog.request("INVITE", number, f"z9hG4bKask{number}").encode(), back(flow))
    await a_moment()
    written = [data for _, _, to_, data in call.world.wire.log[before:] if to_ == call.phone.address]
    (offer,) = {data.partition(b"\r\n\r\n")[2] for data in written if data.startswith(b"SIP/2.0 200 ")}
    content = "Content-Type: application/sdp\r\n" if answer else ""
    ack = dialog.request("ACK", number, f"z9hG4bKack{number}", headers=content, body=answer)
    call.world.driver.received(ack.encode(), back(flow))
    await a_moment()
    return offer


def back(flow: Flow) -> Flow:
    """The same path, seen from the other end."""
    return Flow(flow.transport, flow.remote, flow.local)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("direction", REVERSED)
def test_rfc_3261_14_2_who_asks_gets_our_offer_and_may_resume_by_it(side: Side, direction: str) -> None:
    async def story(call: Standing) -> None:
        await call.offers(description(direction="inactive"))
        offer = await asked(call, description(direction=direction, port=40004, version=3))
        assert direction_of(offer) == "sendrecv"
        assert b"RTP/AVP 8 " in offer
        assert call.sends_and_receives == (direction in SENDS, direction in RECEIVES)
        assert call.remote == ("198.51.100.9", 40004)

    standing(side, story)


@pytest.mark.parametrize("side", SIDES)
def test_who_asks_and_says_nothing_leaves_all_as_it_was(side: Side) -> None:
    async def story(call: Standing) -> None:
        await call.offers(description(direction="sendonly"))
        await asked(call, b"")
        assert call.sends_and_receives == (False, True)
        await call.offers(description(version=3))
        assert call.sends_and_receives == (True, True)

    standing(side, story)


@pytest.mark.parametrize("side", SIDES)
def test_who_asks_and_answers_what_cannot_be_ends_the_call(side: Side) -> None:
    """The far end believes that its answer is in force: there would be no audio (RFC 6337 3.1)."""

    async def story(call: Standing) -> None:
        await asked(call, description(codecs="3"))
        (bye,) = requests_to(call.world, call.phone, "BYE")
        assert 'Q.850;cause=65;text="no common codec"' in bye.headers.get_all("Reason")

    standing(side, story, alive=False)


# Glare (RFC 3261 14.1).


@pytest.mark.parametrize("side", SIDES)
def test_rfc_3261_14_1_both_offer_at_once_and_both_come_through(side: Side) -> None:
    """Ours meets theirs on the wire: each is answered 491 and goes again, the caller of a dialog later."""

    async def story(call: Standing) -> None:
        media, now = call.leg.media, call.world.driver.now()
        assert media is not None
        with call.world.driver.turn():
            call.leg.session.reinvite(media.offer(CODECS[:1]), now)
        act(call.phone, lambda now: call.session.reinvite(description(port=40006), now))
        await a_moment()
        assert responses_to(call.world, call.phone, "INVITE")[-1] == 491
        await asyncio.sleep(10)
        assert len(bodies(call.phone, OfferReceived)) == 1
        assert len(call.answers) == 1
        assert not call.refusals
        assert call.leg.session.modification is None or call.leg.session.modification.state.name == "STABLE"

    standing(side, story)
