"""They call and acknowledge our provisional responses: RFC 3262 3 and 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from softswitch.sip.events import Ended, Established, OfferAnswered, OfferReceived
from softswitch.sip.message import Request, Response
from softswitch.sip.session.terms import SessionTerms
from tests.support.stage import TCP, Stage
from tests.support.wire import ANSWER, OFFER

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession

WITH = SessionTerms("supported")
SUPPORTED = "Supported: timer, 100rel\r\nAllow: INVITE, ACK, UPDATE\r\n"
REQUIRED = "Require: 100rel\r\n"
HOLD = OFFER + b"a=sendonly\r\n"


def called(stage: Stage, headers: str = SUPPORTED, body: bytes = OFFER) -> InviteSession:
    session = stage.be_called(headers=headers, body=body)
    assert session.admit(WITH, stage.now)
    return session


def rung(stage: Stage, status: int = 180) -> int:
    """The RSeq of the reliable response that was just sent."""
    response = stage.one_response(status)
    assert response.headers.get("Require") == "100rel"
    return int(response.headers.get("RSeq") or "0")


def prack(stage: Stage, session: InviteSession, rseq: int, cseq: int = 2, body: bytes = b"", rack: str = "") -> None:
    lines = f"RAck: {rack or f'{rseq} 1 INVITE'}\r\n"
    stage.hear(stage.within(session, "PRACK", cseq=cseq, headers=lines, body=body))


def test_a_ringing_is_repeated_until_it_is_acknowledged() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now)
    rseq = rung(stage)
    assert 1 <= rseq < 2**31
    assert stage.wait(4) == [(0.5, "180 INVITE"), (1.5, "180 INVITE"), (3.5, "180 INVITE")]
    prack(stage, session, rseq)
    assert stage.labels() == ["200 PRACK"]
    assert stage.wait(30) == []
    session.accept(ANSWER, stage.now)
    answer = stage.one_response(200)
    assert answer.body == ANSWER
    assert "RSeq" not in answer.headers


def test_a_ringing_is_repeated_over_tcp_too() -> None:
    """The PRACK comes end to end, and may be lost behind the next hop."""
    stage = Stage(TCP)
    session = called(stage)
    session.ring(stage.now)
    rung(stage)
    assert stage.wait(2) == [(0.5, "180 INVITE"), (1.5, "180 INVITE")]


def test_the_call_is_given_up_when_nothing_is_acknowledged() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now)
    rung(stage)
    sent = stage.wait(33)
    assert sent[:7] == [(when, "180 INVITE") for when in (0.5, 1.5, 3.5, 7.5, 15.5, 31.5)] + [(32.0, "504 INVITE")]
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("timeout", 504)
    assert stage.all_over()


def test_the_next_waits_for_the_one_before() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now)
    first = rung(stage)
    session.ring(stage.now, 181)
    session.ring(stage.now, 182)
    session.ring(stage.now, 183, body=ANSWER)
    assert stage.sent() == []
    prack(stage, session, first)
    acknowledged, queued = stage.sent()
    assert isinstance(queued, Response)
    assert (acknowledged.cseq.method, queued.status, queued.body) == ("PRACK", 182, b"")
    assert queued.headers.get("RSeq") == str(first + 1)
    prack(stage, session, first + 1, cseq=3)
    _, described = stage.sent()
    assert isinstance(described, Response)
    assert (described.status, described.body, described.headers.get("RSeq")) == (183, ANSWER, str(first + 2))


@pytest.mark.parametrize(
    ("rack", "status"),
    [
        ("{other} 1 INVITE", 481),
        ("{rseq} 7 INVITE", 481),
        ("{rseq} 1 UPDATE", 481),
        ("{rseq} INVITE", 400),
        ("", 400),
        ("x 1 INVITE", 400),
    ],
)
def test_a_prack_for_something_else(rack: str, status: int) -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now)
    rseq = rung(stage)
    prack(stage, session, rseq, rack=rack.format(rseq=rseq, other=rseq + 1) or " ")
    assert stage.labels() == [f"{status} PRACK"]
    assert stage.wait(0.6) == [(0.5, "180 INVITE")]


def test_a_prack_that_comes_twice() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now)
    rseq = rung(stage)
    prack(stage, session, rseq)
    stage.one_response(200)
    prack(stage, session, rseq, cseq=3)
    stage.one_response(481)


def test_a_prack_to_somebody_who_sent_nothing_reliably() -> None:
    stage = Stage()
    session = stage.be_called()
    session.ring(stage.now)
    assert "RSeq" not in stage.one_response(180).headers
    prack(stage, session, 1)
    stage.one_response(481)


def test_the_answer_waits_for_the_prack_of_early_sdp_and_does_not_repeat_it() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now, 183, body=ANSWER)
    rseq = rung(stage, 183)
    session.accept(ANSWER, stage.now)
    assert stage.wait(0.6) == [(0.5, "183 INVITE")]
    prack(stage, session, rseq)
    acknowledged, answer = stage.sent()
    assert isinstance(answer, Response)
    assert (acknowledged.cseq.method, answer.status, answer.body) == ("PRACK", 200, b"")
    stage.hear(stage.within(session, "ACK", cseq=1))
    assert stage.kinds() == ["Established"]
    assert session.is_established
    assert stage.wait(40) == []


def test_the_answer_does_not_wait_for_the_prack_of_a_ringing_which_still_counts() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now)
    rseq = rung(stage)
    session.ring(stage.now, 183, body=ANSWER)
    session.accept(ANSWER, stage.now)
    answer = stage.one_response(200)
    assert answer.body == ANSWER
    assert stage.wait(0.4) == []
    prack(stage, session, rseq)
    stage.one_response(200)
    stage.hear(stage.within(session, "ACK", cseq=1))
    assert stage.wait(40) == []


def test_an_answered_call_whose_early_sdp_is_never_acknowledged_is_given_up() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now, 183, body=ANSWER)
    rung(stage, 183)
    session.accept(ANSWER, stage.now)
    session.accept(ANSWER, stage.now)
    sent = stage.wait(33)
    assert "504 INVITE" in [label for _, label in sent]
    assert not [label for _, label in sent if label == "200 INVITE"]
    assert stage.all_over()


@pytest.mark.parametrize("answered", [True, False])
def test_hanging_up_meanwhile(answered: bool) -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now, 183, body=ANSWER)
    rseq = rung(stage, 183)
    if answered:
        session.accept(ANSWER, stage.now)
    session.hangup(stage.now, status=486)
    stage.one_response(486)
    prack(stage, session, rseq)
    stage.one_response(481)
    assert stage.all_over()


def test_the_caller_gives_up_meanwhile() -> None:
    stage = Stage()
    branch = stage.branch()
    session = stage.be_called(headers=SUPPORTED, branch=branch)
    assert session.admit(WITH, stage.now)
    session.ring(stage.now, 183, body=ANSWER)
    rung(stage, 183)
    stage.hear(stage.request("CANCEL", branch=branch))
    assert stage.labels() == ["200 CANCEL", "487 INVITE"]
    assert stage.all_over()


def test_what_is_not_refreshed_every_minute_is_refreshed_by_a_new_number() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now)
    rseq = rung(stage)
    prack(stage, session, rseq)
    stage.one_response(200)
    assert stage.wait(149) == []
    stage.now += 1
    stage.stack.handle_timers(stage.now)
    assert rung(stage) == rseq + 1


def test_an_invite_without_an_offer_gets_it_reliably_and_the_prack_has_the_answer() -> None:
    stage = Stage()
    session = called(stage, body=b"")
    session.ring(stage.now)
    assert "RSeq" not in stage.one_response(180).headers
    session.ring(stage.now, 183, body=OFFER)
    rseq = rung(stage, 183)
    prack(stage, session, rseq)
    stage.one_response(400)
    prack(stage, session, rseq, cseq=3, body=ANSWER)
    stage.one_response(200)
    (event,) = stage.events()
    assert isinstance(event, OfferAnswered)
    assert event.body == ANSWER
    session.accept(OFFER, stage.now)
    assert stage.one_response(200).body == b""
    stage.hear(stage.within(session, "ACK", cseq=1))
    (established,) = stage.events()
    assert isinstance(established, Established)
    assert established.body == b""


def test_who_takes_reliable_responses_only_wants_our_offer_in_the_first() -> None:
    stage = Stage()
    session = called(stage, headers=REQUIRED, body=b"")
    before = session.wants_offer
    session.ring(stage.now, 180, body=OFFER)
    rseq = rung(stage)
    assert (before, session.wants_offer) == (True, False)
    prack(stage, session, rseq, body=ANSWER)
    stage.one_response(200)
    session.ring(stage.now, 182)
    assert rung(stage, 182) == rseq + 1


def test_a_prack_may_bring_a_further_offer() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now, 183, body=ANSWER)
    rseq = rung(stage, 183)
    prack(stage, session, rseq, body=HOLD)
    (event,) = stage.events()
    assert isinstance(event, OfferReceived)
    assert event.body == HOLD
    assert stage.sent() == []
    session.accept_reinvite(ANSWER, stage.now)
    answer = stage.one_response(200)
    assert (answer.cseq.method, answer.body) == ("PRACK", ANSWER)
    assert stage.wait(20) == []


def test_a_prack_whose_offer_is_refused_still_acknowledges() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now, 183, body=ANSWER)
    prack(stage, session, rung(stage, 183), body=HOLD)
    session.reject_reinvite(488, stage.now)
    assert stage.labels() == ["488 PRACK"]
    assert stage.wait(20) == []


def test_an_offer_in_a_prack_before_their_first_is_answered() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now)
    prack(stage, session, rung(stage), body=HOLD)
    refused = stage.one_response(500)
    assert refused.headers.get("Retry-After") is not None
    assert stage.events() == []


@pytest.mark.parametrize(
    ("mode", "headers", "status", "header", "value"),
    [
        ("off", REQUIRED, 420, "Unsupported", "100rel"),
        ("required", "", 421, "Require", "100rel"),
    ],
)
def test_an_invite_that_asks_for_something_else(mode: str, headers: str, status: int, header: str, value: str) -> None:
    stage = Stage()
    session = stage.be_called(headers=headers)
    assert not session.admit(SessionTerms(mode), stage.now)  # type: ignore[arg-type]
    assert stage.one_response(status).headers.get(header) == value
    assert stage.kinds() == ["Ended"]
    assert stage.all_over()


@pytest.mark.parametrize(
    ("mode", "headers", "reliably"),
    [
        ("off", SUPPORTED, False),
        ("supported", "", False),
        ("supported", "Supported: path, replaces\r\n", False),
        ("supported", 'Supported: "100rel\r\n', False),
        ("supported", SUPPORTED, True),
        ("supported", REQUIRED, True),
        ("supported", "k: 100REL\r\n", True),
        ("required", SUPPORTED, True),
    ],
)
def test_who_gets_reliable_responses(mode: str, headers: str, reliably: bool) -> None:
    stage = Stage()
    session = stage.be_called(headers=headers)
    assert session.admit(SessionTerms(mode), stage.now)  # type: ignore[arg-type]
    session.ring(stage.now)
    response = stage.one_response(180)
    assert ("RSeq" in response.headers) == reliably
    assert ("100rel" in (response.headers.get("Supported") or "")) == (mode != "off")


def test_an_update_before_the_answer_waits_for_the_first_prack() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now, 183, body=ANSWER)
    rseq = rung(stage, 183)
    stage.hear(stage.within(session, "UPDATE", cseq=2, body=HOLD))
    assert stage.one_response(500).headers.get("Retry-After") is not None
    prack(stage, session, rseq, cseq=3)
    stage.one_response(200)
    stage.hear(stage.within(session, "UPDATE", cseq=4, body=HOLD))
    (event,) = stage.events()
    assert isinstance(event, OfferReceived)
    session.accept_reinvite(ANSWER, stage.now)
    assert stage.one_response(200).body == ANSWER
    session.accept(ANSWER, stage.now)
    assert stage.one_response(200).body == b""


def test_our_offer_before_the_answer_is_an_update() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now, 183, body=ANSWER)
    rseq = rung(stage, 183)
    session.reinvite(HOLD, stage.now)
    assert stage.sent() == []
    prack(stage, session, rseq)
    acknowledged, update = stage.sent()
    assert acknowledged.cseq.method == "PRACK"
    assert isinstance(update, Request)
    assert (update.method, update.body) == ("UPDATE", HOLD)
    stage.hear(stage.within(session, "UPDATE", cseq=3, body=HOLD))
    stage.one_response(491)
    stage.answer(update, 200, tag=None, body=ANSWER)
    (event,) = stage.events()
    assert isinstance(event, OfferAnswered)
    assert event.body == ANSWER
    assert stage.sent() == []


def test_our_offer_waits_for_the_answer_where_update_is_not_known() -> None:
    stage = Stage()
    session = called(stage, headers="Supported: 100rel\r\nAllow: INVITE, ACK, BYE\r\n")
    session.ring(stage.now, 183, body=ANSWER)
    prack(stage, session, rung(stage, 183))
    stage.one_response(200)
    session.reinvite(HOLD, stage.now)
    assert stage.sent() == []
    session.accept(ANSWER, stage.now)
    stage.one_response(200)
    stage.hear(stage.within(session, "ACK", cseq=1))
    assert stage.one_request("INVITE").body == HOLD


def test_ending_with_an_update_open() -> None:
    stage = Stage()
    session = called(stage)
    session.ring(stage.now, 183, body=ANSWER)
    prack(stage, session, rung(stage, 183))
    stage.one_response(200)
    session.reinvite(HOLD, stage.now)
    stage.one_request("UPDATE")
    session.hangup(stage.now)
    stage.one_response(480)
    assert stage.kinds() == ["Ended"]
    assert stage.all_over()
