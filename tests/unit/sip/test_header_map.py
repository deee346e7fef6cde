"""Headers: names without case, compact forms, order, lists, and no way to break out of a line."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.header_map import COMPACT_FORMS, Headers, canonical_name
from softswitch.sip.headers import CSeq, NameAddr


def written(headers: Headers) -> list[str]:
    lines: list[str] = []
    headers.write(lines)
    return lines


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        *(("via", "Via"), ("V", "Via"), ("CALL-ID", "Call-ID"), ("i", "Call-ID"), ("cseq", "CSeq"), ("cSeQ", "CSeq")),
        *(("www-authenticate", "WWW-Authenticate"), ("l", "Content-Length"), ("X-Thing", "x-thing")),
    ],
)
def test_canonical_names(name: str, canonical: str) -> None:
    assert canonical_name(name) == canonical


def test_compact_forms_stand_for_their_names() -> None:
    for letter, name in COMPACT_FORMS.items():
        headers = Headers([(letter, "value")])
        assert headers.get(name) == headers.get(letter.upper()) == headers.get(name.upper()) == "value"
        if name != "Content-Length":
            assert written(headers) == [f"{name}: value"]


def test_unknown_names_keep_their_spelling_and_have_no_case() -> None:
    headers = Headers([("X-ThInG", "1"), ("x-thing", "2")])
    assert headers.get_all("X-THING") == ["1", "2"]
    assert written(headers) == ["X-ThInG: 1", "X-ThInG: 2"]
    assert "x-Thing" in headers


def test_lists_are_split_only_where_the_grammar_makes_them() -> None:
    headers = Headers([("Contact", '"a, b" <sip:a>, <sip:b>'), ("Contact", "<sip:c>"), ("Subject", "a, b")])
    assert headers.get_all("contact") == ['"a, b" <sip:a>', "<sip:b>", "<sip:c>"]
    assert headers.get_all("Subject") == ["a, b"]
    assert headers.get_all("Date") == []
    assert Headers([("Supported", "")]).get_all("Supported") == []


def test_changing() -> None:
    headers = Headers([("Via", "b"), ("From", "x")])
    headers.prepend("v", "a")
    headers.add("Via", "c")
    assert headers.get_all("Via") == ["a", "b", "c"]
    headers.set("via", "z")
    assert headers.get_all("Via") == ["z"]
    headers.remove("VIA")
    headers.remove("Via")
    assert headers.get("Via") is None
    assert list(headers.items()) == [("From", "x")]


def test_replacing_the_top_of_a_list() -> None:
    headers = Headers([("Via", "a;x, b"), ("Via", "c")])
    headers.replace_top("Via", "A")
    assert headers.get_all("Via") == ["A", "b", "c"]
    broken = Headers([("Via", 'a;x="1, b')])
    broken.replace_top("Via", "A")
    assert broken.get("Via") == "A,  b"
    headers.replace_top("Route", "<sip:r>")
    assert headers.get("Route") == "<sip:r>"


def test_a_copy_is_independent() -> None:
    headers = Headers([("Via", "a"), ("X-Own", "1")])
    copy = headers.copy()
    assert copy == headers
    copy.add("Via", "b")
    copy.add("X-Other", "2")
    assert list(headers.items()) == [("Via", "a"), ("X-Own", "1")]
    assert copy != headers


def test_typed_values_follow_the_text() -> None:
    headers = Headers([("CSeq", "1 INVITE"), ("Route", "<sip:a>, <sip:b>")])
    assert headers.typed("CSeq", CSeq.parse) == CSeq(1, "INVITE")
    assert len(headers.addresses("Route")) == 2
    headers.set("CSeq", "2 BYE")
    headers.prepend("Route", "<sip:c>")
    assert headers.typed("CSeq", CSeq.parse) == CSeq(2, "BYE")
    assert headers.addresses("Route")[0] == NameAddr.parse("<sip:c>")
    headers.remove("Route")
    assert headers.addresses("Route") == ()


@pytest.mark.parametrize("value", ["a\r\nVia: b", "a\nb", "a\rb", "\n", "a\r\n b"])
def test_no_line_end_gets_in(value: str) -> None:
    headers = Headers([("Via", "a")])
    for change in (headers.add, headers.set, headers.prepend, headers.replace_top):
        with pytest.raises(LocalProtocolError, match="CR or LF"):
            change("Via", value)
    assert written(headers) == ["Via: a"]


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "ä", "Via "])
def test_a_name_is_a_token(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="name"):
        Headers().add(name, "value")


def test_lines() -> None:
    headers = Headers.from_lines(["v:a", "Via \t:  b ", "X-y:", "L:0"])
    assert headers is not None
    assert list(headers.items()) == [("Via", "a"), ("Via", "b"), ("X-y", ""), ("Content-Length", "0")]
    assert written(headers) == ["Via: a", "Via: b", "X-y: "]
    for line in ("", "Via", ": x", "a b: c", "ä: c"):
        with pytest.raises(RemoteProtocolError, match="header line"):
            Headers.from_lines([line])


def test_folded_lines_are_reported() -> None:
    assert Headers.from_lines(["Via: a", " b: c"]) is None
    assert Headers.from_lines(["Via: a", "\tb"]) is None
