"""Source addresses as an operator writes them: a network, and optionally one port of one host."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Self

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Source:
    """Addresses that packets may come from. `port` narrows it to one sender on a host that has several."""

    network: Network
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `192.0.2.0/24`, `192.0.2.7`, `192.0.2.7:5080`, `2001:db8::/48`, `[2001:db8::1]:5080`.

        Raises ValueError saying what was expected.
        """
        address, port = text.strip(), None
        if address.startswith("["):
            address, _, rest = address[1:].partition("]")
            port = _port(rest[1:], text) if rest.startswith(":") else None
        elif address.count(":") == 1:
            address, _, digits = address.partition(":")
            port = _port(digits, text)
        try:
            network = ipaddress.ip_network(address)
        except ValueError as error:
            raise ValueError(f"expected an address, network or address:port, got {text!r}: {error}") from None
        if port is not None and network.num_addresses != 1:
            raise ValueError(f"a port can only be given for one address, not for a network: {text!r}")
        return cls(network, port)

    def __str__(self) -> str:
        host = str(self.network.network_address) if self.network.num_addresses == 1 else str(self.network)
        if self.port is None:
            return host
        return f"[{host}]:{self.port}" if self.network.version == 6 else f"{host}:{self.port}"


def _port(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) < 65536):
        raise ValueError(f"expected a port from 1 to 65535, got {text!r}")
    return int(digits)
