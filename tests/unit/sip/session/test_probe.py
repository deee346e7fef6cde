"""OPTIONS of ours within a call: RFC 3261 11, 12.2.1.2."""

from __future__ import annotations

import pytest

from softswitch.sip.events import Ended, FarEndAsked
from softswitch.sip.session import probe
from tests.support.stage import Stage


@pytest.mark.parametrize("status", [200, 401, 405, 486, 500])
def test_whoever_answers_is_there(status: int) -> None:
    stage = Stage()
    session = stage.call_up()
    assert probe.ask(session, stage.now)
    options = stage.one_request("OPTIONS")
    assert (options.cseq.number, options.to.tag) == (2, "callee")
    stage.answer(options, status, tag=None)
    (event,) = stage.events()
    assert isinstance(event, FarEndAsked)
    assert event.status == status
    assert session.is_established


@pytest.mark.parametrize("status", [481, 408])
def test_who_does_not_know_the_call_has_ended_it(status: int) -> None:
    stage = Stage()
    probe.ask(stage.called_up(), stage.now)
    stage.answer(stage.one_request("OPTIONS"), status, tag=None)
    stage.one_request("BYE")
    (event,) = stage.events()
    assert isinstance(event, Ended)
    assert (event.by, event.status) == ("remote", status)
    assert stage.all_over()


def test_who_does_not_answer_is_gone() -> None:
    stage = Stage()
    probe.ask(stage.call_up(), stage.now)
    assert stage.wait(33)[-1][1] == "BYE"
    (event,) = stage.events()
    assert isinstance(event, Ended)
    assert event.by == "timeout"


def test_an_answer_after_hanging_up_says_nothing() -> None:
    stage = Stage()
    session = stage.call_up()
    probe.ask(session, stage.now)
    options = stage.one_request("OPTIONS")
    session.hangup(stage.now)
    stage.one_request("BYE")
    stage.answer(options, 200, tag=None)
    assert stage.kinds() == ["Ended"]


def test_nobody_is_asked_before_the_call_stands_or_after_it() -> None:
    stage = Stage()
    calling, _ = stage.place_call()
    called = stage.be_called()
    assert not probe.ask(calling, stage.now)
    assert not probe.ask(called, stage.now)
    assert stage.sent() == []
