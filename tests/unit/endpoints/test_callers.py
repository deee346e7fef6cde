"""What one caller may do over trunks in a day, and at once."""

from __future__ import annotations

from softswitch.endpoints.callers import CallerLedger, CallerLimits

DAY = 86_400.0


def ledger(capacity: int = 100, **limits: float) -> CallerLedger:
    return CallerLedger(CallerLimits(**limits), lambda time: int(time // DAY), capacity)  # type: ignore[arg-type]


def test_calls_at_once() -> None:
    callers = ledger(concurrent=2)
    assert [callers.begin(call, "phone:1", "123", 0.0) for call in "abc"] == [None, None, "concurrent"]
    assert callers.begin("d", "phone:2", "123", 0.0) is None
    callers.end("a", 5.0, 10.0)
    callers.end("a", 5.0, 10.0)
    assert [callers.begin(call, "phone:1", "123", 20.0) for call in "ef"] == [None, "concurrent"]


def test_a_call_counts_once_however_many_trunks_it_tries() -> None:
    callers = ledger(concurrent=1, calls_per_day=1)
    assert [callers.begin("a", "phone:1", "123", 0.0) for _ in range(3)] == [None] * 3
    assert callers.begin("b", "phone:1", "123", 0.0) == "concurrent"


def test_a_call_that_is_transferred_on_and_on_is_several_of_the_day() -> None:
    callers = ledger(concurrent=1, calls_per_day=2)
    assert [callers.begin("a", "phone:1", number, 0.0) for number in ("1", "2", "3", "1")] == [
        None, None, "calls_per_day", None
    ]  # fmt: skip


def test_who_transfers_somebody_elses_call_has_one_more_at_a_time() -> None:
    callers = ledger(concurrent=1)
    assert callers.begin("a", "phone:1", "123", 0.0) is None
    assert callers.begin("b", "phone:2", "123", 0.0) is None
    assert callers.begin("a", "phone:2", "456", 1.0) == "concurrent"
    callers.end("b", 0.0, 2.0)
    assert callers.begin("a", "phone:2", "456", 3.0) is None
    assert callers.begin("c", "phone:2", "123", 4.0) == "concurrent"
    callers.end("a", 60.0, 5.0)
    assert [callers.begin(call, who, "1", 6.0) for call, who in (("d", "phone:1"), ("e", "phone:2"))] == [None, None]


def test_calls_and_minutes_of_a_day_come_back_at_midnight() -> None:
    callers = ledger(calls_per_day=2, minutes_per_day=10)
    for call in "ab":
        assert callers.begin(call, "phone:1", "123", 100.0) is None
        callers.end(call, 60.0, 200.0)
    assert callers.begin("c", "phone:1", "123", DAY - 1) == "calls_per_day"
    assert callers.begin("d", "phone:1", "123", DAY) is None
    callers.end("d", 601.0, DAY + 700)
    assert callers.begin("e", "phone:1", "123", DAY + 800) == "minutes_per_day"
    assert callers.begin("f", "phone:1", "123", 2 * DAY) is None


def test_a_call_over_midnight_still_counts_as_one_at_a_time() -> None:
    callers = ledger(concurrent=1)
    callers.begin("a", "phone:1", "123", DAY - 1)
    assert callers.begin("b", "phone:1", "123", DAY + 1) == "concurrent"


def test_what_was_used_before_a_restart_counts() -> None:
    callers = ledger(calls_per_day=3, minutes_per_day=10)
    callers.restore("phone:1", 2, 100.0, 50.0)
    callers.restore("phone:2", 1, 600.0, 50.0)
    assert [callers.begin(call, "phone:1", "123", 60.0) for call in "ab"] == [None, "calls_per_day"]
    assert callers.begin("c", "phone:2", "123", 60.0) == "minutes_per_day"


def test_an_emergency_call_is_counted_and_never_refused() -> None:
    callers = ledger(concurrent=1)
    assert callers.begin("a", "phone:1", "123", 0.0) is None
    assert callers.begin("b", "phone:1", "123", 0.0, regardless=True) is None
    callers.end("b", 1.0, 1.0)
    assert callers.begin("c", "phone:1", "123", 1.0) == "concurrent"


def test_memory_is_bounded_and_running_calls_are_kept() -> None:
    callers = ledger(capacity=3, concurrent=1)
    callers.begin("running", "phone:0", "123", 0.0)
    for number in range(1, 50):
        callers.begin(str(number), f"phone:{number}", "123", 0.0)
        callers.end(str(number), 0.0, 0.0)
    assert len(callers._used) <= 3
    assert callers.begin("x", "phone:0", "123", 0.0) == "concurrent"


def test_room_is_made_for_several_at_a_time() -> None:
    callers = ledger(capacity=1000, concurrent=1)
    for number in range(1001):
        callers.begin(str(number), f"phone:{number}", "123", 0.0)
        callers.end(str(number), 0.0, 0.0)
    kept = len(callers._used)
    assert 900 < kept < 1000, "everybody is looked at again for the next new caller"
    assert "phone:1000" in callers._used


def test_without_limits_nothing_is_kept() -> None:
    callers = ledger()
    assert callers.begin("a", "phone:1", "123", 0.0) is None
    callers.end("a", 1.0, 1.0)
    assert not callers._used
