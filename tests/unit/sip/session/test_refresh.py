"""Session timers in both roles: RFC 4028."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.digest import Credentials
from softswitch.sip.events import Ended, OfferAnswered, OfferReceived, OfferRefused, RefreshDue
from softswitch.sip.message import Request, Response
from softswitch.sip.session.terms import SessionTerms, TimerTerms
from tests.support.stage import Stage
from tests.support.wire import ANSWER, OFFER

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession

KNOWS = "Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n"
ALLOW = ("Allow", "INVITE, ACK, BYE, UPDATE")


def terms(**how: object) -> SessionTerms:
    return SessionTerms(timer=TimerTerms(**how))  # type: ignore[arg-type]


def called(stage: Stage, headers: str, **how: object) -> Response:
    """They call under these terms, and we answer: our 200, acknowledged."""
    session = stage.be_called(headers=headers)
    assert session.admit(terms(**how), stage.now)
    session.accept(ANSWER, stage.now)
    answer = stage.one_response(200)
    stage.hear(stage.within(session, "ACK", cseq=1))
    stage.events()
    return answer


def session_of(stage: Stage) -> InviteSession:
    (session,) = stage.stack._core.sessions.values()
    return session


def call(stage: Stage, *headers: tuple[str, str], **how: object) -> InviteSession:
    """We call, and they answer with these headers."""
    session, invite = stage.place_call(terms=terms(**how), credentials=Credentials("us", "secret"))
    stage.answer(invite, 200, body=ANSWER, headers=headers)
    stage.one_request("ACK")
    stage.events()
    return session


def sent_after(stage: Stage, seconds: float) -> list[Request | Response]:
    """What the timers make the stack send within this time, the first instant at which they do."""
    end = stage.now + seconds
    while (due := stage.stack.next_timer()) is not None and due <= end:
        stage.now = due
        stage.stack.handle_timers(due)
        if sent := stage.sent():
            return sent
    stage.now = end
    return []


def ended(stage: Stage) -> Ended:
    event = stage.events()[-1]
    assert isinstance(event, Ended)
    return event


# What our INVITE asks for, and what becomes of it.


@pytest.mark.parametrize(
    ("how", "expires", "least"),
    [
        ({}, "1800", None),
        ({"expires": 600, "minimum": 120}, "600", "120"),
        ({"refresher": "us"}, "1800;refresher=uac", None),
        ({"refresher": "them"}, "1800;refresher=uas", None),
    ],
)
def test_our_invite_asks_for_a_timer(how: dict[str, object], expires: str, least: str | None) -> None:
    _, invite = Stage().place_call(terms=terms(**how))
    assert invite.headers.get("Session-Expires") == expires
    assert invite.headers.get("Min-SE") == least
    assert "timer" in invite.headers.get_all("Supported")


def test_without_a_timer_nothing_is_asked_for() -> None:
    stage = Stage()
    _, invite = stage.place_call(terms=SessionTerms())
    assert "Session-Expires" not in invite.headers
    stage.answer(invite, 200, body=ANSWER, headers=(("Session-Expires", "90;refresher=uac"),))
    assert stage.wait(1000)[1:] == []


@pytest.mark.parametrize(
    ("said", "how", "refreshes_at", "ends_at"),
    [
        ("1800;refresher=uac", {}, 900, None),
        ("1800", {}, 900, None),
        ("600;refresher=uac", {}, 300, None),
        ("1;refresher=uac", {}, 45, None),
        ("1800;refresher=uas", {}, None, 1800 - 32),
        ("90;refresher=UAS", {}, None, 60),
        ("1;refresher=uas", {}, None, 60),
        (None, {}, None, None),
        ("soon;refresher=uac", {}, None, None),
        (None, {"refresher": "us"}, 900, None),
        ("1800;refresher=uas", {"refresher": "us"}, None, 1800 - 32),
    ],
)
def test_what_their_2xx_settles(
    said: str | None, how: dict[str, object], refreshes_at: float | None, ends_at: float | None
) -> None:
    stage = Stage()
    call(stage, ALLOW, *([("Session-Expires", said)] if said else []), **how)
    start = stage.now
    stage.wait(40)  # the transaction's own end
    sent = sent_after(stage, 5000)
    if refreshes_at is None and ends_at is None:
        assert sent == []
        return
    (request,) = sent
    assert isinstance(request, Request)
    if refreshes_at is not None:
        assert (request.method, stage.now - start) == ("UPDATE", refreshes_at)
        assert request.body == b""
        assert "refresher=uac" in (request.headers.get("Session-Expires") or "")
        assert "Contact" in request.headers
    else:
        assert (request.method, stage.now - start) == ("BYE", ends_at)
        assert request.headers.get("Reason") == 'SIP;cause=408;text="Session expired"'
        event = ended(stage)
        assert (event.by, event.status) == ("timeout", 408)


def test_refreshes_go_on_for_as_long_as_they_are_answered() -> None:
    stage = Stage()
    session = call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    for number in range(2, 5):
        (update,) = sent_after(stage, 51)
        assert isinstance(update, Request)
        assert (update.method, update.cseq.number) == ("UPDATE", number)
        stage.answer(update, 200, tag=None, headers=(("Session-Expires", "100;refresher=uac"),))
    assert session.is_established
    assert stage.events() == []


def test_a_2xx_that_says_nothing_of_it_turns_the_timer_off() -> None:
    stage = Stage()
    call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    (update,) = sent_after(stage, 51)
    assert isinstance(update, Request)
    stage.answer(update, 200, tag=None)
    assert stage.wait(1000) == []


def test_a_refresh_is_asked_for_credentials() -> None:
    stage = Stage()
    call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    (update,) = sent_after(stage, 51)
    assert isinstance(update, Request)
    stage.answer(update, 401, tag=None, headers=(("WWW-Authenticate", 'Digest realm="them", nonce="n"'),))
    again = stage.one_request("UPDATE")
    assert (again.cseq.number, again.headers.get("Authorization") is not None) == (3, True)
    assert again.headers.get("Session-Expires") == "100;refresher=uac"


@pytest.mark.parametrize("status", [408, 481])
def test_a_refresh_that_finds_no_dialog_ends_the_call(status: int) -> None:
    stage = Stage()
    call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    (update,) = sent_after(stage, 51)
    assert isinstance(update, Request)
    stage.answer(update, status, tag=None)
    stage.one_request("BYE")
    event = ended(stage)
    assert (event.by, event.status) == ("remote", status)
    assert stage.all_over()


def test_a_refresh_nobody_answers_ends_the_call_before_its_time_is_over() -> None:
    stage = Stage()
    call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    labels = stage.wait(100)
    assert next(when for when, label in labels if label == "UPDATE") == 50
    assert next(when for when, label in labels if label == "BYE") == 100 - 32
    event = ended(stage)
    assert (event.by, event.status) == ("timeout", 408)
    assert stage.all_over()


@pytest.mark.parametrize(
    ("status", "headers", "soonest", "latest"),
    [
        (500, (("Retry-After", "15 (busy)"),), 15, 15),
        (500, (("Retry-After", "9999"),), 25, 25),
        (503, (), 25, 25),
        (488, (), 25, 25),
        (603, (), 25, 25),
        (491, (), 2.1, 4.0),
    ],
)
def test_a_refresh_refused_otherwise_is_tried_again(
    status: int, headers: tuple[tuple[str, str], ...], soonest: float, latest: float
) -> None:
    stage = Stage()
    session = call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    (update,) = sent_after(stage, 51)
    for _ in range(12):
        assert isinstance(update, Request)
        stage.answer(update, status, tag=None, headers=headers)
        before = stage.now
        (update,) = sent_after(stage, 100)
        assert isinstance(update, Request)
        assert update.method == "UPDATE"
        assert soonest - 0.001 <= stage.now - before <= latest + 0.001
    assert session.is_established


@pytest.mark.parametrize("status", [405, 501])
def test_who_takes_no_update_after_all_gets_a_reinvite(status: int) -> None:
    stage = Stage()
    call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    (update,) = sent_after(stage, 51)
    assert isinstance(update, Request)
    stage.answer(update, status, tag=None)
    assert stage.wait(0.1) == []
    assert stage.kinds() == ["RefreshDue"]


def test_a_refresh_that_is_too_short_for_them_is_made_longer() -> None:
    stage = Stage()
    call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    (update,) = sent_after(stage, 51)
    assert isinstance(update, Request)
    stage.answer(update, 422, tag=None, headers=(("Min-SE", "400"),))
    (again,) = sent_after(stage, 0.1)
    assert isinstance(again, Request)
    assert (again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == ("400;refresher=uac", "400")
    stage.answer(again, 200, tag=None, headers=(("Session-Expires", "400;refresher=uac"),))
    assert sent_after(stage, 199) == []
    assert len(sent_after(stage, 2)) == 1


def test_where_update_is_not_allowed_the_application_offers_again() -> None:
    stage = Stage()
    session = call(stage, ("Session-Expires", "100;refresher=uac"))
    assert sent_after(stage, 51) == []
    (due,) = stage.events()
    assert isinstance(due, RefreshDue)
    session.reinvite(OFFER, stage.now, is_refresh=True)
    invite = stage.one_request("INVITE")
    assert (invite.body, invite.headers.get("Session-Expires")) == (OFFER, "100;refresher=uac")
    assert "timer" in invite.headers.get_all("Supported")
    stage.answer(invite, 200, tag=None, body=ANSWER, headers=(("Session-Expires", "100;refresher=uac"),))
    stage.one_request("ACK")
    (answered,) = stage.events()
    assert isinstance(answered, OfferAnswered)
    assert sent_after(stage, 49) == []
    assert stage.kinds() == []
    sent_after(stage, 5)
    assert stage.kinds() == ["RefreshDue"]


def test_an_application_that_does_not_loses_the_call() -> None:
    stage = Stage()
    call(stage, ("Session-Expires", "100;refresher=uac"))
    (bye,) = sent_after(stage, 100)
    assert isinstance(bye, Request)
    assert bye.method == "BYE"


def test_a_refresh_by_reinvite_that_is_refused_is_tried_again() -> None:
    stage = Stage()
    session = call(stage, ("Session-Expires", "100;refresher=uac"))
    sent_after(stage, 51)
    stage.events()
    session.reinvite(OFFER, stage.now, is_refresh=True)
    stage.answer(stage.one_request("INVITE"), 500, tag=None)
    stage.one_request("ACK")
    (refused,) = stage.events()
    assert isinstance(refused, OfferRefused)
    assert refused.refresh
    assert sent_after(stage, 30) == []
    assert stage.kinds() == ["RefreshDue"]
    assert session.is_established


def test_a_change_that_is_too_short_for_them_is_offered_again() -> None:
    stage = Stage()
    session = call(stage, ALLOW, ("Session-Expires", "100;refresher=uas"))
    session.reinvite(OFFER, stage.now)
    invite = stage.one_request("INVITE")
    assert invite.headers.get("Session-Expires") == "100;refresher=uas"
    stage.answer(invite, 422, tag=None, headers=(("Min-SE", "300"),))
    stage.one_request("ACK")
    (again,) = sent_after(stage, 5)
    assert isinstance(again, Request)
    assert (again.method, again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == (
        "INVITE", "300;refresher=uas", "300",
    )  # fmt: skip


# 422 to our INVITE.


def test_an_invite_is_sent_again_with_the_minimum_of_each_hop() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=terms(expires=600, refresher="us"), headers=(("X-Trace", "1"),))
    for number, least in ((2, 900), (3, 1000)):
        stage.answer(invite, 422, headers=(("Min-SE", str(least)),))
        ack, invite_again = stage.sent()
        assert isinstance(ack, Request)
        assert isinstance(invite_again, Request)
        invite = invite_again
        assert (ack.method, invite.method, invite.cseq.number) == ("ACK", "INVITE", number)
        assert invite.headers.get_all("Session-Expires") == [f"{least};refresher=uac"]
        assert invite.headers.get_all("Min-SE") == [str(least)]
        assert (invite.headers.get("X-Trace"), invite.body, invite.to.tag) == ("1", OFFER, None)
    assert stage.events() == []
    stage.answer(invite, 200, body=ANSWER, headers=(("Session-Expires", "1000;refresher=uac"),))
    assert stage.one_request("ACK").cseq.number == 3
    assert session.is_established


@pytest.mark.parametrize("least", [None, "x", "60", "90"])
def test_a_422_that_asks_for_nothing_new_is_a_refusal(least: str | None) -> None:
    stage = Stage()
    _, invite = stage.place_call(terms=terms())
    stage.answer(invite, 422, headers=() if least is None else (("Min-SE", least),))
    assert stage.labels() == ["ACK"]
    assert stage.kinds() == ["Refused", "Ended"]


def test_a_far_end_that_is_never_content_is_given_up() -> None:
    stage = Stage()
    _, invite = stage.place_call(terms=terms())
    for number in range(20):
        stage.answer(invite, 422, headers=(("Min-SE", str(2000 + number)),))
        requests = [each for each in stage.sent() if isinstance(each, Request) and each.method == "INVITE"]
        if not requests:
            break
        (invite,) = requests
    assert number == 5
    assert stage.kinds() == ["Refused", "Ended"]


def test_a_422_after_hanging_up() -> None:
    stage = Stage()
    session, invite = stage.place_call(terms=terms())
    stage.answer(invite, 180)
    session.hangup(stage.now)
    stage.one_request("CANCEL")
    stage.answer(invite, 422, headers=(("Min-SE", "4000"),))
    assert stage.labels() == ["ACK"]
    assert stage.all_over()


# What we answer.


@pytest.mark.parametrize(
    ("headers", "how", "said", "required"),
    [
        # RFC 4028 table 2, and what is left to us.
        (f"{KNOWS}Session-Expires: 600\r\n", {}, "600;refresher=uas", True),
        (f"{KNOWS}Session-Expires: 600\r\n", {"refresher": "them"}, "600;refresher=uac", True),
        (f"{KNOWS}Session-Expires: 600;refresher=uac\r\n", {"refresher": "us"}, "600;refresher=uac", True),
        (f"{KNOWS}x: 600;refresher=uas\r\n", {"refresher": "them"}, "600;refresher=uas", True),
        (f"{KNOWS}Session-Expires: 7200;refresher=uac\r\n", {}, "7200;refresher=uac", True),
        (KNOWS, {}, "1800;refresher=uas", True),
        (KNOWS, {"refresher": "them"}, "1800;refresher=uac", True),
        (f"{KNOWS}Min-SE: 3600\r\n", {}, "3600;refresher=uas", True),
        ("Session-Expires: 600\r\n", {}, "600;refresher=uas", False),
        ("Session-Expires: 600;refresher=uac\r\n", {"refresher": "them"}, "600;refresher=uas", False),
        ("Session-Expires: 1\r\n", {}, "1800;refresher=uas", False),
        ("", {}, None, False),
        ("", {"refresher": "us"}, "1800;refresher=uas", False),
    ],
)
def test_what_our_2xx_says(headers: str, how: dict[str, object], said: str | None, required: bool) -> None:
    answer = called(Stage(), headers, **how)
    assert answer.headers.get("Session-Expires") == said
    assert ("timer" in answer.headers.get_all("Require")) == required


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        (f"{KNOWS}Session-Expires: 119\r\n", True),
        ("Require: timer\r\nSession-Expires: 90;refresher=uac\r\n", True),
        (f"{KNOWS}Session-Expires: 120\r\n", False),
        (f"{KNOWS}Session-Expires: soon\r\n", False),
        ("Session-Expires: 90\r\n", False),
    ],
)
def test_what_is_too_short_for_us(headers: str, refused: bool) -> None:
    stage = Stage()
    session = stage.be_called(headers=headers)
    assert session.admit(terms(minimum=120), stage.now) is not refused
    if refused:
        assert stage.one_response(422).headers.get("Min-SE") == "120"
        assert stage.all_over()


def test_require_timer_where_there_is_none() -> None:
    stage = Stage()
    session = stage.be_called(headers="Require: timer\r\n")
    assert not session.admit(SessionTerms(), stage.now)
    assert stage.one_response(420).headers.get("Unsupported") == "timer"


def test_a_caller_that_never_refreshes_is_hung_up_on() -> None:
    stage = Stage()
    called(stage, f"{KNOWS}Session-Expires: 300;refresher=uac\r\n")
    start = stage.now
    stage.wait(60)
    (bye,) = sent_after(stage, 400)
    assert isinstance(bye, Request)
    assert (bye.method, stage.now - start) == ("BYE", 300 - 32)
    assert ended(stage).by == "timeout"


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_a_refresh_of_theirs_begins_the_time_anew(method: str) -> None:
    stage = Stage()
    called(stage, f"{KNOWS}Session-Expires: 300;refresher=uac\r\n")
    session = session_of(stage)
    stage.wait(150)
    headers = f"{KNOWS}Session-Expires: 200;refresher=uac\r\n"
    body = OFFER if method == "INVITE" else b""
    stage.hear(stage.within(session, method, cseq=5, headers=headers, body=body))
    if method == "INVITE":
        stage.one_response(100)
        (offered,) = stage.events()
        assert isinstance(offered, OfferReceived)
        session.accept_reinvite(ANSWER, stage.now)
    answer = stage.one_response(200)
    assert answer.headers.get("Session-Expires") == "200;refresher=uac"
    assert answer.headers.get_all("Require") == ["timer"]
    if method == "INVITE":
        stage.hear(stage.within(session, "ACK", cseq=5))
    start = stage.now
    stage.wait(60)
    (bye,) = sent_after(stage, 400)
    assert isinstance(bye, Request)
    assert (bye.method, stage.now - start) == ("BYE", 168)


def test_a_refresh_of_theirs_that_is_too_short_changes_nothing() -> None:
    stage = Stage()
    called(stage, f"{KNOWS}Session-Expires: 300;refresher=uac\r\n", minimum=200)
    session = session_of(stage)
    stage.wait(100)
    for number, method in enumerate(("UPDATE", "INVITE"), 5):
        headers = f"{KNOWS}Session-Expires: 100\r\n"
        branch = stage.branch()
        stage.hear(stage.within(session, method, cseq=number, headers=headers, body=OFFER, branch=branch))
        assert stage.one_response(422).headers.get("Min-SE") == "200"
        if method == "INVITE":
            stage.hear(stage.within(session, "ACK", cseq=number, branch=branch))
    assert stage.events() == []
    (bye,) = sent_after(stage, 400)
    assert isinstance(bye, Request)
    assert (bye.method, stage.now) == ("BYE", 100 + 268)


def test_a_change_of_theirs_without_a_word_of_it_leaves_the_roles_as_they_are() -> None:
    stage = Stage()
    called(stage, f"{KNOWS}Session-Expires: 300;refresher=uac\r\n")
    session = session_of(stage)
    stage.hear(stage.within(session, "UPDATE", cseq=5, headers=KNOWS))
    assert stage.one_response(200).headers.get("Session-Expires") == "300;refresher=uac"
    stage.hear(stage.within(session, "UPDATE", cseq=6, headers=f"{KNOWS}Session-Expires: 300;refresher=uas\r\n"))
    assert stage.one_response(200).headers.get("Session-Expires") == "300;refresher=uas"
    stage.hear(stage.within(session, "UPDATE", cseq=7, headers=KNOWS))
    assert stage.one_response(200).headers.get("Session-Expires") == "300;refresher=uas"
    stage.hear(stage.within(session, "UPDATE", cseq=8))
    assert stage.one_response(200).headers.get("Session-Expires") == "300;refresher=uas"


def test_hanging_up_stops_the_timer() -> None:
    stage = Stage()
    session = call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    session.hangup(stage.now)
    stage.answer(stage.one_request("BYE"), 200, tag=None)
    assert stage.wait(400) == []
    assert stage.all_over()


def test_an_answer_to_our_refresh_that_crossed_a_bye_settles_nothing() -> None:
    stage = Stage()
    session = call(stage, ALLOW, ("Session-Expires", "100;refresher=uac"))
    (update,) = sent_after(stage, 51)
    assert isinstance(update, Request)
    session.hangup(stage.now)
    stage.answer(stage.one_request("BYE"), 200, tag=None)
    stage.answer(update, 200, tag=None, headers=(("Session-Expires", "100;refresher=uac"),))
    assert stage.wait(400) == []
    assert stage.all_over()


def test_a_session_nobody_answers_is_gone_without_the_collector() -> None:
    stage = Stage()

    def end_calls(number: int) -> None:
        for _ in range(number):
            call(stage, ALLOW, ("Session-Expires", "100;refresher=uas")).hangup(stage.now)
            stage.wait(400)
            stage.events()
            assert stage.all_over()

    end_calls(1)
    gc.collect()
    gc.disable()
    try:
        end_calls(10)
        assert gc.collect() < 10, "less than one object a call"
    finally:
        gc.enable()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_after_bye_nothing_is_refreshed_or_changed(method: str) -> None:
    stage = Stage()
    session = call(stage, ALLOW, ("Session-Expires", "100;refresher=uas"))
    session.hangup(stage.now)
    stage.one_request("BYE")
    headers = f"{KNOWS}Session-Expires: 200\r\n"
    stage.hear(stage.within(session, method, headers=headers, body=OFFER))
    stage.one_response(481)
    assert stage.kinds() == ["Ended"]
