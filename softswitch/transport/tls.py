"""SIP over TLS (RFC 3261 26.3, RFC 5922, RFC 5923): TCP whose far ends have proven who they are.

A connection that we open leads to whoever the flow's `peer` names, or to nobody. One that others open is known by the
address it comes from, or by its certificate where a trunk is known by that; such a trunk may connect from anywhere.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol, Self

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.message import Request, parse_message
from softswitch.transport.certificate_names import speaks_for
from softswitch.transport.connection import TcpConnection, TcpLimits
from softswitch.transport.tcp import TcpTransport
from softswitch.transport.tls_layer import TlsError, TlsLayer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from softswitch.sip.flow import Flow
    from softswitch.transport.certificates import Keyring
    from softswitch.transport.driver import SipDriver
    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

MOST_STRANGERS = 64
"""Connections from unknown addresses that may be showing their certificates at the same time."""
UNVERIFIED = "?"
"""Before the name in `Flow.peer`: the operator wants no proof of it."""


class Holders(Protocol):
    """Who is known by a certificate."""

    @property
    def are_anywhere(self) -> bool:
        """Whether there is anybody, who may therefore connect from any address."""

    def identify(self, names: Iterable[str]) -> str:
        """`Flow.peer` of whom one of these names is; "" for nobody's."""


class TlsConnection(TcpConnection):
    """A TCP connection with TLS between it and the framing."""

    _owner: TlsTransport
    _layer: TlsLayer | None = None
    has_spoken_up = False
    """Accepted: whether its first message was looked at for an alias."""

    def _begin(self) -> None:
        """Shake hands; messages wait until that is done."""
        owner = self._owner
        self._rest(owner.limits.message_seconds)
        trunk, _, name = self.peer.partition(" ")
        context = owner.keys.server if self.accepted else owner.keys.client(trunk)
        if context is None:
            self.abort()
            return
        host = name.removeprefix(UNVERIFIED)
        self._layer = TlsLayer(context, server=self.accepted, name=None if self.accepted or "*" in host else host)
        if not self.accepted:
            self._layer.begin()
            self._flush()

    @property
    def _is_up(self) -> bool:
        return self._layer is not None and self._layer.is_established

    def data_received(self, data: bytes) -> None:
        """Decrypt; what comes out is cut into messages like that of any connection."""
        layer = self._layer
        if layer is None:
            return
        was_up = layer.is_established
        try:
            plain = layer.receive(data)
        except TlsError as error:
            self._flush()  # the alert
            self._owner.report(self, f"TLS: {error}")
            self.close()
            return
        self._flush()
        if layer.is_established and not was_up and not self._proven(layer):
            self.abort()
            return
        if plain:
            self._take(plain)
        if layer.is_closed:
            self.close()

    def _proven(self, layer: TlsLayer) -> bool:
        """Whether the far end is who it has to be; from here on messages flow."""
        if self.accepted:
            if not self._owner.introduce(self, layer.identities):
                return False
        else:
            name = self.peer.partition(" ")[2]
            found = layer.identities
            if not name.startswith(UNVERIFIED) and not speaks_for(found, name):
                shown = ", ".join(found) or "nobody"
                self._owner.report(self, f"TLS: expected a certificate of {name}, got one of {shown} (RFC 5922 7.2)")
                return False
        log.debug("TLS %s:%d %s", *self.remote, layer.description)
        self._established()
        return True

    def be(self, peer: str) -> None:
        """Accepted: it has proven to be this one."""
        self.peer = peer
        self.flow = self._flow()

    def _write(self, data: bytes) -> None:
        assert self._layer is not None
        try:
            self._layer.send(data)
        except TlsError as error:
            self._owner.report(self, f"TLS: {error}")
            self.abort()
            return
        self._flush()

    def close(self) -> None:
        """Say goodbye before."""
        if self._layer is not None and self._transport is not None and not self._transport.is_closing():
            self._layer.close()
            self._flush()
        super().close()

    def _flush(self) -> None:
        assert self._layer is not None
        data = self._layer.outgoing()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


class TlsTransport(TcpTransport):
    """A listening TLS socket and every connection that shares its local address."""

    kind = "TLS"

    def __init__(
        self, driver: SipDriver, listener: Listener, limits: TcpLimits, keys: Keyring, holders: Holders
    ) -> None:
        super().__init__(driver, listener, limits)
        self.keys = keys
        self._holders = holders
        self._strangers: set[TcpConnection] = set()

    @classmethod
    async def listen_with(
        cls, driver: SipDriver, listener: Listener, keys: Keyring, holders: Holders, limits: TcpLimits | None = None
    ) -> Self:
        """Bind and start, as `TcpTransport.listen` does. `keys` must have a certificate for servers."""
        self = cls(driver, listener, limits or TcpLimits(), keys, holders)
        await self._open()
        return self

    def _make(self, number: int, remote: tuple[str, int] | None, peer: str) -> TcpConnection:
        return TlsConnection(self, number, remote, peer)

    def _may_open(self, flow: Flow) -> bool:
        if self.keys.client(flow.peer.partition(" ")[0]) is not None:
            return True
        log.warning("no TLS connection to %s:%d: nobody knows whose certificate it should show", *flow.remote)
        return False

    def _knows(self, connection: TcpConnection) -> bool:
        """Unknown addresses are heard where somebody may come from any: few at once, as far as their certificates."""
        if super()._knows(connection):
            return True
        if not self._holders.are_anywhere or len(self._strangers) >= MOST_STRANGERS:
            return False
        self._strangers.add(connection)
        return True

    def introduce(self, connection: TlsConnection, names: Iterable[str]) -> bool:
        """The handshake is done: who this is, and whether that is anybody."""
        connection.be(self._holders.identify(names))
        if connection in self._strangers:
            self._strangers.discard(connection)
            if not connection.peer:
                self.report(connection, "neither its address nor its certificate is that of a trunk or phone")
                return False
        if connection.peer:
            self._by_place.pop((connection.remote, ""), None)
            self.serve(connection, (connection.remote, connection.peer))
        return True

    def received(self, message: bytes, connection: TcpConnection) -> None:
        """The first request of somebody with a certificate tells whether calls to it may come back this way."""
        if isinstance(connection, TlsConnection) and connection.accepted and not connection.has_spoken_up:
            connection.has_spoken_up = True
            if connection.peer:
                self._note_alias(message, connection)
        super().received(message, connection)

    def _note_alias(self, message: bytes, connection: TlsConnection) -> None:
        """RFC 5923 8: `alias` in the Via of who has proven to be the owner of that name, and of no one else."""
        try:
            request = parse_message(message)
        except RemoteProtocolError:
            return
        if isinstance(request, Request) and "alias" in request.via.parameters:
            self.serve(connection, ((connection.remote[0], request.via.port or 5061), connection.peer))

    def lost(self, connection: TcpConnection) -> None:
        """Forget it."""
        self._strangers.discard(connection)
        super().lost(connection)
