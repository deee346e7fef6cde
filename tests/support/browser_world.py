"""A switch with its web server, a trunk with a phone at its other end, and users who call from pages."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import soundfile

from softswitch.demo.handset import Handset
from softswitch.demo.node import HOST, Node, free_port
from tests.support.browser import PagePhone
from tests.support.speech import Pcm, moved_to

if TYPE_CHECKING:
    from types import TracebackType

    from playwright.async_api import Browser, BrowserContext

CARRIER = "127.0.0.2"
CONFIG = """\
sip:
  listen:
    - {{transport: udp, address: {host}, port: {sip}}}
media:
  address: {host}
  ports: {{first: {first}, last: {last}}}
admin: {{address: {host}, port: {admin}}}
web: {{address: {host}, port: {web}, https: false}}
recording: {{enabled: true, directory: recordings}}
webrtc: {{bandwidth: high, reconnect: 5s}}
trunks:
  carrier: {{sources: ["127.0.0.2"], destinations: ["127.0.0.2:{carrier_port}"]}}
phones:
  allow_from: [127.0.0.0/8]
  users:
    1001: {{password: {{file: var/secrets/desk}}, display_name: Anna}}
    1002: {{password: {{file: var/secrets/desk}}, display_name: Ben}}
    1003: {{password: {{file: var/secrets/desk}}}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - name: echo
    when: {called: "*43"}
    do: [answer, echo]
  - name: heard before the answer
    when: {called: "*44"}
    do: [{dial: {phone: "1002", ring_for: 30s, ringback: tone}}]
  - name: inward
    when: {from: trunk:carrier, called: {local: true}}
    do: [{dial: {phone: $called, ring_for: 30s}}]
  - name: phone to phone
    when: {from: phones, called: {local: true}}
    do: [{dial: {phone: $called, ring_for: 30s}}]
  - name: outward
    when: {from: phones}
    do: [{dial: {trunk: carrier, ring_for: 30s}}]
"""


class BrowserWorld:
    """The switch and who is around it; its context is its life."""

    def __init__(self, folder: Path, config: str = CONFIG, dialplan: str = DIALPLAN, *, web_host: str = HOST) -> None:
        """`web_host`: where `config` has the web server, if not on loopback."""
        self.folder = folder
        self.carrier_port = free_port(address=CARRIER)
        self.web_port = free_port(socket.SOCK_STREAM)
        self.node = Node(folder, config=config, dialplan=dialplan, carrier_port=self.carrier_port, web=self.web_port)
        self._web_host = web_host
        self._contexts: list[BrowserContext] = []

    async def __aenter__(self) -> Self:
        await self.node.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.node.__aexit__(kind, error, trace)

    @property
    def origin(self) -> str:
        """Of the web server, as pages write it."""
        return f"http://{self._web_host}:{self.web_port}"

    async def phone(self, browser: Browser, user: str) -> PagePhone:
        """A registered page with a profile of its own; leaves with `close_phones`."""
        context = await browser.new_context(permissions=["microphone", "camera"], bypass_csp=True)
        self._contexts.append(context)
        phone = await PagePhone.open(context, self.origin)
        await phone.start(user, self.node.password)
        return phone

    async def close_phones(self) -> None:
        """Close every profile, and with it its pages."""
        while self._contexts:
            await self._contexts.pop().close()

    def carrier(self) -> Handset:
        """pjsua2 where the trunk leads."""
        return Handset("carrier", CARRIER, self.folder, port=self.carrier_port)

    async def running(self) -> list[dict[str, Any]]:
        """The calls that run."""
        calls: list[dict[str, Any]] = (await self.node.get("/api/calls?state=running"))["calls"]
        return calls

    async def nothing_left(self) -> None:
        """Wait until no call runs any more."""
        async with asyncio.timeout(120):
            while await self.running():  # noqa: ASYNC110  the switch is another process
                await asyncio.sleep(0.05)

    def recording(self, call: dict[str, Any], leg: int, rate: int) -> Pcm:
        """What the switch has recorded of a leg, at this rate."""
        file = Path(call["legs"][leg]["recording"])
        samples, own = soundfile.read(file if file.is_absolute() else self.folder / file, dtype="int16")
        return moved_to(samples, own, rate)
