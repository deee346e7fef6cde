"""Whose certificate it is (RFC 5922 7.1), and whom it is not (7.2)."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.transport.certificate_names import sip_identities, speaks_for

CN = ((("commonName", "CN.test"),),)


@pytest.mark.parametrize(
    ("certificate", "identities"),
    [
        ({"subject": CN, "subjectAltName": (("DNS", "A.test"), ("DNS", "b.test"))}, ("a.test", "b.test")),
        ({"subject": CN, "subjectAltName": (("DNS", "dns.test"), ("URI", "sip:Uri.test"))}, ("uri.test",)),
        ({"subjectAltName": (("URI", "sip:alice@user.test"), ("DNS", "dns.test"))}, ("dns.test",)),
        ({"subjectAltName": (("URI", "sips:x.test"), ("URI", "https://y.test"))}, ()),
        ({"subjectAltName": (("URI", "SIP:port.test:5061;transport=tls"),)}, ("port.test",)),
        ({"subjectAltName": (("IP Address", "192.0.2.1"), ("IP Address", "2001:DB8:0:0:0:0:0:1"))},
         ("192.0.2.1", "2001:db8::1")),
        ({"subject": CN}, ("cn.test",)),
        ({"subject": CN, "subjectAltName": (("email", "a@b.test"),)}, ()),
        ({}, ()),
    ],
)  # fmt: skip
def test_identities(certificate: dict[str, Any], identities: tuple[str, ...]) -> None:
    assert sip_identities(certificate) == identities


def test_names_match_letter_by_letter() -> None:
    found = ("*.carrier.test", "sip.test", "2001:db8::1")
    assert speaks_for(found, "SIP.test.")
    assert speaks_for(found, "2001:DB8::1")
    assert speaks_for(found, "*.carrier.test")
    assert not speaks_for(found, "sip.carrier.test")
    assert not speaks_for((), "sip.test")
