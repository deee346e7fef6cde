"""Header values: RFC 3261 20 and 25.1; each test is an equation between text and value."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.headers import (
    AuthChallenge,
    AuthCredentials,
    CSeq,
    MediaType,
    NameAddr,
    Reason,
    RetryAfter,
    Via,
    parse_delta_seconds,
)
from softswitch.sip.parameters import Parameters
from softswitch.sip.uri import Uri

ALICE = Uri("sip", "alice", "example.com")


def parameters(text: str) -> Parameters:
    return Parameters.parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<sip:alice@example.com>", NameAddr("", ALICE)),
        ("sip:alice@example.com", NameAddr("", ALICE)),
        ("sip:alice@example.com;tag=1", NameAddr("", ALICE, parameters(";tag=1"))),
        ("<sip:alice@example.com>;tag=1", NameAddr("", ALICE, parameters(";tag=1"))),
        ("Alice <sip:alice@example.com>", NameAddr("Alice", ALICE)),
        ("Alice B.  Cooper<sip:alice@example.com>", NameAddr("Alice B.  Cooper", ALICE)),
        ('"Alice, \\"the\\" <one>" <sip:alice@example.com>', NameAddr('Alice, "the" <one>', ALICE)),
        ('"" <sip:alice@example.com>', NameAddr("", ALICE)),
        ("Jürgen Groß <sip:alice@example.com>", NameAddr("Jürgen Groß", ALICE)),
        ("<sip:alice@example.com> ; tag = a== ; x", NameAddr("", ALICE, parameters(";tag=a==;x"))),
        ("<sip:h;lr>", NameAddr("", Uri("sip", None, "h", parameters=parameters(";lr")))),
        ("<tel:+1;phone-context=x>;tag=2", NameAddr("", Uri.parse("tel:+1;phone-context=x"), parameters(";tag=2"))),
        (
            '<sip:alice@example.com>;+sip.instance="<urn:uuid:1>";q=0.5',
            NameAddr("", ALICE, parameters(';+sip.instance="<urn:uuid:1>";q=0.5')),
        ),
    ],
)
def test_name_addr(text: str, value: NameAddr) -> None:
    assert NameAddr.parse(text) == value
    assert NameAddr.parse(str(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "alice",
            "<>",
            "<sip:a",
            "sip:a>",
            "<sip:a>>",
            "<<sip:a>>",
            "<sip:a>x",
            "<sip:a>,<sip:b>",
            "sip:a, sip:b",
        ),
        *('"a <sip:a>', '"a"b <sip:a>', '"a" "b" <sip:a>', "a, b <sip:a>", "a@b <sip:a>", "< sip:a>", "<sip:a >", "*"),
        *("sip:a?x=y", "sip:a;x?y=z", "sip:a@b;tag=1;tag=2", "<sip:a>;;", "<sip:a>;tag=", '"a\x01" <sip:a>', '"a\\'),
    ],
)
def test_malformed_name_addr(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        NameAddr.parse(text)
    assert caught.value.status == 400


def test_tags() -> None:
    address = NameAddr.parse("<sip:alice@example.com>")
    assert address.tag is None
    assert address.with_tag("1").tag == "1"
    assert str(address.with_tag("1").with_tag("2")) == "<sip:alice@example.com>;tag=2"
    with pytest.raises(LocalProtocolError):
        address.with_tag("1\r\nX: y")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
            Via("UDP", "192.0.2.1", 5060, parameters(";branch=z9hG4bK1")),
        ),
        ("SIP/2.0/TLS host", Via("TLS", "host")),
        ("SIP/2.0/UDP [2001:db8::9:1];rport", Via("UDP", "[2001:db8::9:1]", None, parameters(";rport"))),
        ("SIP/7.0/UDP host", Via("UDP", "host", protocol="SIP/7.0")),
    ],
)
def test_via(text: str, value: Via) -> None:
    assert Via.parse(text) == value
    assert str(value) == text


def test_via_with_spaces_and_lower_case() -> None:
    assert Via.parse("SIP  / 2.0\t/ udp   host : 5060 ;\tbranch = x") == Via(
        "UDP", "host", 5060, parameters(";branch=x")
    )
    assert Via.parse("sip/2.0/tcp host").protocol == "SIP/2.0"


@pytest.mark.parametrize(
    "text",
    [
        *("", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 host", "UDP host", "SIP/2.0/UDP host:", "SIP/2.0/UDP host:99999"),
        *(
            "SIP/2.0/UDP host;;",
            "SIP/2.0/UDP host x",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP a,SIP/2.0/UDP b",
            "SIP/2.0/UDP ä",
        ),
    ],
)
def test_malformed_via(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Via.parse(text)


def test_what_a_server_notes_on_a_via() -> None:
    """RFC 3261 18.2.1, RFC 3581 4."""
    via = Via.parse("SIP/2.0/UDP 192.0.2.1:5060;branch=x")
    assert via.with_source("192.0.2.1", 4000) is via
    assert str(via.with_source("198.51.100.7", 4000)) == "SIP/2.0/UDP 192.0.2.1:5060;branch=x;received=198.51.100.7"
    asking = Via.parse("SIP/2.0/UDP 192.0.2.1;rport;branch=x").with_source("192.0.2.1", 4000)
    assert str(asking) == "SIP/2.0/UDP 192.0.2.1;rport=4000;branch=x;received=192.0.2.1"
    assert (asking.rport, asking.received, asking.branch) == (4000, "192.0.2.1", "x")
    ipv6 = Via.parse("SIP/2.0/UDP [2001:db8::1]")
    assert ipv6.with_source("2001:db8::1", 1) is ipv6
    assert ipv6.with_source("2001:db8::2", 1).received == "2001:db8::2"


def test_via_fields_that_are_not_there_or_not_numbers() -> None:
    via = Via.parse("SIP/2.0/UDP host;rport=x")
    assert (via.branch, via.received, via.rport) == (None, None, None)
    assert Via.parse("SIP/2.0/UDP host;rport").rport is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("1 INVITE", CSeq(1, "INVITE")), ("0009 \t BYE", CSeq(9, "BYE")), ("2147483647 X", CSeq(2**31 - 1, "X"))],
)
def test_cseq(text: str, value: CSeq) -> None:
    assert CSeq.parse(text) == value
    assert CSeq.parse(str(value)) == value


@pytest.mark.parametrize("text", ["", "1", "INVITE", "INVITE 1", "-1 INVITE", "2147483648 INVITE", "1 INVITE x", "1 <"])
def test_malformed_cseq(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="CSeq"):
        CSeq.parse(text)


def test_media_type() -> None:
    value = MediaType.parse("Application/SDP ; charset = utf-8")
    assert (value.type, value.subtype, value.essence) == ("application", "sdp", "application/sdp")
    assert str(value) == "application/sdp;charset=utf-8"
    for text in ("", "text", "/", "text/", "a b/c", "text/plain;", "text/plain x"):
        with pytest.raises(RemoteProtocolError):
            MediaType.parse(text)


def test_reason() -> None:
    """RFC 3326 2."""
    value = Reason.parse('Q.850 ;cause=16 ;text="Terminated"')
    assert value == Reason("Q.850", 16, "Terminated")
    assert str(value) == 'Q.850;cause=16;text="Terminated"'
    assert Reason.parse("SIP") == Reason("SIP")
    assert Reason.parse("Q.850;cause=x") == Reason("Q.850")
    assert str(Reason("SIP", 200, 'say "done"')) == 'SIP;cause=200;text="say \\"done\\""'
    with pytest.raises(RemoteProtocolError):
        Reason.parse(";cause=16")


def test_retry_after() -> None:
    """RFC 3261 20.33, its examples."""
    assert RetryAfter.parse("18000;duration=3600") == RetryAfter(18000, "", parameters(";duration=3600"))
    assert RetryAfter.parse("120 (I'm in a meeting)") == RetryAfter(120, "I'm in a meeting")
    for text in ("", "x", "-1", "949302838503028349304023988", "1 2"):
        with pytest.raises(RemoteProtocolError):
            RetryAfter.parse(text)


def test_delta_seconds() -> None:
    assert [parse_delta_seconds(text, 3600) for text in ("0", " 60 ", "", "-1", "4294967296", "x")] == [
        *(0, 60, 3600, 3600, 3600, 3600)
    ]


def test_challenge() -> None:
    text = 'Digest realm="a, b", nonce="n\\"1", qop="auth, AUTH-int", algorithm=SHA-256, stale=TRUE'
    value = AuthChallenge.parse(text)
    assert (value.realm, value.nonce, value.qop, value.algorithm, value.stale) == (
        *("a, b", 'n"1', ("auth", "auth-int"), "SHA-256", True),
    )
    assert AuthChallenge.parse(str(value)) == value
    bare = AuthChallenge.parse("digest")
    assert (bare.realm, bare.nonce, bare.qop, bare.algorithm, bare.stale) == ("", "", (), "MD5", False)
    assert bare.is_digest


def test_credentials_are_written_with_the_quotes_rfc_7616_asks_for() -> None:
    value = AuthCredentials.of(
        "Digest", username="u", uri="sip:x", qop="auth", nc="00000001", algorithm="MD5", cnonce=None
    )
    assert str(value) == 'Digest username="u", uri="sip:x", qop=auth, nc=00000001, algorithm=MD5'
    assert AuthCredentials.parse('Digest qop="auth",nc="00000001"').get("qop") == "auth"


@pytest.mark.parametrize(
    "text", ["", "Digest realm", "Digest realm=", 'Digest a="b', "Digest a=b c=d", "Digest a=1, a=2", "=x"]
)
def test_malformed_credentials(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        AuthCredentials.parse(text)


def test_bare_values_must_be_tokens() -> None:
    with pytest.raises(LocalProtocolError):
        str(AuthCredentials.of("Digest", nc="1, response=x"))
