"""YAML 1.2 core rules: what stays text, what is refused, and where everything stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.yaml12 import MAX_NODES, Document, parse

FILE = Path("a.yaml")


def read(text: str) -> Document:
    return parse(text, FILE)


def one_problem(text: str) -> str:
    (problem,) = read(text).problems
    return str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "on",
        "off",
        "yes",
        "no",
        "y",
        "n",
        "Yes",
        "0123",
        "+4930",
        "0x1F",
        "0o17",
        "0b1",
        "12:30",
        "190:20:30",
        "2026-12-24",
        "1e5",
        ".5",
        "1_000",
        "0049",
        "-012",
        "1.2.3.4",
        "= ",
        "<<x",
        "NaN",
        ".inf",
    ],
)
def test_text_that_yaml_1_1_would_change(text: str) -> None:
    document = read(f"value: {text}")
    assert document.problems == []
    assert document.tree == {"value": text.strip()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("5060", 5060),
        ("1.50", 1.5),
        ("2.5e3", 2500.0),
    ],
)
def test_the_few_that_are_not_text(text: str, value: object) -> None:
    found = read(f"value: {text}").tree["value"]
    assert found == value
    assert isinstance(found, type(value))


@pytest.mark.parametrize("text", ["4930123456789012345678", "1.10", "1001", "-1.500"])
def test_a_number_remembers_how_it_was_typed(text: str) -> None:
    assert read(f"value: {text}").tree["value"].text == text


@pytest.mark.parametrize("quoted", ["'123'", '"true"', '"null"', "!!str 5"])
def test_quotes_and_the_str_tag_make_text(quoted: str) -> None:
    assert isinstance(read(f"value: {quoted}").tree["value"], str)


def test_keys_are_text_whatever_they_look_like() -> None:
    assert list(read("1001: a\non: b\nnull: c\n0123: d\n'x y': e").tree) == ["1001", "on", "null", "0123", "x y"]


def test_duplicate_keys_are_refused_with_both_lines() -> None:
    document = read("phones:\n  1001: a\n  1002: b\n  1001: c\n")
    assert [str(problem) for problem in document.problems] == [
        "a.yaml:4:3 phones.1001: this key is given twice, first on line 2"
    ]
    assert document.tree == {"phones": {"1001": "a", "1002": "b"}}


def test_anchors_and_aliases() -> None:
    document = read("a: &codecs [PCMA, PCMU]\nb: *codecs\n")
    assert document.tree == {"a": ["PCMA", "PCMU"], "b": ["PCMA", "PCMU"]}
    assert document.problems == []


def test_an_alias_inside_itself_is_refused() -> None:
    assert one_problem("a: &x [1, *x]") == "a.yaml:1:4 a[1]: an alias inside the value it stands for"


def test_aliases_that_explode_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    document = read("\n".join(lines))
    assert str(document.problems[-1]) == f"a.yaml:1:1 too much: aliases expand to over {MAX_NODES} values"
    assert document.tree == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1", "a.yaml:2:1 a tab cannot indent YAML: use spaces"),
        ("a: b: c", "a.yaml:1:5 a second ': ' on one line: quote the value, or start a new line"),
        (
            "called: *43",
            "a.yaml:1:9 a value that begins with '*' is an alias, and there is no such anchor: quote it, as in \"*43\"",
        ),
        ("a: @x", "a.yaml:1:4 a value cannot begin with '%', '@' or '`': quote it"),
        ("a: 'x", "a.yaml:1:6 a quote is opened and never closed"),
        ("- a", "a.yaml:1:1 expected `key: value` lines at the top"),
        ("a: 1\n---\nb: 2", "a.yaml:2:1 one document only: take the '---' line out"),
        ("a: {<<: {b: 1}}", "a.yaml:1:5 a: merge keys (<<) are not part of YAML 1.2: write the values out"),
        ("a: !python/object x", "a.yaml:1:4 a: the tag '!python/object' means nothing here"),
        ("? [a, b]\n: c", "a.yaml:1:3 a key must be plain text"),
        ("a:\n  - b\n c: d", "a.yaml:3:2 expected a key: is the indentation the same as on the lines above?"),
    ],
)
def test_mistakes_in_plain_words(text: str, message: str) -> None:
    assert one_problem(text).startswith(message)


def test_a_tab_where_it_does_no_harm() -> None:
    assert read("a: 1\t# comment\nb: |\n  x\n  \ty\n").tree == {"a": 1, "b": "x\n\ty\n"}


def test_an_empty_file_is_an_empty_configuration() -> None:
    assert read("# nothing\n").tree == {}
    assert read("").problems == []


def test_marks_of_keys_and_values() -> None:
    marks = read("routes:\n  - name: x\n    do: [echo, {ring: 3}]\n").marks
    assert [str(marks[path].value) for path in [("routes", 0, "name"), ("routes", 0, "do", 1, "ring")]] == [
        "a.yaml:2:11",
        "a.yaml:3:23",
    ]
    assert str(marks["routes", 0, "do"].key) == "a.yaml:3:5"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    document = read(text)
    assert isinstance(document.tree, dict)
    assert all(problem.place.line >= 1 and problem.place.column >= 1 for problem in document.problems)
