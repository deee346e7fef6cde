"""Video between two browsers, through the switch: who is offered and answered what, and what the engine is told."""

from __future__ import annotations

import asyncio

import pytest

from media.commands import SetVideo
from softswitch.dialplan.route import Music
from softswitch.sip.events import OfferAnswered, OfferReceived
from tests.support.phone import Phone, Plan
from tests.support.puppets import a_moment
from tests.support.switch_world import to
from tests.support.video_page import Page, VideoWorld, video_line
from tests.support.virtual_time import run_virtual

ANSWERS = Plan(ring=0.1, answer=0.2)


class Standing:
    """A call from one page to another, or to a phone."""

    def __init__(
        self,
        *,
        caller: str | None = "sendrecv",
        callee: str | None = "sendrecv",
        called: int = 7,
        voices: int = 0,
        video_kbit: int | None = None,
        first: tuple[Music, ...] = (),
    ) -> None:
        self.world = VideoWorld(*first, to(called), voices=voices, video_kbit=video_kbit)
        self.caller = self.world.page(6)
        self.caller.camera = caller
        self.callee: Phone = (self.world.page if called == 7 else self.world.phone)(called, ANSWERS)
        if called == 7:
            self.page.camera = callee
        self.calling = self.caller.begin("1")

    @property
    def page(self) -> Page:
        """The browser that is called."""
        assert isinstance(self.callee, Page)
        return self.callee

    async def up(self) -> None:
        await asyncio.sleep(1.0)
        assert self.caller.answered == 1, self.caller.events

    async def over(self) -> None:
        self.caller.hang_up(self.calling)
        await self.world.settle()

    def engine(self) -> list[tuple[int, tuple[int, ...], bool, bool]]:
        """What the engine was told last of each leg's video."""
        last = {each.leg: each for each in self.world.media.commands if isinstance(each, SetVideo)}
        return [
            (leg, tuple(each.payload_type for each in told.formats), told.send, told.receive)
            for leg, told in sorted(last.items())
        ]


def test_the_callee_is_offered_the_callers_video_and_the_caller_answered_with_its_choice() -> None:
    async def story() -> None:
        standing = Standing()
        standing.page.formats = ((98, "H264"),)
        await standing.up()
        assert standing.page.lines() == ["on 96 97 98 sendrecv"]
        assert b"a=ssrc:6000 cname:page" in standing.page.offered
        assert standing.caller.lines() == ["on 98 sendrecv"]
        assert [each[1:] for each in standing.engine()] == [((98,), True, True)] * 2
        await standing.over()

    run_virtual(story)


def test_both_are_told_of_the_limit_and_told_again() -> None:
    async def story() -> None:
        standing = Standing(caller=None, video_kbit=900)
        await standing.up()
        standing.caller.camera = "sendrecv"
        standing.caller.change(standing.calling)
        await a_moment()
        assert b"\r\nb=AS:900\r\n" in standing.page.offered
        (answer,) = [each.body for each in standing.caller.events if isinstance(each, OfferAnswered)]
        assert b"\r\nb=AS:900\r\n" in answer
        again = await standing.caller.ask(standing.calling, standing.world)
        assert again.count(b"b=AS:900\r\n") == again.count(b"b=") == 1
        await standing.over()

    run_virtual(story)


@pytest.mark.parametrize("called", [7, 3])
def test_a_callee_without_video_has_audio_alone_and_the_story_says_why(called: int) -> None:
    async def story() -> None:
        standing = Standing(callee=None, called=called)
        await standing.up()
        assert standing.caller.lines() == ["0 96 "]
        assert standing.engine() == []
        (running,) = standing.world.supervisor.calls.values()
        (line,) = [each for each in running.call.story.lines if each.event == "audio only"]
        assert ("no browser" if called == 3 else "has none") in str(line)
        await standing.over()

    run_virtual(story)


@pytest.mark.parametrize("voices", [6, 7])
def test_who_is_there_for_voices_alone_neither_shows_nor_sees(voices: int) -> None:
    async def story() -> None:
        standing = Standing(voices=voices)
        await standing.up()
        assert standing.caller.lines() == ["0 96 "]
        assert all(not line or line.startswith("0 ") for line in standing.page.lines())
        standing.page.camera = "sendrecv"
        standing.page.change(standing.page.sessions[0])
        await a_moment()
        standing.caller.change(standing.calling)
        await a_moment()
        assert standing.caller.lines()[-1].startswith("0 ")
        assert standing.page.lines()[-1].startswith("0 ")
        assert standing.engine() == []
        (running,) = standing.world.supervisor.calls.values()
        told = [str(each.facts["why"]) for each in running.call.story.lines if each.event == "audio only"]
        assert "is there for voices alone" in told[-1]
        await standing.over()

    run_virtual(story)


