"""Packet times: ours where they say nothing, theirs where they say something, always one that the codec has."""

from __future__ import annotations

import pytest

from softswitch.sdp.codec import KNOWN_CODECS, Codec
from softswitch.sdp.negotiate import Negotiation
from softswitch.sdp.packet_time import packet_time
from tests.support.session_descriptions import body, section

PCMA, PCMU, OPUS, G729 = (KNOWN_CODECS[name] for name in ("pcma", "pcmu", "opus", "g729"))


@pytest.mark.parametrize(
    ("codec", "times"),
    [
        (PCMA, (10, 20, 30, 40, 50, 60)),
        (G729, (10, 20, 30, 40, 50, 60)),
        (OPUS, (10, 20, 20, 40, 40, 60)),
        (Codec("opus", 48000, 2, "minptime=20"), (20, 20, 20, 40, 40, 60)),
        (Codec("opus", 48000, 2, "minptime=30"), (40, 40, 40, 40, 40, 60)),
        (Codec("opus", 48000, 2, "minptime=3"), (10, 20, 20, 40, 40, 60)),
        (Codec("opus", 48000, 2, "minptime=9999"), (60, 60, 60, 60, 60, 60)),
        (Codec("L16", 8000), (10, 20, 30, 40, 50, 60)),
        (Codec("L16", 16000), (10, 20, 30, 40, 40, 40)),
        (Codec("L16", 48000), (10, 10, 10, 10, 10, 10)),
    ],
)
def test_every_codec_has_its_own(codec: Codec, times: tuple[int, ...]) -> None:
    assert tuple(packet_time(codec, wanted) for wanted in (10, 20, 30, 40, 50, 60)) == times


@pytest.mark.parametrize(("wanted", "time"), [(0, 10), (-5, 10), (5, 10), (19, 10), (25, 20), (61, 60), (99999, 60)])
def test_wishes_are_brought_within_reason(wanted: int, time: int) -> None:
    assert packet_time(PCMA, wanted) == time


def session(ptime: int | None) -> Negotiation:
    return Negotiation(address="198.51.100.1", port=20000, session_id=9, ptime=ptime)


@pytest.mark.parametrize(
    ("ours", "said", "asked", "sent"),
    [
        (None, (), 20, 20),
        (30, (), 30, 30),
        (30, ("a=ptime:20",), 30, 20),
        (30, ("a=ptime:40", "a=maxptime:60"), 30, 40),
        (30, ("a=maxptime:20",), 30, 20),
        (None, ("a=ptime:40",), 40, 40),
    ],
)
def test_an_answer_asks_for_ours_and_honours_theirs(
    ours: int | None, said: tuple[str, ...], asked: int, sent: int
) -> None:
    negotiation = session(ours)
    negotiation.receive_offer(body(section(lines=said)))
    text, agreement = negotiation.make_answer((PCMA, PCMU))
    assert f"a=ptime:{asked}\r\n" in text.decode()
    assert agreement.ptime == sent


@pytest.mark.parametrize(
    ("ours", "said", "asked", "sent"),
    [(None, (), 20, 20), (40, (), 40, 40), (40, ("a=ptime:20",), 40, 20), (40, ("a=maxptime:30",), 40, 30)],
)
def test_an_offer_asks_for_ours_and_honours_theirs(
    ours: int | None, said: tuple[str, ...], asked: int, sent: int
) -> None:
    negotiation = session(ours)
    assert f"a=ptime:{asked}\r\n" in negotiation.make_offer((PCMA, PCMU)).decode()
    assert negotiation.receive_answer(body(section(lines=said))).ptime == sent


def test_an_opus_answer_is_sent_in_packets_opus_has() -> None:
    negotiation = session(30)
    negotiation.receive_offer(body(section("111 opus/48000/2", lines=("a=ptime:50",))))
    text, agreement = negotiation.make_answer((OPUS,))
    assert "a=ptime:30\r\n" in text.decode()
    assert agreement.ptime == 40
