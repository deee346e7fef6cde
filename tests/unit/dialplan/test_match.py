"""One call, one decision."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.dialplan.match import (
    NO_ROUTE,
    TOO_LONG,
    CallFacts,
    Decision,
    canonical,
    decide,
    forbidden,
    is_emergency,
)
from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.route import CALLED, Dial, Echo, PhoneTarget, Reject, Rewrite, Route, TrunkTarget
from softswitch.dialplan.rules import Dialplan, NumberCondition, Rule, SourceCondition
from softswitch.time_condition import TimeCondition

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 1, 7, 12, 0, tzinfo=BERLIN)
PHONES = SourceCondition(kinds=frozenset({"phone"}))
CARRIER = SourceCondition(names=frozenset({"trunk:carrier"}))


def number(*exact: str, prefixes: tuple[str, ...] = (), regex: str = "", local: bool = False) -> NumberCondition:
    return NumberCondition(frozenset(exact), prefixes, (re.compile(regex),) if regex else (), local)


PLAN = Dialplan(
    (
        Rule(Route("echo", (Echo(),)), called=number("*43")),
        Rule(Route("local", (Dial((PhoneTarget(CALLED),)),)), PHONES, number(local=True)),
        Rule(Route("premium", (Reject(403),)), called=number(prefixes=("+49900",))),
        Rule(
            Route("abroad", (Dial((TrunkTarget("carrier"),), rewrite=Rewrite(1, "00")),)),
            PHONES,
            number(regex=r"\+(?!49)\d+"),
        ),
        Rule(
            Route("out", (Dial((TrunkTarget("carrier"), TrunkTarget("backup", "100"))),)),
            PHONES,
            number(prefixes=("+",)),
        ),
        Rule(
            Route("day", (Dial((PhoneTarget("1001"),)),)),
            CARRIER,
            caller=number(prefixes=("+4989",)),
            time=TimeCondition(BERLIN, frozenset(range(5)), 480, 1080),
        ),
        Rule(Route("in", (Reject(480, "Closed"),)), CARRIER),
    ),
    Numbering("49", "00", "0"),
    frozenset({"1001", "0100"}),
    BERLIN,
)


def go(source: str, called: str, caller: str = "", at: datetime = NOW) -> Decision:
    return decide(PLAN, CallFacts(source, called, caller), at)


@pytest.mark.parametrize(
    ("source", "called", "route"),
    [
        ("phone:1001", "*43", "echo"),
        ("trunk:carrier", "*43", "echo"),
        ("phone:1001", "1001", "local"),
        ("phone:1001", "0100", "local"),
        ("phone:1001", "0900-1", "premium"),
        ("phone:1001", "0033-1", "abroad"),
        ("phone:1001", "0301", "out"),
        ("trunk:carrier", "0301", "in"),
        ("trunk:other", "0301", None),
        ("phone:1001", "1002", None),
    ],
)
def test_the_first_rule_that_fits_decides(source: str, called: str, route: str | None) -> None:
    decision = go(source, called)
    assert (decision.route.name if decision.route else None) == route


def test_a_decision_names_concrete_numbers_and_phones() -> None:
    assert go("phone:1001", "0100").actions == (Dial((PhoneTarget("0100"),), called="0100"),)
    assert go("phone:1001", "030 12").actions == (
        Dial((TrunkTarget("carrier", "+493012"), TrunkTarget("backup", "100")), called="+493012"),
    )
    assert go("phone:1001", "0033 1").actions == (Dial((TrunkTarget("carrier", "00331"),), called="+331"),)


def test_raw_and_canonical_forms() -> None:
    decision = go("trunk:carrier", "tel:030-1", "0049 89 2")
    assert (decision.called, decision.caller) == ("+49301", "+49892")


def test_no_rule_refuses_the_call() -> None:
    decision = go("phone:1001", "nobody")
    assert (decision.route, decision.actions) == (None, NO_ROUTE)
    assert [verdict.failed for verdict in decision.trail] == [
        "called", "called", "called", "called", "called", "from", "from",
    ]  # fmt: skip


def test_a_number_longer_than_any_is_not_looked_at() -> None:
    assert go("phone:1001", "1" * 65).actions == TOO_LONG
    assert go("phone:1001", "1001", "1" * 65).actions == TOO_LONG
    assert go("phone:1001", "+" + "1" * 63).route is not None


def test_every_condition_must_hold() -> None:
    evening = NOW.replace(hour=18)
    assert [
        (decision.trail[5].failed, decision.route.name if decision.route else "")
        for decision in (
            go("trunk:carrier", "1", "089 1"),
            go("trunk:carrier", "1", "030 1"),
            go("trunk:carrier", "1", "089 1", evening),
            go("trunk:carrier", "1", ""),
        )
    ] == [(None, "day"), ("caller", "in"), ("time", "in"), ("caller", "in")]


def test_the_trail_says_why() -> None:
    reasons = [verdict.why for verdict in go("trunk:carrier", "0301", "089 1", NOW.replace(hour=20)).trail]
    assert reasons == [
        "called +49301, not *43",
        "from trunk:carrier, not any phone",
        "called +49301, not +49900…",
        "from trunk:carrier, not any phone",
        "from trunk:carrier, not any phone",
        "at Wed 20:00, not Mon Tue Wed Thu Fri 08:00-18:00 Europe/Berlin",
        "every condition holds",
    ]
    assert go("phone:1001", "1001").trail[-1].why == "called 1001: local phone"
    assert go("trunk:carrier", "1", "").trail[5].why == "caller (none), not +4989…"


def test_a_moment_without_zone_is_wall_clock_of_the_plan() -> None:
    naive = datetime(2026, 1, 7, 17, 59)  # noqa: DTZ001
    decision = go("trunk:carrier", "1", "0891", naive)
    assert decision.route is not None
    assert decision.route.name == "day"


sources = st.sampled_from(["trunk:carrier", "trunk:x", "phone:1001", "", "x", ":"]) | st.text(max_size=20)
numbers = st.text(max_size=80) | st.text(alphabet="+0123456789*#;:%@-() ", max_size=70)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.sampled_from([UTC, BERLIN, None]))  # noqa: DTZ001


@given(sources, numbers, numbers, moments)
def test_every_number_gets_exactly_one_decision(source: str, called: str, caller: str, at: datetime) -> None:
    decision = decide(PLAN, CallFacts(source, called, caller), at)
    assert decision.actions
    assert [verdict.matched for verdict in decision.trail].count(True) == (decision.route is not None)
    assert all(verdict.why for verdict in decision.trail)
    if decision.route is not None:
        assert decision.trail[-1].rule.route is decision.route
    assert decide(PLAN, CallFacts(source, called, caller), at) == decision
    for action in decision.actions:
        if isinstance(action, Dial):
            assert CALLED not in {getattr(target, "user", None) for target in action.targets} or called == CALLED
            assert None not in {getattr(target, "number", "") for target in action.targets}


@pytest.mark.parametrize(
    ("raw", "for_help"),
    [
        ("000", True),
        ("112", True),
        ("1-1-2", True),
        ("tel:112;phone-context=+61", True),
        ("%31%312", True),
        ("+112", False),
        ("0112", False),
        ("1120", False),
        ("112 " + "0" * 70, False),
    ],
)
def test_a_number_for_help_is_itself_and_nothing_else(raw: str, for_help: bool) -> None:
    plan = Dialplan((), Numbering("61", "0011", "0"), emergency=frozenset({"000", "112"}))
    assert is_emergency(plan, raw) == for_help
    assert (canonical(plan, raw) in {"000", "112"}) == for_help


GUARDED = Dialplan(
    (
        Rule(Route("premium", (Reject(403),)), called=NumberCondition(prefixes=("0900",))),
        Rule(Route("in", (Dial((PhoneTarget("1001"),)),)), called=NumberCondition(frozenset({"0301"}))),
        Rule(Route("no", (Reject(404),)), SourceCondition(kinds=frozenset({"trunk"}))),
        Rule(Route("closed", (Reject(480),)), SourceCondition(names=frozenset({"phone:1009"}))),
    )
)


@pytest.mark.parametrize(
    ("source", "called", "why"),
    [
        ("trunk:carrier", "09001", "called 09001: prefix 0900"),
        ("phone:1001", "09001", "called 09001: prefix 0900"),
        ("guest:a", "09001", "called 09001: prefix 0900"),
        ("phone:1001", "0301", ""),
        ("trunk:carrier", "0172", ""),
        ("guest:a", "0172", ""),
        ("phone:1001", "0172", "no rule fits"),
        ("phone:1009", "0172", "every condition holds"),
        ("trunk:carrier", "1" * 65, "longer than any number"),
    ],
)
def test_what_a_call_may_not_be_sent_on_to(source: str, called: str, why: str) -> None:
    assert forbidden(GUARDED, source, called, "", NOW) == why
