"""The real daemon as a child process, on free ports of loopback, in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from softswitch.transport.listener import Listener
from softswitch.transport.udp import UdpTransport
from tests.support.loopback import HOST, free_port
from tests.support.phone import Phone

if TYPE_CHECKING:
    import signal
    from types import TracebackType

    from softswitch.transport.driver import SipDriver
    from tests.support.phone import Plan

ROOT = Path(__file__).parent.parent.parent
CARRIER = "127.0.0.2"
"""Where the trunk is."""
STRANGER = "127.0.0.66"
PATIENCE = 120.0

CONFIG = """\
node: {{name: test}}
sip:
  listen:
    - {{transport: udp, address: 127.0.0.1, port: {sip}}}
    - {{transport: tcp, address: 127.0.0.1, port: {tcp}}}
  timers: {{t1: 50ms, t2: 500ms, t4: 500ms}}
media: {{address: 127.0.0.1, ports: {{first: {media}, last: {media_last}}}, priority: 0}}
admin: {{address: 127.0.0.1, port: {admin}}}
recording: {{enabled: false}}
trunks:
  carrier: {{sources: ["127.0.0.2"], destinations: ["127.0.0.2:{carrier}"], messages_per_second: 1000000}}
phones:
  allow_from: [127.0.0.3/32]
  users: {{1001: {{password: {{file: var/secrets/desk, create: true}}}}}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - name: echo
    when: {from: trunk:carrier, called: "*43"}
    do: [echo]
  - name: through
    when: {from: trunks}
    do: [{dial: {trunk: carrier, ring_for: 30s}}]
"""


class Daemon:
    """`softswitch run` and what can be asked of it; its context is its life."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sip = free_port()
        self.tcp = free_port(socket.SOCK_STREAM)
        self.admin = free_port(socket.SOCK_STREAM)
        self.carrier = free_port(host=CARRIER)
        media = 10_000 + 2 * secrets.randbelow(5_000)  # the engine passes over ports that somebody has
        self.values: dict[str, object] = {
            "sip": self.sip, "tcp": self.tcp, "admin": self.admin, "carrier": self.carrier,
            "media": media, "media_last": media + 3_999,
        }  # fmt: skip
        self.environment: dict[str, str] = {}
        self.log: list[str] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._said = asyncio.Event()

    def write(self, config: str = CONFIG, dialplan: str = DIALPLAN) -> None:
        """Its configuration."""
        (self.folder / "config").mkdir(exist_ok=True)
        (self.folder / "config" / "softswitch.yaml").write_text(config.format(**self.values))
        (self.folder / "dialplan.yaml").write_text(dialplan)

    async def spawn(self) -> None:
        """Start the process; whether it comes up is another question."""
        self.log = []
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "softswitch", "run", "--config", str(self.folder / "config"),
            cwd=self.folder,
            env={**os.environ, **self.environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'codecs'}"},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._reader = asyncio.ensure_future(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.log.append(line.decode(errors="replace").rstrip("\n"))
            self._said.set()
        self._said.set()

    async def start(self) -> None:
        """Start it and wait until it says that it is ready. AssertionError with its log if it ends instead."""
        await self.spawn()
        await self.said("ready:")

    async def said(self, words: str) -> str:
        """The first log line with these words; waits for it."""
        assert self._reader is not None
        async with asyncio.timeout(PATIENCE):
            while True:
                found = next((line for line in self.log if words in line), None)
                if found is not None:
                    return found
                assert not self._reader.done(), "\n".join(self.log)
                self._said.clear()
                await self._said.wait()

    async def ended(self) -> int:
        """Wait for its exit status; its log is complete then."""
        assert self._process is not None
        assert self._reader is not None
        async with asyncio.timeout(PATIENCE):
            status = await self._process.wait()
            await self._reader
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def resident(self) -> int:
        """Its memory in bytes."""
        assert self._process is not None
        text = Path(f"/proc/{self._process.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGESIZE")

    async def get(self, path: str, *, method: str = "GET", status: int = 200, body: Any = None) -> Any:
        """Ask the admin endpoint; JSON where it is JSON."""
        token = (self.folder / "var" / "secrets" / "admin-token").read_text().strip()
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
            http.request(method, f"http://{HOST}:{self.admin}{path}", json=body) as answer,
        ):
            assert answer.status == status, f"{method} {path}: {answer.status} {await answer.text()}"
            return await answer.json() if answer.content_type == "application/json" else await answer.text()

    async def metric(self, name: str) -> float:
        """One figure of /metrics, its labels summed."""
        text = await self.get("/metrics")
        found = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        assert found, f"no metric {name}"
        return sum(map(float, found))

    async def __aenter__(self) -> Self:
        if not (self.folder / "config").exists():
            self.write()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader


class Sockets:
    """In place of a wire: the phone's driver gets a real socket, from `real_phone`."""

    def join(self, driver: SipDriver, address: tuple[str, int]) -> None:
        """Nothing yet."""


@contextlib.asynccontextmanager
async def _phone(host: str, port: int, plan: Plan | None) -> Any:
    phone = Phone(Sockets(), (host, port or free_port(host=host)), lambda: secrets.token_hex(8), plan)
    phone.media_host = host
    await UdpTransport.listen(phone.driver, Listener("UDP", *phone.address))
    try:
        yield phone
    finally:
        await phone.driver.close()


def real_phone(
    host: str = CARRIER, port: int = 0, plan: Plan | None = None
) -> contextlib.AbstractAsyncContextManager[Phone]:
    """A scripted phone on a real UDP socket. It sends no media."""
    phone: contextlib.AbstractAsyncContextManager[Phone] = _phone(host, port, plan)
    return phone
