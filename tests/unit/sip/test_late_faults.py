"""Headers that the parser lets through and that are only read where they are needed: still never an exception."""

from __future__ import annotations

import pytest

from softswitch.sip.digest import Credentials
from softswitch.sip.flow import Flow
from tests.support.stage import Stage
from tests.support.wire import ANSWER, OFFER

LISTS = {
    "Record-Route": ["<sip:a", '"', "<foo", "sip:a b", '<sip:[::1;lr>,x"', "nonsense"],
    "Contact": ["<sip:", '"x', "<sip:a@b>, <", "*", "mailto:x@y", "<sip:a:99999>"],
    "WWW-Authenticate": ['Digest "', "Digest realm=", "x"],
    "Proxy-Authenticate": ['Digest realm="a", nonce="b", qop="', '"'],
    "Reason": ['"'],
    "Require": ['"<', "a, no<thing, b"],
    "Authorization": ['Digest "'],
    "Retry-After": ["x"],
}
FAULTS = [(name, value) for name, values in LISTS.items() for value in values]


@pytest.mark.parametrize(("name", "value"), FAULTS)
@pytest.mark.parametrize("status", [180, 200, 302, 401, 407])
def test_responses_to_our_invite(status: int, name: str, value: str) -> None:
    stage = Stage()
    session, invite = stage.place_call(credentials=Credentials("a", "b", None))
    contact = None if name == "Contact" else "<sip:callee@198.51.100.7:5060>"
    stage.answer(invite, status, contact=contact, body=ANSWER if status == 200 else b"", headers=((name, value),))
    stage.events()
    session.hangup(stage.now)
    assert stage.all_over()


@pytest.mark.parametrize(("name", "value"), FAULTS)
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "ACK", "UPDATE"])
@pytest.mark.parametrize("inside", [True, False])
def test_requests(method: str, name: str, value: str, inside: bool) -> None:
    stage = Stage()
    session = stage.called_up()
    contact = value if name == "Contact" else "<sip:them@198.51.100.7:5060>"
    stage.hear(
        stage.request(
            method,
            cseq=7,
            to_tag=session.local_tag if inside else "",
            call_id="call-1" if inside else "call-2",
            contact=contact,
            headers="" if name == "Contact" else f"{name}: {value}\r\n",
            body=OFFER if method in ("INVITE", "UPDATE") else b"",
        )
    )
    for event in stage.events():
        exchange = getattr(event, "exchange", None)
        if exchange is not None:
            stage.stack.respond(exchange, 200, now=stage.now)
        elif type(event).__name__ in ("InviteReceived", "OfferReceived"):
            getattr(event, "session").hangup(stage.now)  # noqa: B009  only these two have one
    session.hangup(stage.now)
    assert stage.all_over()


def test_require_that_cannot_be_read_is_400() -> None:
    stage = Stage()
    stage.hear(stage.request("OPTIONS", headers="Require: a, no<thing\r\n"))
    stage.one_response(400)


@pytest.mark.parametrize("contact", ["*", "<sip:callee@[2001:db8::7]:5060>"])
def test_a_contact_that_leads_nowhere_keeps_the_way_the_invite_went(contact: str) -> None:
    """`*` names nobody outside REGISTER; an IPv6 address cannot be sent to from an IPv4 socket."""
    stage = Stage()
    session, invite = stage.place_call()
    stage.answer(invite, 200, contact=contact, body=ANSWER)
    ((flow, ack),) = stage.sent_on()
    assert ack.cseq.method == "ACK"
    assert flow == Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060))
    session.hangup(stage.now)
    assert stage.sent_on()[0][0] == flow
