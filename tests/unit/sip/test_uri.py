"""URIs: RFC 3261 19.1, RFC 3966."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.parameters import Parameters
from softswitch.sip.uri import Uri, escape_user, unescape


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        # RFC 3261 19.1.3
        ("sip:alice@atlanta.com", Uri("sip", "alice", "atlanta.com")),
        (
            "sip:alice:secretword@atlanta.com;transport=tcp",
            Uri("sip", "alice", "atlanta.com", parameters=Parameters([("transport", "tcp")]), password="secretword"),
        ),
        (
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            Uri("sips", "alice", "atlanta.com", headers="subject=project%20x&priority=urgent"),
        ),
        (
            "sip:+1-212-555-1212:1234@gateway.com;user=phone",
            Uri("sip", "+1-212-555-1212", "gateway.com", parameters=Parameters([("user", "phone")]), password="1234"),
        ),
        ("sip:alice@192.0.2.4", Uri("sip", "alice", "192.0.2.4")),
        (
            "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
            Uri("sip", None, "atlanta.com", None, Parameters([("method", "REGISTER")]), "to=alice%40atlanta.com"),
        ),
        ("sip:alice;day=tuesday@atlanta.com", Uri("sip", "alice;day=tuesday", "atlanta.com")),
        ("sip:[2001:db8::1]:5070", Uri("sip", None, "[2001:db8::1]", 5070)),
        ("sip:*21#@pbx", Uri("sip", "*21#", "pbx")),
        ("sip:a@my_container:5060", Uri("sip", "a", "my_container", 5060)),
        ("tel:+1-201-555-0123", Uri("tel", "+1-201-555-0123")),
        (
            "tel:7042;phone-context=example.com",
            Uri("tel", "7042", parameters=Parameters([("phone-context", "example.com")])),
        ),
        ("urn:service:sos", Uri("urn", opaque="service:sos")),
    ],
)
def test_both_directions(text: str, uri: Uri) -> None:
    assert Uri.parse(text) == uri
    assert str(uri) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "sip", "sip:", "sip:@host", "sip:a@", "sip:a@b@c", "sip:a b@c", " sip:a", "sip:a ", "<sip:a>", "1a:b"),
        *("sip:a@b:", "sip:a@b:99999", "sip:a@b:-1", "sip:a@b;", "sip:a@b;;lr", "sip:a@b;=c", "sip:a@b?", "sip:a@b;x="),
        *("sip:2001:db8::10", "sip:[2001:db8::10", "sip:[::g]", "sip:[1:2]", "sip:[]", "sip:[:::]", "sip:[::1%25eth0]"),
        *("sip:%zz@a", "sip:a%@b", "sip:a%4@b", "sip:a@b;x=%4", 'sip:"a"@b', "sip:ä@b", "sip:a@b\r\nX: y", "sip:a\0@b"),
        *("sip:a@b;lr;LR", "tel:", "tel:xyz", "tel:+1 2", "http:", "x:<y>", 'x:"'),
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Uri.parse(text)
    assert caught.value.status == 400


def test_needless_escapes_go_others_stay() -> None:
    assert Uri.parse("sip:%61%6c%69ce%2fx@a").user == "alice%2Fx"
    assert Uri.parse("sip:%00@a").user == "%00"


def test_the_scheme_has_no_case() -> None:
    assert Uri.parse("SIPS:a@b") == Uri("sips", "a", "b")
    assert Uri.parse("sip:a").is_sip
    assert not Uri.parse("tel:1").is_sip


def test_address_is_what_a_socket_takes() -> None:
    assert Uri.parse("sip:[2001:db8::1]").address == "2001:db8::1"
    assert Uri.parse("sip:192.0.2.1").address == "192.0.2.1"


# RFC 3261 19.1.4, both lists in full, and what follows from its rules.
EQUIVALENT = [
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    ("sip:[2001:db8::0:1]", "sip:[2001:DB8::1]"),
    ("tel:+1-201-555-0123", "tel:+1(201)5550123"),
    ("urn:service:sos", "urn:service:sos"),
]
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:a@b", "sips:a@b"),
    ("sip:a@b", "sip:b"),
    ("sip:a:pw@b", "sip:a@b"),
    ("sip:a%2Fb@c", "sip:a/b@c"),
    ("sip:a@b;lr", "sip:a@b;lr=on"),
    ("tel:+12015550123", "tel:12015550123"),
]


@pytest.mark.parametrize(("one", "other"), EQUIVALENT)
def test_equivalent(one: str, other: str) -> None:
    assert Uri.parse(one).equivalent(Uri.parse(other))
    assert Uri.parse(other).equivalent(Uri.parse(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_not_equivalent(one: str, other: str) -> None:
    assert not Uri.parse(one).equivalent(Uri.parse(other))
    assert not Uri.parse(other).equivalent(Uri.parse(one))


@pytest.mark.parametrize("user", ["a b", "a>", 'a"', "a\r\nVia: x", "ä", "a\0"])
def test_a_user_that_needs_escaping_is_not_written(user: str) -> None:
    with pytest.raises(LocalProtocolError, match="escape"):
        str(Uri("sip", user, "host"))
    assert unescape(escape_user(user)) == user
    assert Uri.parse(str(Uri("sip", escape_user(user), "host"))).user == escape_user(user)


def test_unescape_never_fails_on_octets_that_are_not_text() -> None:
    assert unescape("%FFx%c3%a9") == "\ufffdxé"
    with pytest.raises(RemoteProtocolError):
        unescape("%4")


def test_with_parameter() -> None:
    assert str(Uri.parse("sip:a@b").with_parameter("transport", "tcp")) == "sip:a@b;transport=tcp"


def test_overlong_texts_are_read_too() -> None:
    text = f"sip:{'a' * 5000}@host"
    assert str(Uri.parse(text)) == text
