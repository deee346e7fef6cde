"""What may be called over a trunk, however the number is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.dialplan.match import canonical
from softswitch.dialplan.numbers import Numbering, clean
from softswitch.dialplan.route import Rewrite
from softswitch.dialplan.rules import Dialplan
from softswitch.endpoints.toll import NO_POLICY, TollGuard, TollPolicy

GERMANY = Numbering("49", "00", "0")
AMERICA = Numbering("1", "011", "1")
AT_HOME = TollPolicy.of(international=False, allowed=(), denied=())
LISTED = TollPolicy.of(international=False, allowed=("+49", "+43", "116"), denied=("+49900", "+431", "+43"))


def judged(policy: TollPolicy, numbering: Numbering, *numbers: str) -> str:
    """The rule that refuses the call, "" when none does."""
    refusal = TollGuard(numbering).judge(policy, *numbers)
    return "" if refusal is None else refusal.rule


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("+49301234", ""),
        ("0301234", ""),
        ("0049301234", ""),
        ("110", ""),
        ("4711", ""),
        ("service", ""),
        ("+33140000000", "international"),
        ("0033140000000", "international"),
        ("+8821234", "international"),
        ("+1", "international"),
        ("+0033140000000", "international"),
    ],
)
def test_abroad_is_off_unless_said(number: str, rule: str) -> None:
    assert judged(AT_HOME, GERMANY, number) == rule
    assert judged(NO_POLICY, GERMANY, number) == ""


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("+12125551234", ""),
        ("2125551234", ""),
        ("+17875551234", ""),
        ("911", ""),
        ("+18095551234", "international"),
        ("18765551234", "international"),
        ("8095551234", "international"),
        ("01144207946000", "international"),
        ("*67011442079460000", "international"),
    ],
)
def test_other_countries_behind_the_code_of_north_america_are_abroad(number: str, rule: str) -> None:
    assert judged(AT_HOME, AMERICA, number) == rule


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("+49301", ""),
        ("+49900123", "denied"),
        ("+4311", "denied"),
        ("+43662", "denied"),
        ("+33140", "not_allowed"),
        ("116117", ""),
        ("115", "not_allowed"),
    ],
)
def test_of_both_lists_the_longest_prefix_decides_and_of_equals_the_denial(number: str, rule: str) -> None:
    assert judged(LISTED, GERMANY, number) == rule


def test_an_allowed_prefix_opens_a_country() -> None:
    policy = TollPolicy.of(international=False, allowed=("+49", "+33"), denied=("+3389",))
    assert [judged(policy, GERMANY, each) for each in ("+331", "+33891", "+34")] == ["", "denied", "not_allowed"]


def test_without_a_country_of_ones_own_nothing_is_abroad_and_lists_hold_all_the_same() -> None:
    assert judged(AT_HOME, Numbering(), "+33140000000") == ""
    assert judged(LISTED, Numbering(), "+33140000000") == "not_allowed"


@pytest.mark.parametrize(
    ("dialled", "rewrite"),
    [
        ("+490033140000000", Rewrite(3, "")),  # behind the own country code hides 00
        ("90033140000000", Rewrite(1, "")),  # behind a digit that a rule takes off
        ("+33140000000", Rewrite(1, "00")),  # sent as 00…
        ("+33140000000", Rewrite(1, "")),  # sent without +
        ("+33140000000", Rewrite(1, "9,00")),
        ("+33140000000", Rewrite(3, "+49")),
    ],
)
def test_what_is_sent_is_judged_and_what_was_dialled(dialled: str, rewrite: Rewrite) -> None:
    assert judged(AT_HOME, GERMANY, rewrite.apply(dialled), dialled) == "international"


ABROAD = st.sampled_from(["33140000000", "8821234567", "2348031234567", "12125551234", "881612345"])
SEPARATORS = st.sampled_from(["", " ", "-", ".", "(", ")", "  ", "-."])


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """A number abroad as somebody writes it who does not want it seen."""
    digits = draw(ABROAD)
    spelt = "".join(draw(SEPARATORS) + each for each in digits)
    spelt = draw(st.sampled_from(["+", "00", "0 0", "00-", "+(", "(+)", " +", "%2B", "%2b", "%30%30"])) + spelt
    hidden = draw(st.integers(0, len(digits)))
    if hidden:
        spelt = spelt.replace(digits[hidden - 1], f"%{ord(digits[hidden - 1]):02X}")
    spelt = draw(st.sampled_from(["", "tel:", "TEL:", "sip:", "sips:"])) + spelt
    return spelt + draw(
        st.sampled_from(["", ";phone-context=+49", ";isub=1", "@pbx.example", ";phone-context=local@x"])
    )


@given(spelt=spellings(), strip=st.integers(0, 1), prepend=st.sampled_from(["", "0", "00", "+"]))
def test_no_spelling_leads_abroad(spelt: str, strip: int, prepend: str) -> None:
    called = canonical(Dialplan((), GERMANY), spelt)
    sent = Rewrite(strip, prepend).apply(called)
    assert judged(AT_HOME, GERMANY, sent, called) == "international", (called, sent)


@given(number=ABROAD, mark=st.sampled_from(["*31#", "#31#", "*", "#", "*21*", "a", "x", "/"]), at=st.integers(0, 6))
def test_signs_among_the_digits_hide_nothing(number: str, mark: str, at: int) -> None:
    spelt = "00" + number
    spelt = mark + spelt if at == 0 or len(mark) > 1 else spelt[:at] + mark + spelt[at:]
    assert judged(AT_HOME, GERMANY, clean(spelt)) == "international"


@given(number=ABROAD, before=st.sampled_from(["0049", "0", "+49", "112", "*31#0", "30", "0049+"]))
def test_a_plus_in_the_middle_begins_a_number(number: str, before: str) -> None:
    assert judged(AT_HOME, GERMANY, clean(f"{before}%2B{number}")) == "international"


@given(number=ABROAD, zero=st.sampled_from([0x0660, 0x06F0, 0x0966, 0xFF10]))
def test_digits_of_other_scripts_are_digits(number: str, zero: int) -> None:
    spelt = "".join(chr(zero + int(digit)) for digit in "00" + number)
    assert judged(AT_HOME, GERMANY, spelt) == "international"


@given(st.text(max_size=64), st.text(max_size=64))
def test_nothing_that_can_be_dialled_makes_it_raise(called: str, sent: str) -> None:
    for numbering in (GERMANY, AMERICA, Numbering()):
        refusal = TollGuard(numbering).judge(LISTED, called, sent)
        assert refusal is None or str(refusal)
