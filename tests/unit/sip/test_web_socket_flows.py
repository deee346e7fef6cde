"""What becomes of sessions whose far end, a page, loses its connection: it waits, goes on, or ends (RFC 7118)."""

from __future__ import annotations

import pytest

from softswitch.sip.events import ConnectionChanged, Ended, OfferAnswered, RequestCompleted
from softswitch.sip.flow import Flow, transport_parameter
from softswitch.sip.headers import NameAddr
from softswitch.sip.incoming import secure_contact
from softswitch.sip.message import Request
from softswitch.sip.uri import Uri
from tests.support.stage import THEM, US, Stage
from tests.support.wire import ANSWER, OFFER

PAGE = Flow("WS", US, THEM, 1)
CONTACT = "<sip:page@x.invalid;transport=ws>"


@pytest.fixture
def stage() -> Stage:
    return Stage(PAGE)


def gone(stage: Stage) -> None:
    stage.stack.transport_failed(PAGE, stage.now)


def test_our_contact_is_of_the_one_transport_there_is_for_web_sockets(stage: Stage) -> None:
    """RFC 7118 5.2.1: `ws` for both of them; what is secure is said by the scheme."""
    session = stage.be_called(contact=CONTACT)
    session.ring(stage.now)
    assert stage.one_response(180).headers.get("Contact") == "<sip:192.0.2.1:5060;transport=ws>"
    assert [transport_parameter(each) for each in ("UDP", "TCP", "TLS", "WS", "WSS")] == ["", "tcp", "tls", "ws", "ws"]
    assert str(secure_contact(Flow("WSS", US, THEM, 1))) == "<sips:192.0.2.1:5060;transport=ws>"


def test_requests_go_over_the_connection_whatever_the_contact_says(stage: Stage) -> None:
    session = stage.be_called(contact=CONTACT)
    session.accept(ANSWER, stage.now)
    stage.one_response(200)
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    session.hangup(stage.now)
    [(flow, bye)] = stage.sent_on()
    assert isinstance(bye, Request)
    assert (flow, str(bye.uri), str(bye.via)[:27]) == (PAGE, CONTACT[1:-1], "SIP/2.0/WS 192.0.2.1:5060;b")


def test_a_call_waits_and_goes_on(stage: Stage) -> None:
    session = stage.called_up()
    stage.stack.connection_away(PAGE, stage.now)
    [event] = stage.events()
    assert isinstance(event, ConnectionChanged)
    assert not event.is_there
    session.reinvite(OFFER, stage.now)
    first = stage.one_request("INVITE")
    assert stage.stack.connection_resumed(PAGE)
    [event] = stage.events()
    assert isinstance(event, ConnectionChanged)
    assert event.is_there
    again = stage.one_request("INVITE")  # the first may have been lost with the connection
    assert (again.branch, again.cseq) == (first.branch, first.cseq)
    stage.answer(again, 200, body=ANSWER)
    assert [type(event) for event in stage.events()] == [OfferAnswered]


def test_what_was_answered_is_not_asked_again(stage: Stage) -> None:
    stage.called_up()
    with_answer = NameAddr("", Uri("sip", "page", "x.invalid"))
    exchange = stage.stack.request(
        "OPTIONS", uri=with_answer.uri, from_=with_answer, to=with_answer, flow=PAGE, now=stage.now
    )
    stage.answer(stage.one_request("OPTIONS"), 200)
    [event] = stage.events()
    assert isinstance(event, RequestCompleted)
    assert event.exchange is exchange
    assert stage.stack.connection_resumed(PAGE)
    assert stage.labels() == []


def test_other_flows_are_left_alone(stage: Stage) -> None:
    stage.called_up()
    neighbour = Flow("WS", US, THEM, 2)
    stage.stack.connection_away(neighbour, stage.now)
    assert not stage.stack.connection_resumed(neighbour)
    stage.stack.transport_failed(neighbour, stage.now)
    assert stage.events() == []


def test_a_call_whose_page_stays_away_ends(stage: Stage) -> None:
    stage.called_up()
    stage.stack.connection_away(PAGE, stage.now)
    stage.events()
    gone(stage)
    [event] = stage.events()
    assert isinstance(event, Ended)
    assert (event.by, event.status) == ("transport", 503)
    stage.sent()
    assert stage.all_over()


def test_a_call_of_ours_that_stands_ends_as_well(stage: Stage) -> None:
    stage.call_up()
    gone(stage)
    assert stage.kinds() == ["Ended"]
    assert stage.all_over()


def test_an_answer_that_nobody_acknowledged_ends_with_its_page(stage: Stage) -> None:
    session = stage.be_called()
    session.accept(ANSWER, stage.now)
    stage.one_response(200)
    gone(stage)
    assert stage.kinds() == ["Ended"]
    stage.sent()
    assert stage.all_over()


def test_a_call_that_is_not_answered_ends_with_its_connection(stage: Stage) -> None:
    """The page's own INVITE has failed for it (RFC 3261 17.1.4)."""
    session = stage.be_called()
    session.ring(stage.now)
    stage.sent()
    stage.stack.connection_away(PAGE, stage.now)
    assert stage.kinds() == ["ConnectionChanged", "Ended"]
    stage.one_response(503)
    assert not stage.stack.connection_resumed(PAGE)
    stage.sent()
    assert stage.all_over()


def test_a_page_that_is_rung_may_come_back_and_answer(stage: Stage) -> None:
    session, invite = stage.place_call()
    stage.answer(invite, 180)
    stage.events()
    stage.stack.connection_away(PAGE, stage.now)
    assert stage.stack.connection_resumed(PAGE)
    assert stage.labels() == []
    stage.answer(invite, 200, body=ANSWER)
    stage.one_request("ACK")
    assert session.is_established
