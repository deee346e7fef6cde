"""Media addresses between text and bytes, and which of them may be sent to at all."""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

_MAPPED = b"\0" * 10 + b"\xff\xff"
_BROADCAST = b"\xff" * 4


def bind_address(text: str) -> bytes:
    """The 4 or 16 bytes of an address to bind. Raises ValueError for anything but a literal IP address."""
    try:
        return ip_address(text).packed
    except ValueError:
        raise ValueError(f"media address {text!r}: expected a literal IPv4 or IPv6 address to bind") from None


@lru_cache(maxsize=4096)
def remote_address(text: str, *, ipv6: bool) -> bytes:
    """The bytes to send to from a socket of our family; b"" when nothing must ever be sent there.

    That is: a host name (signalling resolves those), 0.0.0.0 (RFC 3264's old hold), multicast and broadcast, and IPv6
    from an IPv4 socket.
    """
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return b""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_unspecified or address.is_multicast or address.packed == _BROADCAST:
        return b""
    if isinstance(address, IPv4Address):
        return _MAPPED + address.packed if ipv6 else address.packed
    return address.packed if ipv6 else b""


@lru_cache(maxsize=4096)
def is_ours(host: bytes) -> bool:
    """Whether the address is this machine's own: only then can a socket be bound to it."""
    family = socket.AF_INET6 if len(host) == 16 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((socket.inet_ntop(family, host), 0))
        except OSError:
            return False
    return True


def address_text(host: bytes) -> str:
    """The text of 4 or 16 bytes; an IPv4 address seen through an IPv6 socket is shown as IPv4."""
    if len(host) == 4:
        return socket.inet_ntoa(host)
    if host.startswith(_MAPPED):
        return socket.inet_ntoa(host[12:])
    return socket.inet_ntop(socket.AF_INET6, host)
