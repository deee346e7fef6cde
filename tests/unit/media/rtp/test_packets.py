"""RTP and RTCP as they come from the network: every claim checked, every octet string survived."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.pieces import parse_rtcp, parse_rtp

HEADER = struct.pack("!BBHII", 0x80, 8, 7, 1600, 99)


def test_a_plain_packet() -> None:
    assert parse_rtp(HEADER + b"abc") == (8, False, 7, 1600, 99, b"abc")


def test_marker_csrc_extension_and_padding_are_not_payload() -> None:
    data = (
        struct.pack("!BBHII", 0xB2, 0x88, 7, 1600, 99)
        + bytes(8)
        + struct.pack("!HH", 0xBEDE, 2)
        + bytes(8)
        + b"sound"
        + b"\0\0\3"
    )
    assert parse_rtp(data) == (8, True, 7, 1600, 99, b"sound")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER[:11],
        b"\x40" + HEADER[1:],
        b"\xc0" + HEADER[1:],
        b"\x8f" + HEADER[1:] + bytes(59),
        b"\x90" + HEADER[1:] + b"\0\0\0",
        b"\x90" + HEADER[1:] + b"\0\0\0\1\0\0\0",
        b"\x90" + HEADER[1:] + b"\0\0\xff\xff" + bytes(100),
        b"\xa0" + HEADER[1:],
        b"\xa0" + HEADER[1:] + b"abc\0",
        b"\xa0" + HEADER[1:] + b"abc\5",
    ],
)
def test_lies_about_lengths_are_refused(data: bytes) -> None:
    assert parse_rtp(data) is None


def test_padding_alone_is_an_empty_packet() -> None:
    assert parse_rtp(b"\xa0" + HEADER[1:] + b"\0\0\0\4") == (8, False, 7, 1600, 99, b"")


@given(st.binary(max_size=200))
def test_any_octets_are_survived(data: bytes) -> None:
    found = parse_rtp(data)
    assert found is None or found[5] in data
    parse_rtcp(data, 1)


@given(first=st.integers(0x80, 0xBF), tail=st.binary(max_size=120))
def test_whatever_a_valid_version_claims_stays_inside(first: int, tail: bytes) -> None:
    found = parse_rtp(bytes([first]) + HEADER[1:] + tail)
    assert found is None or len(found[5]) <= len(tail)


def block(ssrc: int, lost: int = 0) -> bytes:
    return struct.pack("!IIIIII", ssrc, (12 << 24) | (lost & 0xFFFFFF), 70000, 55, 0xABCD1234, 65536)


def sender_report(*blocks: bytes, ssrc: int = 42) -> bytes:
    body = struct.pack("!IIIIII", ssrc, 0x11112222, 0x33334444, 5, 6, 7) + b"".join(blocks)
    return struct.pack("!BBH", 0x80 | len(blocks), 200, len(body) // 4) + body


def receiver_report(*blocks: bytes) -> bytes:
    body = struct.pack("!I", 42) + b"".join(blocks)
    return struct.pack("!BBH", 0x80 | len(blocks), 201, len(body) // 4) + body


BYE = struct.pack("!BBHI", 0x81, 203, 1, 42)
APP = struct.pack("!BBHI4s", 0x80, 204, 2, 42, b"name")
XR = struct.pack("!BBHI", 0x80, 207, 1, 42)


def test_a_sender_report_and_the_block_about_us_among_others() -> None:
    data = sender_report(block(1), block(7, lost=-3)) + APP + XR + BYE
    assert parse_rtcp(data, 7) == (42, 0x22223333, (12, -3, 70000, 55, 0xABCD1234, 65536), True)


def test_a_receiver_report_about_somebody_else() -> None:
    assert parse_rtcp(receiver_report(block(1)), 7) == (42, None, None, False)


def test_an_empty_receiver_report() -> None:
    assert parse_rtcp(receiver_report(), 7) == (42, None, None, False)


@pytest.mark.parametrize(
    "data",
    [
        BYE,
        APP + receiver_report(),
        receiver_report()[:7],
        receiver_report() + b"\x80",
        receiver_report(block(1))[:-4],
        b"\x82" + receiver_report(block(1))[1:],
        receiver_report() + b"\x40\xcb\0\0",
        receiver_report() + b"\x9f\xcb\0\1\0\0\0\0",
        receiver_report() + b"\x80\xcb\xff\xff",
        b"\xa0" + receiver_report()[1:] + BYE,
        receiver_report() + b"\xa1\xcb\0\1\0\0\0\0",
        receiver_report() + b"\xa1\xcb\0\1\0\0\0\x0c",
    ],
)
def test_compounds_that_do_not_add_up_are_refused(data: bytes) -> None:
    assert parse_rtcp(data, 7) is None
