"""Client and server transactions of other requests: RFC 3261 17.1.2, 17.2.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.events import RequestCompleted, RequestReceived
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from tests.support.stage import TCP, Stage

if TYPE_CHECKING:
    from softswitch.sip.message import Request


def ask(stage: Stage, method: str = "OPTIONS") -> Request:
    stage.stack.request(
        method,
        uri=Uri.parse("sip:198.51.100.7"),
        from_=NameAddr.parse("<sip:us@192.0.2.1>"),
        to=NameAddr.parse("<sip:198.51.100.7>"),
        flow=stage.flow,
        now=stage.now,
    )
    return stage.one_request(method)


def test_a_request_is_repeated_from_t1_to_t2_until_timer_f() -> None:
    stage = Stage()
    ask(stage)
    assert [time for time, _ in stage.wait(100)] == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    (event,) = stage.events()
    assert isinstance(event, RequestCompleted)
    assert event.response is None
    assert stage.all_over()


def test_a_provisional_response_slows_the_repetition_to_t2() -> None:
    stage = Stage()
    request = ask(stage)
    stage.answer(request, 100, tag=None)
    assert [time for time, _ in stage.wait(13)] == [0.5, 4.5, 8.5, 12.5]
    stage.answer(request, 200)
    assert stage.kinds() == ["RequestCompleted"]
    assert stage.wait(100) == []
    assert stage.all_over()


def test_repetitions_of_the_final_response_are_absorbed_for_t4() -> None:
    stage = Stage()
    request = ask(stage)
    stage.answer(request, 200)
    stage.answer(request, 200)
    assert stage.kinds() == ["RequestCompleted"]
    stage.wait(5.1)
    stage.answer(request, 200)
    assert stage.events() == []
    assert stage.stack.statistics.strays == 1


def test_over_tcp_nothing_is_repeated_and_nothing_lingers() -> None:
    stage = Stage(TCP)
    request = ask(stage)
    assert stage.wait(20) == []
    stage.answer(request, 200)
    assert stage.stack.statistics.lingering == 0
    assert stage.stack.statistics.timers == 0


def test_a_lost_connection_completes_the_request_without_response() -> None:
    stage = Stage(TCP)
    ask(stage)
    stage.stack.transport_failed(TCP, stage.now)
    (event,) = stage.events()
    assert isinstance(event, RequestCompleted)
    assert event.response is None


def test_a_request_received_is_told_once_and_its_answer_repeated_for_timer_j() -> None:
    stage = Stage()
    options = stage.request("OPTIONS")
    stage.hear(options)
    stage.hear(options)
    (event,) = stage.events()
    assert isinstance(event, RequestReceived)
    assert stage.sent() == []
    stage.stack.respond(event.exchange, 200, headers=[("Accept", "application/sdp")], now=stage.now)
    answer = stage.one_response(200)
    assert answer.headers.get("Accept") == "application/sdp"
    assert answer.to.tag
    stage.stack.respond(event.exchange, 500, now=stage.now)
    assert stage.sent() == []
    stage.wait(31)
    stage.hear(options)
    assert bytes(stage.one_response(200)) == bytes(answer)
    assert stage.all_over()


def test_a_request_nobody_answers_is_forgotten_after_64_t1() -> None:
    stage = Stage()
    stage.hear(stage.request("REGISTER"))
    (event,) = stage.events()
    assert isinstance(event, RequestReceived)
    assert stage.all_over()
    stage.stack.respond(event.exchange, 200, now=stage.now)
    assert stage.sent() == []


def test_an_answer_may_be_provisional_first() -> None:
    stage = Stage()
    message = stage.request("MESSAGE", body=b"hello", content_type="text/plain")
    stage.hear(message)
    (event,) = stage.events()
    assert isinstance(event, RequestReceived)
    stage.stack.respond(event.exchange, 100, now=stage.now)
    assert stage.one_response(100).to.tag is None
    stage.hear(message)
    stage.one_response(100)
    stage.stack.respond(event.exchange, 202, "Accepted", now=stage.now)
    stage.one_response(202)
