"""Regular expressions: what is allowed is fast on every number, what could be slow is refused at load."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from config import pattern


@pytest.mark.parametrize(
    "text",
    [
        r"\+49\d+",
        r"\+[1-9]\d{6,14}",
        "110|112",
        r"(?:\+49|0)30\d{3,}",
        "[a-z]+[0-9]*",
        r"1\d{3}",
        ".*911.*",
        "(ab)+",
        "^100$",
        r"\*\d\d",
        "(1|2)?3",
        "[]a]+",
        r"[^\]]b",
        "a{2}",
        "a{,3}",
        "x+?",
        "x++",
    ],
)
def test_allowed(text: str) -> None:
    pattern.check(text)


@pytest.mark.parametrize(
    "text",
    [
        r"(\d+)+",
        r"(\d*)*x",
        r"(a|a)+",
        r"(a|b|ab)*",
        r"\d*\d*\d*\d*",
        r"(\d?){30}",
        r"((1)*)*",
        r"(.*)(.*)(.*)x",
        r"\d?" * 20,
        r"(\d{1,5}){7}",
    ],
)
def test_refused_because_it_could_take_too_long(text: str) -> None:
    with pytest.raises(ValueError, match="could take too long"):
        pattern.check(text)


@pytest.mark.parametrize("text", ["(?=x)", "(?P<n>x)", "(?i)x", r"(a)\1", r"\bx", "(?<!x)y", r"\Ax"])
def test_refused_because_it_is_not_supported(text: str) -> None:
    with pytest.raises(ValueError, match="not supported"):
        pattern.check(text)


@pytest.mark.parametrize("text", ["(", "[", "*", "a{2,1}", "\\"])
def test_refused_because_it_is_no_expression(text: str) -> None:
    with pytest.raises(ValueError, match="not a regular expression"):
        pattern.check(text)


ATOMS = st.sampled_from([r"\d", "1", ".", "[0-9]", "a"])


REPEATS = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}"])


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=2, max_size=3)
    repeated = st.tuples(inner, REPEATS).map(lambda parts: f"(?:{parts[0]}){parts[1]}")
    return repeated | several.map("".join) | several.map(lambda parts: f"({'|'.join(parts)})")


@settings(max_examples=150, deadline=None)
@given(st.recursive(ATOMS, _grow, max_leaves=8))
def test_whatever_is_allowed_is_fast_on_the_worst_numbers(text: str) -> None:
    try:
        pattern.check(text)
    except ValueError:
        assume(False)
    compiled = re.compile(text)
    for number in ("1" * 63 + "x", "1" * 64, "a" * 63 + "!", "1a" * 31 + "x"):
        start = time.process_time()
        compiled.fullmatch(number)
        assert time.process_time() - start < 2.0


@given(st.text(alphabet=r"()[]{}|?*+\d1a.,^$:", max_size=12))
def test_any_text_is_judged(text: str) -> None:
    try:
        pattern.check(text)
    except ValueError:
        return
    re.compile(text)
