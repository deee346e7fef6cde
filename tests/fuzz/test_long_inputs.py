"""60 KB built to make a parser try everything: the time must grow with the length, not with its square.

The bound is a hundred times what a linear parser needs and a tenth of what a quadratic one does.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.auth import AuthCredentials
from softswitch.sip.errors import FramingError, RemoteProtocolError
from softswitch.sip.framing import StreamFramer
from softswitch.sip.grammar import split_list
from softswitch.sip.headers import CSeq, MediaType, NameAddr, Reason, RetryAfter, Via
from softswitch.sip.message import parse_message
from softswitch.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 60_000
SECONDS = 1.0

PIECES = [
    *(
        " ",
        "\t",
        "a",
        "a ",
        '"',
        '\\"',
        '""',
        "\\",
        "<",
        ">",
        "<>",
        ";",
        ";a",
        ";a=",
        ";a=b",
        ' ; a = "b"',
        ",",
        ", ",
        "=",
    ),
    *(
        "/",
        "/ ",
        ":",
        ": ",
        "@",
        "%",
        "%41",
        "?",
        "&",
        "[",
        "]",
        "(",
        "0",
        "9",
        ".",
        "-",
        "ä",
        "*",
        "a=b,",
        'a="b", ',
        "a/",
    ),
]
PREFIXES = [
    "",
    "a",
    '"',
    "<",
    "<sip:",
    "sip:",
    "sip:a@b",
    "sip:a@b;x",
    "<sip:a>",
    "SIP/2.0/UDP h",
    "SIP/",
    "1",
    "Digest ",
]
READERS: dict[str, Callable[[str], object]] = {
    "Uri": Uri.parse,
    "NameAddr": NameAddr.parse,
    "Via": Via.parse,
    "CSeq": CSeq.parse,
    "MediaType": MediaType.parse,
    "Reason": Reason.parse,
    "RetryAfter": RetryAfter.parse,
    "AuthCredentials": AuthCredentials.parse,
    "list": split_list,
}

HEAD = (
    b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
    b"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
)


def seconds(act: Callable[[], object]) -> float:
    """Processor time of `act`, refused or not."""
    started = time.process_time()
    with suppress(RemoteProtocolError):
        act()
    return time.process_time() - started


@pytest.mark.parametrize("reader", READERS)
def test_values(reader: str) -> None:
    read = READERS[reader]
    slow = {}
    for prefix in PREFIXES:
        for piece in PIECES:
            text = prefix + piece * (SIZE // len(piece)) + "!"
            if (spent := seconds(lambda text=text: read(text))) > SECONDS:  # type: ignore[misc]
                slow[prefix, piece] = spent
    assert slow == {}


@pytest.mark.parametrize(
    "line", [b" ", b"\r\n ", b"x\r\n ", b"\t\r\n\t", b"X: y\r\n", b"v: a\r\n", b"\r", b"\n", b"l: 0\r\n", b"X"]
)
def test_messages(line: bytes) -> None:
    data = HEAD + b"Subject: " + line * (SIZE // len(line)) + b"\r\n\r\n"
    assert seconds(lambda: parse_message(data)) < SECONDS
    assert seconds(lambda: parse_message(data.replace(b"CSeq", b"Seq"))) < SECONDS
    assert seconds(lambda: StreamFramer().feed(data)) < SECONDS


def test_a_stream_of_single_octets() -> None:
    framer = StreamFramer()
    data = HEAD + b"Subject: " + b"x" * SIZE

    def feed() -> None:
        for octet in data:
            framer.feed(bytes((octet,)))

    assert seconds(feed) < SECONDS
    with pytest.raises(FramingError):
        framer.feed(b"x" * SIZE)


def test_equivalence_of_uris_with_many_parameters() -> None:
    one = Uri.parse("sip:a" + "".join(f";p{number}" for number in range(8000)))
    other = Uri.parse("sip:a" + "".join(f";p{number}" for number in reversed(range(8000))))
    started = time.process_time()
    assert one.equivalent(other)
    assert time.process_time() - started < SECONDS
