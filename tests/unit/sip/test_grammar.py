"""RFC 3261 25: the rules several headers share."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.grammar import is_quoted_string, parse_digits, quote, split_list, unquote
from tests.support.sip_values import header_text


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("a", ["a"]),
        ("", [""]),
        ("a, b ,c", ["a", "b", "c"]),
        ("a,,b", ["a", "", "b"]),
        ('"a,b" <sip:c,d@e>;x="f,g", <sip:h>', ['"a,b" <sip:c,d@e>;x="f,g"', "<sip:h>"]),
        ('"say \\"a, b\\"" <sip:c>,d', ['"say \\"a, b\\"" <sip:c>', "d"]),
        ('"<", <sip:a>', ['"<"', "<sip:a>"]),
    ],
)
def test_commas_in_quotes_and_brackets_do_not_separate(text: str, elements: list[str]) -> None:
    assert split_list(text) == elements


@pytest.mark.parametrize("text", ['"a, b', "<sip:a, b", 'a, "b'])
def test_unbalanced_lists_are_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="Unbalanced"):
        split_list(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("0070", 70), ("255", 255), ("256", None), ("", None), ("-1", None), ("+1", None), (" 1", None)],
)
def test_digits(text: str, number: int | None) -> None:
    assert parse_digits(text, 255) == number


@pytest.mark.parametrize("text", ["٣", "²", "1_0", "0x1", "1.0"])
def test_only_ascii_digits_are_digits(text: str) -> None:
    assert parse_digits(text, 2**32) is None


def test_absurdly_long_numbers_cost_nothing() -> None:
    assert parse_digits("9" * 60_000, 2**32) is None
    assert parse_digits("0" * 60_000 + "7", 2**32) == 7


@settings(deadline=None)
@given(header_text)
def test_anything_without_line_ends_can_be_quoted(text: str) -> None:
    assert is_quoted_string(quote(text))
    assert unquote(quote(text)) == text


def test_unquote_leaves_other_text_alone() -> None:
    assert [unquote(text) for text in ("", '"', "a", '"a', '""')] == ["", '"', "a", '"a', ""]
