"""Candidates: what we say of ourselves, what of theirs is tried, and in which order (RFC 8445 5.1, 6.1.2)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from softswitch.sdp.browser import IceCandidate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from softswitch.webrtc.stun import Address

TYPE_PREFERENCES: Final = {"host": 126, "prflx": 110, "srflx": 100, "relay": 0}
"""RFC 8445 5.1.2.2."""
_COMPONENT: Final = 1
"""RTP; RTCP shares its port (RFC 5761), so that there is no other."""


def priority(kind: str, local_preference: int = 65_535) -> int:
    """RFC 8445 5.1.2.1."""
    return (TYPE_PREFERENCES[kind] << 24) + (local_preference << 8) + 256 - _COMPONENT


def pair_priority(controlling: int, controlled: int) -> int:
    """RFC 8445 6.1.2.3: the same on both sides."""
    lower, higher = sorted((controlling, controlled))
    return (lower << 32) + 2 * higher + (controlling > controlled)


def host_candidates(addresses: Iterable[str], port: int) -> tuple[IceCandidate, ...]:
    """Ours, the most preferred first. Behind 1:1 NAT they name the outer address: it is as good as our own."""
    return tuple(
        IceCandidate(str(number), _COMPONENT, "udp", priority("host", 65_535 - number + 1), address, port, "host")
        for number, address in enumerate(addresses, 1)
    )


def is_usable(candidate: IceCandidate, ours: Sequence[IceCandidate]) -> bool:
    """Whether a candidate of theirs may be sent checks at all.

    Left out: other transports and components; names (mDNS: its checks find us, and so we find it); multicast, broadcast
    and unspecified addresses; loopback, unless we are there ourselves; link-local IPv6, which needs a zone nobody can
    say; our own sockets; a family we have no socket of.
    """
    if candidate.transport != "udp" or candidate.component != _COMPONENT or not 0 < candidate.port <= 65_535:
        return False
    if candidate.kind not in TYPE_PREFERENCES:
        return False
    return may_be_sent_to((candidate.address, candidate.port), ours)


def canonical(address: str) -> str:
    """The one text of an IP address, as datagrams name theirs; IPv4 in IPv6 is IPv4."""
    host = ip_address(address)
    return str((host.version == 6 and host.ipv4_mapped) or host)


def may_be_sent_to(address: Address, ours: Sequence[IceCandidate]) -> bool:
    """The part of `is_usable` that holds for whatever source as well."""
    try:
        host = ip_address(address[0])
    except ValueError:
        return False
    if host.is_unspecified or host.is_multicast or host.packed == b"\xff" * 4 or not address[1]:
        return False
    if host.version == 6 and host.is_link_local:
        return False
    own = [ip_address(each.address) for each in ours]
    if host.is_loopback and not any(each.is_loopback for each in own):
        return False
    if any(address == (each.address, each.port) for each in ours):
        return False
    return any(each.version == host.version for each in own)
