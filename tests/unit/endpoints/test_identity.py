"""Who calls: what is believed of whom."""

from __future__ import annotations

import pytest

from softswitch.b2bua.header_policy import CLOSED, HeaderTable
from softswitch.endpoints.identity import FROM_ALONE, IdentityRules, PrivacyNotPossible, account_origin, phone_origin
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request, parse_message

TRUSTED = IdentityRules(trusted=True, caller_from=("pai", "rpid", "from"))
PAI = 'P-Asserted-Identity: "Anna" <sip:+4930555;verstat=TN-Validation-Passed@c.example>'
RPID = '"Rolf" <sip:+4930666@c.example>;party=calling'
DESK = account_origin(NameAddr.parse('"Desk" <sip:1001@pbx.example>'), "1001")


def invite(*lines: str, sender: str = '"Eve" <sip:+4930111@10.0.0.9>') -> Request:
    message = parse_message(
        "\r\n".join(
            ["INVITE sip:1@192.0.2.1 SIP/2.0", "Via: SIP/2.0/UDP h;branch=z9hG4bKx", "To: <sip:1@h>", "Call-ID: c",
             "CSeq: 1 INVITE", "Contact: <sip:h>", f"From: {sender};tag=1", *lines, "", ""]
        ).encode()
    )  # fmt: skip
    assert isinstance(message, Request)
    return message


ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@pytest.mark.parametrize(
    ("rules", "lines", "sender", "number", "name", "withheld"),
    [
        (FROM_ALONE, [], None, "+4930111", "Eve", False),
        (FROM_ALONE, [PAI, f"Remote-Party-ID: {RPID}"], None, "+4930111", "Eve", False),
        (FROM_ALONE, [PAI, "Privacy: id"], None, "+4930111", "Eve", True),
        (FROM_ALONE, [PAI], ANONYMOUS, "anonymous", "Anonymous", True),
        (FROM_ALONE, ["Privacy: header;session"], None, "+4930111", "Eve", False),
        (FROM_ALONE, ["Privacy: user"], None, "+4930111", "Eve", True),
        (FROM_ALONE, ["Privacy: none"], None, "+4930111", "Eve", False),
        (TRUSTED, [], None, "+4930111", "Eve", False),
        (TRUSTED, [PAI], None, "+4930555", "Anna", False),
        (TRUSTED, [PAI, "Privacy: id"], None, "+4930555", "Anna", True),
        (TRUSTED, [PAI], ANONYMOUS, "+4930555", "Anna", True),
        (TRUSTED, [PAI, "Privacy: none"], ANONYMOUS, "+4930555", "Anna", False),
        (TRUSTED, [f"Remote-Party-ID: {RPID}"], None, "+4930666", "Rolf", False),
        (TRUSTED, [f"Remote-Party-ID: {RPID};privacy=full"], ANONYMOUS, "+4930666", "Rolf", True),
        (TRUSTED, ["P-Asserted-Identity: <nonsense"], None, "+4930111", "Eve", False),
        (TRUSTED, ["P-Asserted-Identity: <tel:+4930777>"], None, "+4930777", "", False),
        (IdentityRules(trusted=True, caller_from=("ppi",)), [PAI], None, "+4930111", "Eve", False),
        (
            IdentityRules(trusted=True, caller_from=("ppi", "pai")),
            [PAI, "P-Preferred-Identity: <sip:+49@c>"],
            None,
            "+49",
            "",
            False,
        ),
        (IdentityRules(trusted=True, caller_from=("from", "pai")), [PAI], None, "+4930111", "Eve", False),
        (IdentityRules(trusted=True, caller_from=("from", "pai")), [PAI], ANONYMOUS, "+4930555", "Anna", True),
    ],
)
def test_callers_of_trunks(
    rules: IdentityRules, lines: list[str], sender: str | None, number: str, name: str, withheld: bool
) -> None:
    origin = rules.read(invite(*lines) if sender is None else invite(*lines, sender=sender))
    assert (origin.number.raw, origin.party.display_name, origin.withheld) == (number, name, withheld)
    assert not origin.ours


def test_only_the_trusted_are_believed_what_they_say_of_numbers_and_diversions() -> None:
    request = invite(PAI, "Diversion: <sip:+4930222@c.example>;reason=user-busy")
    origin = TRUSTED.read(request)
    assert origin.verstat == "TN-Validation-Passed"
    assert [(each.number.raw, each.reason) for each in origin.diversions] == [("+4930222", "user-busy")]
    origin = FROM_ALONE.read(request)
    assert (origin.verstat, origin.diversions) == ("", ())


@pytest.mark.parametrize("privacy", ["critical;wizardry", "id;critical;x"])
def test_a_privacy_nobody_knows_fails_the_call_where_it_is_critical(privacy: str) -> None:
    for read in (FROM_ALONE.read, lambda request: phone_origin(DESK, request, CLOSED)):
        with pytest.raises(PrivacyNotPossible, match=r"wizardry|x"):
            read(invite(f"Privacy: {privacy}"))
    FROM_ALONE.read(invite("Privacy: wizardry"))
    FROM_ALONE.read(invite("Privacy: id;header;user;session;critical"))


@pytest.mark.parametrize(
    ("lines", "sender", "withheld"),
    [
        ([], '"Boss" <sip:+4930999@evil.example>', False),
        ([PAI, "P-Preferred-Identity: <sip:+4930999@h>", f"Remote-Party-ID: {RPID}"], "<sip:boss@h>", False),
        (["Privacy: id"], "<sip:1001@h>", True),
        (["Privacy: none"], ANONYMOUS, False),
        ([], ANONYMOUS, True),
    ],
)
def test_a_phone_is_its_account_and_may_withhold_that(lines: list[str], sender: str, withheld: bool) -> None:
    origin = phone_origin(DESK, invite(*lines, sender=sender), CLOSED)
    assert (origin.party, origin.number, origin.ours) == (DESK.party, DESK.number, True)
    assert origin.withheld is withheld


def test_headers_are_taken_by_the_table() -> None:
    table = HeaderTable(frozenset({"x-account"}))
    request = invite("X-Account: 7", "X-Other: 8")
    assert IdentityRules(headers=table).read(request).headers == (("X-Account", "7"),)
    assert phone_origin(DESK, request, table).headers == (("X-Account", "7"),)
    assert FROM_ALONE.read(request).headers == ()


@pytest.mark.parametrize(
    ("sender", "party"),
    [
        ("<sip:+49;phone-context=x@h:5070;user=phone>", "<sip:+49@h>"),
        ("<tel:+49;x=y>", "<tel:+49>"),
        ("<sip:h>", "<sip:h>"),
        ("<urn:x:y>", "<sip:anonymous@anonymous.invalid>"),
        ('"a\\\x01b\\\x7f" <sip:1@h>', '"ab" <sip:1@h>'),
    ],
)
def test_what_is_kept_of_a_party_is_its_name_and_number(sender: str, party: str) -> None:
    assert str(FROM_ALONE.read(invite(sender=sender)).party) == party
