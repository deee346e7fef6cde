"""Whom an address stands for, wherever something is counted by who it comes from."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address


@lru_cache(1024)
def household(address: str) -> str:
    """An IPv4 address, or the network of 64 bits of IPv6 that one household has (RFC 6177): with every address of it
    being somebody else, nothing that is counted would ever be full. Whatever is no address stands for itself.
    """
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return address if found.ipv4_mapped is not None else f"{IPv6Address(int(found) >> 64 << 64)}/64"
