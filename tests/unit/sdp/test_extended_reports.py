"""`a=rtcp-xr` offered and answered (RFC 3611 section 5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sdp.extended_reports import EVERYTHING, NO_XR, XrPolicy, XrTerms, read_xr
from softswitch.sdp.negotiate import Negotiation

PCMA = (KNOWN_CODECS["pcma"],)
RTT, METRICS = XrTerms(reference_time=True), XrTerms(metrics=True)


def side(policy: XrPolicy, port: int = 4000) -> Negotiation:
    return Negotiation(address="192.0.2.1", port=port, session_id=7, rtcp_xr=policy)


def foreign(*lines: str, session: str = "") -> bytes:
    head = f"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n{session}"
    return (head + "m=audio 5000 RTP/AVP 8\r\n" + "".join(f"{line}\r\n" for line in lines)).encode()


@pytest.mark.parametrize(
    ("value", "terms"),
    [
        (None, NO_XR),
        ("", NO_XR),
        ("rcvr-rtt=all voip-metrics", EVERYTHING),
        ("rcvr-rtt=all:10 stat-summary=loss,dup,jitt,TTL", RTT),
        ("rcvr-rtt=sender", RTT),
        ("pkt-loss-rle=4000 voip-metrics", METRICS),
        ("rcvr-rtt=nobody voip-metricsX", NO_XR),
        ("VOIP-METRICS", METRICS),
    ],
)
def test_what_an_attribute_asks_for(value: str | None, terms: XrTerms) -> None:
    assert read_xr(value) == terms


@given(st.text(max_size=200))
def test_whatever_it_says_is_survived(value: str) -> None:
    assert read_xr(value).both(EVERYTHING) == read_xr(value)


@pytest.mark.parametrize(
    ("ours", "offered", "agreed", "line"),
    [
        (XrPolicy.ANSWER, "rcvr-rtt=all voip-metrics", EVERYTHING, b"a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n"),
        (XrPolicy.OFFER, "voip-metrics", METRICS, b"a=rtcp-xr:voip-metrics\r\n"),
        (XrPolicy.ANSWER, "stat-summary", NO_XR, b""),
        (XrPolicy.ANSWER, None, NO_XR, b""),
        (XrPolicy.OFFER, None, NO_XR, b""),
        (XrPolicy.OFF, "rcvr-rtt=all voip-metrics", NO_XR, b""),
    ],
)
def test_an_answer_says_what_both_want(ours: XrPolicy, offered: str | None, agreed: XrTerms, line: bytes) -> None:
    answering = side(ours)
    answering.receive_offer(foreign(*([f"a=rtcp-xr:{offered}"] if offered else [])))
    body, agreement = answering.make_answer(PCMA)
    assert agreement.rtcp_xr == agreed
    assert line in body
    assert (b"rtcp-xr" in body) == bool(line)


@pytest.mark.parametrize(
    ("ours", "answered", "agreed"),
    [
        (XrPolicy.OFFER, "rcvr-rtt=all voip-metrics", EVERYTHING),
        (XrPolicy.OFFER, "rcvr-rtt=all", RTT),
        (XrPolicy.OFFER, None, NO_XR),
        (XrPolicy.ANSWER, "rcvr-rtt=all voip-metrics", NO_XR),
        (XrPolicy.OFF, "voip-metrics", NO_XR),
    ],
)
def test_only_what_was_offered_can_be_agreed(ours: XrPolicy, answered: str | None, agreed: XrTerms) -> None:
    offering = side(ours)
    assert (b"a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n" in offering.make_offer(PCMA)) == (ours is XrPolicy.OFFER)
    agreement = offering.receive_answer(foreign(*([f"a=rtcp-xr:{answered}"] if answered else [])))
    assert agreement.rtcp_xr == agreed


def test_two_of_us_agree_and_keep_it_through_a_new_offer() -> None:
    first, second = side(XrPolicy.OFFER), side(XrPolicy.ANSWER, 6000)
    second.receive_offer(first.make_offer(PCMA))
    answer, _ = second.make_answer(PCMA)
    assert first.receive_answer(answer).rtcp_xr == EVERYTHING
    # The one that only answers must not lose by its own re-offer what was agreed.
    first.receive_offer(second.make_offer(PCMA))
    answer, agreement = first.make_answer(PCMA)
    assert agreement.rtcp_xr == EVERYTHING
    assert second.receive_answer(answer).rtcp_xr == EVERYTHING


def test_an_attribute_of_the_session_counts_for_its_audio() -> None:
    answering = side(XrPolicy.ANSWER)
    answering.receive_offer(foreign(session="a=rtcp-xr:voip-metrics\r\n"))
    assert answering.make_answer(PCMA)[1].rtcp_xr == METRICS
