"""Changing a standing session: RFC 3261 14, RFC 3311."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import Ended, OfferAnswered, OfferReceived, OfferRefused
from softswitch.sip.message import Response
from tests.support.stage import Stage
from tests.support.wire import ANSWER, OFFER

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession

HOLD = OFFER + b"a=sendonly\r\n"


def within(stage: Stage, session: InviteSession, method: str, **how: object) -> bytes:
    how.setdefault("cseq", 10)
    return stage.request(
        method,
        to_tag=session.local_tag,
        from_tag=session.remote_tag,
        call_id=session.call_id,
        **how,  # type: ignore[arg-type]
    )


def offered(stage: Stage, body: bytes) -> None:
    (event,) = stage.events()
    assert isinstance(event, OfferReceived)
    assert event.body == body


def test_our_offer_is_answered_and_acknowledged() -> None:
    stage = Stage()
    session = stage.called_up()
    session.reinvite(HOLD, stage.now)
    invite = stage.one_request("INVITE")
    assert invite.body == HOLD
    assert (invite.cseq.number, invite.from_.tag, invite.to.tag) == (1, session.local_tag, "them")
    stage.answer(invite, 100, tag=None)
    stage.answer(invite, 200, body=ANSWER, contact="<sip:moved@198.51.100.8:5080>")
    (event,) = stage.events()
    assert isinstance(event, OfferAnswered)
    assert event.body == ANSWER
    ack = stage.one_request("ACK")
    assert (str(ack.uri), ack.cseq.number) == ("sip:moved@198.51.100.8:5080", 1)
    stage.answer(invite, 200, body=ANSWER)
    assert bytes(stage.one_request("ACK")) == bytes(ack)
    assert stage.events() == []
    session.hangup(stage.now)
    bye = stage.one_request("BYE")
    assert (str(bye.uri), bye.cseq.number) == ("sip:moved@198.51.100.8:5080", 2)


def test_a_refused_offer_leaves_the_session_as_it_was() -> None:
    stage = Stage()
    session = stage.call_up()
    session.reinvite(HOLD, stage.now)
    stage.answer(stage.one_request("INVITE"), 488)
    stage.one_request("ACK")
    (event,) = stage.events()
    assert isinstance(event, OfferRefused)
    assert event.status == 488
    assert session.is_established
    session.reinvite(HOLD, stage.now)
    assert stage.one_request("INVITE").cseq.number == 3


@pytest.mark.parametrize(("status", "by"), [(481, "remote"), (408, "remote")])
def test_a_far_end_that_knows_no_dialog_loses_it(status: int, by: str) -> None:
    stage = Stage()
    session = stage.call_up()
    session.reinvite(HOLD, stage.now)
    stage.answer(stage.one_request("INVITE"), status)
    assert stage.labels() == ["ACK", "BYE"]
    refused, ended = stage.events()
    assert isinstance(refused, OfferRefused)
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == (by, status)
    assert stage.all_over()


def test_an_offer_nobody_answers_ends_the_session() -> None:
    stage = Stage()
    stage.call_up().reinvite(HOLD, stage.now)
    stage.wait(32.1)
    refused, ended = stage.events()
    assert isinstance(refused, OfferRefused)
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("timeout", 408)
    assert stage.all_over()


def test_their_offer_accepted() -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, "INVITE", body=HOLD, contact="<sip:moved@198.51.100.9>"))
    stage.one_response(100)
    offered(stage, HOLD)
    session.accept_reinvite(ANSWER, stage.now)
    answer = stage.one_response(200)
    assert answer.body == ANSWER
    assert answer.contact is not None
    assert stage.wait(0.6) == [(0.5, "200 INVITE")]
    stage.hear(within(stage, session, "ACK"))
    assert stage.wait(40) == []
    assert stage.events() == []
    session.hangup(stage.now)
    assert str(stage.one_request("BYE").uri) == "sip:moved@198.51.100.9"


def test_their_offer_refused() -> None:
    stage = Stage()
    session = stage.call_up()
    branch = stage.branch()
    stage.hear(within(stage, session, "INVITE", body=HOLD, branch=branch))
    stage.one_response(100)
    session.reject_reinvite(488, stage.now)
    stage.one_response(488)
    stage.hear(within(stage, session, "ACK", branch=branch))
    assert stage.wait(40) == []
    session.accept_reinvite(ANSWER, stage.now)
    assert stage.sent() == []
    assert session.is_established


def test_an_offerless_reinvite_gets_our_offer_and_its_ack_has_the_answer() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(within(stage, session, "INVITE"))
    stage.one_response(100)
    offered(stage, b"")
    session.accept_reinvite(OFFER, stage.now)
    assert stage.one_response(200).body == OFFER
    stage.hear(within(stage, session, "ACK", body=ANSWER))
    (event,) = stage.events()
    assert isinstance(event, OfferAnswered)
    assert event.body == ANSWER


def test_a_reinvite_whose_2xx_is_never_acknowledged_ends_the_session() -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, "INVITE", body=HOLD))
    session.accept_reinvite(ANSWER, stage.now)
    stage.sent()
    stage.events()
    assert stage.wait(32.1)[-1] == (32.0, "BYE")
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert ended.by == "timeout"
    assert stage.all_over()


def test_their_update_is_answered_like_a_reinvite_without_ack() -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, "UPDATE", body=HOLD))
    offered(stage, HOLD)
    session.accept_reinvite(ANSWER, stage.now)
    assert stage.one_response(200).body == ANSWER
    assert stage.wait(10) == []
    stage.hear(within(stage, session, "UPDATE", cseq=11, body=HOLD))
    offered(stage, HOLD)
    session.reject_reinvite(488, stage.now)
    stage.one_response(488)


def test_an_update_without_offer_refreshes_the_target() -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, "UPDATE", contact="<sip:new@198.51.100.77>"))
    stage.one_response(200)
    assert stage.events() == []
    session.hangup(stage.now)
    assert str(stage.one_request("BYE").uri) == "sip:new@198.51.100.77"


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_while_our_offer_is_open_theirs_gets_491(method: str) -> None:
    stage = Stage()
    session = stage.call_up()
    session.reinvite(HOLD, stage.now)
    ours = stage.one_request("INVITE")
    stage.hear(within(stage, session, method, body=HOLD))
    stage.one_response(491)
    assert stage.events() == []
    stage.answer(ours, 200, body=ANSWER)
    assert stage.kinds() == ["OfferAnswered"]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("first", ["INVITE", "UPDATE"])
def test_a_second_offer_of_theirs_gets_500_with_retry_after(first: str, method: str) -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, first, body=HOLD))
    stage.sent()
    stage.events()
    stage.hear(within(stage, session, method, cseq=11, body=HOLD))
    refusal = stage.one_response(500)
    assert 0 <= int(refusal.headers.get("Retry-After") or "-1") <= 10
    assert stage.events() == []
    session.accept_reinvite(ANSWER, stage.now)
    assert stage.one_response(200).cseq.number == 10


def test_an_offer_before_the_ack_of_the_last_gets_491() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(within(stage, session, "INVITE", body=HOLD))
    session.accept_reinvite(ANSWER, stage.now)
    stage.sent()
    stage.hear(within(stage, session, "INVITE", cseq=11, body=HOLD))
    stage.one_response(491)


@pytest.mark.parametrize(("up", "earliest", "latest"), [(Stage.call_up, 2.1, 4.0), (Stage.called_up, 0.0, 2.0)])
def test_after_491_our_offer_is_tried_again(up: object, earliest: float, latest: float) -> None:
    stage = Stage()
    session = up(stage)  # type: ignore[operator]
    session.reinvite(HOLD, stage.now)
    first = stage.one_request("INVITE")
    stage.answer(first, 491)
    stage.one_request("ACK")
    assert stage.events() == []
    due = stage.stack.next_timer()
    assert due is not None
    assert earliest <= round(due - stage.now, 3) <= latest
    (when, label), *_ = stage.wait(4.1)
    assert label == "INVITE"
    assert earliest <= when <= latest


def test_endless_glare_is_a_refusal_in_the_end() -> None:
    stage = Stage()
    session = stage.call_up()
    session.reinvite(HOLD, stage.now)
    for _ in range(6):
        invite = stage.one_request("INVITE")
        stage.answer(invite, 491)
        stage.one_request("ACK")
        stage.now = stage.stack.next_timer() or stage.now
        stage.stack.handle_timers(stage.now)
    (event,) = stage.events()
    assert isinstance(event, OfferRefused)
    assert event.status == 491


def test_while_we_back_off_their_offer_goes_first() -> None:
    stage = Stage()
    session = stage.call_up()
    session.reinvite(HOLD, stage.now)
    stage.answer(stage.one_request("INVITE"), 491)
    stage.sent()
    stage.hear(within(stage, session, "INVITE", body=OFFER))
    offered(stage, OFFER)
    session.accept_reinvite(ANSWER, stage.now)
    stage.sent()
    stage.hear(within(stage, session, "ACK"))
    assert stage.one_request("INVITE").body == HOLD


def test_an_offer_that_cannot_go_yet_is_held() -> None:
    stage = Stage()
    session = stage.be_called()
    session.reinvite(HOLD, stage.now)
    session.accept(ANSWER, stage.now)
    assert stage.labels() == ["200 INVITE"]
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    assert stage.one_request("INVITE").body == HOLD
    with pytest.raises(LocalProtocolError, match="outcome"):
        session.reinvite(HOLD, stage.now)
    with pytest.raises(LocalProtocolError, match="offer"):
        stage.call_up().reinvite(b"", stage.now)


def test_their_cancelled_reinvite_leaves_the_session() -> None:
    stage = Stage()
    session = stage.call_up()
    branch = stage.branch()
    stage.hear(within(stage, session, "INVITE", body=HOLD, branch=branch))
    stage.sent()
    stage.events()
    stage.hear(within(stage, session, "CANCEL", branch=branch))
    assert stage.labels() == ["200 CANCEL", "487 INVITE"]
    session.accept_reinvite(ANSWER, stage.now)
    assert stage.sent() == []
    assert stage.events() == []
    assert session.is_established


def test_their_bye_while_their_reinvite_is_open() -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, "INVITE", body=HOLD))
    stage.sent()
    stage.hear(within(stage, session, "BYE", cseq=11))
    assert stage.labels() == ["200 BYE", "487 INVITE"]
    assert stage.kinds() == ["OfferReceived", "Ended"]
    assert stage.all_over()


def test_our_bye_while_their_reinvite_is_open() -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, "INVITE", body=HOLD))
    stage.sent()
    session.hangup(stage.now)
    assert sorted(stage.labels()) == ["487 INVITE", "BYE"]
    assert stage.all_over()


@pytest.mark.parametrize("theirs", [True, False])
def test_bye_while_our_reinvite_is_open_still_acknowledges_its_2xx(theirs: bool) -> None:
    stage = Stage()
    session = stage.call_up()
    session.reinvite(HOLD, stage.now)
    invite = stage.one_request("INVITE")
    stage.answer(invite, 100, tag=None)
    if theirs:
        stage.hear(within(stage, session, "BYE"))
    else:
        session.hangup(stage.now)
    stage.sent()
    assert stage.kinds() == ["Ended"]
    stage.answer(invite, 200, body=ANSWER)
    assert stage.one_request("ACK").cseq.number == invite.cseq.number
    assert stage.events() == []
    assert stage.all_over()


def test_a_reinvite_left_without_final_response_does_not_outlive_its_session() -> None:
    stage = Stage()
    session = stage.call_up()
    session.reinvite(HOLD, stage.now)
    stage.answer(stage.one_request("INVITE"), 100, tag=None)
    stage.hear(within(stage, session, "BYE"))
    assert stage.all_over()


def test_a_reinvite_before_the_first_offer_is_settled() -> None:
    stage = Stage()
    session = stage.be_called()
    session.ring(stage.now)
    stage.sent()
    stage.hear(within(stage, session, "INVITE", cseq=2, body=HOLD))
    refusal = stage.one_response(500)
    assert isinstance(refusal, Response)
    assert refusal.headers.get("Retry-After") is not None
    session.accept(ANSWER, stage.now)
    stage.sent()
    stage.hear(within(stage, session, "UPDATE", cseq=3, body=HOLD))
    stage.one_response(491)


def test_an_early_update_of_a_callee_meets_our_open_offer() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 183, tag="callee")
    stage.events()
    stage.hear(
        stage.request("UPDATE", from_tag="callee", to_tag=session.local_tag, call_id=session.call_id, cseq=5, body=HOLD)
    )
    stage.one_response(491)
    stage.hear(stage.request("UPDATE", from_tag="callee", to_tag=session.local_tag, call_id=session.call_id, cseq=6))
    stage.one_response(200)
    stage.answer(invite, 200, body=ANSWER)
    stage.sent()
    stage.hear(stage.request("INFO", from_tag="callee", to_tag=session.local_tag, call_id=session.call_id, cseq=6))
    stage.one_response(500)
