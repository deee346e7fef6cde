"""Cumulative counters and what happened between two readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality.counters import NOTHING, Delta, Fault, StreamCounters, difference, fault


def counters(expected: int, lost: int = 0, discarded: int = 0, events: int = 0, jitter: float = 0.0) -> StreamCounters:
    return StreamCounters(expected, expected - lost, lost, discarded, events, jitter, 0)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (counters(250, 2, 1, 1), counters(500, 5, 3, 3), Delta(250, 3, 2, 2)),
        (counters(500, 5, 3, 3), counters(500, 5, 3, 3), Delta(0, 0, 0, 0)),
        (counters(500, 5), counters(750, 3), Delta(250, 0, 0, 0)),
        (counters(500, 5, 2, 4), counters(100, 1, 0, 1), Delta(100, 1, 0, 1)),
        (counters(500, 0), counters(510, 90), Delta(10, 10, 0, 0)),
        (counters(500, 0, 0), counters(510, 4, 90), Delta(10, 4, 6, 0)),
        (counters(500, 5, 5, 5), counters(600, 5, 2, 3), Delta(100, 0, 0, 0)),
    ],
    ids=["plain", "nothing new", "late arrivals", "new stream", "lost clamped", "discards clamped", "shrunk"],
)
def test_difference(before: StreamCounters, after: StreamCounters, expected: Delta) -> None:
    assert difference(before, after) == expected


@pytest.mark.parametrize(
    ("after", "limit", "found"),
    [
        (counters(250, 3), 300, None),
        (counters(250, 251), None, Fault.LOST_MORE_THAN_EXPECTED),
        (counters(-1), None, Fault.NEGATIVE),
        (counters(250, 0, -1), None, Fault.NEGATIVE),
        (counters(250, jitter=-1.0), None, Fault.NEGATIVE),
        (counters(250, jitter=float("nan")), None, Fault.NEGATIVE),
        (counters(100_000, 5), 300, Fault.TOO_MANY),
        (counters(100_000, 5), None, None),
        (counters(250, -3), 300, None),
    ],
)
def test_fault_of_a_first_report(after: StreamCounters, limit: int | None, found: Fault | None) -> None:
    assert fault(NOTHING, after, limit) is found


def test_a_report_may_not_lose_more_than_it_expects_since_the_last_one() -> None:
    assert fault(counters(1000, 0), counters(1010, 11), None) is Fault.LOST_MORE_THAN_EXPECTED
    assert fault(counters(1000, 0), counters(1010, 10), None) is None


WILD = st.builds(
    StreamCounters,
    st.integers(-(2**40), 2**40),
    st.integers(-(2**40), 2**40),
    st.integers(-(2**40), 2**40),
    st.integers(-(2**40), 2**40),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.integers(),
)


@given(st.lists(WILD.filter(lambda c: c.expected >= 0), min_size=1, max_size=10))
def test_no_reading_makes_a_count_leave_its_range(readings: list[StreamCounters]) -> None:
    before = NOTHING
    for after in readings:
        delta = difference(before, after)
        assert delta.lost >= 0
        assert delta.discarded >= 0
        assert delta.lost + delta.discarded <= delta.expected
        before = after
