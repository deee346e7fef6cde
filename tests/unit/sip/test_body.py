"""Which part of a body is the session description, and what must be understood besides (RFC 3261 20.11, RFC 5621)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.body import MOST_PARTS, keep_description
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.events import Answered, Established, InviteReceived, Progressed
from softswitch.sip.message import Request, parse_message
from tests.support.stage import Stage
from tests.support.wire import ANSWER, OFFER

ISUP = ("application/isup;version=itu-t92+", "signal;handling=optional", b"\x01\x11\x48\x00")


def part(content_type: str, disposition: str, content: bytes, more: str = "") -> bytes:
    """One part of a multipart body."""
    lines = f"Content-Type: {content_type}\r\n" if content_type else ""
    lines += f"Content-Disposition: {disposition}\r\n" if disposition else ""
    return f"{lines}{more}\r\n".encode() + content


def multipart(*parts: bytes, boundary: str = "gap") -> bytes:
    """A multipart body with a word before and after, which mean nothing."""
    begin = f"--{boundary}\r\n".encode()
    return b"prose\r\n" + b"".join(begin + each + b"\r\n" for each in parts) + f"--{boundary}--\r\nmore".encode()


SDP_PART = part("application/sdp", "", OFFER)
MIXED = 'multipart/mixed;boundary="gap"'


def request(content_type: str, body: bytes, headers: str = "") -> Request:
    """An INVITE with it."""
    message = parse_message(Stage().request("INVITE", content_type=content_type, body=body, headers=headers))
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(
    ("content_type", "disposition", "body", "left"),
    [
        ("application/sdp", "", OFFER, OFFER),
        ("application/sdp", "session", OFFER, OFFER),
        ("Application/SDP;charset=utf-8", "session;handling=required", OFFER, OFFER),
        ("application/sdp", "early-session;handling=optional", OFFER, b""),
        ("application/vnd.etsi.cug+xml", "render; handling=optional", b"<x/>", b""),
        ("text/plain", 'icon;handling="optional"', b"x", b""),
        (MIXED, "", multipart(SDP_PART), OFFER),
        (MIXED, "", multipart(SDP_PART, part(*ISUP)), OFFER),
        (MIXED, "", multipart(part(*ISUP), SDP_PART), OFFER),
        (MIXED, "", multipart(part("application/sdp", "early-session;handling=optional", ANSWER), SDP_PART), OFFER),
        (MIXED, "", multipart(part(*ISUP)), b""),
        ("multipart/mixed;boundary=gap", "", multipart(SDP_PART), OFFER),
        (MIXED, "", multipart(part("application/sdp", "", OFFER, "Content-Transfer-Encoding: binary\r\n")), OFFER),
        ("multipart/alternative;boundary=gap", "", multipart(part("text/x-new", "", b"x"), SDP_PART), OFFER),
        (
            MIXED,
            "",
            multipart(part("multipart/alternative;boundary=in", "", multipart(SDP_PART, boundary="in")), part(*ISUP)),
            OFFER,
        ),
    ],
)
def test_the_description_is_found_and_what_may_be_ignored_is(
    content_type: str, disposition: str, body: bytes, left: bytes
) -> None:
    message = request(content_type, body, f"Content-Disposition: {disposition}\r\n" if disposition else "")
    assert keep_description(message)
    assert message.body == left


@pytest.mark.parametrize(
    ("content_type", "disposition", "body"),
    [
        ("text/plain", "", b"hello"),
        ("application/sdp", "early-session", OFFER),
        ("application/sdp", "render;handling=required", OFFER),
        (MIXED, "", multipart(SDP_PART, part("application/isup", "signal", b"\x01"))),
        (MIXED, "", multipart(SDP_PART, part("application/pidf+xml", "", b"<x/>"))),
        (MIXED, "", multipart(part("application/sdp", "", OFFER, "Content-Transfer-Encoding: base64\r\n"))),
        (MIXED, "", multipart(part("", "", b"plain text"), SDP_PART)),
        ("multipart/alternative;boundary=gap", "", multipart(part("text/x-new", "", b"x"))),
        ("multipart/signed;boundary=gap", "", multipart(SDP_PART)),
    ],
)
def test_what_must_be_understood_and_is_not_is_415(content_type: str, disposition: str, body: bytes) -> None:
    stage = Stage()
    lines = f"Content-Disposition: {disposition}\r\n" if disposition else ""
    stage.hear(stage.request("INVITE", content_type=content_type, body=body, headers=lines))
    response = stage.one_response(415)
    assert response.headers.get("Accept") == "application/sdp, multipart/mixed, multipart/alternative"
    assert stage.events() == []


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/mixed", multipart(SDP_PART), 400),
        (MIXED, b"--gap\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n", 400),
        (MIXED, b"--gap\r\nno empty line\r\n--gap--", 400),
        (MIXED, multipart(*[SDP_PART] * (MOST_PARTS + 2)), 413),
    ],
)
def test_what_cannot_be_taken_apart_is_malformed(content_type: str, body: bytes, status: int) -> None:
    stage = Stage()
    stage.hear(stage.request("INVITE", content_type=content_type, body=body))
    stage.one_response(status)


def test_a_nest_of_parts_has_a_bottom() -> None:
    body, boundary = SDP_PART, "a"
    for depth in range(40):
        boundary = f"b{depth}"
        body = part(f"multipart/mixed;boundary={boundary}", "", multipart(body, boundary=boundary))
    assert not keep_description(request(MIXED, multipart(body)))


@given(
    st.binary(max_size=200),
    st.lists(st.sampled_from([b"\r\n--gap", b"--", b"\r\n\r\n", b"\r\n", SDP_PART]), max_size=9),
)
def test_any_octets_are_read_refused_or_malformed(noise: bytes, pieces: list[bytes]) -> None:
    message = request(MIXED, b"--gap" + b"".join(pieces) + noise + b"\r\n--gap--")
    try:
        keep_description(message)
    except RemoteProtocolError as error:
        assert error.status in (400, 413)  # noqa: PT017


def test_a_call_with_multipart_bodies_on_both_sides() -> None:
    stage = Stage()
    stage.hear(stage.request("INVITE", content_type=MIXED, body=multipart(SDP_PART, part(*ISUP))))
    stage.one_response(100)
    (event,) = stage.events()
    assert isinstance(event, InviteReceived)
    assert event.request.body == OFFER
    assert event.session.had_offer


def test_an_invite_with_nothing_but_signalling_of_another_kind_has_no_offer() -> None:
    stage = Stage()
    stage.hear(stage.request("INVITE", content_type=MIXED, body=multipart(part(*ISUP))))
    (event,) = stage.events()
    assert isinstance(event, InviteReceived)
    session = event.session
    assert not session.had_offer
    session.accept(OFFER, stage.now)
    stage.sent()
    body = multipart(part("application/sdp", "", ANSWER))
    stage.hear(stage.request("ACK", to_tag=session.local_tag, content_type=MIXED, body=body))
    (established,) = stage.events()
    assert isinstance(established, Established)
    assert established.body == ANSWER


def test_responses_with_other_bodies_have_no_answer_and_with_several_parts_the_right_one() -> None:
    stage = Stage()
    _, invite = stage.place_call()
    for status, kind, body in (
        (183, "application/isup", b"\x01"),
        (200, MIXED, multipart(part(*ISUP), part("application/sdp", "", ANSWER))),
    ):
        stage.hear(
            invite.response(
                status, to_tag="them", body=body, content_type=kind, headers=[("Contact", "<sip:them@198.51.100.7>")]
            )
        )
    progressed, answered = stage.events()
    assert isinstance(progressed, Progressed)
    assert isinstance(answered, Answered)
    assert (progressed.body, answered.body) == (b"", ANSWER)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/sdp", 100),
        ("text/html, Application/SDP;level=1", 100),
        ("*/*", 100),
        ("application/*", 100),
        ("text/html", 406),
        ("", 406),
    ],
)
def test_rfc_3261_20_1_who_takes_no_description_is_406(accept: str, status: int) -> None:
    stage = Stage()
    stage.hear(stage.request("INVITE", body=OFFER, headers=f"Accept: {accept}\r\n"))
    stage.one_response(status)
