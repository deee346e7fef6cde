"""Attributes of RTP sections, and the algebra of directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp.attributes import Direction, RtpAttributes, read_direction

BOTH, SEND, RECEIVE, NONE = Direction.SENDRECV, Direction.SENDONLY, Direction.RECVONLY, Direction.INACTIVE


@pytest.mark.parametrize(("direction", "mirror"), [(BOTH, BOTH), (SEND, RECEIVE), (RECEIVE, SEND), (NONE, NONE)])
def test_reversed(direction: Direction, mirror: Direction) -> None:
    assert direction.reversed is mirror


@pytest.mark.parametrize(
    ("wanted", "limit", "left"),
    [
        (BOTH, BOTH, BOTH),
        (BOTH, SEND, SEND),
        (BOTH, RECEIVE, RECEIVE),
        (BOTH, NONE, NONE),
        (SEND, BOTH, SEND),
        (SEND, SEND, SEND),
        (SEND, RECEIVE, NONE),
        (SEND, NONE, NONE),
        (RECEIVE, BOTH, RECEIVE),
        (RECEIVE, SEND, NONE),
        (RECEIVE, RECEIVE, RECEIVE),
        (RECEIVE, NONE, NONE),
        (NONE, BOTH, NONE),
        (NONE, SEND, NONE),
        (NONE, RECEIVE, NONE),
        (NONE, NONE, NONE),
    ],
)
def test_within(wanted: Direction, limit: Direction, left: Direction) -> None:
    assert wanted.within(limit) is left


def test_everything_is_read_in_one_pass() -> None:
    attributes = RtpAttributes(
        (
            "c=IN IP4 192.0.2.1",
            "a=rtpmap:96 opus/48000/2",
            "a=fmtp:96 useinbandfec=1; minptime=10",
            "a=rtpmap:96 later/8000",
            "a=ptime:30",
            "a=maxptime:60",
            "a=rtcp:53020 IN IP6 2001:db8::9",
            "a=rtcp-mux",
            "a=sendonly",
            "a=unknown:thing",
            "a=",
        )
    )
    assert attributes.rtpmap == {"96": "opus/48000/2"}
    assert attributes.fmtp == {"96": "useinbandfec=1; minptime=10"}
    assert (attributes.ptime, attributes.maxptime) == (30, 60)
    assert attributes.rtcp == (53020, "2001:db8::9")
    assert attributes.rtcp_mux
    assert attributes.direction is SEND


@pytest.mark.parametrize("value", ["", "x", "0", "-20", "1e9", "999999999", "²"])
def test_an_unreadable_ptime_counts_as_absent(value: str) -> None:
    assert RtpAttributes((f"a=ptime:{value}",)).ptime is None


def test_a_real_ptime_counts_in_whole_milliseconds() -> None:
    assert RtpAttributes(("a=ptime:20.0",)).ptime == 20


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5001", (5001, None)),
        ("5001 IN IP4 192.0.2.7", (5001, "192.0.2.7")),
        ("5001 X IP4 192.0.2.7", (5001, None)),
        ("0", None),
        ("65536", None),
        ("", None),
        ("x", None),
    ],
)
def test_rtcp_attribute(value: str, expected: tuple[int, str | None] | None) -> None:
    assert RtpAttributes((f"a=rtcp:{value}",)).rtcp == expected


def test_the_media_level_direction_wins_and_the_default_stands_otherwise() -> None:
    session = read_direction(("s=-", "a=recvonly"), BOTH)
    assert session is RECEIVE
    assert RtpAttributes(("a=inactive",), session).direction is NONE
    assert RtpAttributes(("a=ptime:20",), session).direction is RECEIVE
    assert read_direction((), BOTH) is BOTH


@given(st.lists(st.text(max_size=40).map(lambda text: "a=" + text)))
def test_no_attribute_raises(lines: list[str]) -> None:
    attributes = RtpAttributes(lines)
    assert attributes.ptime is None or attributes.ptime > 0
