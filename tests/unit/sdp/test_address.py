"""Which addresses media may be sent to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp.address import AddressKind, address_kind, address_type, is_plausible_media_address


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("192.0.2.1", AddressKind.UNICAST),
        ("10.0.0.1", AddressKind.UNICAST),
        ("2001:db8::1", AddressKind.UNICAST),
        ("fe80::1", AddressKind.UNICAST),
        ("127.0.0.1", AddressKind.LOOPBACK),
        ("::1", AddressKind.LOOPBACK),
        ("::ffff:127.0.0.1", AddressKind.LOOPBACK),
        ("0.0.0.0", AddressKind.UNSPECIFIED),
        ("::", AddressKind.UNSPECIFIED),
        ("::ffff:0.0.0.0", AddressKind.UNSPECIFIED),
        ("224.2.1.1", AddressKind.MULTICAST),
        ("239.255.255.255", AddressKind.MULTICAST),
        ("ff02::1", AddressKind.MULTICAST),
        ("::ffff:224.0.0.1", AddressKind.MULTICAST),
        ("255.255.255.255", AddressKind.BROADCAST),
        ("240.0.0.1", AddressKind.RESERVED),
        ("0.1.2.3", AddressKind.RESERVED),
        ("example.com", AddressKind.NAME),
        ("", AddressKind.NAME),
        ("999.1.1.1", AddressKind.NAME),
        ("010.1.1.1", AddressKind.NAME),
        ("1.2.3", AddressKind.NAME),
        ("fe80::1%eth0", AddressKind.NAME),
        ("1:2:3", AddressKind.NAME),
        ("192.0.2.1" * 100, AddressKind.NAME),
    ],
)
def test_kind(address: str, kind: AddressKind) -> None:
    assert address_kind(address) is kind
    assert is_plausible_media_address(address) is (kind in (AddressKind.UNICAST, AddressKind.LOOPBACK))


def test_type() -> None:
    assert address_type("192.0.2.1") == "IP4"
    assert address_type("2001:db8::1") == "IP6"


@given(st.text())
def test_no_text_raises(address: str) -> None:
    assert isinstance(is_plausible_media_address(address), bool)


GLOBAL = st.ip_addresses(v=4, network="64.0.0.0/3") | st.ip_addresses(v=6, network="2600::/12")


@given(GLOBAL)
def test_every_global_unicast_address_is_plausible(ip: object) -> None:
    assert is_plausible_media_address(str(ip))
