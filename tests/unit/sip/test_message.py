"""Messages: what parse_message promises, and what a response takes over from its request."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.headers import CSeq, NameAddr, Via
from softswitch.sip.message import Headers, Request, Response, parse_message
from softswitch.sip.uri import Uri

INVITE = (
    b"INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP a.example;branch=z9hG4bK1, SIP/2.0/TCP b.example;branch=z9hG4bK0\r\n"
    b"Max-Forwards: 70\r\n"
    b"Record-Route: <sip:p.example;lr>\r\n"
    b"From: Alice <sip:alice@example.com>;tag=1\r\n"
    b"To: Bob <sip:bob@biloxi.example.com>\r\n"
    b"Call-ID: 3848276298220188511@atlanta.example.com\r\n"
    b"CSeq: 2 INVITE\r\n"
    b"Contact: <sip:alice@client.example.com>\r\n"
    b"Timestamp: 54\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)


def changed(old: bytes, new: bytes) -> bytes:
    assert old in INVITE
    return INVITE.replace(old, new)


def request(data: bytes = INVITE) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def response(data: bytes) -> Response:
    message = parse_message(data)
    assert isinstance(message, Response)
    return message


def refusal(data: bytes) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_message(data)
    return caught.value


def test_request_fields() -> None:
    message = request()
    assert (message.method, message.uri) == ("INVITE", Uri("sip", "bob", "biloxi.example.com"))
    assert message.via == Via.parse("SIP/2.0/UDP a.example;branch=z9hG4bK1")
    assert message.from_ == NameAddr("Alice", Uri("sip", "alice", "example.com")).with_tag("1")
    assert message.to == NameAddr("Bob", Uri("sip", "bob", "biloxi.example.com"))
    assert message.call_id == "3848276298220188511@atlanta.example.com"
    assert message.cseq == CSeq(2, "INVITE")
    assert message.contact == NameAddr.parse("<sip:alice@client.example.com>")
    assert message.record_routes == (NameAddr.parse("<sip:p.example;lr>"),)
    assert message.routes == ()
    assert message.max_forwards == 70
    assert message.content_type is not None
    assert message.content_type.essence == "application/sdp"
    assert message.body == b"v=0\n"


def test_response_fields() -> None:
    message = response(bytes(request().response(180, to_tag="2")))
    assert (message.status, message.reason) == (180, "Ringing")
    assert message.to.tag == "2"
    assert message.contact is None
    assert message.content_type is None


@pytest.mark.parametrize("name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_mandatory_headers(name: bytes) -> None:
    start = INVITE.index(b"\r\n" + name + b": ")
    error = refusal(INVITE[:start] + INVITE[INVITE.index(b"\r\n", start + 2) :])
    assert (error.status, error.reason) == (400, f"Missing {name.decode()}")
    assert (error.request is None) is (name == b"Via")


@pytest.mark.parametrize(
    "line",
    [b"From: <sip:x>", b"To: <sip:x>", b"Call-ID: x", b"CSeq: 2 INVITE", b"Max-Forwards: 70", b"l: 4", b"c: a/b"],
)
def test_single_value_headers(line: bytes) -> None:
    error = refusal(changed(b"Max-Forwards: 70\r\n", b"Max-Forwards: 70\r\n" + line + b"\r\n"))
    assert error.reason.startswith("More than one ")
    assert error.request is not None
    answer = error.request.response(400)
    assert [len(answer.headers.lines(name)) for name in ("From", "To", "Call-ID", "CSeq")] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"INVITE sip:bob@biloxi.example.com SIP/2.0", b"INVITE sip:bob@biloxi.example.com SIP/3.0", 505),
        (b"INVITE sip:bob@biloxi.example.com SIP/2.0", b"INVITE sip:bob@biloxi.example.com HTTP/1.1", 400),
        (b"INVITE sip:bob@biloxi.example.com SIP/2.0", b"INVITE sip:bob@biloxi.example.com", 400),
        (b"INVITE sip:bob@biloxi.example.com SIP/2.0", b"INV;TE sip:bob@biloxi.example.com SIP/2.0", 400),
        (b"CSeq: 2 INVITE", b"CSeq: 2 BYE", 400),
        (b"CSeq: 2 INVITE", b"CSeq: 4294967296 INVITE", 400),
        (b"INVITE sip:bob", b"NEWMETHOD sip:bob", 501),
        (b"Content-Length: 4", b"Content-Length: 5", 400),
        (b"Content-Length: 4", b"Content-Length: -4", 400),
        (b"Content-Length: 4", b"Content-Length: 4x", 400),
        (b"Content-Length: 4", b"Content-Length: " + b"9" * 6000, 400),
        (b"Content-Type: application/sdp", b"Content-Type: sdp", 400),
        (b"Call-ID: 3848276298220188511@atlanta.example.com", b"Call-ID: a b", 400),
        (b"Call-ID: 3848276298220188511@atlanta.example.com", b"Call-ID:", 400),
        (b"branch=z9hG4bK1,", b"branch=z9hG4bK,", 400),
        (b"Contact: <sip:alice@client.example.com>", b"Contact: <alice>", 400),
        (b"Record-Route: <sip:p.example;lr>", b"Record-Route: <sip:p.example;lr", 400),
        (b"Max-Forwards: 70", b"Max Forwards: 70", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: 70\nEvil: 1", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: 70\rEvil: 1", 400),
        (b"SIP/2.0/UDP a.example", b"SIP/1.0/UDP a.example", 400),
    ],
)
def test_malformed_requests_are_answerable(old: bytes, new: bytes, status: int) -> None:
    error = refusal(changed(old, new))
    assert error.status == status
    assert error.request is not None
    answer = bytes(error.request.response(error.status, error.reason, to_tag="ours"))
    assert answer.startswith(f"SIP/2.0 {status} {error.reason}\r\n".encode())
    assert error.request.via.host == "a.example"
    assert str(status) in str(error)


def test_max_forwards_out_of_range_counts_as_absent() -> None:
    assert request(changed(b"Max-Forwards: 70", b"Max-Forwards: 256")).max_forwards is None
    assert request(changed(b"Max-Forwards: 70", b"Max-Forwards: x")).max_forwards is None


def test_silence_where_no_answer_can_be_routed() -> None:
    ack = INVITE.replace(b"INVITE", b"ACK").replace(b"Content-Length: 4", b"Content-Length: 400")
    assert refusal(ack).request is None
    assert refusal(changed(b"SIP/2.0/UDP a.example", b"nonsense")).request is None
    assert refusal(b"SIP/2.0 999 Huh\r\n" + INVITE.partition(b"\r\n")[2]).request is None
    assert refusal(b"\x00\x01\x02").request is None
    assert refusal(b"").request is None
    assert refusal(b"\r\n\r\n").request is None


def test_an_answer_goes_where_a_broken_via_points() -> None:
    error = refusal(changed(b"a.example;branch=z9hG4bK1,", b"a.example:5070;rport;;branch=z9hG4bK1,"))
    assert error.request is not None
    assert (error.request.via.host, error.request.via.port) == ("a.example", 5070)
    assert "rport" in error.request.via.parameters


def test_leading_line_ends_are_skipped() -> None:
    """RFC 3261 7.5."""
    assert request(b"\r\n\r\n" + INVITE).method == "INVITE"


def test_octets_after_the_body_are_noise() -> None:
    assert request(INVITE + b"noise").body == b"v=0\n"


def test_without_content_length_the_datagram_is_the_body() -> None:
    assert request(changed(b"Content-Length: 4\r\n", b"")).body == b"v=0\n"


def test_a_failure_is_not_lost_over_its_contact() -> None:
    data = bytes(request().response(486, to_tag="2", headers=[("Contact", "<broken"), ("Record-Route", "<sip:r>")]))
    assert response(data).contact is None
    with pytest.raises(RemoteProtocolError):
        parse_message(data.replace(b"SIP/2.0 486", b"SIP/2.0 200"))


def test_contact_star_is_no_address() -> None:
    message = request(changed(b"Contact: <sip:alice@client.example.com>", b"Contact: *"))
    assert message.contact is None
    assert message.headers.get("Contact") == "*"


def test_latin_1_names_are_kept_octet_for_octet() -> None:
    message = request(changed(b"From: Alice", b'From: "J\xfcrgen"'))
    assert message.from_.display_name == "Jürgen"
    assert b'"J\xfcrgen"' in bytes(message)
    assert b'"J\xfcrgen"' in bytes(message.response(200, to_tag="1"))
    assert b"X-Fee: \xe2\x82\xac" in bytes(message.response(200, to_tag="1", headers=[("X-Fee", "€")]))


def test_response_copies_what_rfc_3261_says() -> None:
    """8.2.6.2: Via, From, To, Call-ID, CSeq; 12.1.1: Record-Route; 8.2.6.1: Timestamp into 100 only."""
    message = request()
    ringing = message.response(180, to_tag="2", headers=[("Contact", "<sip:b>")], body=b"x", content_type="a/b")
    assert list(ringing.headers.items()) == [
        ("Via", "SIP/2.0/UDP a.example;branch=z9hG4bK1, SIP/2.0/TCP b.example;branch=z9hG4bK0"),
        ("From", "Alice <sip:alice@example.com>;tag=1"),
        ("To", "Bob <sip:bob@biloxi.example.com>;tag=2"),
        ("Call-ID", "3848276298220188511@atlanta.example.com"),
        ("CSeq", "2 INVITE"),
        ("Record-Route", "<sip:p.example;lr>"),
        ("Contact", "<sip:b>"),
        ("Content-Type", "a/b"),
    ]
    assert "Timestamp" in message.response(100).headers
    assert "Record-Route" not in message.response(100).headers
    assert "Record-Route" not in message.response(404, to_tag="2").headers
    assert message.response(100).to.tag is None


def test_a_tag_is_never_replaced() -> None:
    message = request(changed(b"To: Bob <sip:bob@biloxi.example.com>", b"To: <sip:bob@biloxi.example.com>;tag=mine"))
    assert message.response(200, to_tag="2").to.tag == "mine"
    bare = request(changed(b"To: Bob <sip:bob@biloxi.example.com>", b"To: sip:bob@biloxi.example.com"))
    assert bare.response(200, to_tag="2").to.tag == "2"


def test_changing_a_response_leaves_the_request_alone() -> None:
    message = request()
    message.response(200, to_tag="2").headers.add("Via", "SIP/2.0/UDP c")
    assert len(message.headers.get_all("Via")) == 2


def test_content_length_is_counted_not_copied() -> None:
    message = request()
    message.body = b"longer than before"
    message.headers.set("Content-Length", "1")
    assert b"\r\nContent-Length: 18\r\n\r\nlonger than before" in bytes(message)
    assert bytes(message).count(b"Content-Length") == 1


def test_fields_follow_changed_headers() -> None:
    message = request()
    assert message.via.host == "a.example"
    message.headers.prepend("Via", "SIP/2.0/UDP c.example")
    message.headers.set("CSeq", "3 INVITE")
    assert message.via.host == "c.example"
    assert message.cseq.number == 3


@pytest.mark.parametrize("reason", ["a\r\nX: y", "a\n"])
def test_nothing_gets_into_a_status_line(reason: str) -> None:
    with pytest.raises(LocalProtocolError):
        bytes(request().response(400, reason))


@pytest.mark.parametrize("status", [0, 99, 700, 1000])
def test_a_status_has_three_digits(status: int) -> None:
    with pytest.raises(LocalProtocolError):
        bytes(Response(status, "x"))


@pytest.mark.parametrize("method", ["", "A B", "A\r\n", "INVITE sip:x SIP/2.0\r\nX"])
def test_a_method_is_a_token(method: str) -> None:
    with pytest.raises(LocalProtocolError):
        bytes(Request(method, Uri("sip", host="a"), Headers()))


def test_unknown_statuses_get_their_class_phrase() -> None:
    assert [Response(status).reason for status in (199, 299, 399, 499, 599, 699)] == [
        "Early Dialog Terminated",
        "OK",
        "Redirect",
        "Request Failure",
        "Server Failure",
        "Global Failure",
    ]
