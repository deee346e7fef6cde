"""Legs are counted by endpoint, and only limited endpoints are ever full."""

from __future__ import annotations

import pytest

from softswitch.b2bua.channels import Channels


def test_a_limit_is_reached_and_left() -> None:
    channels = Channels({"trunk:a": 2, "trunk:b": None})
    assert not channels.full("trunk:a")
    channels.enter("trunk:a")
    channels.enter("trunk:a")
    assert channels.full("trunk:a")
    assert channels.used("trunk:a") == 2
    channels.leave("trunk:a")
    assert not channels.full("trunk:a")


@pytest.mark.parametrize("name", ["trunk:b", "phone:1001"])
def test_without_a_limit_nothing_is_full(name: str) -> None:
    channels = Channels({"trunk:b": None})
    for _ in range(1000):
        channels.enter(name)
    assert not channels.full(name)
    assert channels.used(name) == 1000


def test_names_that_nobody_uses_take_no_memory() -> None:
    channels = Channels()
    channels.enter("phone:1")
    channels.leave("phone:1")
    assert channels.used("phone:1") == 0
    assert not channels._used
