"""How trunks write numbers: each format read to the canonical form and written from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.dialplan.match import CallFacts, canonical, decide
from softswitch.dialplan.moment import parse_moment
from softswitch.dialplan.number_format import NumberFormat
from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.route import Reject, Route
from softswitch.dialplan.rules import Dialplan, NumberCondition, Rule

E164, INTERNATIONAL, US = NumberFormat.E164, NumberFormat.INTERNATIONAL, NumberFormat.US_NATIONAL


@pytest.mark.parametrize(
    ("form", "written", "read"),
    [
        (E164, "+4930123456", "+4930123456"),
        (E164, "4930123456", "4930123456"),
        (INTERNATIONAL, "4930123456", "+4930123456"),
        (INTERNATIONAL, "+4930123456", "+4930123456"),
        (INTERNATIONAL, "112", "112"),
        (INTERNATIONAL, "030123456", "030123456"),
        (INTERNATIONAL, "1234567890123456", "1234567890123456"),
        (INTERNATIONAL, "*43", "*43"),
        (INTERNATIONAL, "anna", "anna"),
        (US, "2125551234", "+12125551234"),
        (US, "12125551234", "+12125551234"),
        (US, "+12125551234", "+12125551234"),
        (US, "01149301234567", "+49301234567"),
        (US, "1125551234", "1125551234"),
        (US, "911", "911"),
        (US, "011", "011"),
        (US, "5551234", "5551234"),
        (US, "", ""),
    ],
)
def test_reading(form: NumberFormat, written: str, read: str) -> None:
    assert form.read(written) == read


@pytest.mark.parametrize(
    ("form", "canonical_number", "written"),
    [
        (E164, "+12125551234", "+12125551234"),
        (INTERNATIONAL, "+12125551234", "12125551234"),
        (US, "+12125551234", "2125551234"),
        (US, "+49301234567", "01149301234567"),
        (US, "+11125551234", "01111125551234"),
        (INTERNATIONAL, "112", "112"),
        (US, "911", "911"),
        (US, "*43", "*43"),
        (INTERNATIONAL, "anna", "anna"),
        (INTERNATIONAL, "+", "+"),
        (INTERNATIONAL, "+49;x", "+49;x"),
    ],
)
def test_writing(form: NumberFormat, canonical_number: str, written: str) -> None:
    assert form.write(canonical_number) == written


@given(form=st.sampled_from(NumberFormat), digits=st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True))
def test_what_is_written_reads_back_as_the_same_number(form: NumberFormat, digits: str) -> None:
    # Of the North American plan only real numbers: 1 125 is nobody's area code, and stays international.
    assert form.read(form.write(f"+{digits}")) == f"+{digits}"


@given(form=st.sampled_from(NumberFormat), number=st.text(max_size=70))
def test_any_text_can_be_read_and_written(form: NumberFormat, number: str) -> None:
    form.write(form.read(number))


def test_rules_see_the_canonical_number_of_each_source() -> None:
    rule = Rule(Route("berlin", (Reject(),)), called=NumberCondition(prefixes=("+4930",)))
    plan = Dialplan(
        (rule,), Numbering("49", "00", "0"), frozenset({"4930111"}), formats={"trunk:a": INTERNATIONAL, "trunk:us": US}
    )
    at = parse_moment("2026-01-05T12:00", plan.zone)
    decision = decide(plan, CallFacts("trunk:a", "49 30-123456", "12125551234"), at)
    assert (decision.called, decision.caller) == ("+4930123456", "+12125551234")
    assert decision.route is rule.route
    assert decide(plan, CallFacts("trunk:b", "4930123456", ""), at).route is None
    assert canonical(plan, "2125551234", "trunk:us") == "+12125551234"
    assert canonical(plan, "030123456", "trunk:a") == "+4930123456"
    assert canonical(plan, "4930111", "trunk:a") == "4930111", "a phone's name is no number"
