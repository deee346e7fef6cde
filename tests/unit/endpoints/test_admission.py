"""The node takes as many calls as it can carry, refuses the rest, and recovers by itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from softswitch.endpoints.admission import BUSY_LOOKS, LATE_TICKS, Admission, Envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND = 1_000_000_000


def admission(**envelope: float) -> Admission:
    return Admission(Envelope(**envelope), is_emergency=lambda called: called == "112")  # type: ignore[arg-type]


def test_calls_at_once() -> None:
    node = admission(calls=2, retry_after=7)
    for _ in range(2):
        assert node.refusal("1001", 0.0) is None
        node.entered(0.0)
    assert node.refusal("1001", 0.0) == 7
    assert node.reached == "calls"
    assert "limits.max_calls" in node.why
    node.left()
    assert node.refusal("1001", 0.0) is None
    assert node.refused == {"calls": 1}


def test_calls_a_second() -> None:
    node = admission(calls_per_second=3)
    taken = []
    for _ in range(4):
        taken.append(node.refusal("1001", 5.0) is None)
        if taken[-1]:
            node.entered(5.0)
    assert taken == [True, True, True, False]
    assert node.refusal("1001", 5.99) == 10
    assert node.refusal("1001", 6.0) is None
    assert node.refused == {"rate": 2}
    assert node.reached is None, "a rate that is used up for a moment makes no node unready"


def test_invites_that_become_no_calls_use_up_nothing() -> None:
    node = admission(calls_per_second=3)
    assert [node.refusal("1001", 5.0) for _ in range(1000)] == [None] * 1000


def test_a_loop_that_stays_late_keeps_calls_out_until_it_is_in_time() -> None:
    node = admission(loop_lag=0.5)
    for _ in range(LATE_TICKS - 1):
        node.observe(0.6, (), 0.0)
        assert node.refusal("1001", 0.0) is None, "once late is not overloaded"
    node.observe(0.6, (), 0.0)
    assert node.refusal("1001", 0.0) == 10
    node.observe(0.1, (), 0.0)
    assert node.refusal("1001", 0.0) is None


def looks(node: Admission, *shares: Sequence[float]) -> None:
    """Four a second, each worker with its share of a core since the last one."""
    spent = [0.0] * len(shares[0])
    for number, each in enumerate(shares):
        spent = [before + share * SECOND / 4 for before, share in zip(spent, each, strict=True)]
        node.observe(0.0, tuple(map(int, spent)), number / 4)


def test_busy_media_workers_keep_calls_out() -> None:
    node = admission(media_load=0.9)
    looks(node, *[(0.97, 0.95)] * (BUSY_LOOKS + 1))
    assert node.reached == "media_load"
    assert node.refusal("1001", 0.0) == 10


@pytest.mark.parametrize(
    "shares",
    [
        [(0.97, 0.5)] * (BUSY_LOOKS + 1),
        [(0.97, 0.97)] * BUSY_LOOKS,
        [(0.97, 0.97)] * (BUSY_LOOKS // 2) + [(0.5, 0.5)] * BUSY_LOOKS,
    ],
    ids=["one worker has room", "not for long enough", "not any more"],
)
def test_room_on_a_media_worker_is_room(shares: list[tuple[float, float]]) -> None:
    node = admission(media_load=0.9)
    looks(node, *shares)
    assert node.refusal("1001", 0.0) is None


def test_emergency_calls_are_always_taken() -> None:
    node = admission(calls=1, calls_per_second=1)
    node.entered(0.0)
    assert node.refusal("112", 0.0) is None
    for _ in range(LATE_TICKS):
        node.observe(9.0, (), 0.0)
    assert [node.refusal("112", 0.0) for _ in range(5)] == [None] * 5
    assert node.refused == {}


def test_it_is_told_once_an_interval_with_how_many(caplog: pytest.LogCaptureFixture) -> None:
    node = admission(calls=0)
    with caplog.at_level(logging.WARNING):
        for second in range(200):
            node.refusal("1001", float(second))
    assert len(caplog.records) == 4
    assert "limits.max_calls" in caplog.messages[0]
    assert "60 refused since" in caplog.messages[1]
