"""Answering 401 and 407: RFC 3261 22, RFC 7616; and whom never to answer."""

from __future__ import annotations

import pytest

from softswitch.sip.auth import AuthCredentials
from softswitch.sip.digest import Credentials, matches
from softswitch.sip.events import Refused, RequestCompleted
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request
from softswitch.sip.uri import Uri
from tests.support.stage import Stage
from tests.support.wire import ANSWER, OFFER

US = Credentials("us", "secret", "carrier")


def challenge(
    nonce: str, *, realm: str = "carrier", stale: bool = False, proxy: bool = False
) -> tuple[tuple[str, str]]:
    text = f'Digest realm="{realm}", nonce="{nonce}", qop="auth", algorithm=MD5'
    return (("Proxy-Authenticate" if proxy else "WWW-Authenticate", text + (", stale=true" if stale else "")),)


def proof(request: Request, header: str = "Authorization") -> AuthCredentials:
    credentials = AuthCredentials.parse(request.headers.get(header) or "")
    assert matches(credentials, request.method, "secret")
    assert credentials.uri == str(request.uri)
    return credentials


@pytest.mark.parametrize(("status", "header"), [(401, "Authorization"), (407, "Proxy-Authorization")])
def test_a_challenged_invite_goes_again_with_the_next_cseq(status: int, header: str) -> None:
    stage = Stage()
    session, first = stage.place_call(credentials=US)
    stage.answer(first, status, headers=challenge("n1", proxy=status == 407))
    ack, second = stage.sent()
    assert isinstance(ack, Request)
    assert isinstance(second, Request)
    assert (ack.method, ack.via.branch) == ("ACK", first.via.branch)
    assert second.via.branch != first.via.branch
    assert (second.cseq.number, second.call_id, second.from_) == (2, first.call_id, first.from_)
    assert second.to.tag is None
    assert second.body == OFFER
    assert proof(second, header).get("nc") == "00000001"
    assert stage.events() == []
    stage.answer(second, 200, body=ANSWER)
    ok = stage.one_request("ACK")
    assert ok.cseq.number == 2
    assert ok.headers.get(header) == second.headers.get(header)
    assert stage.kinds() == ["Answered"]
    session.hangup(stage.now)
    bye = stage.one_request("BYE")
    assert bye.cseq.number == 3
    assert proof(bye, header).get("nc") == "00000002"


def test_a_wrong_password_is_refused_after_one_attempt() -> None:
    stage = Stage()
    _, first = stage.place_call(credentials=US)
    stage.answer(first, 401, headers=challenge("n1"))
    _, second = stage.sent()
    assert isinstance(second, Request)
    stage.answer(second, 401, headers=challenge("n2"))
    assert stage.labels() == ["ACK"]
    refused, _ = stage.events()
    assert isinstance(refused, Refused)
    assert refused.status == 401
    assert stage.all_over()


def test_a_stale_nonce_is_replaced_and_the_number_of_attempts_is_bounded() -> None:
    stage = Stage()
    _, request = stage.place_call(credentials=US)
    for number in range(4):
        stage.answer(request, 401, headers=challenge(f"n{number}", stale=number > 0))
        _, again = stage.sent()
        assert isinstance(again, Request)
        assert proof(again).nonce == f"n{number}"
        request = again
    stage.answer(request, 401, headers=challenge("n9", stale=True))
    assert stage.labels() == ["ACK"]
    assert stage.kinds() == ["Refused", "Ended"]


def test_the_same_nonce_is_not_answered_twice() -> None:
    stage = Stage()
    _, request = stage.place_call(credentials=US)
    stage.answer(request, 401, headers=challenge("n1"))
    _, again = stage.sent()
    assert isinstance(again, Request)
    stage.answer(again, 401, headers=challenge("n1", stale=True))
    assert stage.labels() == ["ACK"]


def test_proxy_and_server_may_both_ask() -> None:
    stage = Stage()
    _, request = stage.place_call(credentials=US)
    stage.answer(request, 407, headers=challenge("p1", proxy=True))
    request = stage.sent()[1]  # type: ignore[assignment]
    stage.answer(request, 401, headers=challenge("s1"))
    request = stage.sent()[1]  # type: ignore[assignment]
    assert proof(request, "Proxy-Authorization").nonce == "p1"
    assert proof(request, "Authorization").nonce == "s1"
    assert request.cseq.number == 3


