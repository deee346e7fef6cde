"""INVITE client transaction: RFC 3261 17.1.1, RFC 6026."""

from __future__ import annotations

from softswitch.sip.events import Ended, Refused
from tests.support.stage import TCP, Stage
from tests.support.wire import ANSWER, OFFER


def test_invite_is_repeated_with_doubling_intervals_until_timer_b() -> None:
    stage = Stage()
    stage.place_call()
    times = [time for time, label in stage.wait(100) if label == "INVITE"]
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    refused, ended = stage.events()
    assert isinstance(refused, Refused)
    assert (refused.status, refused.response) == (408, None)
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("timeout", 408)
    assert stage.all_over()


def test_invite_is_not_repeated_over_tcp_but_times_out_all_the_same() -> None:
    stage = Stage(TCP)
    stage.place_call()
    assert stage.wait(31.9) == []
    assert stage.kinds() == []
    stage.wait(0.2)
    assert stage.kinds() == ["Refused", "Ended"]


def test_a_provisional_response_stops_the_repetition_for_good() -> None:
    stage = Stage()
    _, invite = stage.place_call()
    stage.answer(invite, 100, tag=None)
    assert stage.wait(3000) == []


def test_a_refusal_is_acknowledged_with_the_invites_own_branch_and_route() -> None:
    stage = Stage()
    _, invite = stage.place_call(routes=("<sip:proxy.example.com;lr>", "<sip:192.0.2.99;lr>"))
    stage.answer(invite, 486)
    ack = stage.one_request("ACK")
    assert ack.via.branch == invite.via.branch
    assert ack.uri == invite.uri
    assert ack.headers.get_all("Route") == invite.headers.get_all("Route")
    assert ack.to.tag == "callee"
    assert ack.from_ == invite.from_
    assert (ack.cseq.number, ack.cseq.method) == (1, "ACK")
    assert stage.kinds() == ["Refused", "Ended"]


def test_a_repeated_refusal_is_acknowledged_again_and_told_once() -> None:
    stage = Stage()
    _, invite = stage.place_call()
    stage.answer(invite, 486)
    stage.events()
    stage.sent()
    for _ in range(3):
        stage.answer(invite, 486)
        stage.one_request("ACK")
    assert stage.events() == []
    stage.wait(31.9)
    stage.answer(invite, 486)
    stage.one_request("ACK")
    stage.wait(0.2)
    stage.answer(invite, 486)
    assert stage.sent() == []
    assert stage.all_over()


def test_over_tcp_a_refused_invite_is_forgotten_at_once() -> None:
    stage = Stage(TCP)
    _, invite = stage.place_call()
    stage.answer(invite, 404)
    assert stage.stack.statistics.lingering == 0
    assert stage.stack.statistics.timers == 0


def test_a_repeated_2xx_gets_the_same_ack_again_even_after_the_call() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 200, body=ANSWER)
    ack = stage.one_request("ACK")
    session.hangup(stage.now)
    bye = stage.one_request("BYE")
    stage.answer(bye, 200)
    assert stage.stack.statistics.sessions == 0
    stage.wait(20)
    stage.answer(invite, 200, body=ANSWER)
    assert bytes(stage.one_request("ACK")) == bytes(ack)
    stage.wait(12.5)
    stage.answer(invite, 200, body=ANSWER)
    assert stage.sent() == []
    assert stage.stack.statistics.strays == 1
    assert stage.all_over()


def test_a_reinvite_that_outlives_its_call_ends_even_if_it_only_ever_hears_100() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 200, body=ANSWER)
    stage.sent()
    session.reinvite(OFFER, stage.now)
    reinvite = stage.one_request("INVITE")
    session.hangup(stage.now)
    stage.answer(reinvite, 100, tag=None)
    stage.wait(65)
    assert stage.all_over()


def test_transport_failure_ends_the_call_as_503() -> None:
    stage = Stage()
    stage.place_call()
    stage.stack.transport_failed(stage.flow, stage.now)
    refused, ended = stage.events()
    assert isinstance(refused, Refused)
    assert isinstance(ended, Ended)
    assert (refused.status, ended.by) == (503, "transport")
    assert stage.all_over()


def test_responses_are_matched_by_branch_and_method() -> None:
    stage = Stage()
    _, invite = stage.place_call()
    stranger = invite.response(200, to_tag="x")
    stranger.headers.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother")
    stage.hear(stranger)
    wrong_method = invite.response(200, to_tag="x")
    wrong_method.headers.set("CSeq", "1 OPTIONS")
    stage.hear(wrong_method)
    two_vias = invite.response(200, to_tag="x")
    two_vias.headers.add("Via", "SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKx")
    stage.hear(two_vias)
    assert stage.sent() == []
    assert stage.kinds() == []
    assert stage.stack.statistics.strays == 3
