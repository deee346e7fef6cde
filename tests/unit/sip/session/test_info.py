"""INFO with digits, both ways: what is taken, what is refused, and ours in order (RFC 6086)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from softswitch.sip.dtmf import KeyPress
from softswitch.sip.events import CandidatesReceived, InfoReceived, InfoRefused
from softswitch.sip.session.info import Notice
from softswitch.sip.session.terms import SessionTerms
from tests.support.stage import Stage

if TYPE_CHECKING:
    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession

RELAY = "application/dtmf-relay"


def info(
    stage: Stage, session: InviteSession, *, body: bytes = b"", content_type: str = RELAY, headers: str = ""
) -> bytes:
    return stage.request(
        "INFO",
        to_tag=session.local_tag,
        from_tag=session.remote_tag,
        call_id=session.call_id,
        cseq=10,
        body=body,
        content_type=content_type,
        headers=headers,
    )


def test_a_digit_is_taken_and_told() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(info(stage, session, body=b"Signal=5\r\nDuration=160\r\n"))
    stage.one_response(200)
    (event,) = stage.events()
    assert isinstance(event, InfoReceived)
    assert event.key == KeyPress("5", 160)


def test_an_empty_info_is_a_sign_of_life() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(info(stage, session))
    stage.one_response(200)
    (event,) = stage.events()
    assert isinstance(event, InfoReceived)
    assert event.key is None


def test_a_malformed_digit_gets_400_and_is_not_told() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(info(stage, session, body=b"Signal=XYZ\r\n"))
    answer = stage.one_response(400)
    assert answer.reason == "Malformed Digit"
    assert stage.events() == []


def test_another_body_gets_415_and_learns_what_is_taken() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(info(stage, session, body=b"<x/>", content_type="application/media_control+xml"))
    assert stage.one_response(415).headers.get("Accept") == "application/dtmf-relay, application/dtmf"
    assert stage.events() == []


def test_a_package_we_did_not_ask_for_gets_469() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(info(stage, session, body=b"Signal=5\r\n", headers="Info-Package: x-dtmf\r\n"))
    assert stage.one_response(469).headers.get("Recv-Info") == ""
    assert stage.events() == []


TRICKLING = SessionTerms(trickle=True)
PACKAGE = "Info-Package: trickle-ice\r\nContent-Disposition: Info-Package\r\n"
FRAGMENT = b"a=mid:0\r\na=candidate:1 1 UDP 2130706431 192.0.2.9 40000 typ host\r\n"


def test_candidates_are_taken_where_they_were_asked_for_and_told_as_they_came() -> None:
    stage = Stage()
    session = stage.be_called(headers="Supported: trickle-ice\r\n")
    assert session.admit(TRICKLING, stage.now)
    session.accept(b"v=0\r\n", stage.now)
    accepted = stage.one_response(200)
    assert accepted.headers.get("Recv-Info") == "trickle-ice"
    assert "trickle-ice" in (accepted.headers.get("Supported") or "")
    stage.hear(info(stage, session, body=FRAGMENT, content_type="application/trickle-ice-sdpfrag", headers=PACKAGE))
    assert "200 INFO" in stage.labels()
    (event,) = stage.events()
    assert isinstance(event, CandidatesReceived)
    assert event.fragment == FRAGMENT


def test_candidates_of_another_type_of_body_get_415() -> None:
    stage = Stage()
    session = stage.called_up()
    session.terms = TRICKLING
    stage.hear(info(stage, session, body=FRAGMENT, content_type="application/sdp", headers=PACKAGE))
    assert stage.one_response(415).headers.get("Accept") == "application/trickle-ice-sdpfrag"


def test_candidates_nobody_asked_for_get_469() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(info(stage, session, body=FRAGMENT, content_type="application/trickle-ice-sdpfrag", headers=PACKAGE))
    assert stage.one_response(469).headers.get("Recv-Info") == ""
    assert stage.events() == []


def test_who_requires_candidates_by_info_is_refused_where_there_are_none() -> None:
    stage = Stage()
    session = stage.be_called(headers="Require: trickle-ice\r\n")
    assert not session.admit(SessionTerms(), stage.now)
    assert stage.one_response(420).headers.get("Unsupported") == "trickle-ice"


def test_an_invite_of_ours_says_that_candidates_may_come_by_info() -> None:
    _, invite = Stage().place_call(terms=TRICKLING)
    assert invite.headers.get("Recv-Info") == "trickle-ice"


def body(request: Request) -> tuple[str | None, bytes]:
    return request.headers.get("Content-Type"), request.body


@pytest.mark.parametrize("up", [Stage.call_up, Stage.called_up])
def test_ours_go_one_at_a_time_and_in_order(up: object) -> None:
    stage = Stage()
    session = up(stage)  # type: ignore[operator]
    for digit in "123":
        session.send_key(KeyPress(digit, 100), stage.now)
    for digit in "123":
        request = stage.one_request("INFO")
        assert body(request) == (RELAY, f"Signal={digit}\r\nDuration=100\r\n".encode())
        stage.answer(request, 200, tag=None)
    assert stage.sent() == []
    assert stage.events() == []


def test_one_that_nobody_answers_is_told_and_the_next_goes() -> None:
    stage = Stage()
    session = stage.call_up()
    session.send_key(KeyPress("1", 100), stage.now)
    session.send_key(KeyPress("2", 100), stage.now)
    stage.one_request("INFO")
    sent = [label for _, label in stage.wait(33)]
    assert sent.count("INFO") > 8
    (event,) = stage.events()
    assert isinstance(event, InfoRefused)
    assert event.status == 408


def test_who_knows_only_the_shorter_body_gets_that() -> None:
    stage = Stage()
    session = stage.call_up()
    session.send_key(KeyPress("1", 100), stage.now)
    session.send_key(KeyPress("2", 100), stage.now)
    stage.answer(stage.one_request("INFO"), 415, tag=None)
    for digit in (b"1", b"2"):
        request = stage.one_request("INFO")
        assert body(request) == ("application/dtmf", digit)
        stage.answer(request, 200, tag=None)
    assert stage.events() == []
    session.send_key(KeyPress("3", 100), stage.now)
    stage.answer(stage.one_request("INFO"), 415, tag=None)
    (event,) = stage.events()
    assert isinstance(event, InfoRefused)
    assert event.status == 415


def test_notices_wait_their_turn_and_a_far_end_that_does_not_know_them_harms_nobody() -> None:
    stage = Stage()
    session = stage.call_up()
    session.notify(Notice("application/vnd.test+json", b"{}"), stage.now)
    session.send_key(KeyPress("1", 100), stage.now)
    notice = stage.one_request("INFO")
    assert body(notice) == ("application/vnd.test+json", b"{}")
    stage.answer(notice, 415, tag=None)
    assert body(stage.one_request("INFO"))[0] == RELAY
    assert stage.events() == []


def test_too_many_are_refused_and_none_goes_once_the_call_is_over() -> None:
    stage = Stage()
    session = stage.call_up()
    for _ in range(70):
        session.send_key(KeyPress("1", 100), stage.now)
    assert {type(event) for event in stage.events()} == {InfoRefused}
    stage.sent()
    session.hangup(stage.now)
    stage.sent()
    session.send_key(KeyPress("1", 100), stage.now)
    assert stage.sent() == []


def test_a_digit_under_way_when_the_call_ends_is_nobodys_any_more() -> None:
    stage = Stage()
    session = stage.call_up()
    session.send_key(KeyPress("1", 100), stage.now)
    session.send_key(KeyPress("2", 100), stage.now)
    request = stage.one_request("INFO")
    session.hangup(stage.now)
    stage.answer(stage.one_request("BYE"), 200, tag=None)
    stage.answer(request, 481, tag=None)
    assert stage.kinds() == ["Ended"]
    assert stage.sent() == []
    assert stage.all_over()
