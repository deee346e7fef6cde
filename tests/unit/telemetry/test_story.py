"""A story keeps a call's events in order, bounded, and draws its ladder."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

from softswitch.telemetry.log_sink import NullSink
from softswitch.telemetry.siptrace import label, render_ladder
from softswitch.telemetry.story import CLOSING, OPENING, REPEATED, Story, StoryLine

if TYPE_CHECKING:
    from softswitch.telemetry.log_format import LogLine


class Told:
    """Remembers what was told to the log."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    def put(self, line: LogLine) -> None:
        self.lines.append(line)


def story(sink: Told | None = None) -> Story:
    ticks = count(1000)
    return Story("call-1", sink or NullSink(), clock=lambda: float(next(ticks)))


def test_events_are_kept_in_order_and_told_with_their_level() -> None:
    told = Told()
    of = story(told)
    of.tell("call received", called="1001")
    of.warn("trunk failed", status=503)
    of.fail("script crashed")
    assert of.started_at == 1000.0
    assert of.lines == (
        StoryLine(1001.0, "call received", {"called": "1001"}),
        StoryLine(1002.0, "trunk failed", {"status": 503}),
        StoryLine(1003.0, "script crashed", {}),
    )
    assert [(line.level, line.call, line.event) for line in told.lines] == [
        ("info", "call-1", "call received"),
        ("warning", "call-1", "trunk failed"),
        ("error", "call-1", "script crashed"),
    ]


def test_fact_may_be_called_event() -> None:
    of = story()
    of.tell("noted", event="x", self="y")
    assert of.lines[0].facts == {"event": "x", "self": "y"}


def test_a_far_end_that_repeats_itself_does_not_fill_the_log() -> None:
    told = Told()
    now = 1000.0
    of = Story("call-1", told, clock=lambda: now)
    for _ in range(OPENING + CLOSING + 5000):
        of.tell("progress", status=183)
    assert len(told.lines) == OPENING + CLOSING + REPEATED
    of.tell("call ended")
    assert told.lines[-1].event == "call ended", "what is said once is always said"
    now += 1.0
    of.tell("progress", status=183)
    assert told.lines[-1].event == "progress"


def test_endless_call_keeps_its_beginning_and_its_end() -> None:
    of = story()
    for number in range(5000):
        of.tell("digit", number=number)
        of.message("a -> b", str(number))
    kept = [line.facts["number"] for line in of.lines]
    assert kept == [*range(OPENING), *range(5000 - CLOSING, 5000)]
    assert [int(message.label) for message in of.messages] == kept
    assert of.omitted == 2 * (5000 - OPENING - CLOSING)


def test_telling_is_cheap() -> None:
    of = Story("call-1", NullSink())
    best = 1.0
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(100):
            of.tell("leg answered", leg="a", codec="PCMA", seconds=1.0)
        best = min(best, time.perf_counter() - began)
    assert best / 100 < 10e-6


def test_ladder_is_aligned() -> None:
    of = story()
    of.message("trunk:carrier -> switch", "INVITE", "offer PCMA,PCMU")
    of.message("switch -> trunk:carrier", "100 (INVITE)")
    of.message("switch -> phone:1001", "INVITE", "offer PCMA")
    assert render_ladder(of) == (
        "   +0.000  trunk:carrier -> switch         INVITE        offer PCMA,PCMU\n"
        "   +1.000  switch        -> trunk:carrier  100 (INVITE)\n"
        "   +2.000  switch        -> phone:1001     INVITE        offer PCMA\n"
    )


def test_ladder_of_nothing_is_empty() -> None:
    assert render_ladder(story()) == ""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"INVITE sip:x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n", "INVITE"),
        (b"SIP/2.0 200 OK\r\nVia: x\r\nCSeq: 1 INVITE\r\n\r\n", "200 (INVITE)"),
        (b"SIP/2.0 180 Ringing\r\ncseq : 77   BYE \r\n\r\n", "180 (BYE)"),
        (b"SIP/2.0 404 Not Found\r\n\r\n", "404"),
        (b"SIP/2.0 404 Not Found\r\nCSeq: 5\r\n\r\n", "404"),
        (b"SIP/2.0 404 Not Found\r\nCSeq: 5 BYE", "404 (BYE)"),
        (b"", "?"),
        (b"\r\n\r\n", "?"),
        (b"\x00\xff\xfe garbage", "?"),
        (b"SIP/2.0", "?"),
        (b"A" * 5000, "A" * 32),
    ],
)
def test_messages_are_labelled_from_raw_bytes(data: bytes, expected: str) -> None:
    assert label(data) == expected
