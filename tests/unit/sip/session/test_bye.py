"""BYE, both ways and crossing: RFC 3261 15; and what a standing dialog answers: 12.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from softswitch.sip.body import ACCEPT
from softswitch.sip.core import ALLOW
from softswitch.sip.events import Ended, InfoReceived
from softswitch.sip.headers import Reason
from tests.support.stage import Stage
from tests.support.wire import OFFER

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession


def within(stage: Stage, session: InviteSession, method: str, **how: object) -> bytes:
    how.setdefault("cseq", 10)
    return stage.request(
        method,
        to_tag=session.local_tag,
        from_tag=session.remote_tag,
        call_id=session.call_id,
        **how,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("up", [Stage.call_up, Stage.called_up])
def test_their_bye_ends_the_session_whoever_called(up: object) -> None:
    stage = Stage()
    session = up(stage)  # type: ignore[operator]
    bye = within(stage, session, "BYE")
    stage.hear(bye)
    answer = stage.one_response(200)
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert (ended.by, ended.status) == ("remote", 200)
    assert stage.stack.statistics.sessions == 0
    stage.hear(bye)
    assert bytes(stage.one_response(200)) == bytes(answer)
    session.hangup(stage.now)
    session.reinvite(OFFER, stage.now)
    session.accept_reinvite(OFFER, stage.now)
    assert stage.sent() == []
    assert stage.events() == []
    assert stage.all_over()


def test_bye_crossing_bye() -> None:
    stage = Stage()
    session = stage.call_up()
    session.hangup(stage.now)
    ours = stage.one_request("BYE")
    assert stage.kinds() == ["Ended"]
    stage.hear(within(stage, session, "BYE"))
    assert stage.labels() == ["200 BYE"]
    stage.answer(ours, 481, tag=None)
    assert stage.events() == []
    assert stage.all_over()


def test_a_second_bye_after_the_end_gets_481() -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, "BYE"))
    stage.sent()
    stage.hear(within(stage, session, "BYE", cseq=11))
    assert stage.labels() == ["481 BYE"]


def test_only_bye_is_taken_while_ours_is_under_way() -> None:
    stage = Stage()
    session = stage.call_up()
    session.hangup(stage.now)
    stage.sent()
    stage.events()
    stage.hear(within(stage, session, "INFO"))
    stage.hear(within(stage, session, "INVITE", cseq=11, body=OFFER))
    assert stage.labels() == ["481 INFO", "481 INVITE"]
    assert stage.events() == []


def test_a_bye_with_guessed_tags_gets_481() -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(stage.request("BYE", to_tag=session.local_tag, from_tag="guess", call_id=session.call_id, cseq=10))
    stage.hear(stage.request("BYE", to_tag="guess", from_tag=session.remote_tag, call_id=session.call_id, cseq=10))
    stage.hear(stage.request("BYE", to_tag=session.local_tag, from_tag=session.remote_tag, call_id="guess", cseq=10))
    assert stage.labels() == ["481 BYE"] * 3
    assert session.is_established


def test_a_lower_cseq_gets_500() -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, "INFO", cseq=10))
    stage.hear(within(stage, session, "BYE", cseq=9))
    assert stage.labels() == ["200 INFO", "500 BYE"]
    assert session.is_established


def test_info_is_answered_and_told() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(within(stage, session, "INFO", body=b"Signal=5\r\n", content_type="application/dtmf-relay"))
    stage.one_response(200)
    (event,) = stage.events()
    assert isinstance(event, InfoReceived)
    assert event.request.body == b"Signal=5\r\n"


def test_options_within_the_dialog_is_answered_by_the_stack() -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(within(stage, session, "OPTIONS"))
    answer = stage.one_response(200)
    assert answer.headers.get("Allow") == ALLOW
    assert answer.headers.get("Accept") == ACCEPT
    assert stage.events() == []


@pytest.mark.parametrize(("method", "status"), [("SUBSCRIBE", 405), ("MESSAGE", 405), ("FROBNICATE", 501)])
def test_what_we_do_not_do_within_a_dialog(method: str, status: int) -> None:
    stage = Stage()
    session = stage.called_up()
    stage.hear(within(stage, session, method))
    assert stage.one_response(status).headers.get("Allow") == ALLOW
    assert session.is_established


@pytest.mark.parametrize(
    ("header", "reasons"),
    [
        ('SIP;cause=200;text="done", Q.850;cause=16', (Reason("SIP", 200, "done"), Reason("Q.850", 16))),
        ("SIP;cause=486", (Reason("SIP", 486),)),
        (", ".join(f"Q.850;cause={cause}" for cause in range(1, 9)), tuple(Reason("Q.850", n) for n in range(1, 5))),
        (";;;", ()),
    ],
)
def test_the_reasons_of_their_bye(header: str, reasons: tuple[Reason, ...]) -> None:
    stage = Stage()
    session = stage.call_up()
    stage.hear(within(stage, session, "BYE", headers=f"Reason: {header}\r\n"))
    (ended,) = stage.events()
    assert isinstance(ended, Ended)
    assert ended.reasons == reasons
