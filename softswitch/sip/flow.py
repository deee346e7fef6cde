"""One path a SIP message takes: transport, our address, their address and, where there is one, the connection."""

from __future__ import annotations

from softswitch.value import value_class

Address = tuple[str, int]
"""Host (IPv4 or IPv6 literal, without brackets) and port."""
SECURE = frozenset(("TLS", "WSS"))
"""Transports that a sips: URI may go by."""
WEB_SOCKET = frozenset(("WS", "WSS"))
"""Transports whose far end cannot be connected to: a page (RFC 7118 5)."""


@value_class(frozen=True, slots=True)
class Flow:
    """Where a message came from or goes to; an answer on the same flow reaches whoever asked.

    >>> Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060)).reliable
    False
    """

    transport: str
    """`UDP`, `TCP`, `TLS`, `WS` or `WSS`, as written in a Via header."""
    local: Address
    """What we put into Via and Contact: the address under which the far end can reach us."""
    remote: Address
    connection: int = 0
    """The driver's number of an open connection; 0: UDP, or "find or open a connection to `remote`"."""
    peer: str = ""
    """TLS: whose certificate the far end has shown, or has to show: a trunk's name, a space, a name in the certificate.
    "": nobody's; a connection opened by us needs one."""

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats lost data itself, so that SIP must not (RFC 3261 17)."""
        return self.transport != "UDP"


def transport_parameter(transport: str) -> str:
    """What `;transport=` says of it: nothing for UDP, and `ws` for both kinds of WebSocket (RFC 7118 5.2.1)."""
    if transport == "UDP":
        return ""
    return "ws" if transport in WEB_SOCKET else transport.lower()


def same_host(one: Flow, other: Flow) -> bool:
    """Whether the far ends of two flows are one address; ports change behind NAT and with every TCP connection."""
    return one.remote[0] == other.remote[0]
