"""sips: is TLS on every hop, or the call does not come about (RFC 3261 26.2.2, 12.1.1)."""

from __future__ import annotations

import pytest

from softswitch.sip.events import InviteReceived
from softswitch.sip.flow import Flow
from softswitch.sip.message import Response, parse_message
from softswitch.sip.stack import SipStack

INVITE = (
    "INVITE {scheme}:1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 192.0.2.2;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    "From: <sip:a@192.0.2.2>;tag=1\r\nTo: <sip:1@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
    "Contact: <{scheme}:a@192.0.2.2>\r\nContent-Length: 0\r\n\r\n"
)


def answers(scheme: str, transport: str) -> list[Response]:
    """What an INVITE of this scheme gets over this transport; where it is taken, it rings."""
    stack = SipStack(token=lambda: "0123456789abcdef", user_agent="")
    flow = Flow(transport, ("192.0.2.1", 5061), ("192.0.2.2", 5061), 1)
    stack.receive(INVITE.format(scheme=scheme, transport=transport).encode(), flow, 0.0)
    event = stack.next_event()
    if isinstance(event, InviteReceived):
        event.session.ring(0.0)
    found = [parse_message(data) for _, data in stack.to_send()]
    assert all(isinstance(message, Response) for message in found)
    return [message for message in found if isinstance(message, Response)]


@pytest.mark.parametrize("transport", ["UDP", "TCP", "WS"])
def test_sips_in_clear_is_refused(transport: str) -> None:
    (refusal,) = answers("sips", transport)
    assert (refusal.status, refusal.reason) == (400, "A SIPS URI needs TLS")


@pytest.mark.parametrize(
    ("scheme", "transport", "contact"),
    [
        ("sips", "TLS", "<sips:192.0.2.1:5061>"),
        ("sip", "TLS", "<sip:192.0.2.1:5061;transport=tls>"),
        ("sip", "UDP", "<sip:192.0.2.1:5061>"),
    ],
)
def test_our_contact_is_of_the_same_scheme(scheme: str, transport: str, contact: str) -> None:
    trying, ringing = answers(scheme, transport)
    assert (trying.status, ringing.status) == (100, 180)
    assert ringing.headers.get("Contact") == contact
