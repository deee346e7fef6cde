"""Calls between sides that speak different codecs: who is offered what, and refusals that say why."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import Connect, Encoding, SetFormats
from softswitch.dialplan.route import Echo
from softswitch.sdp.codec import KNOWN_CODECS, Codec
from softswitch.sip.events import Answered, OfferAnswered, OfferRefused
from softswitch.sip.message import Response, parse_message
from tests.support.phone import sdp
from tests.support.puppets import a_moment, act, bodies, requests_to
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from tests.support.phone import Phone

CALLER = 9
PCMA, PCMU, G722, G729, OPUS, GSM = (KNOWN_CODECS[name] for name in ("pcma", "pcmu", "g722", "g729", "opus", "gsm"))
OPUS_MAP = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1;maxaveragebitrate=24000;maxplaybackrate=16000\r\n"


def opus(port: int, codecs: str = "111", extra: str = "") -> bytes:
    return sdp(port, codecs) + (OPUS_MAP + extra).encode()


def audio_line(body: bytes) -> str:
    """The payload types of the audio section, as they stand there."""
    (line,) = (line for line in body.decode().split("\r\n") if line.startswith("m=audio"))
    return line.partition(" RTP/AVP ")[2]


def formats(world: World) -> list[SetFormats]:
    return [each for each in world.media.commands if isinstance(each, SetFormats)]


def refusal(world: World, phone: Phone, method: str = "INVITE") -> Response:
    """The final response the phone's request was refused with."""
    found = [parse_message(data) for _, _, remote, data in world.wire.log if remote == phone.address]
    (response,) = {
        each.status: each
        for each in found
        if isinstance(each, Response) and each.cseq.method == method and each.status >= 300
    }.values()
    return response


def why(world: World) -> list[object]:
    """What the story says of missing codecs."""
    (call,) = world.recent.latest(1)
    return [line.facts["why"] for line in call.story if line.event == "no common codec"]


def test_an_opus_phone_reaches_a_trunk_of_alaw() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)], codecs=(OPUS, PCMU), called=(PCMA,))
        callee, caller = world.phone(1), world.phone(CALLER)
        session = caller.call("123", SWITCH, body=opus(40000))
        await a_moment()
        (invite,) = requests_to(world, callee, "INVITE")
        assert audio_line(invite.body) == "8 101"
        act(callee, lambda now: callee.sessions[0].accept(sdp(41000, "8 101"), now))
        await a_moment()
        (answer,) = bodies(caller, Answered)
        assert audio_line(answer) == "111"
        assert any(isinstance(command, Connect) for command in world.media.commands)
        sent = [each.send[0] for each in formats(world)]
        assert [each.name for each in sent] == ["PCMA", "opus"]
        assert sent[1].encoding == Encoding(highest_rate=16000, bitrate=24000, fec=True)
        caller.hang_up(session)
        await world.settle()
        _, legs = world.records[0]
        assert sorted(leg.codec or "" for leg in legs) == ["PCMA", "opus"]

    run_virtual(story)


def test_what_can_be_relayed_is_offered_first_and_taken() -> None:
    async def story() -> None:
        world = World(Random(2), [to(1)], codecs=(OPUS, G722, PCMA), called=(PCMA, G722))
        callee, caller = world.phone(1), world.phone(CALLER)
        session = caller.call("123", SWITCH, body=opus(40000, "111 9 101"))
        await a_moment()
        (invite,) = requests_to(world, callee, "INVITE")
        assert audio_line(invite.body) == "9 8 101"
        act(callee, lambda now: callee.sessions[0].accept(sdp(41000, "9 8 101"), now))
        await a_moment()
        (answer,) = bodies(caller, Answered)
        assert audio_line(answer) == "9 101"
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


@pytest.mark.parametrize("pinned", [PCMU, G722, OPUS])
def test_one_codec_alone_is_pinned_in_both_directions(pinned: Codec) -> None:
    async def story() -> None:
        world = World(Random(3), [to(1)], codecs=(pinned,))
        callee, caller = world.phone(1), world.phone(CALLER)
        session = caller.call("123", SWITCH, body=opus(40000, "8 0 9 111 101"))
        await a_moment()
        (invite,) = requests_to(world, callee, "INVITE")
        number = {"PCMU": "0", "G722": "9", "opus": "111"}[pinned.name]
        assert audio_line(invite.body).split()[0] == number
        offered = invite.body.decode()
        assert sum("a=rtpmap:" in line and "telephone" not in line for line in offered.split("\r\n")) == 1
        answer = opus(41000) if pinned is OPUS else sdp(41000, f"{number} 101")
        act(callee, lambda now: callee.sessions[0].accept(answer, now))
        await a_moment()
        (told,) = bodies(caller, Answered)
        assert audio_line(told).split()[0] == number
        assert sum("a=rtpmap:" in line and "telephone" not in line for line in told.decode().split("\r\n")) == 1
        # and nothing else is taken in the middle of the call
        act(caller, lambda now: session.reinvite(sdp(40000, "8 101"), now))
        await a_moment()
        assert not bodies(caller, OfferAnswered)
        refused = refusal(world, caller)
        assert refused.status == 488
        assert refused.headers.get("Warning") == f'305 192.0.2.1:5060 "expected {pinned.name}"'
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


