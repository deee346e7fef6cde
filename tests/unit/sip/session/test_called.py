"""Calls we receive: RFC 3261 13.3."""

from __future__ import annotations

import pytest

from softswitch.sip.events import Ended, Established, InviteReceived
from softswitch.sip.headers import NameAddr, Reason
from softswitch.sip.message import Request
from tests.support.stage import Stage
from tests.support.wire import ANSWER, OFFER


def test_ringing_and_answering_form_a_dialog() -> None:
    stage = Stage()
    route = "Record-Route: <sip:p2.example.com;lr>\r\nRecord-Route: <sip:p1.example.com;lr>\r\n"
    session = stage.be_called(headers=route)
    session.ring(stage.now, 183, body=ANSWER, headers=[("P-Early-Media", "sendrecv")])
    ringing = stage.one_response(183)
    assert ringing.to.tag == session.local_tag
    assert ringing.headers.get_all("Record-Route") == ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    assert str(ringing.contact) == "<sip:192.0.2.1:5060>"
    assert ringing.body == ANSWER
    assert ringing.headers.get("P-Early-Media") == "sendrecv"
    session.accept(ANSWER, stage.now, contact=NameAddr.parse("<sip:switch@192.0.2.1:5060>"))
    answer = stage.one_response(200)
    assert str(answer.contact) == "<sip:switch@192.0.2.1:5060>"
    assert answer.to.tag == session.local_tag
    assert str(answer.content_type) == "application/sdp"
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    (event,) = stage.events()
    assert isinstance(event, Established)
    assert event.body == b""
    session.hangup(stage.now)
    bye = stage.one_request("BYE")
    assert bye.headers.get_all("Route") == ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    assert str(bye.uri) == "sip:them@198.51.100.7:5060"
    assert (bye.from_.tag, bye.to.tag) == (session.local_tag, "them")
    stage.answer(bye, 200, tag=None)
    assert stage.all_over()


def test_the_offer_of_our_2xx_is_answered_in_the_ack() -> None:
    stage = Stage()
    session = stage.be_called(body=b"")
    session.accept(OFFER, stage.now)
    stage.sent()
    stage.hear(stage.request("ACK", to_tag=session.local_tag, body=ANSWER))
    (event,) = stage.events()
    assert isinstance(event, Established)
    assert event.body == ANSWER


def test_a_lost_ack_keeps_the_2xx_coming_and_ends_the_call_after_64_t1() -> None:
    stage = Stage()
    session = stage.be_called()
    session.accept(ANSWER, stage.now)
    stage.sent()
    sent = stage.wait(31.9)
    assert [time for time, label in sent if label == "200 INVITE"] == [
        0.5,
        1.5,
        3.5,
        7.5,
        11.5,
        15.5,
        19.5,
        23.5,
        27.5,
        31.5,
    ]
    stage.now += 0.1
    stage.stack.handle_timers(stage.now)
    assert stage.one_request("BYE").headers.get_all("Reason") == [
        'SIP;cause=408;text="no ACK"',
        'Q.850;cause=102;text="recovery on timer expiry"',
    ]
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("timeout", 408)
    assert stage.all_over()


def test_hanging_up_before_the_ack_waits_for_it() -> None:
    stage = Stage()
    session = stage.be_called()
    session.accept(ANSWER, stage.now)
    stage.sent()
    session.hangup(stage.now, reasons=(Reason("Q.850", 16),))
    assert stage.sent() == []
    assert stage.kinds() == []
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    assert stage.one_request("BYE").headers.get("Reason") == "Q.850;cause=16"
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.reasons) == ("local", (Reason("Q.850", 16),))
    assert stage.all_over()


def test_hanging_up_before_an_ack_that_never_comes_sends_bye_in_the_end() -> None:
    stage = Stage()
    session = stage.be_called()
    session.accept(ANSWER, stage.now)
    session.hangup(stage.now)
    stage.sent()
    assert stage.wait(32.1)[-1] == (32.0, "BYE")
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert ended.by == "local"
    assert stage.all_over()


def test_bye_that_overtakes_the_ack_ends_the_call() -> None:
    stage = Stage()
    session = stage.be_called()
    session.accept(ANSWER, stage.now)
    stage.sent()
    stage.hear(stage.request("BYE", cseq=2, to_tag=session.local_tag, headers="Reason: Q.850;cause=17\r\n"))
    stage.one_response(200)
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status, ended.reasons) == ("remote", 200, (Reason("Q.850", 17),))
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    assert stage.wait(100) == []
    assert stage.events() == []


