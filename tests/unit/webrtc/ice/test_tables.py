"""Every state takes every input: by a row, or ignored for a reason."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from softswitch.webrtc.ice.state import AgentInput, AgentState, PairInput, PairState
from softswitch.webrtc.ice.table import AGENT, IGNORED_BY_AGENT, IGNORED_BY_PAIR, PAIR

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import IntEnum

    Rows = Mapping[tuple[int, int], object]


@pytest.mark.parametrize(
    ("table", "ignored", "states", "inputs"),
    [(AGENT, IGNORED_BY_AGENT, AgentState, AgentInput), (PAIR, IGNORED_BY_PAIR, PairState, PairInput)],
    ids=["agent", "pair"],
)
def test_tables_are_complete(table: Rows, ignored: Rows, states: type[IntEnum], inputs: type[IntEnum]) -> None:
    everything = set(itertools.product(list(states), list(inputs)))
    assert set(table) | set(ignored) == everything
    assert not set(table) & set(ignored)
    assert all(ignored.values())


@pytest.mark.parametrize("start", list(PairState))
def test_no_pair_is_stuck(start: PairState) -> None:
    """From every state a pair can come to succeed: the far end may come back at any time."""
    reached, grown = {start}, True
    while grown:
        more = {state for (before, _), (state, _) in PAIR.items() if before in reached} - reached
        reached |= more
        grown = bool(more)
    assert PairState.SUCCEEDED in reached
