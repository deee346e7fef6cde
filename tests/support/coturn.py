"""coturn as a TURN server that checks time-limited credentials, and an allocation that tries them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from aioice import stun, turn

from tests.support.loopback import HOST, PATIENCE, free_port
from tests.support.programs import end, required

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class Coturn:
    """`turnserver` on loopback; its context is its life."""

    def __init__(self, folder: Path, secret: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._secret = secret
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        first = free_port()
        self._process = await asyncio.create_subprocess_exec(
            required("turnserver"), "-n", "--use-auth-secret", f"--static-auth-secret={self._secret}",
            "--realm=test", f"--listening-ip={HOST}", f"--relay-ip={HOST}", f"--listening-port={self.port}",
            f"--min-port={first}", f"--max-port={first + 20}", "--no-tls", "--no-dtls", "--no-cli", "--no-tcp",
            "--allow-loopback-peers", "--simple-log", "--log-file=stdout", f"--pidfile={self._folder}/turn.pid",
            f"--userdb={self._folder}/turn.db",
            cwd=self._folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return self

    async def allocates(self, username: str, credential: str) -> bool:
        """Whether it gives a relay address for these credentials."""

        class Deaf(asyncio.DatagramProtocol):
            """Whoever is relayed to."""

        try:
            async with asyncio.timeout(PATIENCE):
                transport, _ = await turn.create_turn_endpoint(
                    Deaf, server_addr=(HOST, self.port), username=username, password=credential
                )
        except stun.TransactionFailed as refused:
            if refused.response.attributes["ERROR-CODE"][0] == 401:
                return False
            raise
        transport.close()
        await asyncio.sleep(0)
        return True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            await end(self._process)
