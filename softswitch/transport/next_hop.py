"""A place to send requests to, as an operator or a URI names it: what RFC 3263 starts from."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
"""RFC 3261 19.1.2."""


@dataclass(frozen=True, slots=True)
class NextHop:
    """`transport` is UDP, TCP or TLS; "": what DNS prefers (NAPTR). `host` is an address or a name."""

    host: str
    port: int = 5060
    """0: the one that SRV records name, else the transport's own."""
    transport: str = "UDP"
    secure: bool = False
    """Named by a `sips:` URI: TLS and nothing else, whatever DNS offers."""
    peer: str = ""
    """TLS: whose certificate is expected there (`Flow.peer`)."""

    @property
    def uri_host(self) -> str:
        """The host as it is written in a URI: IPv6 in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def uri_port(self) -> int | None:
        """The port as it is written in a URI: none where it goes without saying."""
        return None if self.port in (0, DEFAULT_PORTS.get(self.transport or "UDP")) else self.port

    def __str__(self) -> str:
        place = f"{self.uri_host}:{self.port}" if self.port else self.uri_host
        return f"{place}/{self.transport}" if self.transport else place
