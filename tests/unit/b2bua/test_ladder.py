"""Every message finds its call by Call-ID, whatever the octets are."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, cast

import pytest

from softswitch.b2bua import ladder as module
from softswitch.b2bua.ladder import Ladder
from softswitch.sip.flow import Flow
from softswitch.telemetry.log_sink import NullSink
from softswitch.telemetry.story import Story

if TYPE_CHECKING:
    from softswitch.b2bua.leg import Leg

FLOW = Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060))


class Claimant:
    """As much of a leg as a ladder sees: a name and a story."""

    def __init__(self, name: str = "trunk:a") -> None:
        self.name = name
        self.story = Story("1", NullSink())

    @property
    def rungs(self) -> list[tuple[str, str]]:
        """What stands on its ladder."""
        return [(message.path, message.label) for message in self.story.messages]


class Clock:
    """Goes where it is put."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def claim(ladder: Ladder, call_id: str, who: Claimant) -> None:
    """The claimant's dialog is this one."""
    ladder.claim(call_id, cast("Leg", who))


def message(start: str, call_id: str, header: str = "Call-ID: ") -> bytes:
    """Enough of a SIP message."""
    return f"{start}\r\nVia: x\r\n{header}{call_id}\r\nCSeq: 1 INVITE\r\n\r\n".encode()


def test_messages_before_the_claim_are_caught_up_on_and_later_ones_follow() -> None:
    ladder, leg = Ladder(Clock()), Claimant()
    ladder.received(FLOW, message("INVITE sip:x SIP/2.0", "a"))
    ladder.sent(FLOW, message("SIP/2.0 100 Trying", "a"))
    claim(ladder, "a", leg)
    ladder.sent(FLOW, message("SIP/2.0 200 OK", "a"))
    assert leg.rungs == [
        ("trunk:a -> switch", "INVITE"),
        ("switch -> trunk:a", "100 (INVITE)"),
        ("switch -> trunk:a", "200 (INVITE)"),
    ]


@pytest.mark.parametrize("header", ["Call-ID: ", "call-id:", "CALL-ID \t: ", "i: ", "I:\t"])
def test_every_spelling_of_call_id(header: str) -> None:
    ladder, leg = Ladder(Clock()), Claimant()
    claim(ladder, "a@b", leg)
    ladder.received(FLOW, message("BYE sip:x SIP/2.0", "a@b ", header))
    assert leg.rungs == [("trunk:a -> switch", "BYE")]


def test_a_call_id_in_another_header_is_none() -> None:
    ladder, leg = Ladder(Clock()), Claimant()
    claim(ladder, "a", leg)
    ladder.received(FLOW, message("INVITE sip:x SIP/2.0", "a", "X-Call-ID: "))
    assert leg.rungs == []


def test_the_answer_to_bye_is_still_seen_and_then_the_leg_is_let_go() -> None:
    clock = Clock()
    ladder, leg, other = Ladder(clock), Claimant(), Claimant()
    claim(ladder, "a", leg)
    claim(ladder, "b", other)
    ladder.release("a")
    ladder.received(FLOW, message("SIP/2.0 200 OK", "a"))
    assert len(leg.rungs) == 1
    clock.now = 5.0
    ladder.release("b")
    ladder.received(FLOW, message("SIP/2.0 200 OK", "a"))
    assert len(leg.rungs) == 1
    assert set(ladder._legs) == {"b"}


def test_unclaimed_messages_are_bounded_in_number_and_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNCLAIMED_KEPT", 3)
    ladder = Ladder(Clock())
    for number in range(10):
        for _ in range(20):
            ladder.received(FLOW, message("INVITE sip:x SIP/2.0", str(number)))
        ladder.received(FLOW, message("OPTIONS sip:x SIP/2.0", f"o{number}"))
    assert list(ladder._unclaimed) == ["7", "8", "9"]
    assert all(len(waiting) == 8 for waiting in ladder._unclaimed.values())


def test_no_octets_raise() -> None:
    dice = random.Random(1)
    ladder, leg = Ladder(Clock()), Claimant()
    claim(ladder, "a", leg)
    seed = message("INVITE sip:x SIP/2.0", "a")
    for _ in range(3000):
        data = bytearray(seed)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        ladder.received(FLOW, bytes(data[: dice.randint(0, len(data))]))
    for rubbish in (b"", b"\n", b"\nCall-ID: ", b"INVITE \nCall-ID: x", b"\xff\nCall-ID: \xff\r"):
        ladder.sent(FLOW, rubbish)
