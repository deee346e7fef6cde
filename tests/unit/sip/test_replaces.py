"""Replaces: RFC 3891, and how it stands in a Refer-To (RFC 3515, RFC 5589 7)."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip import refer
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.message import Request, parse_message
from softswitch.sip.refer import Refer
from softswitch.sip.replaces import REFUSALS, Match, Replaces, replaces_of
from softswitch.sip.uri import Uri
from tests.support.stage import Stage

_WORD = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=30)


@given(st.builds(Replaces, st.one_of(_WORD, st.builds("{}@{}".format, _WORD, _WORD)), _WORD, _WORD, st.booleans()))
def test_what_is_written_is_read_again_in_a_header_and_in_a_refer_to(value: Replaces) -> None:
    assert Replaces.parse(str(value)) == value
    written = Refer(Uri("sip", "1002", "pbx.example"), value)
    request = _request("REFER", f"Refer-To: {written.refer_to}\r\n")
    assert refer.read(request) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";to-tag=a;from-tag=b",
        "call",
        "call;to-tag=a",
        "call;from-tag=a",
        "call;to-tag=a;from-tag=b;to-tag=c",
        "a b;to-tag=a;from-tag=b",
    ],
)
def test_half_a_dialog_is_none(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Replaces.parse(text)


def test_a_refer_to_speaks_for_itself_alone() -> None:
    """RFC 3261 19.1.5: headers in a URI that would make us say something else are not taken over."""
    found = refer.read(
        _request("REFER", "Refer-To: <sip:1002@pbx.example;transport=tcp?From=evil&Route=%3Csip:x%3E&body=1>\r\n")
    )
    assert str(found.target) == "sip:1002@pbx.example;transport=tcp"
    assert found.replaces is None


def test_two_replaces_are_none() -> None:
    line = "Replaces: call;to-tag=a;from-tag=b\r\n"
    assert replaces_of(_request("INVITE", line)) == Replaces("call", "a", "b")
    assert replaces_of(_request("INVITE", "")) is None
    with pytest.raises(RemoteProtocolError):
        replaces_of(_request("INVITE", line * 2))


def test_every_kind_of_match_is_refused_or_taken_on_purpose() -> None:
    taken = set(product(Match, (False, True))) - set(REFUSALS)
    assert taken == {(Match.CONFIRMED, False), (Match.EARLY_OURS, False), (Match.EARLY_OURS, True)}


def test_what_a_dialog_is_at_each_moment() -> None:
    stage = Stage()
    session = stage.be_called()
    named = Replaces("call-1", session.local_tag, "them")
    assert stage.stack.find_replaced(named) == (Match.EARLY_THEIRS, session)
    assert stage.stack.find_replaced(Replaces("call-1", "them", session.local_tag)) == (Match.NOTHING, None)
    assert stage.stack.find_replaced(Replaces("call-1", session.local_tag, "somebody")) == (Match.NOTHING, None)
    session.accept(b"v=0\r\n", stage.now)
    assert stage.stack.find_replaced(named)[0] is Match.CONFIRMED
    session.hangup(stage.now)
    assert stage.stack.find_replaced(named)[0] is Match.OVER
    stage.sent()
    ours, invite = stage.place_call()
    called = Replaces(ours.call_id, ours.local_tag, "callee")
    assert stage.stack.find_replaced(called)[0] is Match.NOTHING
    stage.answer(invite, 180)
    assert stage.stack.find_replaced(called) == (Match.EARLY_OURS, ours)
    ours.hangup(stage.now)
    assert stage.stack.find_replaced(called)[0] is Match.OVER


def _request(method: str, headers: str) -> Request:
    message = parse_message(
        f"{method} sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        f"To: <sip:b@c>;tag=2\r\nMax-Forwards: 70\r\nCall-ID: call\r\nCSeq: 1 {method}\r\n"
        f"Contact: <sip:x@y>\r\n{headers}\r\n".encode()
    )
    assert isinstance(message, Request)
    return message
