"""REFER received, and what is told of it: RFC 3515, RFC 4488, RFC 6665."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.events import ReferralEnded, ReferReceived
from softswitch.sip.message import Request
from softswitch.sip.session.referral import EXPIRES, Input, Referral, State
from tests.support.stage import Stage

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession

TARGET = "Refer-To: <sip:1002@pbx.example>\r\n"


def refer(stage: Stage, session: InviteSession, headers: str = TARGET, cseq: int = 20) -> None:
    stage.hear(
        stage.request(
            "REFER",
            to_tag=session.local_tag,
            from_tag=session.remote_tag,
            call_id=session.call_id,
            cseq=cseq,
            headers=headers,
        )
    )


def asked(stage: Stage, session: InviteSession, headers: str = TARGET, cseq: int = 20) -> Referral:
    refer(stage, session, headers, cseq)
    (event,) = (event for event in stage.events() if not isinstance(event, ReferralEnded))
    assert isinstance(event, ReferReceived)
    return event.referral


def notified(stage: Stage) -> Request:
    return stage.one_request("NOTIFY")


def told(notify: Request) -> tuple[str, str]:
    """(state without its expiry, first line of the fragment)"""
    state = (notify.headers.get("Subscription-State") or "").partition(";expires")[0]
    return state, notify.body.decode().strip()


def test_how_a_transfer_goes_is_told_from_trying_to_the_end() -> None:
    stage = Stage()
    session = stage.called_up()
    referral = asked(stage, session)
    assert str(referral.refer.target) == "sip:1002@pbx.example"
    referral.accept(stage.now)
    accepted, first = stage.sent()
    assert accepted.status == 202  # type: ignore[union-attr]
    assert isinstance(first, Request)
    assert told(first) == ("active", "SIP/2.0 100 Trying")
    assert first.headers.get("Event") == "refer"
    assert first.headers.get("Subscription-State") == f"active;expires={EXPIRES}"
    assert str(first.content_type) == "message/sipfrag;version=2.0"
    assert (first.from_.tag, first.to.tag, first.call_id) == (session.local_tag, "them", session.call_id)
    stage.answer(first, 200, tag=None)
    stage.now += 10
    referral.progress(180, stage.now)
    ringing = notified(stage)
    assert told(ringing) == ("active", "SIP/2.0 180 Ringing")
    assert ringing.headers.get("Subscription-State") == f"active;expires={EXPIRES - 10}"
    assert ringing.cseq.number == first.cseq.number + 1
    stage.answer(ringing, 200, tag=None)
    referral.progress(180, stage.now)
    assert stage.sent() == []
    referral.finish(200, stage.now)
    last = notified(stage)
    assert told(last) == ("terminated;reason=noresource", "SIP/2.0 200 OK")
    assert stage.kinds() == []
    stage.answer(last, 200, tag=None)
    assert stage.kinds() == ["ReferralEnded"]
    assert referral.is_over
    session.hangup(stage.now)
    stage.answer(stage.one_request("BYE"), 200)
    assert stage.all_over()


def test_news_waits_for_the_notify_before() -> None:
    stage = Stage()
    referral = asked(stage, stage.called_up())
    referral.accept(stage.now)
    _, first = stage.sent()
    referral.progress(180, stage.now)
    referral.progress(183, stage.now)
    assert stage.sent() == []
    stage.answer(first, 200, tag=None)  # type: ignore[arg-type]
    second = notified(stage)
    assert told(second) == ("active", "SIP/2.0 180 Ringing")
    referral.finish(486, stage.now)
    referral.finish(200, stage.now)
    referral.progress(180, stage.now)
    assert stage.sent() == []
    stage.answer(second, 200, tag=None)
    third = notified(stage)
    assert told(third) == ("active", "SIP/2.0 183 Session Progress")
    stage.answer(third, 200, tag=None)
    assert told(notified(stage)) == ("terminated;reason=noresource", "SIP/2.0 486 Busy Here")


def test_a_transferor_who_has_hung_up_is_still_told_the_outcome() -> None:
    stage = Stage()
    session = stage.called_up()
    referral = asked(stage, session)
    referral.accept(stage.now)
    _, first = stage.sent()
    stage.answer(first, 200, tag=None)  # type: ignore[arg-type]
    stage.hear(stage.request("BYE", to_tag=session.local_tag, cseq=21))
    stage.one_response(200)
    referral.finish(603, stage.now)
    last = notified(stage)
    assert told(last) == ("terminated;reason=noresource", "SIP/2.0 603 Decline")
    stage.answer(last, 481, tag=None)
    assert stage.all_over()


@pytest.mark.parametrize("outcome", [481, 500, None])
def test_nobody_is_told_any_more_who_does_not_listen(outcome: int | None) -> None:
    stage = Stage()
    referral = asked(stage, stage.called_up())
    referral.accept(stage.now)
    _, first = stage.sent()
    if outcome is None:
        stage.wait(40)
    else:
        stage.answer(first, outcome, tag=None)  # type: ignore[arg-type]
    referral.progress(180, stage.now)
    referral.finish(200, stage.now)
    assert stage.sent() == []
    assert referral.state is State.OVER


def test_a_transfer_that_takes_too_long_ends_the_subscription_with_what_is_known() -> None:
    stage = Stage()
    referral = asked(stage, stage.called_up())
    referral.accept(stage.now)
    _, first = stage.sent()
    stage.answer(first, 200, tag=None)  # type: ignore[arg-type]
    referral.progress(180, stage.now)
    stage.answer(notified(stage), 200, tag=None)
    stage.now += EXPIRES
    stage.stack.handle_timers(stage.now)
    last = notified(stage)
    assert told(last) == ("terminated;reason=timeout", "SIP/2.0 180 Ringing")


def test_who_does_not_want_to_be_told_is_not() -> None:
    stage = Stage()
    referral = asked(stage, stage.called_up(), f"{TARGET}Supported: norefersub\r\nRefer-Sub: false\r\n")
    referral.accept(stage.now)
    assert stage.one_response(202).headers.get("Refer-Sub") == "false"
    referral.progress(180, stage.now)
    referral.finish(200, stage.now)
    assert stage.sent() == []


def test_one_transfer_at_a_time() -> None:
    stage = Stage()
    session = stage.called_up()
    referral = asked(stage, session)
    referral.accept(stage.now)
    _, first = stage.sent()
    refer(stage, session, cseq=21)
    stage.one_response(491)
    stage.answer(first, 200, tag=None)  # type: ignore[arg-type]
    referral.finish(486, stage.now)
    stage.answer(notified(stage), 200, tag=None)
    again = asked(stage, session, cseq=22)
    again.accept(stage.now)
    _, first = stage.sent()
    assert first.headers.get("Event") == "refer;id=22"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("", 400),
        (TARGET * 2, 400),
        ("Refer-To: <sip:\r\n", 400),
        ("Refer-To: <sip:pbx.example>\r\n", 400),
        ("Refer-To: <http://pbx.example>\r\n", 416),
        ("Refer-To: <mailto:a@pbx.example>\r\n", 416),
        ("Refer-To: <sip:1002@pbx.example;method=MESSAGE>\r\n", 501),
        ("Refer-To: <sip:1002@pbx.example?Replaces=a>\r\n", 400),
        ("Refer-To: <sip:1002@pbx.example?Replaces=a%3Bto-tag%3Db%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\n", 400),
        ("Refer-To: <sip:1002@pbx.example?Replaces=a%0D%0AX:%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\n", 400),
        (f"{TARGET}Referred-By: <sip:a@b>\r\nReferred-By: <sip:a@b>\r\n", 400),
        (f"{TARGET}Referred-By: <sip:\r\n", 400),
    ],
)
def test_a_refer_that_cannot_be_meant_is_refused(headers: str, status: int) -> None:
    stage = Stage()
    refer(stage, stage.called_up(), headers)
    stage.one_response(status)
    assert stage.events() == []


def test_a_call_that_is_not_answered_cannot_be_transferred() -> None:
    stage = Stage()
    session = stage.be_called()
    refer(stage, session)
    stage.one_response(480)


def test_a_refer_nobody_answered_is_refused_when_the_call_ends() -> None:
    stage = Stage()
    session = stage.called_up()
    referral = asked(stage, session)
    session.hangup(stage.now)
    assert sorted(stage.labels()) == ["481 REFER", "BYE"]
    referral.accept(stage.now)
    assert stage.sent() == []


@given(data=st.data())
def test_any_sequence_follows_the_table(data: st.DataObject) -> None:
    stage = Stage()
    session = stage.called_up()
    headers = TARGET + ("Refer-Sub: false\r\n" if data.draw(st.booleans()) else "")
    referral = asked(stage, session, headers)
    verbs = {
        Input.ACCEPT: lambda: referral.accept(stage.now),
        Input.REFUSE: lambda: referral.refuse(403, stage.now),
        Input.PROGRESS: lambda: referral.progress(data.draw(st.sampled_from((180, 182, 183))), stage.now),
        Input.FINISH: lambda: referral.finish(486, stage.now),
    }
    open_: list[Request] = []
    for what in data.draw(st.lists(st.sampled_from([*verbs, Input.DELIVERED, Input.UNDELIVERABLE, Input.EXPIRED]))):
        if what in verbs:
            verbs[what]()
        elif what is Input.EXPIRED:
            referral.on_timer(Input.EXPIRED, stage.now)
        elif open_:
            stage.answer(open_.pop(), 200 if what is Input.DELIVERED else 481, tag=None)
        notifies = [message for message in stage.sent() if isinstance(message, Request)]
        open_ += notifies
        assert len(open_) <= 1, "one NOTIFY at a time"
        if notifies and told(notifies[0])[0].startswith("terminated"):
            assert referral.state is State.LAST
    referral.refuse(403, stage.now)
    referral.finish(200, stage.now)
    session.hangup(stage.now)
    stage.sent()
    stage.wait(700)
    assert stage.all_over()
