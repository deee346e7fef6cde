"""A switch in a child process, with a configuration of its own, on free ports, on loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import sys
from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

HOST = "127.0.0.1"
CARRIER = "127.0.0.2"
"""Where the carrier's phone calls from: the switch tells trunks by their address."""
DESK = "127.0.0.3"
EXTENSION = "1001"
NUMBER = "+4930123456"
MEDIA_PORTS = 2000
"""The engine passes over those that somebody has."""
STOP_PATIENCE = 25.0

CONFIG = """\
node: {{name: demo}}
sip:
  listen:
    - {{transport: udp, address: {host}, port: {sip}}}
media:
  address: {host}
  ports: {{first: {first}, last: {last}}}
admin: {{address: {host}, port: {admin}}}
recording: {{enabled: true, directory: recordings}}
trunks:
  carrier: {{sources: ["{carrier}"]}}
phones:
  allow_from: ["{desk}/32"]
  users:
    {extension}: {{password: {{file: var/secrets/desk}}, display_name: Desk}}
"""
DIALPLAN = f"""\
timezone: UTC
routes:
  - name: from the carrier to the desk
    when: {{from: trunk:carrier, called: "{NUMBER}"}}
    do:
      - dial: {{phone: {EXTENSION}, ring_for: 30s}}
"""


class NodeError(Exception):
    """The switch did not start, or did not answer."""


class Node:
    """A running switch; its context is its life.

    `config` is formatted with host, sip, admin, first, last and `places`; the default is the demonstration's.
    """

    start_patience = 60.0
    """Seconds until it is ready."""
    record_patience = 20.0
    """Seconds until the record of a call that ended is there."""

    def __init__(self, folder: Path, *, config: str = CONFIG, dialplan: str = DIALPLAN, **places: str | int) -> None:
        self.folder = folder
        self._config, self._dialplan, self._places = config, dialplan, places
        self.sip_port = _free_port_of_both()
        self._admin_port = free_port(socket.SOCK_STREAM)
        self.password = secrets.token_urlsafe(18)
        self.log = folder / "switch.log"

    async def __aenter__(self) -> Self:
        self._write()
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "softswitch", "run", "--config", str(self.folder / "softswitch.yaml"),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._http = aiohttp.ClientSession(f"http://{HOST}:{self._admin_port}")
        try:
            await self._wait_until_ready()
        except BaseException:
            await self._http.close()
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()
        await self._end()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    async def get(self, path: str) -> Any:  # noqa: ANN401  JSON
        """Ask the admin endpoint."""
        async with self._http.get(path, headers=self._authorization()) as answer:
            if answer.status != 200:
                raise NodeError(f"GET {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def delete(self, path: str) -> None:
        """End something by the admin endpoint."""
        async with self._http.delete(path, headers=self._authorization()) as answer:
            if answer.status != 202:
                raise NodeError(f"DELETE {path}: {answer.status} {await answer.text()}")

    async def ended_call(self, *, recorded: bool = True) -> dict[str, Any]:
        """The call that ended last, as the admin endpoint tells it, once its recording is closed. Raises NodeError."""
        deadline = asyncio.get_running_loop().time() + self.record_patience
        while asyncio.get_running_loop().time() < deadline:
            calls = (await self.get("/api/calls?state=ended"))["calls"]
            if calls:
                call: dict[str, Any] = await self.get(f"/api/calls/{calls[0]['id']}")
                if not recorded or any(line["event"].startswith("recording f") for line in call["story"] or ()):
                    return call
            await asyncio.sleep(0.1)
        patience = f"{self.record_patience:.0f} s"
        raise NodeError(f"the call ended, but its record and recording did not appear within {patience}")

    def _write(self) -> None:
        first = 10000 + 2 * (free_port() % 9000)  # below the ports that systems give out themselves
        (self.folder / "softswitch.yaml").write_text(
            self._config.format(
                host=HOST, sip=self.sip_port, admin=self._admin_port, first=first, last=first + MEDIA_PORTS - 1,
                carrier=CARRIER, desk=DESK, extension=EXTENSION, **self._places,
            )
        )  # fmt: skip
        (self.folder / "dialplan.yaml").write_text(self._dialplan)
        password = self.folder / "var" / "secrets" / "desk"
        password.parent.mkdir(parents=True, mode=0o700)
        password.touch(mode=0o600)
        password.write_text(self.password)

    def _authorization(self) -> dict[str, str]:
        """The token the switch made at its start."""
        token = self.folder / "var" / "secrets" / "admin-token"
        return {"Authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}

    async def _wait_until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + self.start_patience
        while self._process.returncode is None and asyncio.get_running_loop().time() < deadline:
            try:
                await self.get("/ready")
            except (aiohttp.ClientConnectionError, NodeError):
                await asyncio.sleep(0.05)
            else:
                return
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
        raise NodeError(f"the switch did not become ready within {self.start_patience:.0f} s:\n{tail}")

    async def _end(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_PATIENCE)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM, address: str = HOST) -> int:
    """A port nobody has at the moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _free_port_of_both() -> int:
    """A port nobody has at the moment, neither for UDP nor for TCP: SIP listens for both."""
    while True:
        port = free_port(socket.SOCK_STREAM)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
