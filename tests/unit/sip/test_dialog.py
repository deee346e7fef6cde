"""Route sets, remote targets and next hops: RFC 3261 12."""

from __future__ import annotations

import pytest

from softswitch.sip.dialog import arrange, next_hop
from softswitch.sip.flow import Flow
from softswitch.sip.message import Request
from tests.support.stage import TCP, THEM, UDP, US, Stage
from tests.support.wire import ANSWER, OFFER


def test_a_caller_reverses_the_route_set() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    routes = (
        ("Record-Route", "<sip:p3.example.com;lr>, <sip:p2.example.com;lr>"),
        ("Record-Route", "<sip:p1.example.com;lr>"),
    )
    stage.answer(invite, 200, body=ANSWER, headers=routes)
    ack = stage.one_request("ACK")
    assert ack.headers.get_all("Route") == [
        "<sip:p1.example.com;lr>",
        "<sip:p2.example.com;lr>",
        "<sip:p3.example.com;lr>",
    ]
    assert str(ack.uri) == "sip:callee@198.51.100.7:5060"
    session.hangup(stage.now)
    assert stage.one_request("BYE").headers.get_all("Route") == ack.headers.get_all("Route")


def test_a_strict_router_gets_itself_as_request_uri() -> None:
    stage = Stage()
    session = stage.be_called(headers="Record-Route: <sip:strict.example.com>, <sip:p1.example.com;lr>\r\n")
    session.accept(ANSWER, stage.now)
    stage.sent()
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    session.hangup(stage.now)
    bye = stage.one_request("BYE")
    assert str(bye.uri) == "sip:strict.example.com"
    assert bye.headers.get_all("Route") == ["<sip:p1.example.com;lr>", "<sip:them@198.51.100.7:5060>"]


def test_preloaded_routes_of_an_invite() -> None:
    stage = Stage()
    _, invite = stage.place_call(routes=("<sip:edge.example.com;lr>", "<sip:core.example.com;lr>"))
    assert invite.headers.get_all("Route") == ["<sip:edge.example.com;lr>", "<sip:core.example.com;lr>"]
    assert str(invite.uri) == "sip:callee@198.51.100.7:5060"
    assert arrange("sip:t@x", ["<sip:strict>", "<sip:b;lr>"]) == (
        "sip:strict",
        "Route: <sip:b;lr>\r\nRoute: <sip:t@x>\r\n",
        "sip:strict",
    )


@pytest.mark.parametrize(
    ("uri", "remote", "expected"),
    [
        ("sip:x@198.51.100.7:5060", THEM, THEM),
        ("sip:x@198.51.100.7", THEM, THEM),
        ("sip:x@198.51.100.7:5070", THEM, ("198.51.100.7", 5070)),
        ("sip:x@1.1.1.1:5062;lr", ("8.8.8.8", 5060), ("1.1.1.1", 5062)),
        ("sip:x@100.64.0.9:5062", ("8.8.8.8", 5060), ("8.8.8.8", 5060)),
        ("sip:gateway.example.com", THEM, THEM),
        ("sip:x@10.0.0.5:5060", ("8.8.8.8", 5060), ("8.8.8.8", 5060)),
        ("sip:x@8.8.4.4:5060", ("10.0.0.5", 5060), ("8.8.4.4", 5060)),
        ("sip:x@127.0.0.1:5060", ("10.0.0.5", 5060), ("10.0.0.5", 5060)),
        ("sip:x@127.0.0.1:5070", ("127.0.0.1", 5060), ("127.0.0.1", 5070)),
        ("sip:x@0.0.0.0:5060", ("127.0.0.1", 5060), ("127.0.0.1", 5060)),
        ("sip:x@224.0.0.1:5060", THEM, THEM),
        ("sip:x@[2001:4860:4860::8888]:5061", ("2001:4860:4860::1", 5060), ("2001:4860:4860::8888", 5061)),
        ("not a uri", THEM, THEM),
        ("tel:+4930123", THEM, THEM),
    ],
)
def test_next_hop(uri: str, remote: tuple[str, int], expected: tuple[str, int]) -> None:
    assert next_hop(uri, Flow("UDP", US, remote)).remote == expected


def test_an_open_connection_is_kept() -> None:
    assert next_hop("sip:x@203.0.113.5:5062", TCP) is TCP


def test_a_caller_behind_nat_is_called_back_where_it_came_from() -> None:
    stage = Stage()
    mapped = Flow("UDP", US, ("192.168.77.1", 40123))
    stage.hear(
        stage.request(
            "INVITE",
            body=OFFER,
            via="SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bKnat;rport",
            contact="<sip:them@192.168.1.5:5060>",
        ),
        mapped,
    )
    (event,) = stage.events()
    session = event.session  # type: ignore[union-attr]
    session.accept(ANSWER, stage.now)
    stage.hear(stage.request("ACK", to_tag=session.local_tag), mapped)
    stage.sent()
    session.hangup(stage.now)
    ((flow, bye),) = stage.sent_on()
    assert isinstance(bye, Request)
    assert flow.remote == ("192.168.77.1", 40123)
    assert str(bye.uri) == "sip:them@192.168.1.5:5060"


@pytest.mark.parametrize("address", ["192.168.1.5:5060", "198.51.100.7:40001"])
def test_a_callee_that_was_reached_elsewhere_than_its_uri_says_stays_there(address: str) -> None:
    stage = Stage()
    session, invite = stage.place_call(uri=f"sip:phone@{address}")
    stage.answer(invite, 200, body=ANSWER, contact=f"<sip:phone@{address}>")
    ((flow, _),) = stage.sent_on()
    assert flow == UDP
    session.hangup(stage.now)
    ((flow, _),) = stage.sent_on()
    assert flow == UDP


def test_requests_follow_a_moved_contact_and_its_port() -> None:
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 200, body=ANSWER, contact="<sip:callee@198.51.100.7:6060>")
    ((flow, _),) = stage.sent_on()
    assert flow.remote == ("198.51.100.7", 6060)
    session.hangup(stage.now)
    ((flow, _),) = stage.sent_on()
    assert flow.remote == ("198.51.100.7", 6060)


def test_a_2xx_without_contact_is_answered_at_the_request_uri() -> None:
    stage = Stage()
    _, invite = stage.place_call()
    stage.answer(invite, 200, body=ANSWER, contact=None)
    assert stage.one_request("ACK").uri == invite.uri


def test_an_rfc_2543_caller_without_contact_is_called_back_at_its_from() -> None:
    stage = Stage()
    session = stage.be_called(via="SIP/2.0/UDP 198.51.100.7:5060", contact=None)
    session.accept(ANSWER, stage.now)
    stage.sent()
    stage.hear(stage.request("ACK", to_tag=session.local_tag))
    session.hangup(stage.now)
    assert str(stage.one_request("BYE").uri) == "sip:them@198.51.100.7"
