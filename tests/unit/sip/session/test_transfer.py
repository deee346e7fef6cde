"""REFER sent, and what the far end says about it: RFC 3515 2.4, RFC 6665 4.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import TransferCompleted, TransferProgressed
from softswitch.sip.headers import NameAddr
from softswitch.sip.refer import Refer
from softswitch.sip.replaces import Replaces
from softswitch.sip.session import transfer
from softswitch.sip.uri import Uri
from tests.support.stage import Stage
from tests.support.wire import ANSWER

if TYPE_CHECKING:
    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession

TO_1002 = Refer(Uri("sip", "1002", "pbx.example"))


def sent(stage: Stage, refer_to: Refer = TO_1002) -> tuple[InviteSession, Request]:
    session = stage.called_up()
    transfer.send(session, refer_to, stage.now)
    return session, stage.one_request("REFER")


def notify(
    stage: Stage,
    session: InviteSession,
    body: str = "",
    state: str = "active;expires=60",
    *,
    event: str = "refer",
    cseq: int = 30,
) -> None:
    stage.hear(
        stage.request(
            "NOTIFY",
            to_tag=session.local_tag,
            from_tag=session.remote_tag,
            call_id=session.call_id,
            cseq=cseq,
            headers=f"Event: {event}\r\nSubscription-State: {state}\r\n",
            body=body.encode(),
            content_type="message/sipfrag;version=2.0",
        )
    )


def outcomes(stage: Stage) -> list[tuple[str, int]]:
    return [
        (type(event).__name__, event.status)
        for event in stage.events()
        if isinstance(event, TransferProgressed | TransferCompleted)
    ]


def test_a_transfer_is_asked_for_and_its_outcome_believed() -> None:
    stage = Stage()
    replaces = Replaces("other@call", "theirs", "ours")
    by = NameAddr("Desk", Uri("sip", "1001", "pbx.example"))
    session, request = sent(stage, Refer(TO_1002.target, replaces, by))
    assert (
        request.headers.get("Refer-To")
        == "<sip:1002@pbx.example?Replaces=other%40call%3Bto-tag%3Dtheirs%3Bfrom-tag%3Dours>"
    )
    assert request.headers.get("Referred-By") == '"Desk" <sip:1001@pbx.example>'
    stage.answer(request, 202, tag=None)
    notify(stage, session, "SIP/2.0 100 Trying\r\n")
    notify(stage, session, "SIP/2.0 180 Ringing\r\n", cseq=31)
    notify(stage, session, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource", cseq=32)
    assert stage.labels() == ["200 NOTIFY"] * 3
    assert outcomes(stage) == [
        ("TransferProgressed", 100),
        ("TransferProgressed", 180),
        ("TransferCompleted", 200),
    ]
    notify(stage, session, "SIP/2.0 200 OK\r\n", cseq=33)
    stage.one_response(481)
    transfer.send(session, TO_1002, stage.now)
    assert stage.one_request("REFER").cseq.number == request.cseq.number + 1


@pytest.mark.parametrize(
    ("body", "state", "status"),
    [
        ("SIP/2.0 486 Busy Here\r\n", "terminated;reason=noresource", 486),
        ("SIP/2.0 603 Declined", "active;expires=60", 603),
        ("SIP/2.0 200 OK\r\nTo: <sip:1002@pbx.example>\r\n", "active", 200),
        ("SIP/2.0 180 Ringing\r\n", "terminated;reason=timeout", 0),
        ("", "terminated;reason=noresource", 0),
    ],
)
def test_only_a_final_status_is_an_outcome(body: str, state: str, status: int) -> None:
    stage = Stage()
    session, request = sent(stage)
    stage.answer(request, 202, tag=None)
    notify(stage, session, body, state)
    stage.one_response(200)
    assert outcomes(stage) == [("TransferCompleted", status)]


def test_a_notify_may_overtake_the_answer() -> None:
    stage = Stage()
    session, request = sent(stage)
    notify(stage, session, "SIP/2.0 100 Trying\r\n")
    notify(stage, session, "SIP/2.0 200 OK\r\n", "terminated", cseq=31)
    stage.answer(request, 202, tag=None)
    assert outcomes(stage) == [("TransferProgressed", 100), ("TransferCompleted", 200)]


@pytest.mark.parametrize("status", [403, 405, 603])
def test_a_refused_refer_is_the_outcome(status: int) -> None:
    stage = Stage()
    _, request = sent(stage)
    stage.answer(request, status, tag=None)
    assert outcomes(stage) == [("TransferCompleted", status)]


def test_a_dialog_the_far_end_does_not_know_is_over() -> None:
    stage = Stage()
    session, request = sent(stage)
    stage.answer(request, 481, tag=None)
    assert session.told
    stage.one_request("BYE")


def test_silence_is_no_success() -> None:
    stage = Stage()
    _, request = sent(stage)
    stage.answer(request, 202, tag=None)
    stage.wait(31)
    assert outcomes(stage) == []
    stage.wait(2)
    assert outcomes(stage) == [("TransferCompleted", 0)]


def test_a_subscription_that_expires_is_no_success() -> None:
    stage = Stage()
    session, request = sent(stage)
    stage.answer(request, 202, tag=None)
    notify(stage, session, "SIP/2.0 180 Ringing\r\n", "active;expires=100")
    stage.wait(99)
    assert outcomes(stage) == [("TransferProgressed", 180)]
    stage.wait(2)
    assert outcomes(stage) == [("TransferCompleted", 0)]


@pytest.mark.parametrize(
    ("event", "state", "body", "status"),
    [
        ("presence", "active", "SIP/2.0 200 OK\r\n", 489),
        ("refer;id=77", "active", "SIP/2.0 200 OK\r\n", 481),
        ("refer", "", "SIP/2.0 200 OK\r\n", 400),
        ("refer", "active", "hello", 400),
        ("refer", "active", "SIP/2.0 999 What\r\n", 400),
    ],
)
def test_a_notify_that_cannot_be_meant_is_refused(event: str, state: str, body: str, status: int) -> None:
    stage = Stage()
    session, request = sent(stage)
    stage.answer(request, 202, tag=None)
    notify(stage, session, body, state, event=event)
    stage.one_response(status)
    assert outcomes(stage) == []


def test_the_subscription_is_known_by_its_number_as_well() -> None:
    stage = Stage()
    session, request = sent(stage)
    stage.answer(request, 202, tag=None)
    notify(stage, session, "SIP/2.0 200 OK\r\n", event=f"refer;id={request.cseq.number}")
    stage.one_response(200)
    assert outcomes(stage) == [("TransferCompleted", 200)]


def test_a_notify_nobody_asked_for_is_refused_within_a_dialog_and_outside() -> None:
    stage = Stage()
    session = stage.called_up()
    notify(stage, session, "SIP/2.0 200 OK\r\n")
    stage.one_response(481)
    stage.hear(stage.request("NOTIFY", call_id="other", headers="Event: refer\r\nSubscription-State: active\r\n"))
    stage.one_response(481)


def test_a_refer_waits_for_the_ack() -> None:
    stage = Stage()
    session = stage.be_called()
    session.accept(ANSWER, stage.now)
    stage.one_response(200)
    transfer.send(session, TO_1002, stage.now)
    notify(stage, session, "SIP/2.0 200 OK\r\n")
    stage.one_response(481)
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    stage.one_request("REFER")


def test_one_refer_at_a_time_and_only_in_a_call_that_is_answered() -> None:
    stage = Stage()
    session, _ = sent(stage)
    with pytest.raises(LocalProtocolError):
        transfer.send(session, TO_1002, stage.now)
    with pytest.raises(LocalProtocolError):
        transfer.send(stage.be_called(call_id="second"), TO_1002, stage.now)


def test_a_call_that_ends_meanwhile_leaves_nothing() -> None:
    stage = Stage()
    session, request = sent(stage)
    stage.answer(request, 202, tag=None)
    stage.hear(stage.request("BYE", to_tag=session.local_tag, cseq=21))
    assert stage.kinds() == ["Ended"]
    assert stage.all_over()
    assert stage.events() == []
