"""Kamailio as a SIP proxy and registrar: a few lines of routing, started in the foreground, stopped by its id."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from softswitch.demo.node import free_port
from tests.support.programs import end, required

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

PATIENCE = 120.0

HEAD = """\
#!KAMAILIO
# Two workers at one address, nothing else of this machine: no TCP, no names looked up, no database.
debug=1
children=2
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:{address}:{port}
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "corex.so"
loadmodule "xlog.so"
event_route[core:worker-one-init] {
    xlog("L_NOTICE", "takes requests\n");
}
"""

IN_DIALOG = """\
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
    }
    if (has_totag()) {
        if (loose_route() || (is_method("ACK") && t_check_trans())) t_relay();
        else if (!is_method("ACK")) sl_send_reply("404", "Not here");
        exit;
    }
    t_check_trans();
"""


class KamailioError(Exception):
    """Kamailio did not start."""


class Kamailio:
    """One Kamailio; its context is its life, and it may be entered again: the same port, an empty memory."""

    def __init__(self, folder: Path, address: str, routing: str, **places: str | int) -> None:
        """`routing`: what follows `HEAD` in its configuration, with {address}, {port} and `places` filled in."""
        self.address, self.port = address, free_port(address=address)
        self._folder = folder / f"kamailio-{address}"
        self._folder.mkdir()
        text = HEAD + routing.replace("IN_DIALOG", IN_DIALOG)
        for name, value in {"address": address, "port": self.port, **places}.items():
            text = text.replace(f"{{{name}}}", str(value))
        (self._folder / "kamailio.cfg").write_text(text)
        self.output = self._folder / "output"

    @property
    def place(self) -> str:
        """Host and port."""
        return f"{self.address}:{self.port}"

    async def __aenter__(self) -> Self:
        with self.output.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                required("kamailio"), "-f", str(self._folder / "kamailio.cfg"), "-DD", "-E", "-m", "32", "-M", "4",
                "-Y", str(self._folder), "-w", str(self._folder),
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE):
                await self._listening()
        except BaseException:
            await end(self._process)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await end(self._process)

    async def _listening(self) -> None:
        while "takes requests" not in self.output.read_text(errors="replace"):
            if self._process.returncode is not None:
                tail = self.output.read_text(errors="replace")[-2000:]
                raise KamailioError(f"Kamailio ended instead of listening:\n{tail}")
            await asyncio.sleep(0.05)
