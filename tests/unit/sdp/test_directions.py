"""Every pair of directions, and hold in all its dialects (RFC 3264 5.1, 6.1, 8.4)."""

from __future__ import annotations

import pytest

from softswitch.sdp.negotiate import KNOWN_CODECS, Direction, Negotiation
from tests.support.session_descriptions import body, section

CODECS = (KNOWN_CODECS["pcma"], KNOWN_CODECS["telephone-event"])
BOTH, SEND, RECEIVE, NONE = Direction.SENDRECV, Direction.SENDONLY, Direction.RECVONLY, Direction.INACTIVE

# What we answer, by what they offer (rows) and what we want (columns): sendrecv, sendonly, recvonly, inactive.
ANSWERS = {
    BOTH: (BOTH, SEND, RECEIVE, NONE),
    SEND: (RECEIVE, NONE, RECEIVE, NONE),
    RECEIVE: (SEND, SEND, NONE, NONE),
    NONE: (NONE, NONE, NONE, NONE),
}
PAIRS = [
    (offered, wanted, answered)
    for offered, row in ANSWERS.items()
    for wanted, answered in zip((BOTH, SEND, RECEIVE, NONE), row, strict=True)
]


def negotiation() -> Negotiation:
    return Negotiation(address="198.51.100.1", port=20000, session_id=9)


def direction_line(written: bytes) -> str:
    return next(line[2:] for line in written.decode().split("\r\n") if line[2:] in {each.value for each in Direction})


@pytest.mark.parametrize(("offered", "wanted", "answered"), PAIRS)
@pytest.mark.parametrize("level", ["media", "session"])
def test_our_answer(offered: Direction, wanted: Direction, answered: Direction, level: str) -> None:
    line = (f"a={offered.value}",)
    offer = body(section(lines=line)) if level == "media" else body(section(), lines=line)
    ours = negotiation()
    assert ours.receive_offer(offer).direction is offered
    written, agreed = ours.make_answer(CODECS, direction=wanted)
    assert direction_line(written) == answered.value
    assert agreed.direction is answered
    assert agreed.remote_direction is offered
    assert agreed.on_hold is (offered in (SEND, NONE))


@pytest.mark.parametrize("offered", list(Direction))
@pytest.mark.parametrize("answered", list(Direction))
def test_their_answer(offered: Direction, answered: Direction) -> None:
    ours = negotiation()
    assert direction_line(ours.make_offer(CODECS, direction=offered)) == offered.value
    agreed = ours.receive_answer(body(section("8", lines=(f"a={answered.value}",))))
    # An answer that claims more than was offered (sendrecv to sendonly) gives them nothing we did not offer.
    assert agreed.direction.sends is (offered.sends and answered.receives)
    assert agreed.direction.receives is (offered.receives and answered.sends)
    assert agreed.on_hold is (not answered.receives)


def test_the_media_level_direction_wins() -> None:
    ours = negotiation()
    assert ours.receive_offer(body(section(lines=("a=recvonly",)), lines=("a=inactive",))).direction is RECEIVE


@pytest.mark.parametrize(
    ("hold", "answered"),
    [
        (body(section(lines=("a=sendonly",)), version=2), RECEIVE),
        (body(section(lines=("a=inactive",)), version=2), NONE),
        (body(section(), address="0.0.0.0", version=2), RECEIVE),
        (body(section(lines=("c=IN IP4 0.0.0.0",)), version=2), RECEIVE),
        (body(section(lines=("a=sendonly",)), address="0.0.0.0", version=2), RECEIVE),
        (body(section(lines=("a=inactive",)), address="0.0.0.0", version=2), NONE),
        (body(section(lines=("a=recvonly",)), address="0.0.0.0", version=2), NONE),
        (body(section(), address="::", version=2), RECEIVE),
        (body(section(), lines=("a=sendonly",), version=2), RECEIVE),
    ],
    ids=[
        "sendonly",
        "inactive",
        "zero",
        "zero in section",
        "zero sendonly",
        "zero inactive",
        "zero recvonly",
        "::",
        "session",
    ],
)
def test_hold_and_return(hold: bytes, answered: Direction) -> None:
    ours = negotiation()
    ours.receive_offer(body())
    _, before = ours.make_answer(CODECS)
    assert not before.on_hold
    assert ours.receive_offer(hold).on_hold
    written, held = ours.make_answer(CODECS)
    assert direction_line(written) == answered.value
    assert held.on_hold
    assert not held.direction.sends
    assert not ours.receive_offer(body(version=3)).on_hold
    written, after = ours.make_answer(CODECS)
    assert direction_line(written) == "sendrecv"
    assert after.direction is BOTH
    assert after == before


def test_we_hold_them_and_they_hold_us() -> None:
    ours = negotiation()
    ours.make_offer(CODECS)
    ours.receive_answer(body(section("8")))
    ours.make_offer(CODECS, direction=SEND)
    held = ours.receive_answer(body(section("8", lines=("a=recvonly",))))
    assert held.direction is SEND
    assert not held.on_hold
    ours.receive_offer(body(section("8", lines=("a=sendonly",)), version=2))
    _, both = ours.make_answer(CODECS, direction=SEND)
    assert both.direction is NONE
    assert both.on_hold
