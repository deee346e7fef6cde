"""Headers that say who calls and who sent the call on: read leniently, written so that others can read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip import identity
from softswitch.sip.header_map import Headers
from softswitch.sip.headers import NameAddr
from softswitch.sip.identity import DivertedBy
from softswitch.sip.uri import Uri


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        ([], set()),
        (["id"], {"id"}),
        (["ID; critical"], {"id", "critical"}),
        (["id,header", "user"], {"id", "header", "user"}),
        (["none"], {"none"}),
    ],
)
def test_privacy(lines: list[str], values: set[str]) -> None:
    assert identity.privacy(Headers([("Privacy", line) for line in lines])) == values


@pytest.mark.parametrize(
    ("lines", "user"),
    [
        ([], None),
        (['"Anna" <sip:+4930123@carrier.example>'], "+4930123"),
        (["<tel:+4930123>"], "+4930123"),
        (["<sip:carrier.example>, <tel:+4930123>"], "+4930123"),
        (["<sip:carrier.example>", "<sip:anna@carrier.example>"], "anna"),
        (['"a, b" <sip:anna@carrier.example>'], "anna"),
        (['"a, b <sip:anna@carrier.example>'], None),
        (["<nonsense", "<sip:anna@carrier.example>"], "anna"),
    ],
)
def test_asserted_identity(lines: list[str], user: str | None) -> None:
    found = identity.identity(Headers([("P-Asserted-Identity", line) for line in lines]), "P-Asserted-Identity")
    assert (None if found is None else found.uri.user) == user


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('"Anna" <sip:30@c.example>;party=calling;privacy=off;screen=yes', ("30", False)),
        ("<sip:30@c.example>", ("30", False)),
        ("<sip:30@c.example>;privacy=full", ("30", True)),
        ('<sip:30@c.example>;party=calling;privacy="uri"', ("30", True)),
        ("<sip:30@c.example>;privacy=name", ("30", False)),
        ("<sip:31@c.example>;party=called, <sip:30@c.example>;party=calling", ("30", False)),
        ("<sip:31@c.example>;party=called", None),
        ("<sip:c.example>;party=calling", None),
        ("garbage;;", None),
    ],
)
def test_remote_party_id(line: str, expected: tuple[str, bool] | None) -> None:
    found = identity.remote_party(Headers([("Remote-Party-ID", line)]))
    assert (None if found is None else (found.party.uri.user, found.withheld)) == expected


def by(*diverted: tuple[str, str, bool]) -> tuple[DivertedBy, ...]:
    return tuple(
        DivertedBy(NameAddr("", Uri("sip", user, "c.example")), reason, hide) for user, reason, hide in diverted
    )


def told(found: tuple[DivertedBy, ...]) -> list[tuple[str | None, str, bool]]:
    return [(each.party.uri.user, each.reason, each.withheld) for each in found]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], []),
        (
            [("Diversion", "<sip:2@c.example>;reason=no-answer"), ("Diversion", "<sip:1@c.example>;reason=user-busy")],
            [("2", "no-answer", False), ("1", "user-busy", False)],
        ),
        ([("Diversion", "<tel:+491>;reason=whatever;privacy=full")], [("+491", "unknown", True)]),
        (
            [  # RFC 7544: 1 was called, busy, sent on to 2, who sent it on at once to 3
                ("History-Info", "<sip:1@c.example>;index=1, <sip:2@c.example;cause=486>;index=1.1;mp=1"),
                ("History-Info", "<sip:3@c.example;cause=302>;index=1.1.1;mp=1.1"),
            ],
            [("2", "unconditional", False), ("1", "user-busy", False)],
        ),
        (
            [  # RFC 4244 has the cause in a Reason within the URI
                ("History-Info", "<sip:1@c.example?Privacy=history>;index=1"),
                ("History-Info", "<sip:2@c.example?Reason=SIP%3Bcause%3D408%3Btext%3D%22x%22>;index=1.1"),
            ],
            [("1", "no-answer", True)],
        ),
        ([("History-Info", "<sip:1@c.example>;index=1"), ("History-Info", "<sip:1@9.example>;index=1.1;rc=1")], []),
        ([("History-Info", "<sip:1@c.example>;index=x"), ("History-Info", "<<")], []),
        (
            [("History-Info", "<sip:2@c.example;cause=302>;index=1.1"), ("History-Info", "<sip:1@c.example>;index=1")],
            [("1", "unconditional", False)],
        ),
    ],
)
def test_diversions(headers: list[tuple[str, str]], expected: list[tuple[str, str, bool]]) -> None:
    assert told(identity.diversions(Headers(headers))) == expected


@pytest.mark.parametrize("reason", identity.REASONS)
def test_what_is_written_as_diversion_reads_back(reason: str) -> None:
    diverted = by(("2", reason, True), ("1", "user-busy", False))
    assert identity.diversions(Headers(identity.write_diversions(diverted))) == tuple(
        DivertedBy(NameAddr.parse(f"{each.party};reason={each.reason};counter=1;privacy={privacy}"), *each[1:])
        for each, privacy in zip(diverted, ("full", "off"), strict=True)
    )


@pytest.mark.parametrize(
    ("reason", "same"),
    [("unconditional", True), ("user-busy", True), ("no-answer", True), ("deflection", True), ("unavailable", True),
     ("unknown", True), ("follow-me", False)],
)  # fmt: skip
def test_history_tells_what_diversion_tells(reason: str, same: bool) -> None:
    lines = identity.write_history(by(("2", reason, True), ("1", "user-busy", False)), Uri("sip", "3", "c.example"))
    expected = [("2", reason if same else "unknown", True), ("1", "user-busy", False)]
    assert told(identity.diversions(Headers(lines))) == expected
    assert [line.rpartition("index=")[2] for _, line in lines] == ["1", "1.1;mp=1", "1.1.1;mp=1.1"]


def test_many_entries_are_cut() -> None:
    lines = [("Diversion", f"<sip:{n}@c.example>;reason=away") for n in range(50)]
    assert [user for user, _, _ in told(identity.diversions(Headers(lines)))] == [str(n) for n in range(10)]


@pytest.mark.parametrize(
    ("sender", "anonymous"),
    [
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', True),
        ("<sip:x@ANONYMOUS.invalid>", True),
        ("<sip:Anonymous@carrier.example>", True),
        ("<sip:restricted@carrier.example>", True),
        ('"Anonymous" <sip:+4930@carrier.example>', False),
        ("<sip:carrier.example>", False),
    ],
)
def test_anonymous_senders(sender: str, anonymous: bool) -> None:
    assert identity.is_anonymous(NameAddr.parse(sender)) is anonymous


@pytest.mark.parametrize(
    ("party", "found"),
    [
        ("<sip:+1212;verstat=TN-Validation-Passed@c.example;user=phone>", "TN-Validation-Passed"),
        ("<tel:+1212;verstat=No-TN-Validation>", "No-TN-Validation"),
        ("<sip:+1212@c.example>", ""),
        ("<sip:+1212;verstat=(1)@c.example>", ""),
    ],
)
def test_verstat(party: str, found: str) -> None:
    assert identity.verstat(NameAddr.parse(party)) == found


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "P-Asserted-Identity",
                    "P-Preferred-Identity",
                    "Remote-Party-ID",
                    "Privacy",
                    "Diversion",
                    "History-Info",
                ]
            ),
            st.text(st.characters(exclude_characters="\r\n"))
            | st.from_regex(r'[<>";,=?%a-z0-9:@.+ ]{0,60}', fullmatch=True),
        )
    )
)
def test_nothing_in_these_headers_can_raise(lines: list[tuple[str, str]]) -> None:
    headers = Headers([(name, value.replace("\n", "")) for name, value in lines])
    identity.privacy(headers)
    identity.identity(headers, "P-Asserted-Identity")
    identity.remote_party(headers)
    identity.diversions(headers)
