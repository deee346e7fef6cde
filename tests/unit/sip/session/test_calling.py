"""Calls we make: RFC 3261 13.2."""

from __future__ import annotations

import pytest

from softswitch.sip.core import ALLOW
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import Answered, Ended, Progressed, Refused
from softswitch.sip.headers import NameAddr, Reason
from softswitch.sip.message import Request
from softswitch.sip.uri import Uri
from tests.support.stage import UDP, Stage
from tests.support.wire import ANSWER, OFFER


def test_the_invite_says_who_we_are_and_where() -> None:
    stage = Stage()
    session, invite = stage.place_call(headers=(("X-Trace", "42"), ("Max-Forwards", "12")))
    assert str(invite.uri) == "sip:callee@198.51.100.7:5060"
    assert invite.via.port == 5060
    assert "rport" in invite.via.parameters
    assert invite.via.branch is not None
    assert invite.via.branch.startswith("z9hG4bK")
    assert invite.max_forwards == 12
    assert invite.headers.get_all("Max-Forwards") == ["12"]
    assert invite.headers.get("X-Trace") == "42"
    assert invite.from_.tag == session.local_tag
    assert invite.to.tag is None
    assert invite.headers.get("Allow") == ALLOW
    assert str(invite.content_type) == "application/sdp"
    assert invite.body == OFFER
    assert session.request.call_id == session.call_id == invite.call_id


def test_progress_answer_ack_and_bye() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 100, tag=None)
    assert session.proceeding
    stage.answer(invite, 183, body=ANSWER)
    (progress,) = stage.events()
    assert isinstance(progress, Progressed)
    assert (progress.status, progress.body, progress.reason) == (183, ANSWER, "Session Progress")
    stage.answer(invite, 200, body=ANSWER, contact="<sip:desk@198.51.100.9:5070>")
    (answered,) = stage.events()
    assert isinstance(answered, Answered)
    assert answered.body == ANSWER
    ack = stage.one_request("ACK")
    assert str(ack.uri) == "sip:desk@198.51.100.9:5070"
    assert ack.via.branch != invite.via.branch
    assert (ack.cseq.number, ack.to.tag) == (1, "callee")
    assert session.remote_tag == "callee"
    session.hangup(stage.now, reasons=(Reason("Q.850", 16, "Normal call clearing"),))
    bye = stage.one_request("BYE")
    assert bye.cseq.number == 2
    assert bye.headers.get("Reason") == 'Q.850;cause=16;text="Normal call clearing"'
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status, ended.reasons) == ("local", 200, (Reason("Q.850", 16, "Normal call clearing"),))
    session.hangup(stage.now)
    stage.answer(bye, 200)
    assert stage.events() == []
    assert stage.all_over()


@pytest.mark.parametrize("status", [301, 302, 404, 486, 503, 603, 699])
def test_a_refusal_ends_the_session(status: int) -> None:
    stage = Stage()
    _, invite = stage.place_call()
    stage.answer(invite, status)
    refused, ended = stage.events()
    assert isinstance(refused, Refused)
    assert refused.response is not None
    assert (refused.status, refused.response.status) == (status, status)
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("remote", status)
    assert stage.all_over()


def test_a_bye_that_is_never_answered_ends_by_its_timer() -> None:
    stage = Stage()
    stage.call_up().hangup(stage.now)
    assert stage.kinds() == ["Ended"]
    assert stage.stack.statistics.sessions == 1
    assert stage.all_over()
    assert stage.events() == []


def test_without_an_offer_the_ack_waits_for_the_applications_answer() -> None:
    stage = Stage()
    session, invite = stage.place_call(body=b"")
    assert invite.body == b""
    assert invite.content_type is None
    stage.answer(invite, 200, body=OFFER)
    (answered,) = stage.events()
    assert isinstance(answered, Answered)
    assert answered.body == OFFER
    assert stage.sent() == []
    stage.answer(invite, 200, body=OFFER)
    assert stage.sent() == []
    session.ack(ANSWER, stage.now)
    ack = stage.one_request("ACK")
    assert ack.body == ANSWER
    assert str(ack.content_type) == "application/sdp"
    stage.answer(invite, 200, body=OFFER)
    assert bytes(stage.one_request("ACK")) == bytes(ack)
    session.ack(ANSWER, stage.now)
    assert stage.sent() == []


def test_an_application_that_never_acknowledges_loses_the_call() -> None:
    stage = Stage()
    _, invite = stage.place_call(body=b"")
    stage.answer(invite, 200, body=OFFER)
    stage.events()
    stage.sent()
    assert [label for _, label in stage.wait(32.1)] == ["ACK", "BYE"]
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert ended.by == "timeout"
    assert stage.all_over()