def test_hanging_up_refuses_a_ringing_call_with_the_given_status() -> None:
    stage = Stage()
    session = stage.be_called()
    session.ring(stage.now)
    stage.sent()
    session.hangup(stage.now, status=486, reasons=(Reason("Q.850", 17),))
    refusal = stage.one_response(486)
    assert refusal.headers.get("Reason") == "Q.850;cause=17"
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("local", 486)
    session.accept(ANSWER, stage.now)
    session.ring(stage.now)
    session.reject(404, stage.now)
    assert stage.sent() == []


def test_refusing_with_headers_of_ones_own() -> None:
    stage = Stage()
    session = stage.be_called()
    session.reject(302, stage.now, reason="Try there", headers=[("Contact", "<sip:1002@192.0.2.50>")])
    refusal = stage.one_response(302)
    assert refusal.reason == "Try there"
    assert str(refusal.contact) == "<sip:1002@192.0.2.50>"


def test_a_challenged_caller_comes_back_as_a_new_session() -> None:
    stage = Stage()
    first = stage.be_called()
    first.reject(401, stage.now, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n"')])
    stage.one_response(401)
    stage.events()
    second = stage.be_called(cseq=2)
    assert second is not first
    assert second.local_tag != first.local_tag


def test_bye_within_the_early_dialog_ends_bye_and_invite() -> None:
    stage = Stage()
    session = stage.be_called()
    session.ring(stage.now)
    stage.sent()
    stage.hear(stage.request("BYE", cseq=2, to_tag=session.local_tag))
    assert stage.labels() == ["200 BYE", "487 INVITE"]
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("remote", 487)
    assert stage.all_over()


def test_an_ack_with_another_number_or_tag_means_nothing() -> None:
    stage = Stage()
    session = stage.be_called()
    session.accept(ANSWER, stage.now)
    stage.sent()
    stage.hear(stage.request("ACK", cseq=7, to_tag=session.local_tag))
    stage.hear(stage.request("ACK", from_tag="stranger", to_tag=session.local_tag))
    stage.hear(stage.request("ACK", to_tag="stranger"))
    assert stage.events() == []
    assert stage.sent() == []
    assert stage.wait(0.6) == [(0.5, "200 INVITE")]
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    assert stage.kinds() == ["Established"]


def test_who_calls_and_what_the_invite_was() -> None:
    stage = Stage()
    stage.hear(stage.request("INVITE", body=OFFER, headers="Timestamp: 54\r\n"))
    assert stage.one_response(100).headers.get("Timestamp") == "54"
    (event,) = stage.events()
    assert isinstance(event, InviteReceived)
    session = event.session
    assert str(session.remote_uri) == "sip:them@198.51.100.7"
    assert isinstance(session.request, Request)
    assert session.request is event.request
    assert (session.role, session.remote_tag, session.flow) == ("uas", "them", event.flow)
    assert session.owner is None


def test_rfc_3261_13_3_1_an_invite_expires_unless_it_is_answered_in_time() -> None:
    stage = Stage()
    session = stage.be_called(headers="Expires: 25\r\n")
    session.ring(stage.now)
    stage.sent()
    assert stage.wait(24.9) == []
    assert stage.wait(0.2) == [(0.1, "487 INVITE")]
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("timeout", 487)
    assert stage.all_over()


def test_an_invite_that_was_answered_does_not_expire() -> None:
    stage = Stage()
    session = stage.be_called(headers="Expires: 25\r\n")
    session.accept(ANSWER, stage.now)
    stage.sent()
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    stage.wait(60)
    assert session.is_established
    session.hangup(stage.now)
    assert stage.all_over()


@pytest.mark.parametrize("expires", ["soon", "-1", "4294967296", ""])
def test_an_expires_that_cannot_be_read_is_none(expires: str) -> None:
    stage = Stage()
    session = stage.be_called(headers=f"Expires: {expires}\r\n")
    assert session.expiry == 0


def test_an_invite_that_was_refused_leaves_no_timer() -> None:
    stage = Stage()
    session = stage.be_called(headers="Expires: 3600\r\n")
    session.reject(486, stage.now)
    stage.wait(100)
    assert stage.stack.statistics.timers == 0
