"""Callers that are browsers as far as the switch can tell, and cost little: our own ICE and DTLS on plain sockets."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

from media.events import HandshakeReceived
from softswitch.b2bua.web import WebNews, WebState
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sdp.negotiate import Negotiation
from softswitch.sip.digest import Credentials
from softswitch.sip.events import Answered
from softswitch.webrtc.settings import WebSettings
from softswitch.webrtc.transports import WebTransports
from tests.support.daemon import real_phone

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.commands import Command
    from media.snapshots import LegStatistics
    from softswitch.sip.events import Event
    from softswitch.sip.session.session import InviteSession
    from tests.support.phone import Phone

HERE = "127.0.0.3"
USER = "1001"
PATIENCE = 30.0


class Sockets:
    """A socket for each leg, where the switch has its media engine. No media."""

    def __init__(self) -> None:
        self.receive: Callable[[HandshakeReceived], None] = lambda _event: None
        self._open: dict[int, socket.socket] = {}

    def open(self, leg: int) -> int:
        """Bind one; its port."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind((HERE, 0))
        self._open[leg] = made
        asyncio.get_running_loop().add_reader(made, self._read, leg, made)
        port: int = made.getsockname()[1]
        return port

    def close(self, leg: int) -> None:
        """Give it back."""
        made = self._open.pop(leg)
        asyncio.get_running_loop().remove_reader(made)
        made.close()

    def post(self, *commands: Command) -> None:
        """Path and keys: nothing goes there."""

    def send_datagram(self, leg: int, data: bytes, address: str, port: int) -> None:
        """From the leg's socket."""
        self._open[leg].sendto(data, (address, port))

    def statistics(self, leg: int) -> LegStatistics | None:
        """Nothing is counted."""
        return None

    def _read(self, leg: int, made: socket.socket) -> None:
        data, (address, port) = made.recvfrom(2048)
        self.receive(HandshakeReceived(leg, data, address, port))


class WebCallers:
    """One phone, one call of a browser after another, several at a time."""

    def __init__(self, phone: Phone, switch: tuple[str, int], password: str) -> None:
        self._phone = phone
        self._switch = switch
        self._credentials = Credentials(USER, password)
        self._sockets = Sockets()
        self._web = WebTransports(
            self._sockets, asyncio.get_running_loop(), settings=WebSettings(), wall_clock=time.time
        )
        self._sockets.receive = self._web.receive
        self._answers: dict[InviteSession, asyncio.Future[bytes]] = {}
        self._legs = 0
        self._dispatch = phone.driver._dispatch
        phone.driver._dispatch = self._hear

    def _hear(self, event: Event) -> None:
        self._dispatch(event)
        if isinstance(event, Answered) and event.session in self._answers:
            self._answers[event.session].set_result(event.body)

    async def call(self) -> float:
        """One call until it is connected by ICE and DTLS; seconds since the INVITE. AssertionError when it is not."""
        loop = asyncio.get_running_loop()
        self._legs += 1
        leg, settled = self._legs, loop.create_future()

        def told(news: WebNews) -> None:
            if news.state in (WebState.CONNECTED, WebState.FAILED) and not settled.done():
                settled.set_result(news)

        port = self._sockets.open(leg)
        transport = self._web.open(leg, address=HERE, port=port, on_state=told)
        negotiation = Negotiation(address=HERE, port=port, session_id=leg, web=transport)
        offer = negotiation.make_offer([KNOWN_CODECS["opus"], KNOWN_CODECS["pcma"]])
        began = loop.time()
        session = self._phone.call(
            "*43", self._switch, body=offer, caller=f"<sip:{USER}@phones.invalid>", credentials=self._credentials
        )
        self._answers[session] = loop.create_future()
        try:
            async with asyncio.timeout(PATIENCE):
                agreement = negotiation.receive_answer(await self._answers[session])
                assert agreement.web is not None
                transport.agree(agreement.web)
                news = await settled
            assert news.state is WebState.CONNECTED, news.reason
            return loop.time() - began
        finally:
            del self._answers[session]
            self._phone.hang_up(session)
            transport.close()
            self._sockets.close(leg)

    async def calls(self, count: int, at_once: int) -> list[float]:
        """So many calls; the seconds each took."""
        took: list[float] = []

        async def one_after_the_other() -> None:
            while len(took) < count:
                took.append(await self.call())

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
        return took


async def measured(switch: tuple[str, int], password: str, count: int, at_once: int) -> list[float]:
    """Make the calls with a phone of their own."""
    async with real_phone(HERE) as phone:
        return await WebCallers(phone, switch, password).calls(count, at_once)