def test_hanging_up_before_acknowledging_sends_ack_and_bye() -> None:
    stage = Stage()
    session, invite = stage.place_call(body=b"")
    stage.answer(invite, 200, body=OFFER)
    stage.sent()
    session.hangup(stage.now)
    assert stage.labels() == ["ACK", "BYE"]
    assert stage.kinds() == ["Answered", "Ended"]
    assert stage.all_over()


def test_other_forks_that_answer_are_acknowledged_and_ended() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 180, tag="one")
    stage.answer(invite, 180, tag="two")
    stage.answer(invite, 200, tag="two", body=ANSWER, contact="<sip:two@198.51.100.8>")
    stage.one_request("ACK")
    assert stage.kinds() == ["Progressed", "Progressed", "Answered"]
    stage.answer(invite, 200, tag="one", body=ANSWER, contact="<sip:one@198.51.100.9>")
    ack, bye = stage.sent()
    assert isinstance(ack, Request)
    assert isinstance(bye, Request)
    assert (ack.method, ack.to.tag, str(ack.uri)) == ("ACK", "one", "sip:one@198.51.100.9")
    assert (bye.method, bye.to.tag, bye.cseq.number) == ("BYE", "one", 2)
    stage.answer(invite, 200, tag="one", body=ANSWER)
    assert bytes(stage.one_request("ACK")) == bytes(ack)
    assert stage.events() == []
    assert session.is_established
    stage.answer(bye, 200, tag=None)
    assert session.remote_tag == "two"


def test_a_flood_of_forks_is_bounded() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    for number in range(100):
        stage.answer(invite, 180, tag=f"early{number}")
        stage.answer(invite, 200, tag=f"fork{number}", body=ANSWER)
    assert stage.labels().count("BYE") == 15
    session.hangup(stage.now)
    assert stage.all_over()


def test_a_callee_that_says_bye_while_it_rings_is_cancelled() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 180)
    stage.events()
    stage.hear(stage.request("BYE", from_tag="callee", to_tag=session.local_tag, call_id=session.call_id, cseq=1))
    assert stage.labels() == ["200 BYE", "CANCEL"]
    stage.answer(invite, 487)
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("remote", 487)
    assert stage.all_over()


def test_headers_cannot_break_out_of_their_line() -> None:
    stage = Stage()
    evil = NameAddr("a\r\nX-Evil: b", Uri.parse("sip:us@192.0.2.1"))
    fine = NameAddr("", Uri.parse("sip:us@192.0.2.1"))
    for change in (
        {"headers": [("X-Name", "a\r\nX-Evil: b")]},
        {"from_": evil},
        {"to": evil},
        {"contact": evil},
        {"routes": [evil]},
        {"call_id": "a\r\nX-Evil: b"},
        {"content_type": "a\r\nX-Evil: b"},
        {"uri": Uri("sip", "a\r\nX-Evil: b", "192.0.2.1")},
    ):
        how = {"uri": fine.uri, "from_": fine, "to": fine, "contact": fine, "flow": UDP, "body": OFFER, "now": 0.0}
        with pytest.raises(LocalProtocolError):
            stage.stack.invite(**(how | change))  # type: ignore[arg-type]
        assert stage.sent() == []
    session = stage.be_called()
    with pytest.raises(LocalProtocolError):
        session.ring(stage.now, headers=[("X-Name", "a\nb")])
    with pytest.raises(LocalProtocolError):
        session.reject(486, stage.now, reason="Busy\r\nX-Evil: b")
    assert stage.sent() == []
    session.hangup(stage.now, reasons=(Reason("SIP", 200, "a\nX-Evil: b"),))
    assert "Reason" not in stage.one_response(480).headers
    stage.wait(200)
    assert stage.stack.statistics.sessions == 0


def test_a_from_tag_is_always_our_own() -> None:
    stage = Stage()
    session = stage.stack.invite(
        uri=Uri.parse("sip:callee@198.51.100.7"),
        from_=NameAddr.parse("<sip:us@192.0.2.1>;tag=foreign;x=1"),
        to=NameAddr.parse("<sip:callee@198.51.100.7>"),
        contact=NameAddr.parse("<sip:us@192.0.2.1>"),
        flow=UDP,
        body=OFFER,
        now=stage.now,
    )
    assert stage.one_request("INVITE").from_.tag == session.local_tag


def test_verbs_of_the_other_role_are_refused() -> None:
    stage = Stage()
    ours, _ = stage.place_call()
    theirs = stage.be_called()
    with pytest.raises(LocalProtocolError):
        ours.ring(stage.now)
    with pytest.raises(LocalProtocolError):
        ours.accept(b"", stage.now)
    with pytest.raises(LocalProtocolError):
        ours.reject(486, stage.now)
    with pytest.raises(LocalProtocolError):
        theirs.ack(b"", stage.now)
    with pytest.raises(LocalProtocolError):
        theirs.ring(stage.now, 200)
    with pytest.raises(LocalProtocolError):
        theirs.reject(200, stage.now)
