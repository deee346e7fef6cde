"""RFC 5118, every message: IPv6 in URIs, Via and bodies."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.framing import StreamFramer
from softswitch.sip.headers import Via
from softswitch.sip.message import Request, parse_message

FOLDER = Path(__file__).parent / "rfc5118"
INVALID = {"ipv6-bad": "4.2: a SIP implementation should respond with a 400: the brackets are missing"}
VALID = {
    "ipv6-good": "[2001:db8::10]",
    "port-ambiguous": "[2001:db8::10:5070]",
    "port-unambiguous": "[2001:db8::10]",
    "via-received-param-with-delim": "[2001:db8::10]",
    "via-received-param-no-delim": "[2001:db8::10]",
    "ipv6-in-sdp": "[2001:db8::10]",
    "mult-ip-in-header": "host.example.net",
    "mult-ip-in-sdp": "[2001:db8::10]",
    "ipv4-mapped-ipv6": "example.com",
    "ipv6-bug-abnf-3-colons": "[2001:db8::192.0.2.1]",
    "ipv6-correct-abnf-2-colons": "[2001:db8::192.0.2.1]",
}


def octets(name: str) -> bytes:
    return (FOLDER / f"{name}.dat").read_bytes()


def request(name: str) -> Request:
    message = parse_message(octets(name))
    assert isinstance(message, Request)
    return message


def test_every_message_is_listed() -> None:
    assert VALID.keys() | INVALID.keys() == {path.stem for path in FOLDER.glob("*.dat")}


@pytest.mark.parametrize("name", VALID)
def test_valid(name: str) -> None:
    message = request(name)
    assert message.uri.host == VALID[name]
    assert bytes(parse_message(bytes(message))) == bytes(message)
    assert StreamFramer().feed(octets(name)) == [octets(name)]


@pytest.mark.parametrize("name", INVALID)
def test_invalid(name: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_message(octets(name))
    assert caught.value.status == 400
    assert caught.value.request is not None
    assert caught.value.request.via.host == "[2001:db8::9:1]"


def test_the_port_is_outside_the_brackets() -> None:
    """4.3 and 4.4: inside, 5070 is part of the address."""
    assert request("port-ambiguous").uri.port is None
    assert request("port-unambiguous").uri.port == 5070


@pytest.mark.parametrize("name", ["via-received-param-with-delim", "via-received-param-no-delim"])
def test_received_with_and_without_brackets(name: str) -> None:
    """4.5: accept both."""
    assert request(name).via.received == "2001:db8::9:255"


def test_both_address_families_among_the_vias() -> None:
    """4.7."""
    vias = [Via.parse(text) for text in request("mult-ip-in-header").headers.get_all("Via")]
    assert [(via.host, via.port, via.received) for via in vias] == [
        ("[2001:db8::9:1]", 6050, None),
        ("192.0.2.1", None, None),
        ("[2001:db8::9:255]", None, "192.0.2.200"),
    ]


def test_ipv4_mapped_addresses() -> None:
    """4.9."""
    message = request("ipv4-mapped-ipv6")
    assert message.via.host == "[::ffff:192.0.2.10]"
    assert message.contact is not None
    assert message.contact.uri.address == "::ffff:192.0.2.2"


def test_three_colons_mean_two() -> None:
    """4.10: an implementation must tolerate both, and may repair the first when it writes it."""
    assert request("ipv6-bug-abnf-3-colons").uri == request("ipv6-correct-abnf-2-colons").uri
