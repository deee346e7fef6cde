"""Legs are counted by endpoint, and only limited endpoints ever refuse one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.b2bua.channels import CallRate, Capacity, Channels


def test_a_limit_is_reached_and_left() -> None:
    channels = Channels({"trunk:a": Capacity(2), "trunk:b": Capacity()})
    assert channels.refusal("trunk:a", "inbound", 0.0) is None
    channels.enter("trunk:a")
    channels.enter("trunk:a")
    assert channels.refusal("trunk:a", "inbound", 0.0) == "channels"
    assert channels.refusal("trunk:a", "outbound", 0.0) == "channels"
    assert channels.used("trunk:a") == 2
    channels.leave("trunk:a")
    assert channels.refusal("trunk:a", "outbound", 0.0) is None
    assert channels.refused == {("trunk:a", "channels"): 2}


@pytest.mark.parametrize("name", ["trunk:b", "phone:1001"])
def test_without_a_limit_nothing_is_full(name: str) -> None:
    channels = Channels({"trunk:b": Capacity()})
    for _ in range(1000):
        channels.enter(name)
        assert channels.refusal(name, "outbound", 0.0) is None
    assert channels.used(name) == 1000
    assert channels.refused == {}


def test_names_that_nobody_uses_take_no_memory() -> None:
    channels = Channels()
    channels.enter("phone:1")
    channels.leave("phone:1")
    assert channels.used("phone:1") == 0
    assert not channels._used


def test_the_rate_is_of_each_direction_by_itself() -> None:
    channels = Channels({"trunk:a": Capacity(calls_per_second=2)})
    assert [channels.refusal("trunk:a", "inbound", 10.0) for _ in range(3)] == [None, None, "rate"]
    assert [channels.refusal("trunk:a", "outbound", 10.0) for _ in range(3)] == [None, None, "rate"]
    assert channels.refusal("trunk:a", "inbound", 11.0) is None
    assert channels.refused == {("trunk:a", "rate"): 2}


def test_a_full_trunk_uses_up_no_rate() -> None:
    channels = Channels({"trunk:a": Capacity(1, 1)})
    channels.enter("trunk:a")
    assert channels.refusal("trunk:a", "inbound", 0.0) == "channels"
    channels.leave("trunk:a")
    assert channels.refusal("trunk:a", "inbound", 0.1) is None


@given(
    most=st.integers(1, 8),
    gaps=st.lists(st.integers(0, 700), max_size=80),
)
def test_no_second_ever_has_more_than_the_rate_and_none_is_refused_that_fits(most: int, gaps: list[int]) -> None:
    """In whole 1024ths of a second, which numbers of the machine hold, so that what fits can be told exactly."""
    rate, now, taken = CallRate(most), 0, []
    for gap in gaps:
        now += gap
        in_the_last_second = sum(now - each < 1024 for each in taken)
        fits = rate.take(now / 1024)
        assert fits == (in_the_last_second < most)
        if fits:
            taken.append(now)
