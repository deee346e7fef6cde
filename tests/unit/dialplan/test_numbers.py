"""Numbers: every spelling of one number is one number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.dialplan.numbers import Numbering, clean

GERMANY = Numbering("49", "00", "0")
AMERICA = Numbering("1", "011", "1")
NOWHERE = Numbering()


@pytest.mark.parametrize(
    "spelling",
    [
        *("0900123456", "+49900123456", "0049900123456", "tel:+49-900-123456", "0900-123456", " 0900123456 "),
        *("+49 (0)900 123456", "0049 0900 123456", "(0900) 12.34.56", "+490900123456", "+49 00 900 123456"),
        *("%2B49900123456", "%30900123456", "0900123456%3Bext=1", "sip:0900123456@switch.example"),
        *("0900123456;phone-context=+33", "tel:0900123456;phone-context=example.com", "TEL:0900123456"),
        "sip:+49900123456;npdi=yes@x",
    ],
)
def test_a_forbidden_number_has_no_second_spelling(spelling: str) -> None:
    assert GERMANY.canonical(spelling) == "+49900123456"


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("030 1234", "+49301234"),
        ("0033140000000", "+33140000000"),
        ("110", "110"),
        ("*43", "*43"),
        ("#31#0301234", "#31#0301234"),
        ("1001", "1001"),
        ("0", "0"),
        ("00", "00"),
        ("00*1", "00*1"),
        ("alice", "alice"),
        ("a.b-c", "a.b-c"),
        ("dad", "dad"),
        ("", ""),
        ("+", "+"),
        ("tel:", ""),
    ],
)
def test_germany(raw: str, canonical: str) -> None:
    assert GERMANY.canonical(raw) == canonical


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [("12125551234", "+12125551234"), ("011493012345", "+493012345"), ("911", "911"), ("2125551234", "2125551234")],
)
def test_north_america(raw: str, canonical: str) -> None:
    assert AMERICA.canonical(raw) == canonical


def test_without_rules_only_the_international_prefix_means_something() -> None:
    assert NOWHERE.canonical("0301234") == "0301234"
    assert NOWHERE.canonical("0049301234") == "+49301234"


@pytest.mark.parametrize(
    ("prefix", "canonical"), [("0", "+49"), ("00", "+"), ("0900", "+49900"), ("+49", "+49"), ("11", "11"), ("*", "*")]
)
def test_prefixes(prefix: str, canonical: str) -> None:
    assert GERMANY.canonical_prefix(prefix) == canonical


@given(st.text(alphabet="+0123456789*#-. ()", max_size=30), st.sampled_from([GERMANY, AMERICA, NOWHERE]))
def test_the_canonical_form_is_final(raw: str, numbering: Numbering) -> None:
    once = numbering.canonical(raw)
    assert numbering.canonical(once) == once


@given(st.text(alphabet="123456789", min_size=4, max_size=12), st.sampled_from([GERMANY, AMERICA]))
def test_national_and_international_spelling_agree(number: str, numbering: Numbering) -> None:
    national = numbering.canonical(numbering.national_prefix + number)
    abroad = numbering.canonical(numbering.international_prefix + numbering.country_code + number)
    assert national == abroad == numbering.canonical("+" + numbering.country_code + number)


@given(st.text(max_size=80))
def test_any_text_has_a_canonical_form(raw: str) -> None:
    assert isinstance(GERMANY.canonical(raw), str)
    assert ";" not in clean(raw)
