"""Applications as values, and in words."""

from __future__ import annotations

import pytest

from softswitch.dialplan.explain import safe
from softswitch.dialplan.route import (
    Action,
    Answer,
    Dial,
    Echo,
    Hangup,
    PhoneTarget,
    Play,
    Record,
    Reject,
    Rewrite,
    Ring,
    TrunkTarget,
    describe,
    summary,
)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Dial((TrunkTarget("a", "+49"), TrunkTarget("b", "1"))), "dial trunk:a +49, then trunk:b 1"),
        (Dial((PhoneTarget("1"), TrunkTarget("b")), "parallel"), "dial phone:1 + trunk:b"),
        (Ring(2.5), "ring 2.5s"),
        (Play(("/p/a.wav",)), "play /p/a.wav"),
        (Play(("/p/a.wav",), repeat=True, early=True), "play /p/a.wav over and over as early media"),
        (Echo(), "echo"),
        (Echo(60.0), "echo 60s"),
        (Record(), "record"),
        (Record(enabled=False), "record off"),
        (Reject(), "reject 603"),
        (Reject(480, "Closed"), "reject 480 Closed"),
        (Answer(), "answer"),
        (Hangup(), "hangup"),
        (Hangup(21), "hangup 21"),
    ],
)
def test_in_words(action: Action, words: str) -> None:
    assert describe(action) == words


def test_a_list_in_words() -> None:
    assert summary((Answer(), Echo())) == "answer; echo"


@pytest.mark.parametrize(
    ("rewrite", "sent"),
    [
        (Rewrite(), "+49301"),
        (Rewrite(1, "00"), "0049301"),
        (Rewrite(3, "0"), "0301"),
        (Rewrite(99), ""),
        (Rewrite(prepend="9"), "9+49301"),
    ],
)
def test_rewriting(rewrite: Rewrite, sent: str) -> None:
    assert rewrite.apply("+49301") == sent


def test_nothing_unprintable_reaches_a_terminal() -> None:
    assert safe("a\x1b[31m\r\nb\u202e") == r"a\x1b[31m\r\nb\u202e"