def test_a_camera_that_comes_later_is_offered_to_the_other_one() -> None:
    async def story() -> None:
        standing = Standing(caller=None)
        await standing.up()
        standing.caller.camera = "sendrecv"
        standing.caller.change(standing.calling)
        await a_moment()
        assert standing.page.lines() == ["", "on 96 97 98 sendrecv"]
        assert standing.caller.lines() == ["", "on 96 97 98 sendrecv"]
        assert [each[2:] for each in standing.engine()] == [(True, True)] * 2
        # The screen instead: another source. Then nothing any more.
        standing.caller.ssrc = 9999
        standing.caller.change(standing.calling)
        await a_moment()
        assert b"a=ssrc:9999" in standing.page.offered
        standing.caller.camera = "recvonly"
        standing.caller.change(standing.calling)
        await a_moment()
        assert standing.page.lines()[-1] == "on 96 97 98 recvonly"
        assert standing.caller.lines()[-1] == "on 96 97 98 sendonly"
        standing.caller.camera = None
        standing.caller.change(standing.calling)
        await a_moment()
        assert standing.page.lines()[-1].startswith("0 ")
        assert [each[1] for each in standing.engine()] == [(), ()]
        await standing.over()

    run_virtual(story)


def test_the_callee_may_add_video_as_well() -> None:
    async def story() -> None:
        standing = Standing(caller=None, callee=None)
        await standing.up()
        callee = standing.page
        callee.camera, standing.caller.camera = "sendrecv", "recvonly"
        callee.change(callee.sessions[0])
        await a_moment()
        assert standing.caller.lines() == ["", "on 96 97 98 sendrecv"]
        assert callee.lines()[-1] == "on 96 97 98 recvonly"
        await standing.over()

    run_virtual(story)


def test_who_says_no_to_a_camera_keeps_the_call() -> None:
    async def story() -> None:
        standing = Standing(caller=None)
        await standing.up()
        standing.page.refuses = 488
        standing.caller.camera = "sendrecv"
        standing.caller.change(standing.calling)
        await a_moment()
        assert standing.caller.lines()[-1] == "0 96 "
        assert "video refused" in standing.world.stories()
        assert "audio only" in standing.world.stories()
        standing.page.refuses = 0
        standing.caller.change(standing.calling)
        await a_moment()
        assert standing.caller.lines()[-1] == "on 96 97 98 sendrecv"
        await standing.over()

    run_virtual(story)


def test_a_camera_while_the_other_is_a_phone() -> None:
    async def story() -> None:
        standing = Standing(caller=None, called=3)
        await standing.up()
        standing.caller.camera = "sendrecv"
        standing.caller.change(standing.calling)
        await a_moment()
        assert standing.caller.lines()[-1] == "0 96 "
        await standing.over()

    run_virtual(story)


def test_a_page_that_does_not_answer_is_not_waited_for_long() -> None:
    async def story() -> None:
        standing = Standing(caller=None)
        await standing.up()
        standing.page.mute = True
        standing.caller.camera = "sendrecv"
        standing.caller.change(standing.calling)
        await asyncio.sleep(15.0)
        assert len(standing.caller.lines()) == 1
        await asyncio.sleep(6.0)
        assert standing.caller.lines()[-1] == "0 96 "
        await standing.over()

    run_virtual(story)


def test_both_at_once() -> None:
    """RFC 3261 14.1: one of the two tries again."""

    async def story() -> None:
        standing = Standing(caller=None, callee=None)
        await standing.up()
        callee = standing.page
        standing.caller.camera = callee.camera = "sendrecv"
        standing.caller.change(standing.calling)
        callee.change(callee.sessions[0])
        await asyncio.sleep(20.0)
        assert standing.caller.lines()[-1] == callee.lines()[-1] == "on 96 97 98 sendrecv"
        assert [each[2:] for each in standing.engine()] == [(True, True)] * 2
        await standing.over()

    run_virtual(story)


def test_a_hold_stops_the_video_both_ways_and_is_not_told_to_the_other() -> None:
    async def story() -> None:
        standing = Standing()
        await standing.up()
        before = len(standing.page.lines())
        standing.caller.direction = standing.caller.camera = "inactive"
        standing.caller.change(standing.calling)
        await a_moment()
        held = standing.engine()
        assert (False, False) in [each[2:] for each in held]
        standing.caller.direction = standing.caller.camera = "sendrecv"
        standing.caller.change(standing.calling)
        await a_moment()
        assert [each[2:] for each in standing.engine()] == [(True, True)] * 2
        assert len(standing.page.lines()) == before
        await standing.over()

    run_virtual(story)


def test_who_resumes_by_asking_for_our_offer_is_shown_again() -> None:
    """An INVITE without a description: the offer has all there is, whatever the hold left of it (RFC 6337 5.3)."""

    async def story() -> None:
        standing = Standing()
        await standing.up()
        standing.caller.direction = standing.caller.camera = "inactive"
        standing.caller.change(standing.calling)
        await a_moment()
        standing.caller.direction = standing.caller.camera = "sendrecv"
        assert video_line(await standing.caller.ask(standing.calling, standing.world)) == "on 96 97 98 sendrecv"
        assert [each[2:] for each in standing.engine()] == [(True, True)] * 2
        await standing.over()

    run_virtual(story)


