"""How callers are told: shown, withheld, replaced, forwarded; per trunk."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from softswitch.b2bua.origin import Diversion, Number, Origin
from softswitch.b2bua.presentation import DiversionHeaders, IdentityHeader, OwnNumbers, Presentation
from softswitch.dialplan.number_format import NumberFormat
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import parse_message
from softswitch.sip.uri import Uri

HOST = "192.0.2.1"
TARGET = Uri("sip", "+4989777", "carrier.example")
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
OWN = OwnNumbers(frozenset({"+4930100"}), ("+49302",))
CARRIER = Origin(
    party=NameAddr.parse('"Anna" <sip:030555@10.9.8.7>'), number=Number("030555", "+4930555"), rewritten=False
)
DESK = Origin(party=NameAddr.parse('"Desk" <sip:1001@pbx.example>'), number=Number("1001", "1001"), ours=True)
LINE = Origin(party=NameAddr.parse('"Line" <sip:030202@pbx.example>'), number=Number("030202", "+4930202"), ours=True)


def shown(rules: Presentation, origin: Origin) -> tuple[str, list[str]]:
    found = rules.show(origin, HOST, TARGET)
    return str(found.from_), [f"{name}: {value}" for name, value in found.headers]


@pytest.mark.parametrize(
    ("rules", "origin", "sender"),
    [
        (Presentation(), CARRIER, '"Anna" <sip:030555@192.0.2.1>'),
        (Presentation(domain="us.example"), CARRIER, '"Anna" <sip:030555@us.example>'),
        (Presentation(format=NumberFormat.E164), CARRIER, '"Anna" <sip:+4930555@192.0.2.1>'),
        (Presentation(format=NumberFormat.INTERNATIONAL), CARRIER, '"Anna" <sip:4930555@192.0.2.1>'),
        (Presentation(format=NumberFormat.US_NATIONAL), CARRIER, '"Anna" <sip:0114930555@192.0.2.1>'),
        (Presentation(), replace(CARRIER, rewritten=True), '"Anna" <sip:+4930555@192.0.2.1>'),
        (Presentation(format=NumberFormat.E164), DESK, '"Desk" <sip:1001@192.0.2.1>'),
        (Presentation(default="+4930100"), DESK, '"Desk" <sip:+4930100@192.0.2.1>'),
        (Presentation(default="+4930100"), CARRIER, '"Anna" <sip:030555@192.0.2.1>'),
        (Presentation(own=OWN, default="+4930100"), DESK, '"Desk" <sip:+4930100@192.0.2.1>'),
        (Presentation(own=OWN, default="+4930100"), LINE, '"Line" <sip:030202@192.0.2.1>'),
        (
            Presentation(own=OWN, default="+4930100", format=NumberFormat.INTERNATIONAL),
            CARRIER,
            "<sip:4930100@192.0.2.1>",
        ),
    ],
)
def test_from(rules: Presentation, origin: Origin, sender: str) -> None:
    assert shown(rules, origin) == (sender, [])


def test_a_foreign_name_does_not_stand_beside_a_number_of_ours() -> None:
    anna = replace(CARRIER, number=Number("anna", "anna"))
    found = Presentation(default="+4930100").show(anna, HOST, TARGET)
    assert (str(found.from_), found.replaced, found.ours) == ("<sip:+4930100@192.0.2.1>", "anna", True)
    found = Presentation(default="+4930100").show(replace(CARRIER, number=Number("", "")), HOST, TARGET)
    assert (str(found.from_), found.replaced) == ("<sip:+4930100@192.0.2.1>", "nobody")


def test_a_number_that_is_not_ours_is_replaced_and_that_is_known() -> None:
    found = Presentation(own=OWN, default="+4930100").show(CARRIER, HOST, TARGET)
    assert (found.number, found.replaced) == ("+4930100", "+4930555")
    found = Presentation(own=OWN, default="+4930100").show(LINE, HOST, TARGET)
    assert (found.number, found.replaced) == ("+4930202", "")


def test_the_caller_in_every_header() -> None:
    rules = Presentation(present=("pai", "ppi", "rpid"), format=NumberFormat.E164)
    assert shown(rules, CARRIER)[1] == [
        'P-Asserted-Identity: "Anna" <sip:+4930555@192.0.2.1>',
        'P-Preferred-Identity: "Anna" <sip:+4930555@192.0.2.1>',
        'Remote-Party-ID: "Anna" <sip:+4930555@192.0.2.1>;party=calling;privacy=off;screen=yes',
    ]


WITHHELD = [
    # whom it is told to, who calls, what is told beside From and Privacy
    (Presentation(present=("pai", "rpid")), CARRIER, []),
    (Presentation(present=("pai",), trusted=True), CARRIER, []),
    (Presentation(withheld_in="pai"), CARRIER, []),
    (Presentation(withheld_in="pai", trusted=True), CARRIER, ['P-Asserted-Identity: "Anna" <sip:030555@192.0.2.1>']),
    (Presentation(withheld_in="ppi", trusted=True), CARRIER, ['P-Preferred-Identity: "Anna" <sip:030555@192.0.2.1>']),
    (
        Presentation(withheld_in="rpid", trusted=True),
        CARRIER,
        ['Remote-Party-ID: "Anna" <sip:030555@192.0.2.1>;party=calling;privacy=full;screen=yes'],
    ),
    # our own phone's number may be told to the carrier it belongs to, trusted or not
    (Presentation(withheld_in="pai"), LINE, ['P-Asserted-Identity: "Line" <sip:030202@192.0.2.1>']),
    (
        Presentation(withheld_in="ppi", own=OWN, default="+4930100"),
        DESK,
        ['P-Preferred-Identity: "Desk" <sip:+4930100@192.0.2.1>'],
    ),
    # a foreign number never is, ours stands in for it
    (
        Presentation(withheld_in="pai", own=OWN, default="+4930100"),
        CARRIER,
        ["P-Asserted-Identity: <sip:+4930100@192.0.2.1>"],
    ),
    # nobody knows who it is
    (
        Presentation(withheld_in="pai", trusted=True),
        Origin(party=NameAddr.parse(ANONYMOUS), number=Number("anonymous", "anonymous")),
        [],
    ),
]


@pytest.mark.parametrize(("rules", "origin", "headers"), WITHHELD)
def test_a_withheld_caller(rules: Presentation, origin: Origin, headers: list[str]) -> None:
    assert shown(rules, origin.hidden()) == (ANONYMOUS, ["Privacy: id", *headers])


@pytest.mark.parametrize("withheld_in", [None, "pai", "ppi", "rpid"])
@pytest.mark.parametrize("diversion", ["off", "diversion", "history_info", "both"])
@pytest.mark.parametrize("verstat", [True, False])
def test_nothing_of_a_withheld_caller_reaches_whom_we_do_not_trust(
    withheld_in: IdentityHeader | None, diversion: DiversionHeaders, verstat: bool
) -> None:
    rules = Presentation(present=("pai", "ppi", "rpid"), withheld_in=withheld_in, diversion=diversion, verstat=verstat)
    origin = replace(
        CARRIER.hidden().diverted(Number("0308889", "+49308889"), "user-busy", withheld=True, name="Boss"),
        verstat="TN-Validation-Passed",
    )
    text = "\n".join([shown(rules, origin)[0], *shown(rules, origin)[1]])
    for secret in ("555", "8889", "Anna", "Boss", "10.9.8.7"):
        assert secret not in text


def test_what_privacy_said_goes_on() -> None:
    critical = replace(CARRIER.hidden(), privacy=frozenset({"id", "critical"}))
    assert shown(Presentation(), critical)[1] == ["Privacy: id;critical"]
    open_ = replace(CARRIER, privacy=frozenset({"none"}))
    assert shown(Presentation(), open_)[1] == ["Privacy: none"]


def test_verification_is_told_beside_the_number() -> None:
    passed = replace(CARRIER, verstat="TN-Validation-Passed", rewritten=True)
    rules = Presentation(verstat=True, present=("pai",))
    party = '"Anna" <sip:+4930555;verstat=TN-Validation-Passed@192.0.2.1;user=phone>'
    assert shown(rules, passed) == (party, [f"P-Asserted-Identity: {party}"])
    assert shown(Presentation(), passed)[0] == '"Anna" <sip:+4930555@192.0.2.1>'
    assert "verstat" not in shown(Presentation(verstat=True, own=OWN, default="+4930100"), passed)[0], (
        "it was about another number"
    )


def test_diversions() -> None:
    origin = CARRIER.diverted(Number("0301", "+49301"), "user-busy", name="Boss")
    origin = origin.diverted(Number("0302", "+49302"), "no-answer", withheld=True)
    rules = Presentation(diversion="both", format=NumberFormat.INTERNATIONAL)
    assert shown(rules, origin)[1] == [
        "Diversion: <sip:anonymous@anonymous.invalid>;reason=no-answer;counter=1;privacy=full",
        'Diversion: "Boss" <sip:49301@192.0.2.1>;reason=user-busy;counter=1;privacy=off',
        "History-Info: <sip:49301@192.0.2.1>;index=1",
        "History-Info: <sip:anonymous@anonymous.invalid;cause=486?Privacy=history>;index=1.1;mp=1",
        "History-Info: <sip:+4989777@192.0.2.1;cause=408>;index=1.1.1;mp=1.1",
    ]
    trusted = replace(rules, trusted=True, diversion="diversion")
    assert shown(trusted, origin)[1][0] == "Diversion: <sip:49302@192.0.2.1>;reason=no-answer;counter=1;privacy=full"


def test_a_call_that_is_sent_on_for_ever_keeps_its_latest_diversions() -> None:
    origin = CARRIER
    for number in range(30):
        origin = origin.diverted(Number(str(number), str(number)))
    assert [each.number.raw for each in origin.diversions] == [str(number) for number in range(29, 19, -1)]
    assert origin.diversions[0] == Diversion(Number("29", "29"), "unconditional")


HOSTILE = ['"x', 'a"\\', "a;tag=1", "<b>", "a,b", "ü 😀", "a\tb", ">", '";foo=<sip:x@y>']


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_break_out_of_its_header(name: str) -> None:
    origin = replace(LINE, party=replace(LINE.party, display_name=name)).diverted(Number("1", "1"), name=name)
    rules = Presentation(present=("pai", "ppi", "rpid"), diversion="diversion")
    sender, headers = shown(rules, origin)
    lines = [f"From: {sender};tag=1", *headers]
    message = parse_message(
        ("INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nTo: <sip:1@h>\r\nCall-ID: c\r\n"
         "CSeq: 1 INVITE\r\nContact: <sip:h>\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()
    )  # fmt: skip
    assert message.from_.display_name == name
    assert message.from_.tag == "1"
    for header in ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Diversion"):
        (value,) = message.headers.get_all(header)
        assert NameAddr.parse(value).display_name == name


@pytest.mark.parametrize("number", ["1@evil.example", "1;lr", "1?Replaces=x", "a b", "ä", "1>,<sip:2", '"'])
@pytest.mark.parametrize("form", [None, *NumberFormat])
def test_a_number_stays_inside_the_user_part(number: str, form: NumberFormat | None) -> None:
    origin = replace(LINE, number=Number("x", number), rewritten=True).diverted(Number("x", number))
    found = Presentation(format=form, present=("pai",), diversion="diversion").show(origin, HOST, TARGET)
    for text in (str(found.from_), *(value for _, value in found.headers)):
        uri = NameAddr.parse(text).uri
        assert (uri.host, str(uri.parameters), uri.headers) == (HOST, "", "")


def test_normalising_changes_numbers_and_nothing_else() -> None:
    full = Origin(
        party=CARRIER.party,
        number=Number("030555", ""),
        withheld=True,
        privacy=frozenset({"id"}),
        ours=True,
        rewritten=True,
        diversions=(Diversion(Number("0301", ""), "away", True, "Boss"),),
        verstat="TN-Validation-Failed",
        doubt="stale",
        standing="B",
        signed=("a.b.c", "+49"),
        attestation="C",
        headers=(("X-A", "1"),),
    )
    plain = Origin(party=CARRIER.party, number=full.number)
    assert all(getattr(full, each.name) != getattr(plain, each.name) for each in fields(Origin)[2:]), "say every field"
    diversion = Diversion(Number("0301", "+49301"), "away", True, "Boss")
    expected = replace(full, number=Number("030555", "+4930555"), diversions=(diversion,))
    assert full.normalised("+4930555", lambda raw: f"+49{raw[1:]}") == expected
