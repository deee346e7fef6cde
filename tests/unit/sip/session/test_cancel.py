"""CANCEL and what crosses it: RFC 3261 9."""

from __future__ import annotations

from softswitch.sip.events import Ended
from softswitch.sip.headers import Reason
from tests.support.stage import Stage
from tests.support.wire import ANSWER, OFFER


def ended(stage: Stage) -> Ended:
    (event,) = stage.events()
    assert isinstance(event, Ended)
    return event


def test_cancel_waits_for_a_provisional_response() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    session.hangup(stage.now, reasons=(Reason("SIP", 200, "Call completed elsewhere"),))
    assert stage.sent() == []
    assert [label for _, label in stage.wait(0.6)] == ["INVITE"]
    stage.answer(invite, 100, tag=None)
    cancel = stage.one_request("CANCEL")
    assert cancel.via == invite.via
    assert cancel.uri == invite.uri
    assert cancel.to.tag is None
    assert (cancel.cseq.number, cancel.cseq.method) == (1, "CANCEL")
    assert cancel.headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert "Contact" not in cancel.headers
    stage.answer(cancel, 200)
    stage.answer(invite, 487)
    stage.one_request("ACK")
    end = ended(stage)
    assert (end.by, end.status) == ("local", 487)
    assert end.reasons == (Reason("SIP", 200, "Call completed elsewhere"),)
    assert stage.all_over()


def test_cancel_goes_at_once_while_it_rings_and_only_once() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 180)
    stage.events()
    session.hangup(stage.now)
    session.hangup(stage.now)
    stage.one_request("CANCEL")
    stage.answer(invite, 180)
    assert stage.sent() == []
    assert stage.events() == []


def test_a_2xx_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    for provisional in (True, False):
        stage = Stage()
        session, invite = stage.place_call()
        if provisional:
            stage.answer(invite, 180)
            stage.events()
        session.hangup(stage.now)
        stage.sent()
        stage.answer(invite, 200, body=ANSWER)
        assert stage.labels() == ["ACK", "BYE"]
        assert ended(stage).by == "local"
        assert stage.all_over()
        assert stage.events() == []


def test_another_refusal_that_crosses_the_cancel_is_the_outcome() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 180)
    session.hangup(stage.now)
    stage.events()
    stage.answer(invite, 486)
    assert ended(stage).status == 486


def test_an_invite_that_never_ends_after_cancel_is_given_up_after_64_t1() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 180)
    session.hangup(stage.now)
    stage.events()
    cancel = stage.one_request("CANCEL")
    stage.answer(cancel, 200)
    assert stage.wait(31.9) == []
    assert stage.events() == []
    stage.wait(0.2)
    end = ended(stage)
    assert (end.by, end.status) == ("local", 487)
    assert stage.all_over()


def test_a_call_hung_up_before_anything_was_heard_ends_with_timer_b() -> None:
    stage = Stage()
    session, _ = stage.place_call()
    session.hangup(stage.now)
    assert "CANCEL" not in [label for _, label in stage.wait(40)]
    assert ended(stage).by == "local"
    assert stage.all_over()


def test_a_challenge_is_not_answered_once_the_call_is_not_wanted() -> None:
    from softswitch.sip.digest import Credentials

    stage = Stage()
    session, invite = stage.place_call(credentials=Credentials("us", "secret"))
    session.hangup(stage.now)
    stage.answer(invite, 401, headers=(("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'),))
    assert stage.labels() == ["ACK"]
    assert ended(stage).status == 401


def test_their_cancel_ends_their_invite() -> None:
    stage = Stage()
    session = stage.be_called(branch="z9hG4bKcall")
    session.ring(stage.now)
    stage.sent()
    stage.hear(stage.request("CANCEL", branch="z9hG4bKcall", headers='Reason: SIP;cause=200;text="elsewhere"\r\n'))
    ok, terminated = stage.sent()
    assert (ok.cseq.method, terminated.cseq.method) == ("CANCEL", "INVITE")
    assert (ok.status, terminated.status) == (200, 487)  # type: ignore[union-attr]
    assert ok.to.tag == terminated.to.tag == session.local_tag
    end = ended(stage)
    assert (end.by, end.status, end.reasons) == ("remote", 487, (Reason("SIP", 200, "elsewhere"),))
    session.accept(ANSWER, stage.now)
    assert stage.sent() == []
    assert stage.all_over()


def test_their_cancel_after_our_2xx_has_no_effect() -> None:
    stage = Stage()
    session = stage.be_called(branch="z9hG4bKcall")
    session.accept(ANSWER, stage.now)
    stage.sent()
    stage.hear(stage.request("CANCEL", branch="z9hG4bKcall"))
    assert stage.labels() == ["200 CANCEL"]
    assert stage.events() == []
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    assert stage.kinds() == ["Established"]


def test_a_repeated_cancel_gets_its_answer_again() -> None:
    stage = Stage()
    stage.be_called(branch="z9hG4bKcall")
    cancel = stage.request("CANCEL", branch="z9hG4bKcall")
    stage.hear(cancel)
    stage.sent()
    stage.hear(cancel)
    assert stage.labels() == ["200 CANCEL"]


def test_a_cancel_for_nothing_gets_481() -> None:
    stage = Stage()
    stage.hear(stage.request("CANCEL"))
    assert stage.labels() == ["481 CANCEL"]
    stage.hear(stage.request("OPTIONS", branch="z9hG4bKoptions"))
    stage.hear(stage.request("CANCEL", branch="z9hG4bKoptions"))
    assert stage.labels() == ["481 CANCEL"]


def test_a_cancel_from_another_sent_by_is_not_ours() -> None:
    stage = Stage()
    stage.hear(stage.request("INVITE", body=OFFER, branch="z9hG4bKcall"))
    stage.events()
    stage.sent()
    stage.hear(stage.request("CANCEL", via="SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKcall;rport"))
    assert stage.labels() == ["481 CANCEL"]
    assert stage.events() == []
