"""Rates and locks hold per source, and forged sources cannot fill memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from softswitch.endpoints.throttle import FailureLocks, LockPolicy, TokenBuckets


def test_burst_then_rate() -> None:
    buckets = TokenBuckets(rate=2.0, burst=3.0)
    assert [buckets.take("a", 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert [buckets.take("a", 1.0) for _ in range(3)] == [True, True, False]
    assert buckets.take("b", 1.0)


@given(st.lists(st.floats(0.0, 2.0), max_size=200))
def test_never_more_than_burst_plus_rate(pauses: list[float]) -> None:
    buckets = TokenBuckets(rate=5.0, burst=10.0)
    now = taken = 0.0
    for pause in pauses:
        now += pause
        taken += buckets.take("a", now)
    assert taken <= 10.0 + 5.0 * now + 1e-6


def test_buckets_are_bounded_and_the_idle_one_goes_first() -> None:
    buckets = TokenBuckets(rate=0.0, burst=1.0, capacity=3)
    for source in "abc":
        buckets.take(source, 0.0)
    buckets.take("a", 0.0)
    buckets.take("d", 0.0)
    assert len(buckets) == 3
    assert not buckets.take("a", 0.0), "a was used after b and must be remembered"
    assert buckets.take("b", 0.0), "b was idle longest and is forgotten"


def test_lock_grows_to_its_limit() -> None:
    locks = FailureLocks(LockPolicy(attempts=3, first=2.0, longest=10.0))
    assert [locks.failed("a", 0.0) for _ in range(7)] == [0.0, 0.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_lock_ends_and_the_next_failure_locks_longer() -> None:
    locks = FailureLocks(LockPolicy(attempts=1, first=2.0, longest=60.0))
    locks.failed("a", 100.0)
    assert locks.locked_for("a", 101.5) == 0.5
    assert locks.locked_for("a", 102.0) == 0.0
    assert locks.locked_for("b", 101.0) == 0.0
    assert locks.failed("a", 102.0) == 4.0


def test_failures_are_forgiven_after_a_while() -> None:
    locks = FailureLocks(LockPolicy(attempts=2, first=2.0, forgiven_after=100.0))
    locks.failed("a", 0.0)
    assert locks.failed("a", 101.0) == 0.0
    assert locks.failed("a", 102.0) == 2.0


def test_locks_are_bounded() -> None:
    locks = FailureLocks(capacity=10)
    for number in range(1000):
        locks.failed(str(number), 0.0)
    assert len(locks) == 10


def test_all_addresses_of_a_household_are_one_source() -> None:
    locks = FailureLocks(LockPolicy(attempts=3))
    for address in ("2001:db8:0:7::1", "2001:db8:0:7:2:3:4:5", "2001:db8:0:7:ffff:ffff:ffff:ffff"):
        locks.failed(address, 0.0)
    assert locks.locked_for("2001:db8:0:7::9", 0.0) == 1.0
    assert locks.locked_for("2001:DB8:0:7::1", 0.0) == 1.0
    assert locks.locked_for("2001:db8:0:8::1", 0.0) == 0.0
    assert len(locks) == 1
    for address in ("198.51.100.7", "198.51.100.8", "::ffff:198.51.100.9", "fe80::1%eth0"):
        locks.failed(address, 0.0)
    assert len(locks) == 5
