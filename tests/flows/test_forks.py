"""A proxy behind a trunk that forks our INVITE: several early dialogs, several answers, one call (RFC 3261 13)."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import SetRemote
from media.events import MediaStarted
from softswitch.sdp.description import SessionDescription
from softswitch.sip.events import Answered
from softswitch.sip.message import Response
from softswitch.sip.session.terms import PLAIN, SessionTerms
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import sdp
from tests.support.puppets import a_moment
from tests.support.raw_peer import RawPeer
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession
    from tests.support.phone import Phone

CALLER = 9
ONE, TWO, THREE = 41000, 42000, 43000
"""Media ports of the branches."""
RELIABLY = SessionTerms(reliable="supported")
UNUSABLE = b"v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=image 5 udptl t38\r\n"


class Forked:
    """A call whose INVITE has reached the proxy."""

    def __init__(self, world: World, proxy: RawPeer, caller: Phone, session: InviteSession) -> None:
        self.world = world
        self.proxy = proxy
        self.caller = caller
        self.session = session
        (self.invite,) = proxy.requests("INVITE")

    async def hears(self, status: int, tag: str, port: int = 0, body: bytes = b"") -> None:
        """The proxy passes a response of one branch on."""
        self.proxy.answer(self.invite, status, tag=tag, body=sdp(port, "8 101") if port else body)
        await a_moment()

    @property
    def remote(self) -> int | None:
        """The port that the callee's leg sends to."""
        ports = [each.port for each in self.world.media.commands if isinstance(each, SetRemote) and each.port > 40000]
        return ports[-1] if ports else None

    async def settles(self, tag: str, port: int) -> None:
        """A branch says reliably where its media is: offer and answer are exchanged with it (RFC 3262)."""
        lines = (("Require", "100rel"), ("RSeq", "1"), ("Allow", "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE"))
        self.proxy.answer(self.invite, 183, tag=tag, body=sdp(port, "8 101"), headers=lines)
        await a_moment()
        self.proxy.answer(self.proxy.requests("PRACK")[-1], 200)
        await a_moment()

    async def updates(self, tag: str, port: int, method: str = "UPDATE", cseq: int = 1) -> SessionDescription:
        """A branch offers another place for its media; our answer."""
        self.proxy.within(self.invite, method, tag, cseq, sdp(port, "8 101"))
        await a_moment()
        answers = [each for each in self.proxy.heard if isinstance(each, Response) and each.cseq.method == method]
        assert answers[-1].status == 200
        return SessionDescription.parse(answers[-1].body)

    def told(self, event: str) -> list[dict[str, object]]:
        """Facts of the story's events of this name."""
        (running,) = self.world.supervisor.calls.values()
        return [dict(each.facts) for each in running.call.story.lines if each.event == event]


def forked(
    story: Callable[[Forked], Awaitable[None]],
    *,
    outcome: Outcome = Outcome.ANSWERED,
    session: SessionTerms = PLAIN,
) -> None:
    """Run a story of such a call to its end, and let nothing be left; `session`: the extensions of trunks."""
    terms = session

    async def whole() -> None:
        world = World(Random(1), [to(1)], session=terms)
        proxy = RawPeer(world.wire, ("198.51.100.1", 5060), SWITCH)
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await a_moment()
        call = Forked(world, proxy, caller, session)
        await story(call)
        if session.is_established:
            caller.hang_up(session)
            await a_moment()
        for bye in proxy.requests("BYE"):
            proxy.answer(bye, 200)
        await world.settle()
        assert world.records[0][0].outcome is outcome

    run_virtual(whole)


def tags(requests: list[Request]) -> list[str | None]:
    """Whom they are for."""
    return [request.to.tag for request in requests]


def test_what_was_said_last_is_heard_and_a_repetition_is_nothing_new() -> None:
    async def story(call: Forked) -> None:
        await call.hears(183, "one", ONE)
        assert call.remote == ONE
        await call.hears(183, "two", TWO)
        assert call.remote == TWO
        await call.hears(183, "one", ONE)
        assert call.remote == TWO
        await call.hears(180, "one")
        assert call.remote == TWO
        await call.hears(183, "one", THREE)
        assert call.remote == THREE
        await call.hears(200, "one", THREE)

    forked(story)


