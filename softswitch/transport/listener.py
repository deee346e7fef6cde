"""A listening address, and the address peers are told for it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Address = tuple[str, int]

RESOLVE_SECONDS = 10.0
"""What the system's resolver has at start."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One bound socket. `advertised` is the host peers reach it at where we cannot see that (1:1 NAT); "": ours."""

    transport: str
    """`UDP`, `TCP` or `TLS`, as in a Via header."""
    address: str
    port: int
    advertised: str = ""

    @property
    def family(self) -> int:
        """IP version, 4 or 6."""
        return 6 if ":" in self.address else 4

    def local_towards(self, remote: str) -> Address:
        """What to put into Via, Contact and SDP for this peer: never a wildcard (RFC 3261 18.1.1)."""
        if self.advertised:
            return self.advertised, self.port
        if is_wildcard(self.address):
            return interface_towards(remote), self.port
        return self.address.partition("%")[0], self.port


def is_wildcard(address: str) -> bool:
    """Whether an address means every interface."""
    return address in ("", "0.0.0.0", "::")  # noqa: S104  compared with, not bound


@lru_cache(maxsize=4096)
def interface_towards(remote: str) -> str:
    """The address of the interface the kernel would send from to reach `remote`; loopback when there is no route."""
    return _source_towards(remote) or ("::1" if ":" in remote else "127.0.0.1")


def has_route(remote: str) -> bool:
    """Whether the kernel knows a way to this address now: a host without IPv6 need not try IPv6 addresses."""
    return bool(_source_towards(remote))


def _source_towards(remote: str) -> str:
    """The address the kernel would send from; "" without a route. Connecting a datagram socket sends nothing."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(socket_address(remote, 9))
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return ""


@lru_cache(maxsize=4096)
def is_address(host: str) -> bool:
    """Whether a host is an IP address literal."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def zoned(peer: Sequence[str | int]) -> str:
    """The host of a socket's peer, with its zone where it is a link-local IPv6 address: `fe80::1%eth0` (RFC 4007)."""
    host = str(peer[0])
    if len(peer) < 4 or not peer[3] or "%" in host:
        return host
    return f"{host}%{socket.if_indextoname(int(peer[3]))}"


def socket_address(host: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """What sockets want for a host that may have a zone: they read it from a number of its own. OSError if unknown."""
    bare, percent, zone = host.partition("%")
    return (bare, port, 0, socket.if_nametoindex(zone)) if percent else (host, port)


async def advertised_at(host: str, beside: str) -> str:
    """The address behind a host, of the IP version that `beside` has if there is one; "" stays what it is.

    Raises OSError when the name has no address, or does not get one in time.
    """
    if not host or is_address(host):
        return host
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            entries = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except TimeoutError:
        raise OSError(f"{host!r} cannot be resolved: DNS did not answer in {RESOLVE_SECONDS:g} s") from None
    except (OSError, UnicodeError) as error:  # UnicodeError: a label too long for DNS
        raise OSError(f"{host!r} cannot be resolved: {error}") from None
    found = [str(entry[4][0]) for entry in entries]
    return next((address for address in found if (":" in address) == (":" in beside)), found[0])
