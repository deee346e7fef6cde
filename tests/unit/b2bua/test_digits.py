"""Digits of one leg reach the other in its own kind; the story tells them once, and not which when that is a secret."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import SendDigits, SetDigits
from media.events import DigitReceived
from softswitch.sip.dtmf import KeyPress
from softswitch.sip.events import InfoReceived
from tests.support.phone import Phone, Plan
from tests.support.puppets import a_moment, act, requests_to, responses_to
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.terms import Dtmf
    from softswitch.sip.session.session import InviteSession


class Talk:
    """A call that stands."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.callee = world.phone(1, Plan(answer=1))
        self.caller = world.phone(9)

    async def begin(self) -> None:
        self.session = self.caller.call("123", SWITCH)
        await asyncio.sleep(2)
        self.near, self.far = self.legs

    @property
    def legs(self) -> list[Leg]:
        (running,) = self.world.supervisor.calls.values()
        return list(running.call.legs)

    @property
    def told(self) -> list[dict[str, object]]:
        """Digits of the story."""
        return [dict(line.facts) for line in self.near.story.lines if line.event == "digit"]

    def media(self, leg: Leg) -> int:
        assert leg.media is not None
        return leg.media.leg

    def digits(self, leg: Leg) -> SetDigits:
        """The last word to the engine on the digits of a leg."""
        return [
            each for each in self.world.media.commands if isinstance(each, SetDigits) and each.leg == self.media(leg)
        ][-1]

    @property
    def pressed_for(self) -> list[SendDigits]:
        return [each for each in self.world.media.commands if isinstance(each, SendDigits)]

    async def end(self) -> None:
        self.caller.hang_up(self.session)
        await self.world.settle()


def keys_of(phone: Phone) -> list[KeyPress | None]:
    return [event.key for event in phone.events if isinstance(event, InfoReceived)]


def press(phone: Phone, session: InviteSession, digits: str) -> None:
    def pressing(now: float) -> None:
        for digit in digits:
            session.send_key(KeyPress(digit, 120), now)

    act(phone, pressing)


def talking(*dtmf: Dtmf, mask: bool = False, loss: float = 0.0) -> Talk:
    return Talk(World(Random(7), [to(1)], dtmf=(dtmf[0], dtmf[1]), mask_digits=mask, loss=loss))


@pytest.mark.parametrize(
    ("dtmf", "sends", "listens", "offered"),
    [("rfc4733", True, False, True), ("inband", True, True, False), ("info", False, False, False)],
)
def test_what_is_offered_and_what_the_engine_does(dtmf: Dtmf, sends: bool, listens: bool, offered: bool) -> None:
    async def story() -> None:
        talk = talking(dtmf, dtmf)
        await talk.begin()
        (invite,) = requests_to(talk.world, talk.callee, "INVITE")
        assert (b"telephone-event" in invite.body) == offered
        for leg in (talk.near, talk.far):
            assert talk.digits(leg) == SetDigits(talk.media(leg), sends=sends, listens=listens)
        await talk.end()

    run_virtual(story)


def test_a_far_end_without_telephone_events_is_sent_tones() -> None:
    async def story() -> None:
        talk = talking("rfc4733", "rfc4733")
        talk.session = talk.caller.call("123", SWITCH, body=PLAIN_OFFER)
        await asyncio.sleep(2)
        talk.near, talk.far = talk.legs
        assert talk.digits(talk.near) == SetDigits(talk.media(talk.near), sends=True, listens=False)
        assert talk.digits(talk.far) == SetDigits(talk.media(talk.far), sends=True, listens=False)
        await talk.end()

    run_virtual(story)


PLAIN_OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
)


@pytest.mark.parametrize("dtmf", ["rfc4733", "inband"])
def test_what_the_engine_hears_goes_on_by_info(dtmf: Dtmf) -> None:
    async def story() -> None:
        talk = talking(dtmf, "info")
        await talk.begin()
        for digit in "4711":
            talk.world.switch.media_event(DigitReceived(talk.media(talk.near), digit, 90))
        await asyncio.sleep(3)
        assert keys_of(talk.callee) == [KeyPress(digit, 90) for digit in "4711"]
        assert talk.pressed_for == []
        assert [each["digit"] for each in talk.told] == list("4711")
        await talk.end()

    run_virtual(story)


@pytest.mark.parametrize("dtmf", ["rfc4733", "inband"])
def test_info_goes_on_in_media(dtmf: Dtmf) -> None:
    async def story() -> None:
        talk = talking("info", dtmf)
        await talk.begin()
        press(talk.caller, talk.session, "12#")
        await asyncio.sleep(3)
        assert talk.pressed_for == [SendDigits(talk.media(talk.far), digit, 120, 60) for digit in "12#"]
        assert responses_to(talk.world, talk.caller, "INFO") == [200, 200, 200]
        assert keys_of(talk.callee) == []
        await talk.end()

    run_virtual(story)


def test_info_goes_on_by_info_in_both_directions_through_loss() -> None:
    async def story() -> None:
        talk = talking("info", "info", loss=0.3)
        await talk.begin()
        await asyncio.sleep(8)
        press(talk.caller, talk.session, "123456789")
        press(talk.callee, talk.callee.sessions[0], "*0#")
        await asyncio.sleep(120)
        assert [key.digit for key in keys_of(talk.callee) if key] == list("123456789")
        assert [key.digit for key in keys_of(talk.caller) if key] == list("*0#")
        assert talk.pressed_for == []
        await talk.end()

    run_virtual(story)


def test_the_engine_passes_on_what_both_do_in_media() -> None:
    async def story() -> None:
        talk = talking("rfc4733", "inband")
        await talk.begin()
        talk.world.switch.media_event(DigitReceived(talk.media(talk.near), "5", 90))
        await a_moment()
        assert talk.pressed_for == []
        assert keys_of(talk.callee) == []
        assert talk.told == [{"leg": "trunk:inbound", "digit": "5", "duration_ms": 90}]
        await talk.end()

    run_virtual(story)


def test_a_phone_that_tells_every_key_twice_is_believed_once() -> None:
    async def story() -> None:
        talk = talking("rfc4733", "info")
        await talk.begin()
        for digit in "19":
            talk.world.switch.media_event(DigitReceived(talk.media(talk.near), digit, 90))
            press(talk.caller, talk.session, digit)
            await asyncio.sleep(1)
        assert [key.digit for key in keys_of(talk.callee) if key] == ["1", "9"]
        assert [each["digit"] for each in talk.told] == ["1", "9"]
        await talk.end()

    run_virtual(story)


def test_masked_digits_are_told_without_the_digit() -> None:
    async def story() -> None:
        talk = talking("rfc4733", "info", mask=True)
        await talk.begin()
        talk.world.switch.media_event(DigitReceived(talk.media(talk.near), "5", 90))
        await a_moment()
        assert talk.told == [{"leg": "trunk:inbound", "duration_ms": 90}]
        assert keys_of(talk.callee) == [KeyPress("5", 90)]
        await talk.end()

    run_virtual(story)