@pytest.mark.parametrize(
    "headers",
    [
        challenge("n1", realm="somebody else"),
        (("WWW-Authenticate", 'Digest realm="carrier", nonce="n", algorithm=SHA-512-256'),),
        (("WWW-Authenticate", "Basic realm=carrier"),),
        (("WWW-Authenticate", "Digest ,,,"),),
        (),
    ],
)
def test_a_challenge_we_cannot_or_must_not_answer_is_a_refusal(headers: tuple[tuple[str, str], ...]) -> None:
    stage = Stage()
    _, request = stage.place_call(credentials=US)
    stage.answer(request, 401, headers=headers)
    assert stage.labels() == ["ACK"]
    assert stage.kinds() == ["Refused", "Ended"]


def test_without_credentials_a_challenge_is_a_refusal() -> None:
    stage = Stage()
    _, request = stage.place_call()
    stage.answer(request, 401, headers=challenge("n1"))
    assert stage.kinds() == ["Refused", "Ended"]


def test_hanging_up_after_the_challenge_waits_for_a_response_to_the_second_invite() -> None:
    stage = Stage()
    session, first = stage.place_call(credentials=US)
    stage.answer(first, 100, tag=None)
    stage.answer(first, 401, headers=challenge("n1"))
    _, second = stage.sent()
    assert isinstance(second, Request)
    session.hangup(stage.now)
    assert stage.sent() == []
    stage.answer(second, 180)
    cancel = stage.one_request("CANCEL")
    assert (cancel.via.branch, cancel.cseq.number) == (second.via.branch, 2)


def test_challenged_bye_and_reinvite() -> None:
    stage = Stage()
    session = stage.call_up(US)
    session.reinvite(OFFER, stage.now)
    stage.answer(stage.one_request("INVITE"), 401, headers=challenge("r1"))
    _, again = stage.sent()
    assert isinstance(again, Request)
    assert proof(again).nonce == "r1"
    stage.answer(again, 200, body=ANSWER)
    assert stage.kinds() == ["OfferAnswered"]
    assert proof_of_ack(stage) == "r1"
    session.hangup(stage.now)
    bye = stage.one_request("BYE")
    assert proof(bye).get("nc") == "00000002"
    stage.answer(bye, 401, headers=challenge("b1"))
    again = stage.one_request("BYE")
    assert proof(again).nonce == "b1"
    stage.answer(again, 200)
    assert stage.stack.statistics.sessions == 0


def proof_of_ack(stage: Stage) -> str:
    ack = stage.one_request("ACK")
    return AuthCredentials.parse(ack.headers.get("Authorization") or "").nonce


def test_a_callee_cannot_harvest_an_answer_in_the_dialog() -> None:
    stage = Stage()
    session = stage.be_called()
    session.accept(ANSWER, stage.now)
    stage.sent()
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    stage.events()
    session.hangup(stage.now)
    stage.answer(stage.one_request("BYE"), 401, headers=challenge("n1"))
    assert stage.sent() == []
    assert stage.stack.statistics.sessions == 0


def test_a_challenged_register() -> None:
    stage = Stage()
    stage.stack.request(
        "REGISTER",
        uri=Uri.parse("sip:carrier.example"),
        from_=NameAddr.parse("<sip:us@carrier.example>"),
        to=NameAddr.parse("<sip:us@carrier.example>"),
        contact=NameAddr.parse("<sip:us@192.0.2.1>"),
        flow=stage.flow,
        now=stage.now,
        credentials=US,
        call_id="registration",
        cseq=7,
    )
    first = stage.one_request("REGISTER")
    assert (first.call_id, first.cseq.number, str(first.contact)) == ("registration", 7, "<sip:us@192.0.2.1>")
    stage.answer(first, 401, headers=challenge("n1"))
    second = stage.one_request("REGISTER")
    assert second.cseq.number == 8
    proof(second)
    stage.answer(second, 200)
    (event,) = stage.events()
    assert isinstance(event, RequestCompleted)
    assert event.response is not None
    assert event.response.status == 200
