"""A page without a browser: SIP over a real WebSocket, with the words of one and no media."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from softswitch.sip.digest import Credentials
from softswitch.sip.events import RequestCompleted
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS, Parameters
from softswitch.sip.uri import Uri
from softswitch.transport.listener import Listener
from tests.support.browser_sdp import CHROMIUM_AUDIO
from tests.support.loopback import PATIENCE, until
from tests.support.phone import Phone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from softswitch.sip.client_request import ClientRequest
    from softswitch.sip.events import Event
    from softswitch.sip.message import Response
    from softswitch.sip.session.session import InviteSession
    from softswitch.transport.driver import SipDriver
    from tests.support.phone import Address, Plan

REMOTE = ("switch.invalid", 5060)
"""The far end of a page's flow; its one connection leads there whatever stands here."""


class Page(Phone):
    """One user agent. It may lose its connection and get another; what it sends meanwhile is lost."""

    def __init__(self, url: str, user: str, plan: Plan | None = None) -> None:
        self.url = url
        self.user = user
        self.instance = f"<urn:uuid:{secrets.token_hex(16)}>"
        super().__init__(self, (f"{secrets.token_hex(6)}.invalid", 5060), lambda: secrets.token_hex(8), plan)
        self.media_host = "127.0.0.1"
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.closed_with: list[int | None] = []
        self.heard = 0
        """SIP messages that have come."""
        self._http: aiohttp.ClientSession | None = None
        self._reader: asyncio.Task[None] | None = None
        self._writes: set[asyncio.Task[None]] = set()
        self._register_id = secrets.token_hex(8)
        self._cseq = 0

    def join(self, driver: SipDriver, address: tuple[str, int]) -> None:
        """We are the wire."""
        driver.attach(Listener("WS", *address), self)

    async def connect(self, local_address: str = "127.0.0.1") -> None:
        """Open a WebSocket; it is read from now on."""
        if self._http is not None:
            await self._http.close()
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(local_address, 0)))
        socket = self.socket = await self._http.ws_connect(self.url, protocols=("sip",))
        self._reader = asyncio.get_running_loop().create_task(self._read(socket))

    async def lose(self) -> None:
        """The network is gone: no goodbye."""
        assert self.socket is not None
        response = self.socket._response
        assert response.connection is not None
        assert response.connection.transport is not None
        response.connection.transport.abort()
        await self.gone()

    async def leave(self, code: int = 1001) -> None:
        """The page is closed, or loaded anew."""
        assert self.socket is not None
        await self.socket.close(code=code)
        await self.gone()

    async def gone(self) -> None:
        """Wait until the connection is."""
        assert self._reader is not None
        async with asyncio.timeout(PATIENCE):
            await self._reader

    # What the driver wants of a transport.

    def send(self, flow: Flow, data: bytes) -> None:
        """Over the one connection."""
        if self.socket is not None and not self.socket.closed:
            task = asyncio.get_running_loop().create_task(self._write(self.socket, data.decode()))
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Nothing is left."""
        if self.socket is not None:
            await self.socket.close()
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    @staticmethod
    async def _write(socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
        with contextlib.suppress(ConnectionError):  # it is being lost
            await socket.send_str(text)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        flow = self._towards(REMOTE)
        async for message in socket:
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                data = message.data.encode() if isinstance(message.data, str) else message.data
                if data not in (b"\r\n", b"\r\n\r\n"):
                    self.heard += 1
                    self.driver.received(data, flow)
        self.closed_with.append(socket.close_code)

    # What it does.

    async def register(self, *, password: str = "", token: str = "", expires: int = 600, user: str = "") -> Response:
        """REGISTER with a password (digest) or a token; the final response."""
        user = user or self.user
        self._cseq += 2  # one for the challenge
        headers = [
            ("Contact", f'{self._contact()};reg-id=1;+sip.instance="{self.instance}";expires={expires}'),
            ("Supported", "path, gruu, outbound"),
        ]
        if token:
            headers.append(("Authorization", f"Bearer {token}"))
        us = NameAddr("", Uri("sip", user, "switch.invalid"), NO_PARAMETERS)
        before = len(self.events)
        with self.driver.turn() as stack:
            exchange = stack.request(
                "REGISTER",
                uri=Uri("sip", None, "switch.invalid"),
                from_=us,
                to=us,
                flow=self._towards(REMOTE),
                now=self.driver.now(),
                headers=headers,
                credentials=Credentials(user, password) if password else None,
                call_id=self._register_id,
                cseq=self._cseq,
            )
        return await self._outcome(exchange, before)

    def credentials(self, password: str) -> Credentials:
        """Of its user."""
        return Credentials(self.user, password)

    async def _outcome(self, exchange: ClientRequest, before: int) -> Response:
        def found() -> list[Response]:
            events: list[Event] = self.events[before:]
            return [
                event.response
                for event in events
                if isinstance(event, RequestCompleted) and event.exchange is exchange and event.response is not None
            ]

        await until(lambda: bool(found()))
        return found()[0]

    def call(self, number: str, switch: Address, *, body: bytes | None = None, **how: Any) -> InviteSession:
        """As any phone does, with what browsers offer."""
        return super().call(number, switch, body=CHROMIUM_AUDIO if body is None else body, **how)

    def hold(self, session: InviteSession, direction: str = "sendonly") -> None:
        """As any phone does; for a call that it began itself."""
        offer = CHROMIUM_AUDIO.replace(b"8806 2 IN", b"8806 3 IN").replace(b"a=sendrecv", f"a={direction}".encode())
        with self.driver.turn():
            session.reinvite(offer, self.driver.now())

    def answer(self, session: InviteSession) -> None:
        """Take a call that rings."""
        with self.driver.turn():
            session.accept(self._answer(), self.driver.now(), contact=self._contact())

    def _answer(self) -> bytes:
        """Whoever calls a page offers it what browsers have; nothing listens where this answer says."""
        offer = self.sessions[-1].request.body if self.sessions else b""
        mid = re.search(rb"a=mid:(\S+)", offer)
        if b"UDP/TLS/RTP/SAVPF" not in offer or mid is None:
            return super()._answer()
        name = mid[1].decode()
        return (
            f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {name}\r\n"
            "m=audio 9 UDP/TLS/RTP/SAVPF 8\r\nc=IN IP4 127.0.0.1\r\na=rtcp-mux\r\n"
            f"a=mid:{name}\r\na=ice-ufrag:abcd\r\na=ice-pwd:{'x' * 24}\r\na=setup:active\r\na=sendrecv\r\n"
            f"a=fingerprint:sha-256 {':'.join(['00'] * 32)}\r\n"
            f"a=candidate:1 1 udp 2130706431 127.0.0.1 {self.media_port} typ host\r\na=end-of-candidates\r\n"
        ).encode()

    def _towards(self, switch: tuple[str, int]) -> Flow:
        return Flow("WS", self.address, switch, 1)

    def _contact(self) -> NameAddr:
        uri = Uri("sip", self.user, self.address[0], None, Parameters((("transport", "ws"),)))
        return NameAddr("", uri, NO_PARAMETERS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.driver.close()


@contextlib.asynccontextmanager
async def page(url: str, user: str, plan: Plan | None = None) -> AsyncIterator[Page]:
    """A page that is connected."""
    async with Page(url, user, plan) as found:
        await found.connect()
        yield found
