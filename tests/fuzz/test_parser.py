"""Whatever comes, the parser returns a readable message or raises RemoteProtocolError with a usable answer."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from softswitch.sip.errors import FramingError, LocalProtocolError, RemoteProtocolError
from softswitch.sip.framing import StreamFramer
from softswitch.sip.message import Message, Request, parse_message
from tests.support import sip_values

CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "torture").glob("*/*.dat"))]
# What breaks parsers: separators, halves of separators, huge numbers, other scripts' digits, invalid UTF-8.
SPLINTERS = [
    *(b"\r\n", b"\r", b"\n", b"\r\n ", b"\r\n\r\n", b'"', b"\\", b"<", b">", b";", b",", b":", b"=", b"@", b"%", b"%0"),
    *(b"", b" ", b"\t", b"\0", b"\xff", b"\xc3", "٣".encode(), b"-1", b"9" * 30, b"9" * 5000, b"[", b"]", b":::", b"?"),
    *(b"SIP/2.0", b"SIP/", b"z9hG4bK", b";tag=", b"Via:", b"v: ", b"Content-Length: 5\r\n", b"l:", b"*", b"()", b"/"),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A torture or generated message with pieces replaced, doubled, dropped or broken."""
    data = draw(st.sampled_from(CORPUS) | sip_values.messages.map(bytes))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        data = data[:start] + draw(st.sampled_from(SPLINTERS) | st.just(data[start:end] * 2)) + data[end:]
    return data


def read_everything(message: Message) -> list[object]:
    """Every typed field, none of which may raise."""
    fields: list[object] = [message.via, message.from_, message.to, message.call_id, message.cseq]
    fields += [message.via.branch, message.via.received, message.via.rport, message.from_.tag, message.to.tag]
    fields += [message.contact, message.contacts, message.routes, message.record_routes, message.content_type]
    if isinstance(message, Request):
        fields.append(message.max_forwards)
    return fields


def check(data: bytes) -> None:
    try:
        message = parse_message(data)
    except RemoteProtocolError as error:
        check_answer(error)
        return
    fields = read_everything(message)
    again = parse_message(bytes(message))
    assert read_everything(again) == fields
    assert again.body == message.body
    if isinstance(message, Request):
        parse_message(bytes(message.response(200, to_tag="ours")))


def check_answer(error: RemoteProtocolError) -> None:
    """There is an answer whose every line is a header, or silence."""
    assert 400 <= error.status <= 599
    request = error.request
    if request is None:
        return
    assert request.via.host
    assert isinstance(request.from_.tag, str | None)
    assert request.method != "ACK"
    answer = bytes(request.response(error.status, error.reason, to_tag="ours"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b""
    assert all(b":" in line for line in head.split(b"\r\n")[1:])
    assert head.count(b"\n") == head.count(b"\r\n") == head.count(b"\r")


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
@example(b"")
@example(b"\r\n\r\n")
@example(b"SIP/2.0 200 OK\r\n\r\n")
@example(b"INVITE sip:a SIP/2.0\r\n\r\n")
@example(b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP [::1\r\n\r\n")
def test_arbitrary_octets(data: bytes) -> None:
    check(data)


@settings(deadline=None, max_examples=300)
@given(mutated())
def test_mutated_messages(data: bytes) -> None:
    check(data)


@settings(deadline=None, max_examples=100)
@given(mutated(), st.lists(st.integers(1, 40), max_size=8))
def test_mutated_streams(data: bytes, sizes: list[int]) -> None:
    framer = StreamFramer()
    try:
        for size in sizes:
            framer.feed(data[:size])
            data = data[size:]
        messages = framer.feed(data)
    except FramingError as error:
        messages = error.messages
        check_answer(error)
    for message in messages:
        check(message)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_can_be_injected(name: str, value: str) -> None:
    """What `add` takes stays one line; everything else is refused. Content-Length is the message's own to write."""
    request = parse_message(CORPUS_OPTIONS)
    lines = bytes(request).count(b"\n") - (name.lower() in ("l", "content-length"))
    try:
        request.headers.add(name, value)
    except LocalProtocolError:
        return
    assert bytes(request).count(b"\n") == lines + 1
    assert bytes(request).count(b"\r") == lines + 1


CORPUS_OPTIONS = (Path(__file__).parents[1] / "torture" / "rfc4475" / "zeromf.dat").read_bytes()