@pytest.mark.parametrize(
    ("codecs", "called", "offer", "expected", "told"),
    [
        (
            (PCMA, PCMU),
            (PCMA,),
            "3 101",
            "PCMA, PCMU",
            "one side has GSM, the other PCMA, PCMU; GSM cannot be converted",
        ),
        (
            (GSM, PCMA),
            (PCMA,),
            "3",
            "PCMA",
            "one side has PCMA, the other GSM; GSM cannot be converted: this switch has",
        ),
        ((GSM,), (PCMA,), "3", "GSM", "one side has PCMA, the other GSM; GSM cannot be converted"),
    ],
)
def test_a_call_that_cannot_be_heard_is_refused_with_what_would_do(
    codecs: tuple[Codec, ...], called: tuple[Codec, ...], offer: str, expected: str, told: str
) -> None:
    async def story() -> None:
        world = World(Random(4), [to(1)], codecs=codecs, called=called)
        callee, caller = world.phone(1), world.phone(CALLER)
        caller.call("123", SWITCH, body=sdp(40000, offer))
        await world.settle()
        assert callee.rang == 0
        assert caller.refused == [488]
        refused = refusal(world, caller)
        assert refused.headers.get("Warning") == f'305 192.0.2.1:5060 "expected {expected}"'
        assert refused.headers.get("Reason") == 'Q.850;cause=65;text="no common codec"'
        (reason,) = why(world)
        assert str(reason).startswith(told)

    run_virtual(story)


def test_what_we_play_ourselves_needs_a_codec_of_the_offer() -> None:
    async def story() -> None:
        world = World(Random(5), [Echo(None)], codecs=(PCMA,))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=sdp(40000, "0 3 101"))
        await world.settle()
        assert caller.refused == [488]
        assert refusal(world, caller).headers.get("Warning") == '305 192.0.2.1:5060 "expected PCMA"'
        assert why(world) == [
            "one side has PCMU, GSM, the other PCMA; GSM cannot be converted: this switch has no coder for it"
        ]

    run_virtual(story)


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        (sdp(40000, "8").replace(b"m=audio", b"m=video"), '304 192.0.2.1:5060 "expected an m=audio section"'),
        (sdp(40000, "97"), '305 192.0.2.1:5060 "expected a static payload type or an rtpmap"'),
        (
            sdp(40000, "8", host="phone.example"),
            '301 192.0.2.1:5060 "expected a literal IP4 address"',
        ),
    ],
)
def test_an_offer_that_cannot_be_taken_says_what_is_missing(body: bytes, warning: str) -> None:
    async def story() -> None:
        world = World(Random(6), [to(1)])
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=body)
        await world.settle()
        assert caller.refused == [488]
        assert refusal(world, caller).headers.get("Warning") == warning

    run_virtual(story)


def test_a_callees_warning_is_in_the_story() -> None:
    async def story() -> None:
        world = World(Random(7), [to(1)])
        callee, caller = world.phone(1), world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()
        warning = '305 callee.example "expected iLBC"'
        act(callee, lambda now: callee.sessions[0].reject(488, now, headers=(("Warning", warning),)))
        await world.settle()
        assert caller.refused == [488]
        (call,) = world.recent.latest(1)
        assert [line.facts["warning"] for line in call.story if line.event == "warning received"] == [warning]

    run_virtual(story)


def test_a_change_of_codec_in_the_call_is_taken_when_it_can_be_converted() -> None:
    async def story() -> None:
        world = World(Random(8), [to(1)], codecs=(PCMA, OPUS), called=(PCMA,))
        callee, caller = world.phone(1), world.phone(CALLER)
        session = caller.call("123", SWITCH, body=sdp(40000, "8 101"))
        await a_moment()
        act(callee, lambda now: callee.sessions[0].accept(sdp(41000, "8 101"), now))
        await a_moment()
        act(caller, lambda now: session.reinvite(opus(40000), now))
        await a_moment()
        (answer,) = bodies(caller, OfferAnswered)
        assert audio_line(answer) == "111"
        assert [each.send[0].name for each in formats(world)] == ["PCMA", "PCMA", "opus"]
        assert not bodies(caller, OfferRefused)
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_packet_times_of_both_sides() -> None:
    """What is asked for where is the trunk's; what is sent where is the far end's."""

    async def story() -> None:
        world = World(Random(9), [to(1)], codecs=(PCMA,), ptime=30)
        callee, caller = world.phone(1), world.phone(CALLER)
        session = caller.call("123", SWITCH, body=sdp(40000, "8 101") + b"a=ptime:40\r\n")
        await a_moment()
        (invite,) = requests_to(world, callee, "INVITE")
        assert b"a=ptime:30\r\n" in invite.body
        act(callee, lambda now: callee.sessions[0].accept(sdp(41000, "8 101") + b"a=maxptime:20\r\n", now))
        await a_moment()
        (answer,) = bodies(caller, Answered)
        assert b"a=ptime:30\r\n" in answer
        assert [each.ptime for each in formats(world)] == [20, 40]
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)
