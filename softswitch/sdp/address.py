"""Connection addresses: which of them can be somebody's media, and which only an attack or a hold.

RFC 4566 5.7 allows names and multicast groups; a switch sends unicast RTP to literal addresses only.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

_LONGEST_LITERAL = 45  # "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"


class AddressKind(Enum):
    """What a connection address points at, as far as the address alone can tell."""

    UNICAST = "unicast"
    LOOPBACK = "loopback"
    UNSPECIFIED = "unspecified"
    """0.0.0.0 or ::, the hold of RFC 2543; nothing may be sent there (RFC 3264 8.4)."""
    MULTICAST = "multicast"
    BROADCAST = "broadcast"
    RESERVED = "reserved"
    """0.0.0.0/8 and 240.0.0.0/4: nobody can be there."""
    NAME = "name"
    """A host name or no address at all; a switch does not resolve names for media."""


def address_type(address: str) -> str:
    """Give the SDP address type (`IP4` or `IP6`, RFC 4566 5.7) of a literal address."""
    return "IP6" if ":" in address else "IP4"


def address_kind(address: str) -> AddressKind:
    """Classify a connection address without resolving anything. Never raises."""
    if len(address) > _LONGEST_LITERAL:
        return AddressKind.NAME
    return _literal_kind(address)


def is_plausible_media_address(address: str) -> bool:
    """Tell whether media may be sent to `address` at all.

    True for unicast and loopback literals. Whether loopback, our own ports or a third party are acceptable depends on
    who we are and whom we talk to: that is the policy of the caller, who knows both.
    """
    kind = address_kind(address)
    return kind is AddressKind.UNICAST or kind is AddressKind.LOOPBACK


@lru_cache(maxsize=2048)
def _literal_kind(address: str) -> AddressKind:
    try:
        if ":" in address:
            # A scope ("fe80::1%eth0") names an interface of the sender's and means nothing here.
            return AddressKind.NAME if "%" in address else _kind6(IPv6Address(address))
        return _kind4(IPv4Address(address))
    except ValueError:
        return AddressKind.NAME


def _kind6(address: IPv6Address) -> AddressKind:
    if address.ipv4_mapped is not None:
        return _kind4(address.ipv4_mapped)
    if address.is_unspecified:
        return AddressKind.UNSPECIFIED
    if address.is_multicast:
        return AddressKind.MULTICAST
    return AddressKind.LOOPBACK if address.is_loopback else AddressKind.UNICAST


def _kind4(address: IPv4Address) -> AddressKind:
    if address.is_unspecified:
        return AddressKind.UNSPECIFIED
    if address.is_multicast:
        return AddressKind.MULTICAST
    if address.is_loopback:
        return AddressKind.LOOPBACK
    number = int(address)
    if number == 0xFFFFFFFF:
        return AddressKind.BROADCAST
    return AddressKind.RESERVED if number >= 0xF0000000 or number < 0x01000000 else AddressKind.UNICAST