def test_the_answer_of_another_branch_than_the_one_that_was_heard() -> None:
    async def story(call: Forked) -> None:
        await call.hears(183, "one", ONE)
        await call.hears(200, "two", TWO)
        assert call.remote == TWO
        assert tags(call.proxy.requests("ACK")) == ["two"]
        assert [type(event) for event in call.caller.events].count(Answered) == 1

    forked(story)


def test_an_answer_of_two_branches_is_one_call_and_the_second_is_ended() -> None:
    async def story(call: Forked) -> None:
        await call.hears(183, "one", ONE)
        await call.hears(183, "two", TWO)
        await call.hears(200, "one", ONE)
        await call.hears(200, "two", TWO)
        assert call.remote == ONE
        assert tags(call.proxy.requests("ACK")) == ["one", "two"]
        assert tags(call.proxy.requests("BYE")) == ["two"]
        assert not call.caller.ended

    forked(story)


def test_what_a_losing_branch_says_late_changes_nothing() -> None:
    async def story(call: Forked) -> None:
        await call.hears(180, "one")
        await call.hears(200, "two", TWO)
        await call.hears(183, "one", ONE)
        await call.hears(199, "one")
        assert call.remote == TWO
        assert call.session.is_established

    forked(story)


@pytest.mark.parametrize(("winner", "port"), [("one", ONE), ("two", TWO)])
def test_a_2xx_without_sdp_stands_for_what_its_own_branch_has_said(winner: str, port: int) -> None:
    async def story(call: Forked) -> None:
        await call.hears(183, "one", ONE)
        await call.hears(183, "two", TWO)
        await call.hears(200, winner)
        assert call.remote == port

    forked(story)


def test_a_2xx_without_sdp_of_a_branch_that_never_had_any_is_no_answer() -> None:
    async def story(call: Forked) -> None:
        await call.hears(183, "one", ONE)
        await call.hears(200, "two")
        assert tags(call.proxy.requests("BYE")) == ["two"]
        assert call.caller.refused == [488]

    forked(story, outcome=Outcome.REJECTED)


def test_early_media_that_cannot_be_heard_harms_no_other_branch() -> None:
    async def story(call: Forked) -> None:
        await call.hears(183, "one", ONE)
        await call.hears(183, "two", body=UNUSABLE)
        assert call.remote == ONE
        assert call.told("early media unusable")
        await call.hears(200, "one", ONE)
        assert call.session.is_established

    forked(story)


@pytest.mark.parametrize("how", ["199", "BYE"])
def test_a_branch_that_is_over_gives_way_to_the_one_before(how: str) -> None:
    async def story(call: Forked) -> None:
        await call.hears(183, "one", ONE)
        await call.hears(183, "two", TWO)
        if how == "199":
            await call.hears(199, "two")
        else:
            call.proxy.within(call.invite, "BYE", "two")
            await a_moment()
        assert call.remote == ONE
        assert not call.proxy.requests("CANCEL")
        await call.hears(200, "one", ONE)

    forked(story)


def test_when_the_last_branch_says_bye_the_call_is_over() -> None:
    async def story(call: Forked) -> None:
        await call.hears(180, "one")
        await call.hears(180, "two")
        call.proxy.within(call.invite, "BYE", "one")
        await a_moment()
        call.proxy.within(call.invite, "BYE", "two")
        await a_moment()
        (cancel,) = call.proxy.requests("CANCEL")
        call.proxy.answer(cancel, 200)
        call.proxy.answer(call.invite, 487, tag="two")
        await a_moment()
        assert call.caller.refused == [480]

    forked(story, outcome=Outcome.NO_ANSWER)


