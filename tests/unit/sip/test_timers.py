"""The timer queue: order, cancelling, and that cancelled timers cost no memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.timers import TimerQueue, Timers


class Log:
    def __init__(self) -> None:
        self.fired: list[tuple[int, float]] = []

    def on_timer(self, kind: int, now: float) -> None:
        self.fired.append((kind, now))


def test_timers_fire_in_order_and_only_when_due() -> None:
    queue, log = TimerQueue(), Log()
    for kind, when in ((1, 3.0), (2, 1.0), (3, 2.0)):
        queue.start(when, log, kind)
    assert queue.next() == 1.0
    queue.fire_due(2.0)
    assert [kind for kind, _ in log.fired] == [2, 3]
    assert queue.next() == 3.0
    queue.fire_due(2.999)
    assert len(log.fired) == 2
    queue.fire_due(3.0)
    assert queue.next() is None
    assert len(queue) == 0


def test_a_cancelled_timer_never_fires_and_cancelling_again_is_harmless() -> None:
    queue, log = TimerQueue(), Log()
    timer = queue.start(1.0, log, 1)
    queue.cancel(timer)
    queue.cancel(timer)
    queue.cancel(0)
    assert queue.next() is None
    queue.fire_due(5.0)
    assert log.fired == []


def test_a_timer_started_while_firing_fires_in_the_same_turn_when_due() -> None:
    queue, log = TimerQueue(), Log()

    class Chain:
        def on_timer(self, kind: int, now: float) -> None:
            queue.start(now, log, 9)

    queue.start(1.0, Chain(), 1)
    queue.fire_due(1.0)
    assert log.fired == [(9, 1.0)]


def test_cancelled_timers_do_not_pile_up() -> None:
    queue, log = TimerQueue(), Log()
    for number in range(50_000):
        queue.cancel(queue.start(32.0 + number, log, 1))
        if number % 100 == 0:
            queue.start(32.0 + number, log, 2)
    assert len(queue) == 500
    assert queue.held <= 2 * 500 + 65


@given(st.lists(st.tuples(st.integers(0, 10_000), st.booleans()), max_size=300))
def test_whatever_is_not_cancelled_fires_once_in_order(plan: list[tuple[int, bool]]) -> None:
    queue, log = TimerQueue(), Log()
    started = [(queue.start(when / 100, log, kind), when, kept) for kind, (when, kept) in enumerate(plan)]
    for timer, _, kept in started:
        if not kept:
            queue.cancel(timer)
    expected = sorted((when / 100, kind) for kind, (when, kept) in enumerate(plan) if kept)
    while (due := queue.next()) is not None:
        queue.fire_due(due)
    assert [(when, kind) for kind, when in log.fired] == expected


def test_a_clock_that_wakes_up_a_tick_early_does_not_spin() -> None:
    queue, log = TimerQueue(), Log()
    queue.start(1000.1 + 0.5, log, 1)
    queue.fire_due(1000.6 - 1e-9)
    assert log.fired == [(1, 1000.6 - 1e-9)]
    assert queue.next() is None


def test_derived_timers() -> None:
    assert Timers().timeout == 32.0
    assert Timers(t1=0.1).timeout == 6.4
