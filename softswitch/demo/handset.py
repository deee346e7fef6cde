"""The parent's end of a software phone: starts the process, sends commands, waits for events."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

QUIT_PATIENCE = 5.0

Event = dict[str, str | int]


class PhoneError(Exception):
    """The phone did not do what it was told, or something else happened."""


class Handset:
    """One phone process. Its context is its life: leaving it ends the process, by its id, and waits for it."""

    patience = 30.0
    """Seconds an expected event may take. Whoever has less to tell somebody who waits may give it more."""

    def __init__(
        self, name: str, address: str, folder: Path, *, port: int = 0, srtp: str = "off", ca: Path | None = None
    ) -> None:
        """`srtp`: off, optional or mandatory, with keys in SDP; `ca`: TLS, with servers that it vouches for."""
        self.name = name
        self.address = address
        self.port = port
        self._options = [srtp] if ca is None else [srtp, str(ca)]
        self._log = folder / f"{name}.log"
        self._output = folder / f"{name}.output"
        self._happened: list[Event] = []

    async def __aenter__(self) -> Self:
        with self._output.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "softswitch.demo.phone",
                self.address, str(self.port), str(self._log), *self._options,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=output,
            )  # fmt: skip
        try:
            self.port = int((await self.expect("ready"))["port"])
        except PhoneError:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    def tell(self, do: str, **arguments: str) -> None:
        """Send a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")

    async def expect(self, event: str, *, within: float | None = None) -> Event:
        """Wait for the next event of that kind; others before it are skipped. Raises PhoneError."""
        within = self.patience if within is None else within
        try:
            async with asyncio.timeout(within):
                while True:
                    found = await self._next()
                    if found["event"] == event:
                        return found
                    if found["event"] in {"failed", "ended"}:
                        raise PhoneError(f"{self.name} waited for {event!r}, but: {self._story()}")
        except TimeoutError:
            raise PhoneError(f"{self.name}: no {event!r} within {within:.0f} s; {self._story()}") from None

    async def _next(self) -> Event:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            await self._process.wait()
            trouble = self._output.read_text(errors="replace").strip().splitlines()
            raise PhoneError(f"{self.name} ended: {trouble[-1] if trouble else 'without a word'}; see {self._log}")
        event: Event = json.loads(line)
        self._happened.append(event)
        return event

    def _story(self) -> str:
        happened = ", ".join(" ".join(str(value) for value in event.values()) for event in self._happened)
        return f"so far: {happened or 'nothing'}; see {self._log}"

    async def _end(self) -> None:
        if self._process.returncode is None:
            self.tell("quit")
            try:
                await asyncio.wait_for(self._process.wait(), QUIT_PATIENCE)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
