"""Timestamps as moments: by arrival, then by sender reports, and never absurd."""

from __future__ import annotations

import pytest

from media.record.video.moments import Moments

SECOND = 1_000_000_000


def test_before_a_report_the_first_arrival_counts() -> None:
    moments = Moments()
    assert moments.of(900_000, 5 * SECOND) == 5 * SECOND
    assert moments.of(990_000, 6 * SECOND + 300) == 6 * SECOND
    assert moments.of(855_000, 7 * SECOND) == 4 * SECOND + SECOND // 2


def test_a_report_says_better() -> None:
    moments = Moments()
    moments.of(900_000, 5 * SECOND)
    moments.report(900_000, 5 * SECOND - 70)
    assert moments.of(990_000, 6 * SECOND) == 6 * SECOND - 70


@pytest.mark.parametrize("timestamp", [2**32 - 45_000, 2**31 - 45_000])
def test_timestamps_wrap(timestamp: int) -> None:
    moments = Moments()
    moments.of(timestamp, SECOND)
    assert moments.of((timestamp + 90_000) % 2**32, 2 * SECOND) == 2 * SECOND


def test_it_lasts_for_days() -> None:
    moments = Moments()
    for hour in range(60):
        assert moments.of(hour * 3600 * 90_000 % 2**32, hour * 3600 * SECOND) == hour * 3600 * SECOND


def test_a_clock_set_anew_is_followed() -> None:
    moments = Moments()
    moments.of(0, SECOND)
    assert moments.of(2**31 - 1, 2 * SECOND) == 2 * SECOND
    moments.report(77, 900 * SECOND)
    assert moments.of(77, 3 * SECOND) == 3 * SECOND
