"""Time of day: across midnight, on the days the clocks change, and in other zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.dialplan.moment import parse_moment
from softswitch.time_condition import TimeCondition

BERLIN = ZoneInfo("Europe/Berlin")
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def when(text: str) -> datetime:
    return parse_moment(text, BERLIN)


def condition(start: str, end: str, *days: int, zone: ZoneInfo = BERLIN) -> TimeCondition:
    def minute(text: str) -> int:
        hours, minutes = text.split(":")
        return int(hours) * 60 + int(minutes)

    return TimeCondition(zone, frozenset(days or range(7)), minute(start), minute(end))


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-01-05T07:59", False),
        ("2026-01-05T08:00", True),
        ("2026-01-05T17:59", True),
        ("2026-01-05T18:00", False),
        ("2026-01-10T12:00", False),
    ],
)
def test_office_hours(moment: str, open_: bool) -> None:
    assert condition("08:00", "18:00", MON, TUE, WED, THU, FRI).fits(when(moment)) is open_


@pytest.mark.parametrize(
    ("moment", "night"),
    [
        ("2026-01-09T21:59", False),  # Friday
        ("2026-01-09T22:00", True),
        ("2026-01-10T05:59", True),  # Saturday morning is Friday's night
        ("2026-01-10T06:00", False),
        ("2026-01-10T22:30", False),  # Saturday's own night is not in
        ("2026-01-09T03:00", False),  # Friday morning is Thursday's night
    ],
)
def test_past_midnight_belongs_to_the_day_it_starts_on(moment: str, night: bool) -> None:
    assert condition("22:00", "06:00", FRI).fits(when(moment)) is night


def test_until_midnight() -> None:
    evening = condition("18:00", "24:00", SUN)
    assert evening.fits(when("2026-01-11T23:59"))
    assert not evening.fits(when("2026-01-12T00:00"))


def test_the_hour_that_is_skipped_in_spring() -> None:
    """2026-03-29 in Berlin: 02:00 becomes 03:00. A window inside the gap is never met that day."""
    gap = condition("02:00", "03:00")
    start = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    assert not any(gap.fits(start + timedelta(minutes=minute)) for minute in range(4 * 60))
    assert gap.fits(when("2026-03-30T02:30"))


def test_the_hour_that_comes_twice_in_autumn() -> None:
    """2026-10-25 in Berlin: 03:00 becomes 02:00. Both passes count."""
    twice = condition("02:00", "03:00")
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    assert sum(twice.fits(start + timedelta(minutes=minute)) for minute in range(3 * 60)) == 120


def test_the_night_of_a_change_keeps_its_ends() -> None:
    night = condition("22:00", "06:00", SAT)
    assert night.fits(datetime(2026, 3, 29, 3, 59, tzinfo=UTC))  # 05:59 summer time
    assert not night.fits(datetime(2026, 3, 29, 4, 0, tzinfo=UTC))
    assert night.fits(datetime(2026, 10, 25, 4, 59, tzinfo=UTC))  # 05:59 winter time
    assert not night.fits(datetime(2026, 10, 25, 5, 0, tzinfo=UTC))


def test_the_zone_decides_the_day() -> None:
    kolkata = condition("00:00", "24:00", TUE, zone=ZoneInfo("Asia/Kolkata"))
    assert kolkata.fits(datetime(2026, 1, 5, 19, 0, tzinfo=UTC))
    assert not kolkata.fits(datetime(2026, 1, 5, 18, 0, tzinfo=UTC))


moments = st.datetimes(datetime(2000, 1, 2), datetime(2050, 1, 1), timezones=st.sampled_from([UTC, BERLIN]))  # noqa: DTZ001


@given(moments, st.integers(0, 1439), st.integers(0, 1440))
def test_a_window_and_its_complement_share_the_day(at: datetime, start: int, end: int) -> None:
    if start == end % 1440:
        return
    inside = TimeCondition(BERLIN, start=start, end=end)
    outside = TimeCondition(BERLIN, start=end % 1440, end=start or 1440)
    assert inside.fits(at) != outside.fits(at)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-24T18:05 Europe/Berlin", datetime(2026, 12, 24, 18, 5, tzinfo=BERLIN)),
        ("2026-12-24 18:05 America/New_York", datetime(2026, 12, 24, 18, 5, tzinfo=ZoneInfo("America/New_York"))),
        ("2026-12-24T18:05", datetime(2026, 12, 24, 18, 5, tzinfo=BERLIN)),
        ("2026-12-24 18:05", datetime(2026, 12, 24, 18, 5, tzinfo=BERLIN)),
        ("2026-12-24T18:05Z", datetime(2026, 12, 24, 18, 5, tzinfo=UTC)),
        ("2026-12-24T18:05+05:30", datetime(2026, 12, 24, 12, 35, tzinfo=UTC)),
        ("2026-12-24", datetime(2026, 12, 24, tzinfo=BERLIN)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert parse_moment(text, BERLIN) == moment


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-13-01T00:00", "18:05", "2026-12-24T18:05 Europe/Berln", "2026-12-24T25:00"]
)
def test_moments_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a "):
        parse_moment(text, BERLIN)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_refused_in_words(text: str) -> None:
    try:
        assert parse_moment(text, BERLIN).tzinfo is not None
    except ValueError as error:
        assert str(error).startswith("expected a ")  # noqa: PT017
