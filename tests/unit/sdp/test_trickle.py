"""Candidates by INFO (RFC 8840): the fragment of a description they come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp.browser import IceCandidate, IceCredentials
from softswitch.sdp.errors import SdpError
from softswitch.sdp.trickle import IceFragment, read_fragment, write_fragment

PASSWORD = "asd88fgpdd777uzjYhagZg"
# As a page writes it from an icecandidate event, with LF alone and an unknown attribute.
OF_A_PAGE = (
    "a=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg\na=ice-pacing:50\nm=audio 9 RTP/AVP 0\na=mid:1\n"
    "a=candidate:1 1 udp 2130706432 2001:db8:a0b:12f0::1 5000 typ host\n"
    "a=candidate:2 1 UDP 1694498815 192.0.2.3 5000 typ srflx raddr 10.0.1.1 rport 8998 ufrag 9xyZ\n"
    "a=end-of-candidates\n"
)


def test_a_page_is_read() -> None:
    read = read_fragment(OF_A_PAGE.encode())
    assert read.credentials == IceCredentials("8hhY", PASSWORD)
    assert (read.mid, read.complete) == ("1", True)
    assert [(each.address, each.fragment) for each in read.candidates] == [
        ("2001:db8:a0b:12f0::1", "8hhY"),
        ("192.0.2.3", "9xyZ"),
    ]


CANDIDATES = st.builds(
    IceCandidate,
    foundation=st.text("abc019+/", min_size=1, max_size=32),
    component=st.integers(1, 256),
    transport=st.sampled_from(("udp", "tcp")),
    priority=st.integers(1, 2**31 - 1),
    address=st.sampled_from(("192.0.2.1", "2001:db8::1", "a-b.local")),
    port=st.integers(0, 65535),
    kind=st.sampled_from(("host", "srflx", "prflx", "relay")),
    related=st.none() | st.tuples(st.sampled_from(("0.0.0.0", "::1")), st.integers(0, 65535)),
    fragment=st.just("8hhY"),
)


@given(st.lists(CANDIDATES, max_size=5), st.booleans(), st.sampled_from(("", "0", "audio")))
def test_what_is_written_reads_the_same(candidates: list[IceCandidate], complete: bool, mid: str) -> None:
    fragment = IceFragment(IceCredentials("8hhY", PASSWORD), tuple(candidates), complete, mid)
    assert read_fragment(write_fragment(fragment)) == fragment


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("", "type letter"),
        ("a=candidate:1 1 udp 2130706432 192.0.2.1 5000 typ host\r\n", "no ice-ufrag"),
        (OF_A_PAGE.replace("2130706432", "x"), "SDP line 6: candidate"),
        (OF_A_PAGE.replace("8hhY", "8"), "ice-ufrag '8'"),
        (OF_A_PAGE + "\n" * 300 + "a=x", "lines"),
        (OF_A_PAGE + "a=" + "x" * 20000, "bytes"),
        (OF_A_PAGE + "rubbish", "SDP line 9: no type letter"),
    ],
)
def test_what_cannot_be_is_refused(body: str, what: str) -> None:
    with pytest.raises(SdpError, match=what) as error:
        read_fragment(body.encode())
    assert error.value.status == 400
    assert PASSWORD not in str(error.value)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: (OF_A_PAGE + text).encode("utf-8", "replace")))
def test_rubbish_is_a_fault_of_theirs(body: bytes) -> None:
    try:
        read_fragment(body)
    except SdpError as error:
        assert error.status == 400  # noqa: PT017
