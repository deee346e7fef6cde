"""What crosses: named by both sides, never what is on the floor, nothing that could do harm."""

from __future__ import annotations

import pytest

from softswitch.b2bua.header_policy import CLOSED, LONGEST, MOST, NEVER, HeaderTable
from softswitch.sip.header_map import COMPACT_FORMS, LIST_HEADERS, Headers

EVERYTHING = HeaderTable(prefixes=("",))
OPEN = HeaderTable(frozenset({"x-account", "subject"}), ("x-",), frozenset({"x-secret"}))


def crossing(
    incoming: HeaderTable, outgoing: HeaderTable, *lines: tuple[str, str], withheld: bool = False
) -> list[str]:
    return [name for name, _ in outgoing.given(incoming.taken(Headers(lines)), withheld=withheld)]


ALL = (("X-Account", "7"), ("X-Secret", "7"), ("Y", "7"), ("Subject", "hi"), ("s", "again"))


@pytest.mark.parametrize(
    ("incoming", "outgoing", "names"),
    [
        (CLOSED, CLOSED, []),
        (OPEN, CLOSED, []),
        (CLOSED, OPEN, []),
        (OPEN, OPEN, ["X-Account", "Subject", "Subject"]),
        (OPEN, HeaderTable(frozenset({"y", "x-account"})), ["X-Account"]),
        (HeaderTable(prefixes=("x-",)), HeaderTable(prefixes=("x-s",)), ["X-Secret"]),
    ],
)
def test_both_sides_must_pass_it(incoming: HeaderTable, outgoing: HeaderTable, names: list[str]) -> None:
    assert crossing(incoming, outgoing, *ALL) == names


def test_the_floor_never_crosses() -> None:
    lines = [(name, "1") for name in NEVER] + [(short, "1") for short in COMPACT_FORMS]
    left = crossing(EVERYTHING, EVERYTHING, *lines)
    assert left == ["Subject"], left
    for name in ("Via", "Contact", "Record-Route", "Route", "Call-ID", "User-Agent", "Server", "Authorization"):
        assert name.lower() in NEVER
    informative = {"Alert-Info", "Call-Info", "Error-Info", "Reason"}
    assert {name for name in LIST_HEADERS if name.lower() not in NEVER} == informative


def test_what_may_reveal_a_withheld_caller_stays_behind() -> None:
    lines = (("Subject", "Anna here"), ("Call-Info", "<http://a/anna.png>"), ("X-Account", "7"))
    assert crossing(EVERYTHING, EVERYTHING, *lines) == ["Subject", "Call-Info", "X-Account"]
    assert crossing(EVERYTHING, EVERYTHING, *lines, withheld=True) == ["X-Account"]


def test_own_headers_replace_those_that_came() -> None:
    table = HeaderTable(prefixes=("x-",), add=(("X-Account", "ours"),))
    assert table.given((("x-account", "theirs"), ("X-B", "1")), withheld=False) == (("X-B", "1"), ("X-Account", "ours"))
    assert table.given((), withheld=False) == (("X-Account", "ours"),)


@pytest.mark.parametrize("value", ["a\0b", "a\x1bb", "\x7f", "a\tb\0", "x" * (LONGEST + 1)])
def test_harmful_values_stay_behind(value: str) -> None:
    assert EVERYTHING.taken(Headers([("X-A", value)])) == ()


def test_values_cross_as_they_are() -> None:
    for value in ("plain", "ü 😀", '"q\\"," <a>;b=c', "x" * LONGEST, ""):
        assert EVERYTHING.taken(Headers([("X-A", value)])) == (("X-A", value),)


def test_only_so_many() -> None:
    assert len(EVERYTHING.taken(Headers([(f"X-{n}", "1") for n in range(100)]))) == MOST
