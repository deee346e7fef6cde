"""baresip as a SIP phone: registered, told what to do over its control socket (JSON in netstrings)."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Self

from tests.support.programs import end, required

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

PATIENCE = 120.0
MODULES = "/usr/lib/baresip/modules"

CONFIG = """\
poll_method epoll
sip_listen {address}:{port}
net_interface {address}
module_path {modules}
audio_source aufile,{speech}
audio_player aubridge,nobody
audio_alert aubridge,nobody
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
audio_level no
rtcp_mux no
ctrl_tcp_listen {address}:{control}
snd_path {folder}
{tls}module g711.so
module g722.so
module opus.so
module sndfile.so
module srtp.so
module aufile.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""


class BaresipError(Exception):
    """baresip did not do what it was told."""


class Baresip:
    """One baresip process; its context is its life. It says `speech` in every call."""

    def __init__(
        self,
        folder: Path,
        *,
        address: str,
        port: int,
        control: int,
        registrar: str,
        user: str,
        password: str,
        speech: Path,
        srtp: str = "",
        codecs: str = "pcma,pcmu",
        rate: int = 8000,
        ca: Path | None = None,
    ) -> None:
        """`srtp`: "", or what baresip calls its kind (`srtp` for optional, `srtp-mand`).

        `codecs`: as baresip names them; `rate`: of the speech, Hz; `ca`: who vouches for servers it reaches over TLS,
        which `registrar` then says.
        """
        self._folder = folder / f"baresip-{user}"
        self._address, self._control = address, control
        self._folder.mkdir()
        (self._folder / "config").write_text(
            CONFIG.format(
                address=address,
                port=port,
                control=control,
                modules=MODULES,
                speech=speech,
                rate=rate,
                folder=self._folder,
                tls="" if ca is None else f"sip_cafile {ca}\n",
            )
        )
        (self._folder / "accounts").write_text(
            f"<sip:{user}@{registrar}>;auth_user={user};auth_pass={password};regint=60;audio_codecs={codecs}"
            f"{f';mediaenc={srtp}' if srtp else ''}\n"
        )
        (self._folder / "contacts").write_text("")

    async def __aenter__(self) -> Self:
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                required("baresip"), "-f", str(self._folder), "-4",
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            self._reader, self._writer = await self._connected()
        except BaseException:
            await end(self._process)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        await self._writer.wait_closed()
        await end(self._process)

    def tell(self, command: str, parameters: str = "") -> None:
        """Send a command: dial, accept, hangup."""
        text = json.dumps({"command": command, "params": parameters, "token": command})
        self._writer.write(f"{len(text)}:{text},".encode())

    async def registered(self) -> None:
        """Wait until the registrar agreed. It does so before anybody can listen at the control socket."""
        output = self._folder / "output"
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while "binding]" not in output.read_text(errors="replace"):
            if asyncio.get_running_loop().time() > deadline:
                raise BaresipError(f"baresip did not register:\n{output.read_text(errors='replace')[-2000:]}")
            await asyncio.sleep(0.05)

    def heard(self) -> Path:
        """The file with what it decoded in its only call."""
        (file,) = self._folder.glob("dump-*-dec.wav")
        return file

    async def expect(self, event: str) -> dict[str, str]:
        """Wait for the next event of that type (`CALL_INCOMING`, `CALL_ESTABLISHED`, `CALL_CLOSED`)."""
        seen = []
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    length = int((await self._reader.readuntil(b":"))[:-1])
                    message: dict[str, str] = json.loads((await self._reader.readexactly(length + 1))[:-1])
                    seen.append(message.get("type") or str(message))
                    if message.get("type") == event:
                        return message
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            output = (self._folder / "output").read_text(errors="replace")[-2000:]
            raise BaresipError(f"no {event} from baresip ({error!r}); it told {seen}\n{output}") from error

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                return await asyncio.open_connection(self._address, self._control)
            except ConnectionError:
                if self._process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                    output = (self._folder / "output").read_text(errors="replace")[-2000:]
                    raise BaresipError(f"baresip did not start:\n{output}") from None
                await asyncio.sleep(0.05)
