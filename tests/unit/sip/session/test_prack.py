"""We call and acknowledge provisional responses: RFC 3262 4 and 5, RFC 6337 3.1; UPDATE before the answer: RFC 3311."""

from __future__ import annotations

import pytest

from softswitch.sip.digest import Credentials
from softswitch.sip.events import Answered, OfferAnswered, OfferReceived, Progressed
from softswitch.sip.message import Request
from softswitch.sip.session.terms import SessionTerms
from tests.support.stage import Stage
from tests.support.wire import ANSWER, OFFER

WITH = SessionTerms("supported")
HOLD = OFFER + b"a=sendonly\r\n"
OTHER = ANSWER.replace(b"192.0.2.2", b"192.0.2.3")


def reliably(stage: Stage, invite: Request, rseq: int | str, status: int = 180, **how: object) -> None:
    headers = (("Require", "100rel"), ("RSeq", str(rseq)), ("Allow", "INVITE, UPDATE"))
    stage.answer(invite, status, headers=headers, **how)  # type: ignore[arg-type]


def told(stage: Stage) -> list[tuple[int, bytes]]:
    return [(event.status, event.body) for event in stage.events() if isinstance(event, Progressed)]


@pytest.mark.parametrize(
    ("mode", "supported", "required"),
    [("off", None, None), ("supported", "100rel", None), ("required", "100rel", "100rel")],
)
def test_what_our_invite_says(mode: str, supported: str | None, required: str | None) -> None:
    _, invite = Stage().place_call(terms=SessionTerms(mode))  # type: ignore[arg-type]
    assert invite.headers.get("Require") == required
    found = invite.headers.get("Supported") or ""
    assert ("100rel" in found) == (supported is not None)


def test_each_reliable_response_is_acknowledged() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 700, contact="<sip:desk@198.51.100.9>")
    first = stage.one_request("PRACK")
    assert first.headers.get("RAck") == "700 1 INVITE"
    assert (first.cseq.number, first.to.tag, str(first.uri)) == (2, "callee", "sip:desk@198.51.100.9")
    stage.answer(first, 200, tag=None)
    reliably(stage, invite, 701, 183, body=ANSWER)
    second = stage.one_request("PRACK")
    assert (second.headers.get("RAck"), second.cseq.number) == ("701 1 INVITE", 3)
    stage.answer(second, 200, tag=None)
    assert told(stage) == [(180, b""), (183, ANSWER)]
    stage.answer(invite, 200, contact="<sip:desk@198.51.100.9>")
    ack = stage.one_request("ACK")
    assert ack.cseq.number == 1
    (answered,) = stage.events()
    assert isinstance(answered, Answered)
    assert answered.body == ANSWER
    session.hangup(stage.now)
    assert stage.one_request("BYE").cseq.number == 4


@pytest.mark.parametrize("rseq", ["700", "699", "702", "0", "x", "4294967296"])
def test_a_number_that_is_not_the_next_is_dropped(rseq: str) -> None:
    stage = Stage()
    _, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 700)
    stage.one_request("PRACK")
    stage.events()
    reliably(stage, invite, rseq, 183, body=ANSWER)
    assert stage.sent() == []
    assert stage.events() == []


def test_branches_of_a_fork_count_by_themselves() -> None:
    stage = Stage()
    _, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 1, 183, tag="one", body=ANSWER)
    reliably(stage, invite, 9, 183, tag="two", body=OTHER)
    reliably(stage, invite, 2, tag="one")
    pracks = [message for message in stage.sent() if isinstance(message, Request)]
    assert [(each.to.tag, each.headers.get("RAck"), each.cseq.number) for each in pracks] == [
        ("one", "1 1 INVITE", 2),
        ("two", "9 1 INVITE", 3),
        ("one", "2 1 INVITE", 4),
    ]
    assert told(stage) == [(183, ANSWER), (183, OTHER), (180, b"")]
    stage.answer(invite, 200, tag="two")
    (answered,) = stage.events()
    assert isinstance(answered, Answered)
    assert answered.body == OTHER


def test_what_comes_after_the_first_reliable_sdp_says_nothing_of_media() -> None:
    """RFC 3261 13.2.1: any session description in subsequent responses to the INVITE is to be ignored."""
    stage = Stage()
    _, invite = stage.place_call(terms=WITH)
    stage.answer(invite, 183, body=OTHER)
    reliably(stage, invite, 1, 183, body=ANSWER)
    reliably(stage, invite, 2, 183, body=OTHER)
    stage.answer(invite, 180, body=OTHER)
    assert told(stage) == [(183, OTHER), (183, ANSWER), (183, b""), (180, b"")]
    stage.answer(invite, 200, body=OTHER)
    (answered,) = stage.events()
    assert isinstance(answered, Answered)
    assert answered.body == ANSWER


def test_an_unreliable_preview_is_followed_by_the_answer() -> None:
    stage = Stage()
    _, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 1)
    stage.one_request("PRACK")
    stage.answer(invite, 183, body=ANSWER)
    stage.answer(invite, 200, body=ANSWER)
    assert told(stage) == [(180, b""), (183, ANSWER)]
    stage.one_request("ACK")


def test_without_100rel_nothing_is_acknowledged() -> None:
    stage = Stage()
    _, invite = stage.place_call()
    reliably(stage, invite, 1, 183, body=ANSWER)
    assert stage.sent() == []
    assert told(stage) == [(183, ANSWER)]


