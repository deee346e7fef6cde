"""Calls with browsers: what is offered and answered, media that comes when ICE says so, and browsers that vanish."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import SetDirection, SetKeys, SetRemote
from softswitch.b2bua.web import WebState, WebTerms
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sip.events import OfferAnswered
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Phone, Plan
from tests.support.puppets import a_moment, act, bodies, requests_to
from tests.support.quiet_web import QuietTransport, QuietWeb, browser_sdp
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.endpoints.trunk import Trunk
    from softswitch.sip.session.session import InviteSession
    from softswitch.telemetry.story import Story

BROWSER = 7
WEB = WebTerms(codecs=tuple(KNOWN_CODECS[name] for name in ("opus", "pcma", "pcmu")), reconnect=30.0)


class WebPhone(Phone):
    """A phone in a page, as far as its descriptions tell."""

    direction = "sendrecv"
    fragment = "abcd"
    version = 1

    def _answer(self) -> bytes:
        return browser_sdp(setup="active", direction=self.direction, fragment=self.fragment)

    def change(self, session: InviteSession, **how: str) -> None:
        """re-INVITE."""
        self.version += 1
        act(self, lambda now: session.reinvite(browser_sdp(version=self.version, **how), now))  # type: ignore[arg-type]


class WebWorld(World):
    """Trunk `t7` leads to a browser; whoever calls is one, too, when the offer says so."""

    def __init__(self, *actions: object) -> None:
        super().__init__(Random(1), actions or [to(BROWSER)])  # type: ignore[arg-type]
        self.web = self.switch.web = QuietWeb()

    def _called(self, *args: object, **more: object) -> list[Trunk]:
        return [
            replace(trunk, terms=replace(trunk.terms, codecs=WEB.codecs, web=WEB, is_browser=True))
            if trunk.name == f"t{BROWSER}"
            else trunk
            for trunk in super()._called(*args, **more)  # type: ignore[arg-type]
        ]

    def page(self, plan: Plan | None = None) -> WebPhone:
        """The browser that is called."""
        phone = self.phones[BROWSER] = WebPhone(self.wire, (f"198.51.100.{BROWSER}", 5060), self.token, plan)
        return phone

    @property
    def story(self) -> Story:
        """Of the only running call."""
        (running,) = self.supervisor.calls.values()
        return running.call.story


def told(story: Story) -> list[str]:
    """What happened, in order."""
    return [line.event for line in story.lines]


class Standing:
    """A call from a trunk to a browser, which is connected."""

    def __init__(self, world: WebWorld) -> None:
        self.world = world
        self.page = world.page(Plan(ring=0.1, answer=0.2))
        self.caller = world.phone(9)
        self.called = self.caller.call("123", SWITCH)

    async def up(self) -> QuietTransport:
        """Wait until it stands."""
        await asyncio.sleep(1.0)
        (transport,) = self.world.web.transports
        transport.say(WebState.CONNECTED, ice_ms=12.0, dtls_ms=3.0)
        await a_moment()
        return transport


def test_a_browser_is_offered_its_profile_and_the_engine_is_told_neither_address_nor_keys() -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        transport = await standing.up()
        (invite,) = requests_to(world, standing.page, "INVITE")
        assert b"UDP/TLS/RTP/SAVPF" in invite.body
        assert b"a=setup:actpass" in invite.body
        assert invite.headers.get("Recv-Info") == "trickle-ice"
        (agreement,) = transport.agreements
        assert agreement.remote.candidates[0].port == 50000
        assert not agreement.dtls_client
        to_browser = [each for each in world.media.commands if getattr(each, "leg", 0) == transport.leg]
        assert not [each for each in to_browser if isinstance(each, SetRemote | SetKeys)]
        assert "browser connected" in told(world.story)
        standing.caller.hang_up(standing.called)
        await world.settle()
        assert transport.closed == 1

    run_virtual(story)


def test_what_a_browser_says_is_not_waited_for_its_consent_tells_that_it_is_there() -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        transport = await standing.up()
        directions = [each for each in world.media.commands if isinstance(each, SetDirection)]
        assert [each.expected for each in directions if each.leg != transport.leg][-1] is True
        assert not any(each.expected for each in directions if each.leg == transport.leg)
        standing.caller.hang_up(standing.called)
        await world.settle()

    run_virtual(story)


def test_a_browser_that_never_connects_ends_the_call() -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        await asyncio.sleep(1.0)
        world.web.transports[0].say(WebState.FAILED, "no candidate of the browser answered")
        await world.settle()
        ((record, legs),) = world.records
        assert record.outcome is Outcome.ANSWERED
        assert standing.caller.ended == [("remote", 200)]
        assert legs[-1].q850_cause == 27

    run_virtual(story)


def test_a_lost_browser_that_comes_back_goes_on_and_the_other_one_heard_music_meanwhile() -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        transport = await standing.up()
        (running,) = world.supervisor.calls.values()
        transport.say(WebState.LOST, "no consent for 5 s")
        await asyncio.sleep(29.0)
        page, session = standing.page, standing.page.sessions[0]
        page.change(session, fragment="efgh")
        await a_moment()
        assert [each.restarted for each in transport.agreements] == [False, True]
        transport.say(WebState.CONNECTED, ice_ms=8.0)
        await asyncio.sleep(40.0)
        lines = told(running.call.story)
        assert lines.index("browser lost") < lines.index("call on hold") < lines.index("browser is back")
        assert lines.index("browser is back") < lines.index("call resumed")
        assert not running.call.served.ended
        standing.caller.hang_up(standing.called)
        await world.settle()

    run_virtual(story)


def test_a_browser_that_does_not_come_back_ends_the_call_in_time() -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        transport = await standing.up()
        transport.say(WebState.LOST, "no consent for 5 s")
        await asyncio.sleep(29.0)
        assert not standing.caller.ended
        await asyncio.sleep(2.0)
        assert standing.caller.ended
        await world.settle()
        ((_, legs),) = world.records
        assert legs[-1].q850_cause == 27

    run_virtual(story)


def test_a_restart_that_fails_leaves_the_rest_of_the_time_for_another() -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        transport = await standing.up()
        transport.say(WebState.LOST, "no consent for 5 s")
        await asyncio.sleep(10.0)
        lines = world.story
        transport.say(WebState.FAILED, "no candidate answered")
        await asyncio.sleep(15.0)
        assert not standing.caller.ended
        (running,) = world.supervisor.calls.values()
        leg = running.call.legs[-1]
        assert leg.media is not None
        assert told(lines)[-1] == "browser not found again"
        standing.page.change(standing.page.sessions[0], fragment="efgh")
        await a_moment()
        assert [each.restarted for each in transport.agreements] == [False, True]
        transport.say(WebState.CONNECTING)
        transport.say(WebState.CONNECTED)
        await asyncio.sleep(40.0)
        assert not standing.caller.ended
        assert not leg.media.on_hold
        assert [each for each in told(lines) if each.startswith(("browser", "call on", "call res"))] == [
            "browser connected", "browser lost", "call on hold", "browser not found again", "browser is back",
            "call resumed",
        ]  # fmt: skip
        standing.caller.hang_up(standing.called)
        await world.settle()

    run_virtual(story)


@pytest.mark.parametrize("lost", [True, False])
def test_who_hangs_up_while_a_browser_is_lost_leaves_nothing_behind(*, lost: bool) -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        transport = await standing.up()
        if lost:
            transport.say(WebState.LOST, "no consent for 5 s")
        await asyncio.sleep(5.0)
        standing.page.hang_up(standing.page.sessions[0])
        await world.settle()
        assert transport.closed == 1

    run_virtual(story)


def test_candidates_that_come_by_info_count_for_the_generation_in_use_only() -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        transport = await standing.up()
        (running,) = world.supervisor.calls.values()
        leg = running.call.legs[-1]
        assert leg.media is not None
        assert leg.media.browser is not None
        line = "candidate:2 1 udp 1694498815 203.0.113.9 6000 typ srflx"
        for fragment, said in (("abcd", line), ("old1", "candidate:3 1 udp 5 203.0.113.9 7000 typ host")):
            credentials = f"a=ice-ufrag:{fragment}\r\na=ice-pwd:0123456789012345678901\r\n"
            leg.media.browser.take_candidates(f"{credentials}m=audio 9 RTP/AVP 0\r\na=mid:0\r\na={said}\r\n".encode())
        assert [each.partition(" ufrag")[0] for each in transport.candidates] == [line]
        assert transport.ends == 0
        credentials = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
        leg.media.browser.take_candidates(f"{credentials}a=end-of-candidates\r\n".encode())
        assert transport.ends == 1
        standing.caller.hang_up(standing.called)
        await world.settle()

    run_virtual(story)


def test_hold_by_a_browser_is_answered_and_plays_the_other_its_music() -> None:
    async def story() -> None:
        world = WebWorld()
        standing = Standing(world)
        await standing.up()
        page, session = standing.page, standing.page.sessions[0]
        page.change(session, direction="sendonly")
        await a_moment()
        assert "call on hold" in told(world.story)
        (answer,) = bodies(page, OfferAnswered)
        assert b"a=recvonly" in answer
        assert b"UDP/TLS/RTP/SAVPF" in answer
        page.change(session, direction="sendrecv")
        await a_moment()
        assert "call resumed" in told(world.story)
        standing.caller.hang_up(standing.called)
        await world.settle()

    run_virtual(story)
