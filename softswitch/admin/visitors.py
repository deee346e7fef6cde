"""Who comes to the web server: from which address, to which host, from whose page."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from softswitch.transport.websocket import Origins

if TYPE_CHECKING:
    from aiohttp import web

    from softswitch.endpoints.network import Network

_HOST = re.compile(r"[A-Za-z0-9._~-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
MOST_HOPS = 16
"""Addresses of X-Forwarded-For that are looked at."""


@dataclass(frozen=True, slots=True)
class Visitors:
    """How the server is reached, and what is believed of those who come."""

    url: str = ""
    """`https://host[:port]`, as browsers know it; "": as each request says."""
    origins: Origins = field(default_factory=Origins)
    proxies: tuple[Network, ...] = ()
    """Whose X-Forwarded-For is believed."""

    def address(self, request: web.Request) -> tuple[str, int]:
        """Address and port a request comes from: the first before our own proxies."""
        peer = request.transport.get_extra_info("peername") if request.transport is not None else None
        if peer is None:
            return "", 0
        host, port = str(peer[0]).partition("%")[0], int(peer[1])
        if not self.proxies:
            return host, port
        told = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        for hop in reversed(told[-MOST_HOPS:]):
            if not self._is_proxy(host):
                break
            try:
                host = str(ipaddress.ip_address(hop.strip()))
            except ValueError:
                break
        return host, port

    def admits_page(self, request: web.Request) -> bool:
        """Whether the page that asks, if it is one, may."""
        return self.origins.admit(request.headers.get("Origin"), self.host(request))

    def base(self, request: web.Request) -> str:
        """Where the browser that asks reaches us: `https://host[:port]`."""
        if self.url:
            return self.url
        host, origin = self.host(request), request.headers.get("Origin", "").lower()
        # A proxy in front may have the certificate: the page's own address tells.
        if origin.partition("://")[2] == host.lower():
            return origin
        return f"{request.scheme}://{host}"

    def host(self, request: web.Request) -> str:
        """`host[:port]` as the request has it; "" for what is none."""
        return request.host if _HOST.fullmatch(request.host) else ""

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)
