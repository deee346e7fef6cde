"""INVITE server transaction: RFC 3261 17.2.1, RFC 6026."""

from __future__ import annotations

from softswitch.sip.events import Ended
from tests.support.stage import TCP, Stage
from tests.support.wire import ANSWER, OFFER


def test_100_at_once_and_a_repeated_invite_gets_the_last_response_again() -> None:
    stage = Stage()
    invite = stage.request("INVITE", body=OFFER)
    stage.hear(invite)
    assert stage.one_response(100).to.tag is None
    (event,) = stage.events()
    stage.hear(invite)
    stage.one_response(100)
    event.session.ring(stage.now)  # type: ignore[union-attr]
    ringing = stage.one_response(180)
    stage.hear(invite)
    assert bytes(stage.one_response(180)) == bytes(ringing)
    assert stage.events() == []
    assert stage.stack.statistics.retransmissions_received == 2


def test_a_refusal_is_repeated_from_t1_to_t2_until_timer_h() -> None:
    stage = Stage()
    stage.be_called().reject(486, stage.now)
    stage.one_response(486)
    times = [time for time, label in stage.wait(100) if label == "486 INVITE"]
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert stage.all_over()


def test_the_ack_stops_the_repetition_of_a_refusal_and_is_not_told() -> None:
    stage = Stage()
    branch = "z9hG4bKsame"
    session = stage.be_called(branch=branch)
    session.reject(486, stage.now)
    stage.one_response(486)
    assert stage.kinds() == ["Ended"]
    ack = stage.request("ACK", branch=branch, to_tag=session.local_tag)
    stage.hear(ack)
    stage.hear(ack)
    assert stage.wait(4.9) == []
    assert stage.stack.statistics.lingering == 1
    stage.wait(0.2)
    assert stage.stack.statistics.lingering == 0
    assert stage.events() == []


def test_over_tcp_a_refusal_is_sent_once_and_forgotten_with_its_ack() -> None:
    stage = Stage(TCP)
    session = stage.be_called(branch="z9hG4bKsame")
    session.reject(486, stage.now)
    stage.one_response(486)
    assert stage.wait(10) == []
    stage.hear(stage.request("ACK", branch="z9hG4bKsame", to_tag=session.local_tag))
    assert stage.stack.statistics.lingering == 0
    assert stage.stack.statistics.timers == 0


def test_a_repeated_invite_after_2xx_is_absorbed() -> None:
    stage = Stage()
    invite = stage.request("INVITE", body=OFFER)
    stage.hear(invite)
    (event,) = stage.events()
    event.session.accept(ANSWER, stage.now)  # type: ignore[union-attr]
    stage.sent()
    stage.hear(invite)
    assert stage.sent() == []
    assert stage.events() == []


def test_2xx_is_repeated_over_tcp_too_until_the_ack() -> None:
    for flow in (TCP, None):
        stage = Stage(flow) if flow is not None else Stage()
        session = stage.be_called()
        session.accept(ANSWER, stage.now)
        stage.one_response(200)
        assert [time for time, _ in stage.wait(8)] == [0.5, 1.5, 3.5, 7.5]
        stage.hear(stage.request("ACK", to_tag=session.local_tag))
        assert stage.wait(20) == []


def test_a_caller_that_vanishes_over_tcp_ends_a_ringing_call() -> None:
    stage = Stage(TCP)
    session = stage.be_called()
    session.ring(stage.now)
    stage.stack.transport_failed(TCP, stage.now)
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("transport", 503)


def test_an_rfc_2543_caller_without_the_magic_cookie_is_matched_by_its_headers() -> None:
    stage = Stage()
    via = "SIP/2.0/UDP 198.51.100.7:5060"
    invite = stage.request("INVITE", body=OFFER, via=via)
    stage.hear(invite)
    (event,) = stage.events()
    stage.sent()
    stage.hear(invite)
    stage.one_response(100)
    session = event.session  # type: ignore[union-attr]
    session.reject(486, stage.now)
    stage.one_response(486)
    stage.hear(stage.request("ACK", via=via, to_tag=session.local_tag))
    assert stage.wait(4) == []
    stage.hear(stage.request("INVITE", body=OFFER, via=via, cseq=2))
    stage.one_response(100)
    assert stage.kinds() == ["Ended", "InviteReceived"]


def test_an_ack_to_a_2xx_with_the_invites_branch_is_taken() -> None:
    stage = Stage()
    session = stage.be_called(branch="z9hG4bKsame")
    session.accept(ANSWER, stage.now)
    stage.sent()
    stage.hear(stage.request("ACK", branch="z9hG4bKsame", to_tag=session.local_tag))
    assert stage.kinds() == ["Established"]
    assert stage.wait(20) == []


def test_the_last_provisional_response_is_repeated_every_minute() -> None:
    stage = Stage()
    session = stage.be_called()
    session.ring(stage.now, 183)
    stage.sent()
    assert stage.wait(125) == [(60.0, "183 INVITE"), (120.0, "183 INVITE")]