def test_our_answer_to_their_early_offer_goes_with_the_prack() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=WITH, body=b"")
    reliably(stage, invite, 5)
    stage.one_request("PRACK")
    reliably(stage, invite, 6, 183, body=OFFER)
    assert stage.sent() == []
    assert told(stage) == [(180, b""), (183, OFFER)]
    reliably(stage, invite, 6, 183, body=OFFER)
    assert stage.events() == []
    session.ack(ANSWER, stage.now)
    prack = stage.one_request("PRACK")
    assert (prack.headers.get("RAck"), prack.body) == ("6 1 INVITE", ANSWER)
    stage.answer(prack, 200, tag=None)
    stage.answer(invite, 200)
    assert stage.one_request("ACK").body == b""
    assert session.is_established
    assert stage.kinds() == ["Answered"]


def test_a_prack_is_asked_for_credentials() -> None:
    stage = Stage()
    _, invite = stage.place_call(terms=WITH, credentials=Credentials("us", "secret"))
    reliably(stage, invite, 1)
    prack = stage.one_request("PRACK")
    challenge = (("WWW-Authenticate", 'Digest realm="them", nonce="n", algorithm=MD5'),)
    stage.answer(prack, 401, tag=None, headers=challenge)
    again = stage.one_request("PRACK")
    assert again.headers.get("Authorization") is not None
    assert (again.headers.get("RAck"), again.cseq.number) == ("1 1 INVITE", 3)
    stage.answer(invite, 200, body=ANSWER)
    assert stage.one_request("ACK").cseq.number == 1


def test_a_challenged_invite_begins_anew() -> None:
    stage = Stage()
    _, invite = stage.place_call(terms=WITH, credentials=Credentials("us", "secret"))
    challenge = (("WWW-Authenticate", 'Digest realm="them", nonce="n", algorithm=MD5'),)
    stage.answer(invite, 401, headers=challenge)
    _, again = stage.sent()
    assert isinstance(again, Request)
    reliably(stage, again, 8)
    assert stage.one_request("PRACK").headers.get("RAck") == "8 2 INVITE"
    stage.answer(again, 200, body=ANSWER)
    assert stage.one_request("ACK").cseq.number == 2


def test_a_prack_nobody_answers_changes_nothing() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 1)
    stage.one_request("PRACK")
    assert {label for _, label in stage.wait(33)} == {"PRACK"}
    stage.answer(invite, 200, body=ANSWER)
    stage.one_request("ACK")
    assert session.is_established


def test_giving_up_while_a_prack_is_out() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 1)
    prack = stage.one_request("PRACK")
    session.hangup(stage.now)
    cancel = stage.one_request("CANCEL")
    assert cancel.cseq.number == invite.cseq.number
    reliably(stage, invite, 2)
    assert stage.sent() == []
    stage.answer(prack, 200, tag=None)
    stage.answer(cancel, 200, tag=None)
    stage.answer(invite, 487)
    assert stage.labels() == ["ACK"]
    assert stage.all_over()


def test_an_update_of_theirs_before_the_answer() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 1, 183, body=ANSWER)
    stage.answer(stage.one_request("PRACK"), 200, tag=None)
    stage.events()
    stage.hear(stage.within(session, "UPDATE", from_tag="callee", cseq=1, body=HOLD))
    (event,) = stage.events()
    assert isinstance(event, OfferReceived)
    session.accept_reinvite(ANSWER, stage.now)
    assert stage.one_response(200).body == ANSWER
    stage.answer(invite, 200)
    (answered,) = stage.events()
    assert isinstance(answered, Answered)
    assert answered.body == b""  # what the UPDATE settled is in force, not what came before


def test_an_update_of_theirs_that_nothing_came_before() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=WITH)
    stage.answer(invite, 183, body=ANSWER)
    stage.hear(stage.within(session, "UPDATE", from_tag="callee", cseq=1, body=HOLD))
    stage.one_response(491)


def test_an_update_of_ours_before_the_answer_and_its_glare() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 1, 183, body=ANSWER)
    session.reinvite(HOLD, stage.now)
    prack = stage.one_request("PRACK")
    stage.answer(prack, 200, tag=None)
    update = stage.one_request("UPDATE")
    assert (update.body, update.to.tag) == (HOLD, "callee")
    stage.answer(update, 491, tag=None)
    sent = stage.wait(4)
    assert sent[0][1] == "UPDATE"
    assert 2.1 <= sent[0][0] <= 4


def test_our_update_open_in_the_branch_that_was_not_answered_goes_to_the_one_that_was() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 1, 183, tag="one", body=ANSWER)
    stage.answer(stage.one_request("PRACK"), 200, tag=None)
    session.reinvite(HOLD, stage.now)
    stage.one_request("UPDATE")
    stage.answer(invite, 200, tag="two", body=OTHER)
    ack, again = stage.sent()
    assert isinstance(ack, Request)
    assert isinstance(again, Request)
    assert (ack.method, again.method, again.to.tag, again.body) == ("ACK", "INVITE", "two", HOLD)
    stage.answer(again, 200, tag=None, body=OTHER)
    stage.one_request("ACK")
    (answered, changed) = [event for event in stage.events() if not isinstance(event, Progressed)]
    assert isinstance(answered, Answered)
    assert isinstance(changed, OfferAnswered)
    assert answered.body == OTHER


def test_our_update_open_when_the_call_is_answered_is_answered_after_it() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=WITH)
    reliably(stage, invite, 1, 183, body=ANSWER)
    stage.answer(stage.one_request("PRACK"), 200, tag=None)
    session.reinvite(HOLD, stage.now)
    update = stage.one_request("UPDATE")
    stage.answer(invite, 200)
    stage.one_request("ACK")
    stage.answer(update, 200, tag=None, body=OTHER)
    assert stage.sent() == []
    assert stage.kinds() == ["Progressed", "Answered", "OfferAnswered"]