def test_a_transfer_shows_the_new_one() -> None:
    async def story() -> None:
        standing = Standing()
        await standing.up()
        new = standing.world.page(5, ANSWERS)
        standing.callee.refer(standing.callee.sessions[0], "5")
        await asyncio.sleep(3.0)
        assert new.lines()[0] == "on 96 97 98 sendrecv"
        assert b"a=ssrc:5000" in standing.caller.offered
        await standing.over()

    run_virtual(story)


def test_video_rests_while_a_phone_is_there_and_comes_back_with_the_next_page() -> None:
    async def story() -> None:
        standing = Standing()
        await standing.up()
        phone = standing.world.phone(3, ANSWERS)
        standing.callee.refer(standing.callee.sessions[0], "3")
        await asyncio.sleep(3.0)
        assert standing.caller.lines()[-1] == "on 96 97 98 inactive"
        assert standing.engine()[0][2:] == (False, False)
        # Another network, say: that its section is kept does not depend on who asks.
        standing.caller.change(standing.calling)
        await a_moment()
        assert standing.caller.lines()[-1] == "on 96 97 98 inactive"
        new = standing.world.page(5, ANSWERS)
        phone.refer(phone.sessions[0], "5")
        await asyncio.sleep(3.0)
        assert new.lines() == ["on 96 97 98 sendrecv"]
        assert standing.caller.lines()[-1] == "on 96 97 98 sendrecv"
        assert b"a=ssrc:5000" in standing.caller.offered
        assert [each[2:] for each in (standing.engine()[0], standing.engine()[-1])] == [(True, True)] * 2
        await standing.over()

    run_virtual(story)


@pytest.mark.parametrize("camera", ["sendrecv", "recvonly"])
def test_who_is_played_something_first_sees_whoever_answers(camera: str) -> None:
    async def story() -> None:
        standing = Standing(callee=camera, first=(Music(("/music.wav",), seconds=5.0, early=True),))
        await asyncio.sleep(2.0)
        assert standing.caller.lines() == ["on 96 97 98 inactive"]
        await asyncio.sleep(6.0)
        assert standing.caller.answered == 1
        assert standing.page.lines() == ["on 96 97 98 sendrecv"]
        assert b"a=ssrc:6000" in standing.page.offered
        assert standing.caller.lines()[-1] == f"on 96 97 98 {camera}"
        assert [each[2:] for each in standing.engine()] == [
            (camera == "sendrecv", True),
            (True, camera == "sendrecv"),
        ]
        await standing.over()

    run_virtual(story)


def test_who_is_played_something_first_and_then_talks_to_a_phone_is_asked_nothing() -> None:
    async def story() -> None:
        standing = Standing(called=3, first=(Music(("/music.wav",), seconds=5.0, early=True),))
        await asyncio.sleep(8.0)
        assert standing.caller.answered == 1
        assert set(standing.caller.lines()) == {"on 96 97 98 inactive"}
        assert not [each for each in standing.caller.events if isinstance(each, OfferReceived)]
        await standing.over()

    run_virtual(story)


def test_two_whom_a_third_brings_together_see_each_other_whatever_numbers_they_had() -> None:
    """The section that each has stays the one it is (RFC 9429 5.2.2), and their offers come to an end."""

    async def story() -> None:
        standing = Standing()
        standing.caller.formats = standing.page.formats = ((96, "VP8"),)
        await standing.up()
        new = standing.world.page(5, ANSWERS)
        new.formats = standing.page.formats = ((120, "VP8"),)
        second = standing.page.begin("5")
        await asyncio.sleep(1.0)
        assert new.lines() == ["on 120 sendrecv"]
        new.formats = standing.caller.formats = ((96, "VP8"), (120, "VP8"))
        standing.page.refer(standing.page.sessions[0], "5", instead_of=second)
        await asyncio.sleep(3.0)
        asked = len(standing.caller.lines()), len(new.lines())
        await asyncio.sleep(30.0)
        assert (len(standing.caller.lines()), len(new.lines())) == asked
        assert b"a=ssrc:5000" in standing.caller.offered
        assert b"a=ssrc:6000" in new.offered
        assert standing.caller.lines()[-1] == new.lines()[-1]
        await standing.over()

    run_virtual(story)


def test_who_hangs_up_while_an_offer_waits_leaves_nothing_behind() -> None:
    async def story() -> None:
        standing = Standing(caller=None)
        await standing.up()
        standing.page.mute = True
        standing.caller.camera = "sendrecv"
        standing.caller.change(standing.calling)
        await a_moment()
        standing.callee.hang_up(standing.callee.sessions[0])
        await standing.world.settle()

    run_virtual(story)
