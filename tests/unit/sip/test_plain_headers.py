"""The one-match reading of plain addresses and Vias says what the full reading says, whatever comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.headers import NameAddr, Via, branch_of, tag_of

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS_PIECES = [
    *(
        '"',
        "A B",
        "Bob ",
        "\\",
        "é",
        "<",
        ">",
        "sip:",
        "sips:",
        "SIP:",
        "tel:+1",
        "a",
        "a b",
        "%",
        "%41",
        "%zz",
        "@",
        "@@",
    ),
    *(":", ":1", ":5060", ":65535", ":65536", ":99999", ":123456", "b.example", "[::1]", "-b", "_", ";", ";lr", ";tag"),
    *(
        ";transport=tcp",
        ";tag=1",
        ";tag=a=b:c",
        ";TAG=1",
        ";tag=",
        ';tag="x"',
        "; tag=1",
        ";a=1",
        "?a=b",
        ",",
        " ",
        "\t",
    ),
]
VIA_PIECES = [
    *("SIP/2.0/UDP ", "SIP/2.0/TLS-SCTP ", "sip/2.0/udp ", "SIP / 2.0 / UDP ", "SIP/3.0/UDP ", "a.example", "10.0.0.1"),
    *(
        "[::1]",
        ":5060",
        ":65536",
        ";branch=z9hG4bK1",
        ";branch=",
        ";Branch=2",
        ";branch",
        ";rport",
        ";rport=5060",
        ";a=1",
    ),
    *(";received=10.0.0.1", ";received=::1", ";received=[::1]", ";ttl=1", ";maddr=b", "; branch=1", ",", " ", ";", '"'),
]
PLAIN_ADDRESSES = [
    ("<sip:a>", None),
    ("<sip:a.example:65535>;tag=1", "1"),
    ('"A, <b>; c" <sips:+4930@a.example;user=phone>;tag=x-1', "x-1"),
    ("Bob Smith <sip:bob@10.0.0.1>;tag=q=", "q="),
]
PLAIN_VIAS = [
    ("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport", "z9hG4bK1"),
    ("SIP/2.0/UDP 10.0.0.1;rport=7;received=10.0.0.2;branch=z9hG4bK2", "z9hG4bK2"),
    ("SIP/2.0/TCP a;branch=z9hG4bK3;received=::1;rport=5", "z9hG4bK3"),
]


def outcome(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except RemoteProtocolError:
        return RemoteProtocolError


def branch_in_full(text: str) -> str | None:
    via = Via.parse(text)
    if via.protocol != "SIP/2.0":
        raise RemoteProtocolError("Malformed Via")
    return via.branch


@pytest.mark.parametrize(("text", "tag"), PLAIN_ADDRESSES)
def test_tags_of_plain_addresses(text: str, tag: str | None) -> None:
    assert tag_of(text) == NameAddr.parse(text).tag == tag


@pytest.mark.parametrize(("text", "branch"), PLAIN_VIAS)
def test_branches_of_plain_vias(text: str, branch: str) -> None:
    assert branch_of(text) == Via.parse(text).branch == branch


def spliced(plain: list[tuple[str, str | None]], pieces: list[str]) -> st.SearchStrategy[str]:
    """A plain text with a few pieces put in or in place of what stood there; or pieces alone."""

    @st.composite
    def make(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(plain))[0]
        for _ in range(draw(st.integers(1, 3))):
            start = draw(st.integers(0, len(text)))
            text = text[:start] + draw(st.sampled_from(pieces)) + text[start + draw(st.integers(0, 6)) :]
        return text

    return make() | st.lists(st.sampled_from(pieces), max_size=6).map("".join)


@given(spliced(PLAIN_ADDRESSES, ADDRESS_PIECES))
@settings(max_examples=1000, deadline=None)
def test_tag_of_agrees_with_the_full_reading(text: str) -> None:
    assert outcome(tag_of, text) == outcome(lambda text: NameAddr.parse(text).tag, text)


@given(spliced(PLAIN_VIAS, VIA_PIECES))
@settings(max_examples=1000, deadline=None)
def test_branch_of_agrees_with_the_full_reading(text: str) -> None:
    assert outcome(branch_of, text) == outcome(branch_in_full, text)
