"""A dialog: what both ends remember to send requests within it (RFC 3261 12).

Addresses and routes are kept as raw text. A dialog stays on its transport; its next hop follows the route set and the
remote target, unless that address cannot be the peer's (see `next_hop`).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.outgoing import Outgoing, via_for
from softswitch.sip.raw import uri_of
from softswitch.sip.uri import Uri

if TYPE_CHECKING:
    from softswitch.sip.message import Request, Response

EVERYBODY = "*"
"""The Contact that only REGISTER may have (RFC 3261 20.10); elsewhere it names nobody."""

_UNUSABLE, _LOOPBACK, _PRIVATE, _GLOBAL = range(4)


@lru_cache(4096)
def _reach(host: str) -> int | None:
    """How far an address literal reaches; None for a host name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if address.is_unspecified or address.is_multicast or address.is_link_local:
        return _UNUSABLE
    if address.is_loopback:
        return _LOOPBACK
    return _GLOBAL if address.is_global else _PRIVATE


def next_hop(uri: str, flow: Flow) -> Flow:
    """Where a request for `uri` goes when `flow` is known to reach the peer.

    An open connection is kept. A host name keeps the address that was found for it. An address literal is followed,
    except when it is of the other IP version, which our socket cannot send to, or reaches less far than the peer's
    address does: a private address of a peer on the Internet is a peer behind NAT, and a loopback address is somebody
    pointing us at ourselves.
    """
    if flow.connection:
        return flow
    try:
        target = Uri.parse(uri)
    except RemoteProtocolError:
        return flow
    host = target.address
    port = target.port or _default_port(flow)
    if (host, port) == flow.remote:
        return flow
    if (":" in host) != (":" in flow.remote[0]):
        return flow
    reach, known = _reach(host), _reach(flow.remote[0])
    if reach is None or reach == _UNUSABLE or (known is not None and reach < known):
        return flow
    return Flow(flow.transport, flow.local, (host, port), 0, flow.peer)


def arrange(target: str, routes: list[str]) -> tuple[str, str, str]:
    """Request-URI, Route lines and the URI of the next hop, by the three cases of 12.2.1.1."""
    if not routes:
        return target, "", target
    first = NameAddr.parse(routes[0]).uri
    hop = uri = str(first)
    if "lr" in first.parameters:
        uri = target
    else:
        # A strict router wants itself in the Request-URI and the target at the end of the Route.
        routes = [*routes[1:], f"<{target}>"]
    return uri, "".join([f"Route: {route}\r\n" for route in routes]), hop


def is_elsewhere(uri: str, flow: Flow) -> bool:
    """Whether `flow` leads to another address than the literal one in `uri`: its owner is behind NAT or a proxy."""
    try:
        target = Uri.parse(uri)
    except RemoteProtocolError:
        return False
    host = target.address
    return _reach(host) is not None and (host, target.port or _default_port(flow)) != flow.remote


def _default_port(flow: Flow) -> int:
    """19.1.2."""
    return 5061 if flow.transport in ("TLS", "WSS") else 5060


class Dialog:
    """One dialog, from its early state to its end. CSeq numbers we send are the session's (forks share them)."""

    __slots__ = ("_charset", "_first_flow", "_pinned", "_route_lines", "_routes", "_target", "call_id", "flow", "local",
                 "remote", "remote_cseq", "remote_tag", "uri")  # fmt: skip

    def __init__(
        self,
        message: Request | Response,
        *,
        local: str,
        remote: str,
        remote_tag: str,
        target: str,
        routes: list[str],
        flow: Flow,
        pinned: bool,
    ) -> None:
        """`pinned`: the peer is behind NAT, so every request goes where the first message came from or went to."""
        self.call_id = message.call_id
        self._charset = message.charset
        self.local = local
        self.remote = remote
        self.remote_tag = remote_tag
        self.remote_cseq = -1
        self._first_flow = flow
        self._pinned = pinned
        self._routes = routes
        self._arrange(target)

    @classmethod
    def of_caller(cls, request: Request, local_tag: str, flow: Flow, *, pinned: bool) -> Dialog:
        """The dialog an INVITE opens at its receiver (12.1.1); without Contact its From is called back."""
        headers = request.headers
        contact = headers.get("Contact")
        to = headers.get("To") or ""
        return cls(
            request,
            local=f"{to};tag={local_tag}",
            remote=headers.get("From") or "",
            remote_tag=request.from_tag or "",
            target=str(request.from_.uri) if contact is None or contact == EVERYBODY else uri_of(contact),
            routes=headers.get_all("Record-Route") if headers.lines("Record-Route") else [],
            flow=flow,
            pinned=pinned,
        )

    @classmethod
    def of_callee(cls, response: Response, target: str, flow: Flow, *, pinned: bool) -> Dialog:
        """The dialog a response opens at the caller (12.1.2); `target`: the URI to use when it has no Contact."""
        headers = response.headers
        contact = headers.get("Contact")
        routes: list[str] = []
        if headers.lines("Record-Route"):
            routes = headers.get_all("Record-Route")
            routes.reverse()
        return cls(
            response,
            local=headers.get("From") or "",
            remote=headers.get("To") or "",
            remote_tag=response.to_tag or "",
            target=target if contact is None or contact == EVERYBODY else uri_of(contact),
            routes=routes,
            flow=flow,
            pinned=pinned,
        )

    def refresh(self, contact: str | None) -> None:
        """Take a new remote target from the Contact of a target refresh request or its 2xx (12.2)."""
        if contact is not None and contact != EVERYBODY:
            target = uri_of(contact)
            if target != self._target:
                self._arrange(target)

    def connection_lost(self, flow: Flow) -> None:
        """The connection that the dialog began on is gone: from here on its requests go where the target says.

        Behind NAT nobody listens there, and they fail; elsewhere a new connection is opened (18.1.1).
        """
        first = self._first_flow
        if first.connection == flow.connection and (first.transport, first.local) == (flow.transport, flow.local):
            self._first_flow = Flow(first.transport, first.local, first.remote, 0, first.peer)
            self._arrange(self._target)

    def request(
        self, method: str, cseq: int, branch: str, *, authorization: str = "", headers: str = "", body: bytes = b""
    ) -> Outgoing:
        """A request within the dialog (12.2.1.1), to be sent on `self.flow`."""
        return Outgoing(
            method, self.uri, branch, via_for(self.flow, branch), self.local, self.remote, self.call_id, cseq,
            self._route_lines, authorization, headers, body, charset=self._charset,
        )  # fmt: skip

    @property
    def target(self) -> str:
        """The remote target URI."""
        return self._target

    def _arrange(self, target: str) -> None:
        """Settle Request-URI, Route and next hop by the three cases of 12.2.1.1."""
        self._target = target
        self.uri, self._route_lines, hop = arrange(target, self._routes)
        self.flow = self._first_flow if self._pinned else next_hop(hop, self._first_flow)
