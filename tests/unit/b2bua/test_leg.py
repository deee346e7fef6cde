"""Single legs in unusual moments: late offers, crossing offers, holds, addresses nobody should send to."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import SetDirection, SetExtendedReports, SetRemote, StartTap
from media.events import ConnectionRecovered, ConnectionWeak, LinkHealthy, LinkUnhealthy, QualityReport
from media.quality.opinion import MosCqe
from media.quality.scores import NOTHING_CAME
from media.quality.verdict import LegQuality, StreamCounters
from softswitch.b2bua.connection import message
from softswitch.b2bua.inbound_leg import InboundLeg
from softswitch.b2bua.leg import MOST_PRESSED, LegState
from softswitch.b2bua.terms import MediaTerms
from softswitch.dialplan.route import Answer, Echo, Play, Reject
from softswitch.endpoints.identity import FROM_ALONE
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sip.events import Answered, OfferAnswered, OfferReceived, OfferRefused
from softswitch.telemetry.cdr import Outcome
from softswitch.telemetry.log_sink import NullSink
from softswitch.telemetry.story import Story
from tests.support.phone import Plan, sdp
from tests.support.puppets import a_moment, act, bodies, requests_to, responses_to
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.b2bua.leg import Leg
    from softswitch.dialplan.route import Action

CALLER = 9
PCMA, GSM = KNOWN_CODECS["pcma"], KNOWN_CODECS["gsm"]


def world_with(*actions: Action, seed: int = 1) -> World:
    """A switch that does this for every call."""
    return World(Random(seed), actions or [to(1)])


def at_address(address: str, port: int = 40000, codecs: str = "8 0 101", extra: str = "") -> bytes:
    """SDP whose media is somewhere else."""
    kind = "IP6" if ":" in address else "IP4"
    return (
        f"v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN {kind} {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {codecs}\r\n{extra}"
    ).encode()


def the_call(world: World) -> Sequence[Leg]:
    """The legs of the only running call."""
    (running,) = world.supervisor.calls.values()
    return running.call.legs


def agreed(leg: Leg) -> str:
    """The codec of its SDP."""
    assert leg.media is not None
    assert leg.media.agreement is not None
    return leg.media.agreement.codec.name


# Keys.


def test_keys_are_told_once_however_many_were_pressed_before() -> None:
    async def story() -> None:
        world = world_with()
        world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        leg = the_call(world)[0]
        for _ in range(2 * MOST_PRESSED):
            leg.press("1")
        before = leg.press_count
        assert leg.pressed_since(before) == ""
        leg.press("2")
        leg.press("#")
        assert leg.pressed_since(before) == "2#"
        assert leg.pressed_since(before - 1) == "12#"
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


# Late offers.


def test_an_ack_without_the_answer_we_wait_for_ends_the_call() -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH, body=b"")
        await asyncio.sleep(2)
        act(caller, lambda now: session.ack(b"", now))
        await a_moment()
        assert caller.ended == [("remote", 200)]
        assert callee.ended == [("remote", 200)]
        await world.settle()

    run_virtual(story)


def test_a_caller_with_a_late_offer_hears_ringing_even_if_the_callee_sends_early_media() -> None:
    async def story() -> None:
        world = world_with()
        world.phone(1, Plan(early=1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH, body=b"")
        await asyncio.sleep(2)
        assert caller.progress == [(180, False)]
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_late_offer_names_what_the_callee_uses_and_its_like_only() -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1)
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH, body=b"")
        await a_moment()
        act(callee, lambda now: callee.sessions[0].accept(sdp(41000, "0 8 101"), now))
        await a_moment()
        (offer,) = bodies(caller, Answered)
        assert b"m=audio 20004 RTP/AVP 0 8 " in offer
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_prompt_waits_for_the_answer_to_a_late_offer() -> None:
    async def story() -> None:
        world = world_with(Play(("/prompt.wav",)))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH, body=b"")
        await asyncio.sleep(3)
        assert not world.media._playing
        act(caller, lambda now: session.ack(sdp(40000, "8"), now))
        await a_moment()
        assert world.media._playing
        await world.settle()
        assert world.records[0][0].talk_seconds == pytest.approx(5, abs=0.2)

    run_virtual(story)


def test_a_late_offer_that_finds_no_port_is_refused_with_503() -> None:
    async def story() -> None:
        world = world_with(Answer())
        world.media._capacity = 0
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=b"")
        await world.settle()
        assert caller.refused == [503]
        assert world.records[0][0].sip_status == 503

    run_virtual(story)


@pytest.mark.parametrize("capacity", [0, 1])
def test_no_port_left_is_503(capacity: int) -> None:
    async def story() -> None:
        world = world_with()
        world.media._capacity = capacity
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await world.settle()
        assert caller.refused == [503]
        assert callee.rang == 0
        assert world.records[0][0].outcome is Outcome.UNREACHABLE

    run_virtual(story)


# Offers within the call.


def test_a_codec_the_other_side_cannot_hear_is_refused_and_the_call_goes_on() -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        act(caller, lambda now: session.reinvite(sdp(40000, "9 101"), now))
        await a_moment()
        assert [event.status for event in caller.events if isinstance(event, OfferRefused)] == [488]
        act(caller, lambda now: session.reinvite(sdp(40000, "0 101"), now))
        await a_moment()
        assert len(bodies(caller, OfferAnswered)) == 1
        assert not callee.ended
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


@pytest.mark.parametrize("answer", [sdp(40000, "8 101"), b""])
def test_an_offerless_reinvite_gets_our_offer_and_survives_a_missing_answer(answer: bytes) -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await asyncio.sleep(2)
        dialog = caller.sessions[0].dialog
        assert dialog is not None
        flow = dialog.flow
        reinvite = dialog.request("INVITE", 2, "z9hG4bKoffless", headers=caller.sessions[0].contact_line)
        caller.sessions[0].local_cseq = 2
        world.driver.received(reinvite.encode(), type(flow)("UDP", flow.remote, flow.local))
        await a_moment()
        offers = [
            data for _, _, remote, data in world.wire.log if remote == caller.address and b"CSeq: 2 INVITE" in data
        ]
        assert any(data.startswith(b"SIP/2.0 200 ") and b"m=audio" in data for data in offers)
        ack = dialog.request(
            "ACK", 2, "z9hG4bKofflessack", headers="Content-Type: application/sdp\r\n" if answer else "", body=answer
        )
        world.driver.received(ack.encode(), type(flow)("UDP", flow.remote, flow.local))
        await a_moment()
        assert not callee.ended
        act(caller, lambda now: caller.sessions[0].reinvite(sdp(40000, "8 101", "sendonly"), now))
        await a_moment()
        assert len(bodies(caller, OfferAnswered)) == 1, "no offer of ours is left open"
        caller.hang_up(caller.sessions[0])
        await world.settle()

    run_virtual(story)


def test_a_hold_while_our_own_offer_is_open_is_491() -> None:
    """The far end must not see an exception, nor wait for its timer."""

    async def story() -> None:
        world = world_with()
        world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        leg = next(iter(world.supervisor.calls.values())).call.caller
        assert leg.media is not None
        leg.media.offer(leg.terms.codecs)  # as if a re-offer of ours were under way
        act(caller, lambda now: session.reinvite(sdp(40000, "8 101", "sendonly"), now))
        await a_moment()
        assert responses_to(world, caller, "INVITE")[-1] == 491
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


@pytest.mark.parametrize("agrees", [True, False])
def test_a_callee_whose_codec_is_not_that_of_the_early_media_is_offered_again(agrees: bool) -> None:
    """The caller's codec was settled by another callee's announcement; two codecs that cannot be made into each other
    would be a connected call in silence."""

    async def story() -> None:
        world = World(Random(1), [to(1, 2, strategy="parallel")], codecs=(PCMA, GSM))
        early, quick = world.phone(1), world.phone(2)
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=sdp(40000, "8 3 101"))
        await a_moment()
        act(early, lambda now: early.sessions[0].ring(now, 183, body=sdp(41000, "8 101")))
        await a_moment()
        if not agrees:
            quick.refuse_offers = True
        act(quick, lambda now: quick.sessions[0].accept(sdp(42000, "3 101"), now))
        await a_moment()
        (offer,) = bodies(quick, OfferReceived)
        assert b" RTP/AVP 8 " in offer
        if agrees:
            assert not caller.ended
            assert {agreed(leg) for leg in the_call(world) if not leg.ended} == {"PCMA"}
            caller.hang_up(caller.sessions[0])
        await world.settle()
        assert early.ended == [("remote", 487)]
        assert quick.ended == [("remote", 200)]
        assert world.records[0][0].q850_cause == (16 if agrees else 65)

    run_virtual(story)


def test_a_callee_whose_codec_can_be_converted_is_left_alone() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1, 2, strategy="parallel")], codecs=(PCMA, KNOWN_CODECS["g722"]))
        early, quick = world.phone(1), world.phone(2)
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH, body=sdp(40000, "8 9 101"))
        await a_moment()
        act(early, lambda now: early.sessions[0].ring(now, 183, body=sdp(41000, "8 101")))
        await a_moment()
        act(quick, lambda now: quick.sessions[0].accept(sdp(42000, "9 101"), now))
        await a_moment()
        assert bodies(quick, OfferReceived) == []
        assert {agreed(leg) for leg in the_call(world) if not leg.ended} == {"PCMA", "G722"}
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


# Silence.


def receive_expected(world: World, leg: int) -> bool:
    """What the engine was told last about this leg."""
    return [each.expected for each in world.media.commands if isinstance(each, SetDirection) and each.leg == leg][-1]


def test_silence_while_it_rings_is_no_time_out_and_after_the_answer_it_is() -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1)
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()
        act(callee, lambda now: callee.sessions[0].ring(now, 183, body=sdp(41000, "8 101")))
        await a_moment()
        caller_leg, callee_leg = sorted(world.media.open)
        assert not receive_expected(world, caller_leg)
        assert not receive_expected(world, callee_leg)
        world.media.fall_silent(callee_leg)
        world.media.fall_silent(caller_leg)
        await a_moment()
        act(callee, lambda now: callee.sessions[0].accept(sdp(41000, "8 101"), now))
        await a_moment()
        assert caller.answered == 1
        assert not caller.ended
        assert receive_expected(world, caller_leg)
        assert receive_expected(world, callee_leg)
        world.media.fall_silent(callee_leg)
        await world.settle()
        assert caller.ended == [("remote", 200)]

    run_virtual(story)


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_who_holds_us_owes_us_no_media(direction: str) -> None:
    async def story() -> None:
        world = world_with()
        world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        leg = min(world.media.open)
        assert receive_expected(world, leg)
        caller.hold(session, direction)
        await a_moment()
        assert not receive_expected(world, leg)
        caller.hold(session, "sendrecv")
        await a_moment()
        assert receive_expected(world, leg)
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_held_caller_still_gets_to_the_end_of_a_prompt() -> None:
    async def story() -> None:
        world = world_with(Play(("/prompt.wav",)))
        world.media.prompt_seconds = 10.0
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(1)
        caller.hold(session)
        await world.settle()
        assert world.records[0][0].talk_seconds == pytest.approx(10, abs=0.2)

    run_virtual(story)


# Addresses (THREATS M8).


@pytest.mark.parametrize("address", ["127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "2001:db8::1", "::1"])
def test_an_offer_that_points_where_we_must_not_send_is_488(address: str) -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=at_address(address))
        await world.settle()
        assert caller.refused == [488]
        assert callee.rang == 0
        assert not [each for each in world.media.commands if isinstance(each, SetRemote)]

    run_virtual(story)


@pytest.mark.parametrize("address", ["127.0.0.1", "239.1.1.1", "0.255.255.255"])
def test_an_answer_that_points_there_ends_that_leg_and_the_caller_hears_488(address: str) -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1)
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()
        act(callee, lambda now: callee.sessions[0].accept(at_address(address), now))
        await world.settle()
        assert caller.refused == [488]
        assert callee.ended == [("remote", 200)]
        assert address not in {each.address for each in world.media.commands if isinstance(each, SetRemote)}

    run_virtual(story)


def test_a_reinvite_that_points_there_is_refused_and_the_call_stays_as_it_was() -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        act(caller, lambda now: session.reinvite(at_address("127.0.0.1"), now))
        await a_moment()
        assert [event.status for event in caller.events if isinstance(event, OfferRefused)] == [488]
        caller.hold(session, "sendrecv")
        await a_moment()
        assert len(bodies(caller, OfferAnswered)) == 1
        assert not callee.ended
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_the_old_hold_with_no_address_is_a_hold() -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(2)
        act(caller, lambda now: session.reinvite(at_address("0.0.0.0"), now))
        await a_moment()
        assert len(bodies(caller, OfferAnswered)) == 1
        assert not callee.ended
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_reports_go_to_no_loopback_either() -> None:
    async def story() -> None:
        world = world_with(Echo(5))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=at_address("198.51.100.9", extra="a=rtcp:53 IN IP4 127.0.0.1\r\n"))
        await world.settle()
        (remote,) = [each for each in world.media.commands if isinstance(each, SetRemote)]
        assert (remote.rtcp_address, remote.rtcp_port) == ("198.51.100.9", 40001)

    run_virtual(story)


# Who calls, and how far.


@pytest.mark.parametrize(
    ("stated", "carried"), [("70", "69"), ("2", "1"), ("255", "69"), ("junk", "70"), ("999", "70")]
)
def test_max_forwards_is_carried_on(stated: str, carried: str) -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1, Plan(answer=1, hang_up=2))
        caller = world.phone(CALLER)
        act(caller, lambda _: caller.call("123", SWITCH, headers=(("Max-Forwards", "1000"),)))
        (sent,) = [data for _, _, remote, data in world.wire.log if remote == SWITCH]
        world.wire.log.clear()
        changed = sent.replace(b"Max-Forwards: 70", b"Max-Forwards: " + stated.encode())
        world.driver.received(changed, type(caller.sessions[0].flow)("UDP", SWITCH, caller.address))
        await a_moment()
        assert requests_to(world, callee, "INVITE")[0].headers.get("Max-Forwards") == carried
        await world.settle()

    run_virtual(story)


def test_the_last_hop_is_483() -> None:
    async def story() -> None:
        world = world_with()
        callee = world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, headers=(("Max-Forwards", "1"),))
        await world.settle()
        assert caller.refused == [483]
        assert callee.rang == 0

    run_virtual(story)


def test_a_caller_who_hangs_up_in_the_tick_the_invite_is_taken_leaves_no_port() -> None:
    async def story() -> None:
        world = World(Random(3), [to(1)], delay=0.0)
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        caller.hang_up(session)
        await world.settle()
        assert world.records[0][0].outcome is Outcome.ABANDONED
        assert not [each for each in world.media.commands if isinstance(each, StartTap)]

    run_virtual(story)


def test_what_crosses_our_hanging_up_opens_no_port() -> None:
    async def story() -> None:
        world = world_with(Answer(), Reject(486))
        caller = world.phone(CALLER)
        caller.call("123", SWITCH, body=b"")
        world.media._capacity = 0
        await a_moment()
        world.media._capacity = 10
        leg = InboundLeg(
            world.switch,
            Story("x", NullSink()),
            name="trunk:a",
            origin=FROM_ALONE.read(caller.sessions[0].request),
            terms=MediaTerms(world.codecs),
            session=caller.sessions[0],
        )
        leg.hangup()
        leg.handle(OfferReceived(caller.sessions[0], sdp(40000)))
        assert not world.media.open
        await world.settle()

    run_virtual(story)


def test_an_echo_is_over_before_the_next_application() -> None:
    async def story() -> None:
        world = world_with(Echo(1), to(1))
        world.phone(1, Plan(answer=1))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await asyncio.sleep(0.5)
        assert world.media.echoing
        await asyncio.sleep(3)
        assert world.media.connected
        assert not world.media.echoing
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_states_only_move_forward() -> None:
    assert [state.value for state in LegState] == ["calling", "answered", "ended"]


@pytest.mark.parametrize(("plan", "status"), [(Plan(answer=1), None), (Plan(reject=(1, 486)), 486)])
def test_only_a_leg_nobody_answered_ends_with_a_status(plan: Plan, status: int | None) -> None:
    async def story() -> None:
        world = world_with()
        world.phone(1, plan)
        caller = world.phone(CALLER)
        caller.call("123", SWITCH)
        await a_moment()
        (running,) = world.supervisor.calls.values()
        call = running.call
        await asyncio.sleep(3)
        world.supervisor.hang_up(call.id)
        await world.settle()
        ended = [line.facts for line in call.story.lines if line.event == "leg ended"]
        assert [facts["status"] for facts in ended] == [status] * 2
        assert all(facts["cause"] and facts["q850"] for facts in ended)

    run_virtual(story)


def test_a_weak_connection_is_told_with_its_ceiling_and_main_cause() -> None:
    async def story() -> None:
        world = world_with(Echo(None))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await a_moment()
        (leg,) = the_call(world)
        assert leg.media is not None
        engine_leg, shown = leg.media.leg, message(leg.name, webrtc=False)
        switch = leg.switch
        switch.media_event(ConnectionWeak(engine_leg, "received", MosCqe(3.904), MosCqe(4.409), "loss"))
        switch.media_event(LinkUnhealthy(engine_leg, "received", "loss", 2.345, 1.0))
        (facts,) = [line.facts for line in leg.story.lines if line.event == "connection weak"]
        assert (facts["mos"], facts["ceiling"], facts["scale"]) == (3.9, 4.41, "MOS-CQE")
        assert (facts["mostly"], facts["way"], facts["message"]) == ("loss", "from party", shown)
        assert (leg.connection.weak, leg.connection.alerts) == (True, ("loss from party",))
        assert leg.connection.message == shown
        switch.media_event(ConnectionRecovered(engine_leg, "received", MosCqe(4.2)))
        switch.media_event(LinkHealthy(engine_leg, "received", "loss", 0.0))
        assert (leg.connection.weak, leg.connection.alerts, leg.connection.message) == (False, (), None)
        assert (leg.connection.times_weak, leg.connection.times_unhealthy) == (1, 1)
        told = [line.event for line in leg.story.lines][-2:]
        assert told == ["connection recovered", "link healthy"]
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_a_far_end_that_never_sends_is_told_of_once_and_a_pause_is_not() -> None:
    async def story() -> None:
        world = world_with(Echo(None))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await a_moment()
        (leg,) = the_call(world)
        assert leg.media is not None
        quality = LegQuality("PCMA", True, 20, 40.0, started=0.0)
        for number, packets in enumerate((0, 0, 250, 250, 250), 1):
            counters = StreamCounters(packets, packets, 0, 0, 0, 1.0, 0)
            intervals = quality.interval(5.0 * number, counters, None, None, silence=NOTHING_CAME)
            leg.switch.media_event(QualityReport(leg.media.leg, *intervals))
        assert [line.event for line in leg.story.lines].count("nothing received") == 1
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


def test_another_codec_in_the_packets_is_told_once() -> None:
    async def story() -> None:
        world = world_with(Echo(None))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH)
        await a_moment()
        (leg,) = the_call(world)
        assert leg.media is not None
        quality = LegQuality("PCMA", True, 20, 40.0, started=0.0)
        for number, codec in enumerate(("PCMA", "PCMA", "PCMU", "PCMU"), 1):
            quality.set_codec(codec, plc=True, ptime_ms=20)
            counters = StreamCounters(250 * number, 250 * number, 0, 0, 0, 1.0, 0)
            leg.switch.media_event(QualityReport(leg.media.leg, *quality.interval(5.0 * number, counters, None, None)))
        told = [line.facts for line in leg.story.lines if line.event == "codec changed"]
        assert [(facts["way"], facts["before"], facts["codec"]) for facts in told] == [("from party", "PCMA", "PCMU")]
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)


@pytest.mark.parametrize(
    ("endpoint", "webrtc", "text"),
    [
        ("phone:1001", False, "Your connection is weak"),
        ("phone:1001", True, "Your connection is weak"),
        ("trunk:carrier", False, None),
        ("guest:1", True, "Customer\u2019s connection is weak"),
    ],
)
def test_what_is_shown_about_a_weak_connection(endpoint: str, webrtc: bool, text: str | None) -> None:
    assert message(endpoint, webrtc=webrtc) == text


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ("a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n", [(True, True)]),
        ("a=rtcp-xr:voip-metrics\r\n", [(False, True)]),
        ("", []),
    ],
)
def test_extended_reports_are_agreed_on_where_they_are_offered(offered: str, agreed: list[tuple[bool, bool]]) -> None:
    async def story() -> None:
        world = world_with(Echo(None))
        caller = world.phone(CALLER)
        session = caller.call("123", SWITCH, body=at_address("198.51.100.9", extra=offered))
        await a_moment()
        told = [each for each in world.media.commands if isinstance(each, SetExtendedReports)]
        assert [(each.reference_time, each.metrics) for each in told] == agreed
        (answer,) = bodies(caller, Answered)
        assert (b"a=rtcp-xr:" in answer) == bool(agreed)
        caller.hang_up(session)
        await world.settle()

    run_virtual(story)
