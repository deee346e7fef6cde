"""When a guest may call over a link: every rule by itself, which of several is told, and clocks that change."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.contact_center.call_link import (
    FOR_GOOD,
    CallLink,
    Kind,
    Refusal,
    Routing,
    Traffic,
    Use,
    Validity,
    refusal,
)
from softswitch.time_condition import TimeCondition

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
NOBODY = Traffic(most=10)
FRESH = Use()


def at(text: str, zone: ZoneInfo = BERLIN, *, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def link(
    validity: Validity = Validity.EXPIRATION,
    *,
    start: str = "2026-01-05T00:00",
    end: str = "2026-12-31T00:00",
    hours: TimeCondition | None = None,
    max_calls: int | None = None,
) -> CallLink:
    return CallLink(
        id="1",
        identity="+49891234567",
        kind=Kind.AUDIO,
        validity=validity,
        routing=Routing.EXISTING_RULES,
        destination="support",
        created_at=at(start),
        valid_from=at(start),
        valid_until=at(end),
        hours=hours,
        max_calls=1 if validity is Validity.ONE_TIME else max_calls,
    )


NOON = at("2026-06-01T12:00")


@pytest.mark.parametrize(
    ("validity", "use", "traffic", "expected"),
    [
        (Validity.ONE_TIME, FRESH, NOBODY, None),
        (Validity.ONE_TIME, FRESH, Traffic(1, 1, 10), Refusal.IN_USE),
        (Validity.ONE_TIME, Use(1), Traffic(1, 0, 10), Refusal.IN_USE),
        (Validity.ONE_TIME, Use(1), NOBODY, Refusal.USED),
        (Validity.EXPIRATION, Use(500), NOBODY, None),
        (Validity.EXPIRATION, FRESH, Traffic(9, 9, 10), None),
        (Validity.EXPIRATION, FRESH, Traffic(10, 0, 10), Refusal.BUSY),
        (Validity.TIME_FRAME, Use(7), Traffic(3, 0, 10), None),
        (Validity.TIME_FRAME, Use(0, NOON - 1), NOBODY, Refusal.REVOKED),
        (Validity.ONE_TIME, Use(1, NOON - 1), Traffic(1, 0, 10), Refusal.REVOKED),
    ],
)
def test_what_was_done_with_a_link_decides(
    validity: Validity, use: Use, traffic: Traffic, expected: Refusal | None
) -> None:
    assert refusal(link(validity), use, traffic, NOON) is expected


@pytest.mark.parametrize(
    ("use", "traffic", "expected"),
    [
        (Use(2), NOBODY, None),
        (Use(3), NOBODY, Refusal.USED_UP),
        (Use(3), Traffic(2, 0, 10), Refusal.USED_UP),
        (Use(2), Traffic(1, 1, 10), Refusal.BUSY),  # should it be answered, it was the last
        (Use(2), Traffic(2, 0, 10), None),
    ],
)
def test_a_link_is_good_for_so_many_calls(use: Use, traffic: Traffic, expected: Refusal | None) -> None:
    assert refusal(link(max_calls=3), use, traffic, NOON) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-01T09:59:59", Refusal.NOT_YET_VALID),
        ("2026-03-01T10:00", None),
        ("2026-03-01T10:29:59", None),
        ("2026-03-01T10:30", Refusal.EXPIRED),
        ("2027-03-01T10:30", Refusal.EXPIRED),
    ],
)
def test_a_time_frame_has_a_beginning_and_an_end(moment: str, expected: Refusal | None) -> None:
    framed = link(Validity.TIME_FRAME, start="2026-03-01T10:00", end="2026-03-01T10:30")

    assert refusal(framed, FRESH, NOBODY, at(moment)) is expected


WEEKDAYS = frozenset(range(5))


@pytest.mark.parametrize(
    ("moment", "zone", "open_"),
    [
        ("2026-06-01T08:59", BERLIN, False),
        ("2026-06-01T09:00", BERLIN, True),
        ("2026-06-01T16:59", BERLIN, True),
        ("2026-06-01T17:00", BERLIN, False),
        ("2026-06-06T12:00", BERLIN, False),  # a Saturday
        ("2026-06-01T03:30", NEW_YORK, True),  # 09:30 in Berlin
        ("2026-06-01T12:00", NEW_YORK, False),
        # The clocks go forward in New York three weeks before they do in Berlin: five hours lie between, not six.
        ("2026-03-09T04:30", NEW_YORK, True),
        ("2026-03-09T03:30", NEW_YORK, False),
    ],
)
def test_hours_are_those_of_the_place_where_calls_are_taken(moment: str, zone: ZoneInfo, open_: bool) -> None:
    office = link(hours=TimeCondition(BERLIN, WEEKDAYS, 9 * 60, 17 * 60))

    found = refusal(office, FRESH, NOBODY, at(moment, zone))

    assert found is (None if open_ else Refusal.OUTSIDE_HOURS)


def test_an_hour_that_comes_twice_is_open_twice_and_one_that_does_not_come_never_was() -> None:
    night = link(hours=TimeCondition(BERLIN, start=2 * 60, end=3 * 60))

    def open_at(moment: float) -> bool:
        return refusal(night, FRESH, NOBODY, moment) is None

    # 25 October 2026: from 02:00 to 03:00 twice.
    assert open_at(at("2026-10-25T02:30", fold=0))
    assert open_at(at("2026-10-25T02:30", fold=1))
    assert at("2026-10-25T02:30", fold=1) - at("2026-10-25T02:30", fold=0) == 3600
    # 29 March 2026: 01:59 is followed by 03:00.
    second = at("2026-03-29T01:59:59")
    assert not open_at(second)
    assert not open_at(second + 1)


def test_a_period_is_of_moments_whatever_the_clocks_do_meanwhile() -> None:
    day = link(start="2026-10-24T12:00", end="2026-10-25T12:00")

    assert day.valid_until - day.valid_from == 25 * 3600
    assert refusal(day, FRESH, NOBODY, at("2026-10-25T11:59")) is None


@given(
    validity=st.sampled_from(Validity),
    calls=st.integers(0, 3),
    revoked=st.booleans(),
    running=st.integers(0, 3),
    hours=st.sampled_from([None, TimeCondition(BERLIN, WEEKDAYS, 540, 1020)]),
    moments=st.lists(st.floats(at("2025-12-01T00:00"), at("2027-02-01T00:00")), min_size=2, max_size=2).map(sorted),
)
def test_what_is_over_for_good_stays_over(
    validity: Validity,
    calls: int,
    revoked: bool,
    running: int,
    hours: TimeCondition | None,
    moments: list[float],
) -> None:
    this = link(validity, hours=hours, max_calls=2)
    use = Use(calls, NOON if revoked else None)

    before = refusal(this, use, Traffic(running, 0, 10), moments[0])
    after = refusal(this, use, NOBODY, moments[1])

    if before in FOR_GOOD:
        assert after in FOR_GOOD


def test_every_refusal_has_a_code_of_its_own_and_a_sentence() -> None:
    assert len({each.code for each in Refusal}) == len(Refusal)
    assert all(each.text.endswith(".") and each.text[0].isupper() for each in Refusal)