def test_a_caller_who_gives_up_cancels_once_and_a_late_answer_is_ended() -> None:
    async def story(call: Forked) -> None:
        await call.hears(180, "one")
        await call.hears(180, "two")
        call.caller.hang_up(call.session)
        await a_moment()
        (cancel,) = call.proxy.requests("CANCEL")
        assert cancel.to.tag is None
        call.proxy.answer(cancel, 200)
        await call.hears(200, "two", TWO)
        await call.hears(200, "one", ONE)
        assert tags(call.proxy.requests("ACK")) == ["two", "one"]
        assert tags(call.proxy.requests("BYE")) == ["two", "one"]

    forked(story, outcome=Outcome.ABANDONED)


def test_silence_after_a_change_of_branch_is_covered_by_our_tone() -> None:
    async def story(call: Forked) -> None:
        await call.hears(183, "one", ONE)
        leg = max(call.world.media.open)
        call.world.switch.media_event(MediaStarted(leg, "198.51.100.1", ONE))
        await a_moment()
        assert len(call.told("early media heard")) == 1
        tones = len(call.told("ringback"))
        await call.hears(183, "two", TWO)
        await a_moment()
        assert len(call.told("ringback")) == tones + 1
        call.world.switch.media_event(MediaStarted(leg, "198.51.100.1", TWO))
        await a_moment()
        assert len(call.told("early media heard")) == 2
        await call.hears(200, "two", TWO)

    forked(story)


# -- Early dialogs in which something was changed by UPDATE (RFC 3311, RFC 6337 3.1) ---------------------------------


def test_a_branch_answers_after_another_one_has_changed_its_media() -> None:
    async def story(call: Forked) -> None:
        await call.settles("one", ONE)
        await call.updates("one", THREE)
        assert call.remote == THREE
        await call.hears(200, "two", TWO)
        assert call.remote == TWO
        assert call.session.is_established
        assert call.caller.refused == []

    forked(story, session=RELIABLY)


@pytest.mark.parametrize("between", ["nothing", "183", "199"])
def test_a_branch_that_has_changed_its_media_answers(between: str) -> None:
    async def story(call: Forked) -> None:
        await call.settles("one", ONE)
        await call.updates("one", THREE)
        if between != "nothing":
            await call.hears(183, "two", TWO)
            assert call.remote == TWO
        if between == "199":
            await call.hears(199, "two")
            assert call.remote == THREE
        await call.hears(200, "one")
        assert call.remote == THREE
        assert call.session.is_established

    forked(story, session=RELIABLY)


@pytest.mark.parametrize(("winner", "port"), [("one", THREE), ("two", TWO)])
def test_what_one_settled_branch_changes_the_other_keeps(winner: str, port: int) -> None:
    async def story(call: Forked) -> None:
        await call.settles("one", ONE)
        await call.settles("two", TWO)
        await call.updates("one", THREE)
        assert call.remote == THREE
        await call.hears(200, winner)
        assert call.remote == port
        assert call.session.is_established

    forked(story, session=RELIABLY)


def test_two_branches_change_their_media_and_each_goes_on_from_its_own() -> None:
    async def story(call: Forked) -> None:
        offered = SessionDescription.parse(call.invite.body).origin.version
        await call.settles("one", ONE)
        await call.settles("two", TWO)
        first = await call.updates("one", THREE)
        second = await call.updates("two", THREE + 2)
        third = await call.updates("one", THREE + 4, cseq=2)
        # RFC 3264 8: one more for each change, in the session that this far end sees.
        assert [first.origin.version, second.origin.version, third.origin.version] == [
            offered + 1, offered + 1, offered + 1,
        ]  # fmt: skip
        await call.hears(200, "two")
        assert call.remote == THREE + 2
        after = await call.updates("two", THREE + 6, method="INVITE", cseq=3)
        assert call.remote == THREE + 6
        assert after.origin.version == offered + 1

    forked(story, session=RELIABLY)


def test_a_change_that_is_refused_leaves_what_was_settled() -> None:
    async def story(call: Forked) -> None:
        await call.settles("one", ONE)
        call.proxy.within(call.invite, "UPDATE", "one", body=UNUSABLE)
        await a_moment()
        assert call.remote == ONE
        await call.hears(200, "one")
        assert call.remote == ONE
        assert call.session.is_established

    forked(story, session=RELIABLY)
