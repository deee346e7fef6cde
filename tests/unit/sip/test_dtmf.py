"""Digits in INFO bodies: exactly one, or refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.dtmf import PLAIN, RELAY, KeyPress, is_digits, read_key
from softswitch.sip.errors import RemoteProtocolError


@pytest.mark.parametrize(
    ("body", "digit", "duration"),
    [
        (b"Signal=5\r\nDuration=160\r\n", "5", 160),
        (b"Signal= 5\r\nDuration= 160", "5", 160),
        (b"Duration=90\nSignal=#\n", "#", 90),
        (b"signal=a\r\n", "A", 250),
        (b"Signal=10\r\nDuration=100\r\n", "*", 100),
        (b"Signal=11\r\nDuration=100\r\n", "#", 100),
        (b"Signal=1\r\nDuration=5\r\n", "1", 40),
        (b"Signal=1\r\nDuration=99999\r\n", "1", 10_000),
    ],
)
def test_dtmf_relay(body: bytes, digit: str, duration: int) -> None:
    assert read_key(RELAY, body) == KeyPress(digit, duration)


@pytest.mark.parametrize(("body", "digit"), [(b"5", "5"), (b"*\r\n", "*"), (b" d ", "D"), (b"11", "#")])
def test_dtmf(body: bytes, digit: str) -> None:
    assert read_key("Application/DTMF ; charset=utf-8", body) == KeyPress(digit, 250)


@pytest.mark.parametrize(
    "body",
    [
        b"Duration=160\r\n",
        b"Signal=\r\nDuration=160\r\n",
        b"Signal=5\r\nSignal=6\r\n",
        b"Signal=56\r\n",
        b"Signal=16\r\n",
        b"Signal=E\r\n",
        b"Signal=5\r\nDuration=-1\r\n",
        b"Signal=5\r\nDuration=1#\r\n",
        b"Signal=5\r\nDuration=1000000\r\n",
        b"Signal=5\r\nVolume=10\r\n",
        b"Signal 5",
        b"5",
        "Signal=٥\r\n".encode(),
        b"Signal=5\r\n" * 100,
    ],
)
def test_what_is_not_exactly_one_digit_is_malformed(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as refusal:
        read_key(RELAY, body)
    assert refusal.value.status == 400


@pytest.mark.parametrize("body", [b"", b"55", b"x", b"Signal=5", b"16", "٥".encode()])
def test_so_it_is_in_the_shorter_body(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="Malformed Digit"):
        read_key(PLAIN, body)


@given(body=st.binary(max_size=200), content_type=st.sampled_from([RELAY, PLAIN]))
def test_any_body_is_a_digit_or_malformed(body: bytes, content_type: str) -> None:
    key = None
    with suppress(RemoteProtocolError):
        key = read_key(content_type, body)
    assert key is None or (key.digit in "0123456789*#ABCD" and 40 <= key.duration_ms <= 10_000)


@pytest.mark.parametrize("content_type", [RELAY, PLAIN])
@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_what_we_write_is_what_we_read(digit: str, content_type: str) -> None:
    key = read_key(content_type, KeyPress(digit, 120).body(content_type))
    assert key == KeyPress(digit, 120 if content_type == RELAY else 250)


def test_a_digit_is_never_shown() -> None:
    assert "7" not in repr(KeyPress("7", 100))


def test_types() -> None:
    assert is_digits("application/dtmf-relay;charset=x")
    assert not is_digits("application/dtmf-relayed")
    assert not is_digits("")
