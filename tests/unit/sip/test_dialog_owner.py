"""Tags can be overheard: a request within a dialog must come from the party the dialog is with (THREATS S9)."""

from __future__ import annotations

import pytest

from softswitch.sip.events import Ended, InviteReceived
from softswitch.sip.flow import Flow
from softswitch.sip.message import Response, parse_message
from softswitch.sip.stack import SipStack

US = ("192.0.2.1", 5060)
CALLER = Flow("UDP", US, ("198.51.100.1", 5060))
BEHIND_NAT = Flow("UDP", US, ("198.51.100.1", 40001))
STRANGER = Flow("UDP", US, ("203.0.113.9", 5060))
SDP = b"v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"


class _Dice:
    def __init__(self) -> None:
        self.last = 0

    def __call__(self) -> str:
        self.last += 1
        return f"{self.last:016x}"


def _request(method: str, number: int, to_tag: str = "", *, branch: str = "", body: bytes = b"") -> bytes:
    tag = f";tag={to_tag}" if to_tag else ""
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} sip:1@192.0.2.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK{branch or method}{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:a@198.51.100.1>;tag=a\r\nTo: <sip:1@192.0.2.1>{tag}\r\nCall-ID: c\r\n"
        f"CSeq: {number} {method}\r\nContact: <sip:a@198.51.100.1>\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _statuses(stack: SipStack) -> list[tuple[int, str]]:
    messages = [parse_message(data) for _, data in stack.to_send()]
    return [(each.status, each.cseq.method) for each in messages if isinstance(each, Response)]


def _answered() -> tuple[SipStack, str]:
    stack = SipStack(token=_Dice(), user_agent="")
    stack.receive(_request("INVITE", 1, body=SDP), CALLER, 0.0)
    event = stack.next_event()
    assert isinstance(event, InviteReceived)
    event.session.accept(SDP, 0.1)
    stack.receive(_request("ACK", 1, event.session.local_tag), CALLER, 0.2)
    list(stack.to_send())
    while stack.next_event() is not None:
        pass
    return stack, event.session.local_tag


@pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE", "INFO", "OPTIONS"])
def test_a_stranger_who_knows_the_tags_finds_no_dialog(method: str) -> None:
    stack, tag = _answered()
    stack.receive(_request(method, 2, tag, body=SDP if method == "INVITE" else b""), STRANGER, 1.0)
    assert _statuses(stack) == [(481, method)]
    assert stack.next_event() is None


def test_a_stranger_cannot_cancel() -> None:
    stack = SipStack(token=_Dice(), user_agent="")
    stack.receive(_request("INVITE", 1, body=SDP), CALLER, 0.0)
    stack.next_event()
    list(stack.to_send())
    stack.receive(_request("CANCEL", 1, branch="INVITE"), STRANGER, 1.0)
    assert _statuses(stack) == [(481, "CANCEL")]
    assert stack.next_event() is None


def test_a_port_that_changed_behind_nat_is_the_same_party() -> None:
    stack, tag = _answered()
    stack.receive(_request("BYE", 2, tag), BEHIND_NAT, 1.0)
    assert _statuses(stack) == [(200, "BYE")]
    assert isinstance(stack.next_event(), Ended)
