"""SIPp as a SIP peer: one scenario, one call unless said otherwise."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.support.programs import end, required

if TYPE_CHECKING:
    from types import TracebackType

SCENARIOS = Path(__file__).parent.parent / "interop" / "scenarios"


class Sipp:
    """A SIPp process; its context is its life."""

    def __init__(
        self, scenario: str | Path, folder: Path, *, address: str, port: int, remote: str = "", number: str = "",
        calls: int = 1, rate: int = 10, transport: str = "u1", known: tuple[str, str, str] | None = None,
    ) -> None:  # fmt: skip
        """`scenario`: a name of `SCENARIOS`, or a file; `known`: user name, password and URI (without its scheme) for
        challenges."""
        file = SCENARIOS / f"{scenario}.xml" if isinstance(scenario, str) else scenario
        self._scenario = scenario = file.stem
        self._errors = folder / f"sipp-{scenario}-{port}.errors"
        self._messages = folder / f"sipp-{scenario}-{port}.messages"
        self._arguments = [
            "-sf", str(file), "-i", address, "-p", str(port), "-t", transport,
            "-m", str(calls), "-r", str(rate), "-nostdin", "-recv_timeout", "90000", "-timeout", "240",
            # On a busy machine SIPp takes a late retransmission for something unexpected, and would give the call up. A
            # wrong answer fails all the same: what the scenario waits for does not come.
            "-default_behaviors", "all,-abortunexp",
            "-trace_err", "-error_file", str(self._errors), "-trace_msg", "-message_file", str(self._messages),
            # Else SIPp proves itself for a URI without a user part: not the one it asks for (RFC 7616 3.4.6).
            *(["-au", known[0], "-ap", known[1], "-auth_uri", known[2]] if known else []),
            *(["-s", number] if number else []), *([remote] if remote else []),
        ]  # fmt: skip
        self._folder = folder

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            required("sipp"), *self._arguments, cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await end(self._process)

    def messages(self) -> str:
        """What was sent and received so far."""
        return self._messages.read_text(errors="replace")

    async def finished(self) -> None:
        """Wait until all calls went as the scenario says; AssertionError with what SIPp complains of when not."""
        status = await self._process.wait()
        complaint = self._errors.read_text(errors="replace")[-2000:] if self._errors.exists() else ""
        assert status == 0, f"SIPp {self._scenario}: status {status}\n{complaint}\n(messages: {self._messages})"
