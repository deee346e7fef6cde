"""Parameters: ordered, without case, written back as they came."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.parameters import NO_PARAMETERS, Parameters


def test_names_have_no_case_and_flags_no_value() -> None:
    parameters = Parameters.parse(";LR;Transport=TCP")
    assert "lr" in parameters
    assert "Lr" in parameters
    assert parameters.get("lr") is None
    assert parameters.get("TRANSPORT") == "TCP"
    assert parameters.get("maddr") is None
    assert "maddr" not in parameters
    assert list(parameters) == [("lr", None), ("transport", "TCP")]


def test_spaces_and_quotes() -> None:
    parameters = Parameters.parse(';  tag   =  1918n ; text = "a;b=\\"c\\"" ; x')
    assert list(parameters) == [("tag", "1918n"), ("text", '"a;b=\\"c\\""'), ("x", None)]
    assert parameters.text("text") == 'a;b="c"'
    assert parameters.text("tag") == "1918n"
    assert parameters.text("x") is None


@pytest.mark.parametrize(
    "text", [";", ";;", ";a;", ";=b", ";a=", ";a b", ";a=b c", "a=b", ';a="b', ";a=b,c", ";a=b;A=c", ";a;a", ";a=<b>"]
)
def test_malformed(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Parameters.parse(text)
    assert caught.value.status == 400


@pytest.mark.parametrize("value", ["a b", "a;b", "a,b", 'a"b', "", "a\r\nb", "<a>", '"a', '"a\r\n"'])
def test_what_would_break_the_message_is_not_taken(value: str) -> None:
    with pytest.raises(LocalProtocolError):
        Parameters([("name", value)])
    with pytest.raises(LocalProtocolError):
        NO_PARAMETERS.with_("name", value)


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "a\n"])
def test_names_are_tokens(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        Parameters([(name, None)])


def test_a_name_is_given_once() -> None:
    with pytest.raises(LocalProtocolError, match="twice"):
        Parameters([("a", "1"), ("A", "2")])


def test_changed_copies() -> None:
    parameters = Parameters.parse(";a=1;b;c=3")
    assert str(parameters.with_("B", "2")) == ";a=1;b=2;c=3"
    assert str(parameters.with_("d", None)) == ";a=1;b;c=3;d"
    assert str(parameters.without("A")) == ";b;c=3"
    assert str(parameters) == ";a=1;b;c=3"
    assert str(Parameters.parse(";a").without("a")) == ""
