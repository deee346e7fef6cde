"""Real TLS on loopback: a stack that answers behind a TLS listener, and raw peers that talk octet by octet."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.sip.events import Refused
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from softswitch.transport.certificates import Keyring, Terms
from softswitch.transport.listener import Listener
from softswitch.transport.tls import TlsTransport
from tests.support.loopback import HOST, Answerer, TcpPeer, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from softswitch.transport.certificates import OwnCertificate
    from softswitch.transport.connection import TcpLimits
    from tests.support.certificates import Authority

SWITCH, CARRIER = "switch.test", "sip.carrier.test"


class Known:
    """The trunk `carrier`, known by the name in its certificate."""

    def __init__(self, *names: str) -> None:
        self._names = names

    @property
    def are_anywhere(self) -> bool:
        """Whether there is any."""
        return bool(self._names)

    def identify(self, names: Iterable[str]) -> str:
        """Its proof."""
        return next((f"carrier {name}" for name in names if name in self._names), "")


@dataclass
class Side:
    """One end: a stack that answers, and its TLS."""

    near: Answerer
    carrier: TlsTransport
    keys: Keyring

    @property
    def at(self) -> tuple[str, int]:
        """Where it listens."""
        return self.carrier.listener.address, self.carrier.listener.port

    def call(self, to: tuple[str, int], peer: str = f"carrier {CARRIER}") -> None:
        """An INVITE of ours."""
        with self.near.driver.turn() as stack:
            stack.invite(
                uri=Uri("sip", "1", HOST, to[1]), from_=NameAddr("", Uri("sip", "us", HOST)),
                to=NameAddr("", Uri("sip", "1", HOST)), contact=NameAddr("", Uri("sip", None, HOST, self.at[1])),
                flow=Flow("TLS", self.at, to, 0, peer), body=b"", now=self.near.driver.now(),
            )  # fmt: skip

    async def outcomes(self, count: int = 1) -> list[int]:
        """The final statuses of so many calls."""
        await until(lambda: sum(isinstance(event, Refused) for event in self.near.events) >= count)
        return [event.status for event in self.near.events if isinstance(event, Refused)]


@contextlib.asynccontextmanager
async def listening(
    server: Terms, client: Terms | None = None, *names: str, limits: TcpLimits | None = None, address: str = HOST
) -> AsyncIterator[Side]:
    """A side on any free port; `client`: how it connects to the trunk `carrier`; `names`: by which that is known."""
    near = Answerer()
    keys = Keyring(server, {} if client is None else {"carrier": client}, clock=lambda: 0.0)
    carrier = await TlsTransport.listen_with(near.driver, Listener("TLS", address, 0), keys, Known(*names), limits)
    try:
        yield Side(near, carrier, keys)
    finally:
        await near.driver.close()
        assert not carrier._connections
        assert not carrier._by_place
        assert not carrier._per_source
        assert not carrier._strangers
        assert carrier._unfinished == 0


class TlsPeer(TcpPeer):
    """A bare TLS connection, driven octet by octet over a socket of its own."""

    def __init__(self, sock: object) -> None:
        super().__init__(sock)  # type: ignore[arg-type]
        self.layer: ssl.SSLObject
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()

    async def shake_hands(self, context: ssl.SSLContext) -> None:
        """As a client. ssl.SSLError when the far end refuses."""
        self.layer = context.wrap_bio(self.inward, self.outward)
        while True:
            try:
                self.layer.do_handshake()
            except ssl.SSLWantReadError:
                await self.flush()
                await self._more()
            else:
                await self.flush()
                return

    async def flush(self) -> None:
        """Send what TLS wants sent."""
        if data := self.outward.read():
            await super().send(data)

    async def _more(self) -> None:
        data = await super().read()
        if data:
            self.inward.write(data)
        else:
            self.inward.write_eof()

    async def send(self, data: bytes) -> None:
        """Encrypt and send."""
        self.layer.write(data)
        await self.flush()

    async def read(self) -> bytes:
        """Decrypt what comes; b"" at the end."""
        while True:
            try:
                return self.layer.read(65_536)
            except ssl.SSLWantReadError:
                await self._more()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""


def client(trusted: Authority, own: OwnCertificate | None = None, **versions: ssl.TLSVersion) -> ssl.SSLContext:
    """A peer's context."""
    context = ssl.create_default_context(cafile=str(trusted.file))
    context.check_hostname = False
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    for name, version in versions.items():
        setattr(context, f"{name}_version", version)
    return context


async def connected(side: Side, context: ssl.SSLContext, source: str = HOST) -> TlsPeer:
    """A peer that has shaken hands."""
    peer = await TlsPeer.connect(side.at, source)
    try:
        await peer.shake_hands(context)
    except ssl.SSLError:
        peer.close()
        raise
    return peer
