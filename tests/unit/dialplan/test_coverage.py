"""Rules that can never decide: named only when it is certain."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.dialplan.coverage import unreachable
from softswitch.dialplan.match import CallFacts, decide
from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.route import Answer, Route
from softswitch.dialplan.rules import UTC, Dialplan, NumberCondition, Rule, SourceCondition
from softswitch.time_condition import TimeCondition

PHONE = SourceCondition(kinds=frozenset({"phone"}))
ANY = SourceCondition(kinds=frozenset({"trunk", "phone", "guest"}))
ONE = SourceCondition(names=frozenset({"phone:1"}))
CARRIER = SourceCondition(names=frozenset({"trunk:c"}))
GERMAN = NumberCondition(prefixes=("+49",))
BERLIN_CITY = NumberCondition(prefixes=("+4930",))
PATTERN = NumberCondition(patterns=(re.compile(r"\d+"),))
OFFICE = TimeCondition(UTC, frozenset(range(5)), 480, 1080)


def rule(
    source: SourceCondition | None = None,
    called: NumberCondition | None = None,
    caller: NumberCondition | None = None,
    time: TimeCondition | None = None,
) -> Rule:
    return Rule(Route("r", (Answer(),)), source, called, caller, time)


def pairs(*rules: Rule, phones: tuple[str, ...] = ("1", "2")) -> list[tuple[int, int]]:
    return unreachable(Dialplan(rules, Numbering(), frozenset(phones)))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (rule(), rule(PHONE, GERMAN)),
        (rule(PHONE), rule(ONE)),
        (rule(ANY), rule()),
        (rule(called=GERMAN), rule(called=BERLIN_CITY)),
        (rule(called=GERMAN), rule(PHONE, NumberCondition(frozenset({"+4930", "+49"})))),
        (rule(called=PATTERN), rule(called=PATTERN)),
        (rule(called=PATTERN), rule(called=NumberCondition(frozenset({"123"})))),
        (rule(called=NumberCondition(local=True)), rule(called=NumberCondition(frozenset({"1"})))),
        (rule(called=NumberCondition(frozenset({"1", "2"}))), rule(called=NumberCondition(local=True))),
        (rule(caller=GERMAN), rule(called=GERMAN, caller=BERLIN_CITY)),
        (rule(time=OFFICE), rule(time=TimeCondition(UTC, frozenset({2}), 600, 660))),
        (rule(time=OFFICE), rule(PHONE, time=OFFICE)),
    ],
)
def test_certainly_unreachable(wide: Rule, narrow: Rule) -> None:
    assert pairs(wide, narrow) == [(1, 0)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (rule(PHONE), rule()),
        (rule(PHONE), rule(CARRIER)),
        (rule(ONE), rule(PHONE)),
        (rule(called=BERLIN_CITY), rule(called=GERMAN)),
        (rule(called=GERMAN), rule(called=PATTERN)),
        (rule(called=GERMAN), rule()),
        (rule(called=NumberCondition(frozenset({"1"}))), rule(called=NumberCondition(local=True))),
        (rule(called=GERMAN, caller=GERMAN), rule(called=BERLIN_CITY)),
        (rule(time=OFFICE), rule()),
        (rule(time=OFFICE), rule(time=TimeCondition(UTC, frozenset(range(6)), 480, 1080))),
        (rule(time=OFFICE), rule(time=TimeCondition(ZoneInfo("Europe/Berlin"), frozenset({2}), 600, 660))),
        (rule(time=TimeCondition(UTC, start=1200, end=300)), rule(time=TimeCondition(UTC, start=0, end=60))),
    ],
)
def test_not_said_when_it_is_not_certain(first: Rule, second: Rule) -> None:
    assert pairs(first, second) == []


numbers = st.builds(
    NumberCondition,
    st.frozensets(st.sampled_from(["1", "2", "+491", "+4930"]), max_size=2),
    st.lists(st.sampled_from(["+", "+49", "+4930"]), max_size=2).map(tuple),
    st.lists(st.sampled_from([re.compile(r"\+?\d+"), re.compile("1|2")]), max_size=1).map(tuple),
    st.booleans(),
)
times = st.builds(
    lambda days, start, length: TimeCondition(UTC, days, start, start + length),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from([0, 480]),
    st.sampled_from([60, 600]),
)
rules = st.builds(
    rule,
    st.none() | st.sampled_from([PHONE, ANY, ONE, CARRIER]),
    st.none() | numbers,
    st.none() | numbers,
    st.none() | times,
)
facts = st.builds(
    CallFacts,
    st.sampled_from(["phone:1", "phone:2", "trunk:c", "trunk:d"]),
    st.sampled_from(["1", "2", "3", "+491", "+4930", "+49301", "+1", "x"]),
    st.sampled_from(["1", "+491", "x", ""]),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 14), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(rules, min_size=2, max_size=4), st.lists(st.tuples(facts, moments), min_size=5, max_size=20))
def test_what_is_called_unreachable_never_decides(found: list[Rule], calls: list[tuple[CallFacts, datetime]]) -> None:
    plan = Dialplan(
        tuple(
            Rule(Route(str(index), (Answer(),)), r.source, r.called, r.caller, r.time) for index, r in enumerate(found)
        ),
        phones=frozenset({"1", "2"}),
    )
    dead = {str(later) for later, _ in unreachable(plan)}
    for call, at in calls:
        decision = decide(plan, call, at)
        assert decision.route is None or decision.route.name not in dead
