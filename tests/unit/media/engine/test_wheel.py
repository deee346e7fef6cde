"""The wheel of milliseconds: everybody is served when due, in order, and nobody is lost when the worker is held up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from media.wheel_pieces import Turns

NOON = 1_000_000_000


def served(turns: Turns, again: dict[int, int] | None = None) -> list[int]:
    """Everybody who is due now; those in `again` go back with their period."""
    out = []
    while (owner := turns.take()) is not None:
        out.append(owner)
        if again and owner in again:
            turns.add(owner, again[owner])
    return out


def test_an_entry_is_served_once_and_not_before_its_time() -> None:
    turns = Turns(1)
    turns.at(NOON)
    assert turns.due() is None
    turns.add(0, 20)
    assert turns.due() == NOON + 20_000
    turns.at(NOON + 19_999)
    assert served(turns) == []
    assert turns.due() == NOON + 20_000
    turns.at(NOON + 20_000)
    assert served(turns) == [0]
    assert turns.due() is None
    turns.at(NOON + 200_000)
    assert served(turns) == []


def test_those_of_one_millisecond_keep_their_order_for_ever() -> None:
    turns = Turns(3)
    turns.at(NOON)
    for owner in (2, 0, 1):
        turns.add(owner, 20)
    for n in range(1, 50):
        turns.at(NOON + 20_000 * n)
        assert served(turns, {0: 20, 1: 20, 2: 20}) == [2, 0, 1]


def test_what_was_missed_is_caught_up_in_the_order_it_was_due() -> None:
    turns = Turns(2)
    turns.at(NOON)
    turns.add(0, 20)
    turns.add(1, 30)
    turns.at(NOON + 61_000)
    assert served(turns, {0: 20, 1: 20}) == [0, 1, 0, 1, 0]
    assert turns.due() == NOON + 70_000


def test_the_wheel_stands_still_while_the_worker_is_held_up_too_long() -> None:
    turns = Turns(2)
    turns.at(NOON)
    turns.add(0, 10)
    turns.add(1, 15)
    turns.at(NOON + 500_000)
    assert served(turns, {0: 20, 1: 20}) == []
    turns.at(NOON + 510_000)
    assert served(turns, {0: 20, 1: 20}) == [0]
    turns.at(NOON + 515_000)
    assert served(turns, {0: 20, 1: 20}) == [1]
    assert turns.due() == NOON + 530_000


def test_who_is_removed_is_not_served_even_by_one_of_the_same_millisecond() -> None:
    turns = Turns(3)
    turns.at(NOON)
    for owner in range(3):
        turns.add(owner, 5)
    turns.at(NOON + 5_000)
    assert turns.take() == 0
    turns.remove(1)
    turns.remove(1)
    assert not turns.waits(1)
    assert turns.take() == 2
    assert turns.take() is None


def test_beginners_are_spread_over_their_period() -> None:
    turns = Turns(40)
    turns.at(NOON)
    for owner in range(40):
        turns.begin(owner, 20)
    for millisecond in range(1, 21):
        turns.at(NOON + 1_000 * millisecond)
        assert len(served(turns)) == 2


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 63)), min_size=1, max_size=60),
    st.lists(st.integers(0, 300_000), min_size=1, max_size=60),
)
def test_nobody_is_lost_whatever_the_times(orders: list[tuple[int, int]], steps: list[int]) -> None:
    """Entries are added, moved and removed while time goes in steps of any size: each waits until served, once."""
    turns = Turns(6)
    now = NOON
    turns.at(now)
    waiting: dict[int, int] = {}
    for n, step in enumerate(steps):
        owner, delay = orders[n % len(orders)]
        if owner in waiting and delay % 3 == 0:
            turns.remove(owner)
            del waiting[owner]
        else:
            turns.add(owner, delay)
            waiting[owner] = now + delay * 1000
        assert {each for each in range(6) if turns.waits(each)} == set(waiting)
        now += step
        turns.at(now)
        for each in served(turns):
            assert waiting.pop(each) <= now // 1000 * 1000 + 999
    for _ in range(70):
        now += 1_000
        turns.at(now)
        for each in served(turns):
            del waiting[each]
    assert waiting == {}
    assert turns.due() is None


def test_who_is_served_next_can_be_foreseen() -> None:
    turns = Turns(5)
    turns.at(NOON)
    for owner, delay in enumerate([7, 7, 7, 8, 7]):
        turns.add(owner, delay)
    turns.at(NOON + 7_000)
    assert turns.take() == 0
    assert turns.ahead() == [1, 2, 4]
    turns.add(0, 20)
    assert turns.take() == 1
    assert turns.ahead() == [2, 4]
    assert [turns.take(), turns.take()] == [2, 4]
    assert turns.ahead() == []
