"""What is put into an outbox is taken in order by the other thread, or refused and counted."""

from __future__ import annotations

import threading

from softswitch.telemetry.outbox import Outbox


def test_everything_arrives_in_order_while_both_sides_work() -> None:
    outbox: Outbox[int] = Outbox(1_000_000)
    taken: list[int] = []

    def work() -> None:
        while len(outbox) or not outbox.closing:
            outbox.wait(0.0)
            while batch := outbox.take(7):
                taken.extend(batch)

    thread = threading.Thread(target=work)
    thread.start()
    for number in range(50_000):
        assert outbox.put(number)
    outbox.close()
    thread.join(20.0)
    assert taken == list(range(50_000))


def test_sleeping_thread_is_woken_by_a_single_item() -> None:
    outbox: Outbox[str] = Outbox(10)
    taken: list[str] = []

    def work() -> None:
        outbox.wait(0.0)
        taken.extend(outbox.take(10))

    for word in ("first", "second"):
        thread = threading.Thread(target=work)
        thread.start()
        outbox.put(word)
        thread.join(10.0)
        assert not thread.is_alive()
    assert taken == ["first", "second"]


def test_full_and_closed_outboxes_refuse() -> None:
    outbox: Outbox[int] = Outbox(2)
    assert [outbox.put(number) for number in range(4)] == [True, True, False, False]
    assert outbox.take(10) == [0, 1]
    outbox.close()
    assert not outbox.put(5)
    assert outbox.refused == 3


def test_what_is_put_back_comes_first_again() -> None:
    outbox: Outbox[int] = Outbox(10)
    for number in range(5):
        outbox.put(number)
    outbox.put_back(outbox.take(3))
    assert outbox.take(10) == [0, 1, 2, 3, 4]
