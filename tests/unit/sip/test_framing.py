"""Streams: any split or joining of messages gives the same messages; a lost boundary is final."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.errors import FramingError
from softswitch.sip.framing import KEEP_ALIVE, MAX_MESSAGE, PONG, StreamFramer
from softswitch.sip.message import parse_message
from tests.support.sip_values import messages

OPTIONS = (
    b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
    b"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 4\r\n\r\nbody"
)


def in_pieces(data: bytes, sizes: list[int], *, pongs: bool = False) -> list[bytes]:
    framer = StreamFramer(pongs=pongs)
    found = []
    for size in sizes:
        found += framer.feed(data[:size])
        data = data[size:]
    return found + framer.feed(data)


@settings(deadline=None, max_examples=60)
@given(st.lists(messages.map(bytes) | st.just(b"\r\n\r\n"), max_size=4), st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_datagrams(sent: list[bytes], sizes: list[int]) -> None:
    expected = [KEEP_ALIVE if message == b"\r\n\r\n" else message for message in sent]
    found = in_pieces(b"".join(sent), sizes)
    assert found == expected
    for message in found:
        if message:
            assert bytes(parse_message(message)) == message


@settings(deadline=None, max_examples=60)
@given(st.lists(messages.map(bytes) | st.just(b"\r\n"), max_size=6), st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_messages_between_pongs(sent: list[bytes], sizes: list[int]) -> None:
    """Two pongs that come together look like a ping; the messages are the same."""
    found = in_pieces(b"".join(sent), sizes, pongs=True)
    assert [each for each in found if each not in (PONG, KEEP_ALIVE)] == [each for each in sent if each != b"\r\n"]
    assert found.count(PONG) * 2 + found.count(KEEP_ALIVE) * 4 == 2 * sent.count(b"\r\n")


def test_a_pong_counts_at_once_and_is_no_message_in_the_making() -> None:
    framer = StreamFramer(pongs=True)
    assert framer.feed(b"\r") == []
    assert framer.pending == 0
    assert framer.feed(b"\n") == [PONG]
    assert framer.feed(b"\r\n" + OPTIONS) == [PONG, OPTIONS]
    assert framer.feed(b"\r\n\r\n") == [KEEP_ALIVE]
    server = StreamFramer()
    assert server.feed(b"\r\n") == []
    assert server.pending == 0
    assert server.feed(b"OPT") == []
    assert server.pending == 3


def test_octet_by_octet() -> None:
    data = OPTIONS + b"\r\n" + OPTIONS + b"\r\n\r\n" + OPTIONS
    assert in_pieces(data, [1] * len(data)) == [OPTIONS, OPTIONS, KEEP_ALIVE, OPTIONS]


def test_a_pong_is_ignored() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n") == []
    assert framer.feed(OPTIONS) == [OPTIONS]


@pytest.mark.parametrize("line", [b"content-length : 4", b"CONTENT-LENGTH:\r\n  4", b"l:4 ", b"L\t:\t0004"])
def test_content_length_in_every_spelling(line: bytes) -> None:
    data = OPTIONS.replace(b"Content-Length: 4", line)
    assert StreamFramer().feed(data) == [data]


def test_a_body_may_look_like_headers() -> None:
    data = OPTIONS.replace(b"Content-Length: 4", b"Content-Length: 31").replace(
        b"body", b"\r\n\r\nContent-Length: 9\r\nl: x\r\n\r\n"
    )
    assert StreamFramer().feed(data + OPTIONS) == [data, OPTIONS]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Content-Length: 4\r\n", b"", "Missing Content-Length"),
        (b"Content-Length: 4", b"Content-Length: 4\r\nl: 4", "More than one Content-Length"),
        (b"Content-Length: 4", b"Content-Length: -4", "Malformed Content-Length"),
        (b"Content-Length: 4", b"Content-Length: 4 4", "Malformed Content-Length"),
        (b"Content-Length: 4", b"Content-Length:", "Malformed Content-Length"),
    ],
)
def test_lost_framing(old: bytes, new: bytes, reason: str) -> None:
    framer = StreamFramer()
    with pytest.raises(FramingError) as caught:
        framer.feed(OPTIONS + OPTIONS.replace(old, new))
    error = caught.value
    assert (error.status, error.reason, error.messages) == (400, reason, [OPTIONS])
    assert error.request is not None
    assert bytes(error.request.response(error.status, error.reason)).startswith(b"SIP/2.0 400 ")
    with pytest.raises(FramingError) as again:
        framer.feed(OPTIONS)
    assert again.value.messages == []
    assert again.value.request is None


def test_what_is_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(FramingError) as caught:
        StreamFramer().feed(OPTIONS.replace(b"Content-Length: 4", b"Content-Length: 65536"))
    assert caught.value.status == 513
    assert caught.value.request is not None


def test_headers_without_end_are_refused() -> None:
    framer = StreamFramer()
    endless = b"OPTIONS sip:a SIP/2.0\r\n" + b"X: y\r\n" * (MAX_MESSAGE // 6)
    for start in range(0, MAX_MESSAGE - 1000, 1000):
        assert framer.feed(endless[start : start + 1000]) == []
    with pytest.raises(FramingError) as caught:
        framer.feed(endless[:2000])
    assert caught.value.status == 513


def test_the_largest_message_is_taken() -> None:
    head = OPTIONS.partition(b"Content-Length")[0] + b"Content-Length: 65000\r\n\r\n"
    data = head + b"x" * 65_000
    assert in_pieces(data, [1000] * 60) == [data]


def test_a_lone_carriage_return_between_messages() -> None:
    with pytest.raises(FramingError):
        StreamFramer().feed(b"\rx")


def test_pending_counts_what_waits_for_its_rest() -> None:
    framer = StreamFramer()
    framer.feed(OPTIONS + OPTIONS[:10])
    assert framer.pending == 10
    framer.feed(OPTIONS[10:])
    assert framer.pending == 0
