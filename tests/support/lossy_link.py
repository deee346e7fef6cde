"""A bad link between this machine and a network namespace of its own: what `tc netem` does, by a process of ours.

Two TUN devices, one here, one in the namespace; the process that holds both passes packets on, late or never. Not every
kernel has netem, and this one tells exactly which RTP packets it dropped and how late the others were. Needs root.

`python -m tests.support.lossy_link A B` is that process: it says `ready` once both devices exist; a line of JSON on
standard input sets `loss` (share) and `delay` and `jitter` (ms; each packet is late by delay +- jitter, uniformly, as
netem has it without a distribution); an empty line asks for what happened to RTP since.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import random
import secrets
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
_LONGEST = 65536
SIDES = ("here", "there")
"""Who sent: this machine, or the namespace."""


@dataclass(slots=True)
class Stream:
    """One RTP stream on its way: what became of each packet, by its sequence number."""

    side: str
    sent: int = 0
    dropped: list[int] = field(default_factory=list)
    """Sequence numbers."""
    late_ms: list[tuple[int, float]] = field(default_factory=list)
    """Sequence number and delay of what got through."""


class Link:
    """Both devices, and the packets between them."""

    def __init__(self, here: str, there: str) -> None:
        self._devices = [_tun(here), _tun(there)]
        self._loop = asyncio.get_running_loop()
        self._dice = random.Random(5)
        self._loss, self._delay, self._jitter = 0.0, 0.0, 0.0
        self.streams: dict[int, Stream] = {}
        for side in (0, 1):
            self._loop.add_reader(self._devices[side], self._carry, side)

    def set(self, loss: float = 0.0, delay: float = 0.0, jitter: float = 0.0) -> None:
        """From now on."""
        self._loss, self._delay, self._jitter = loss, delay / 1000, jitter / 1000
        self.streams.clear()

    def _carry(self, side: int) -> None:
        packet = os.read(self._devices[side], _LONGEST)
        stream, number = self._stream(packet, side)
        if self._dice.random() < self._loss:
            if stream is not None:
                stream.dropped.append(number)
            return
        late = max(0.0, self._delay + self._jitter * self._dice.uniform(-1, 1))
        if stream is not None:
            stream.late_ms.append((number, late * 1000))
        self._loop.call_later(late, self._deliver, 1 - side, packet)

    def _stream(self, packet: bytes, side: int) -> tuple[Stream | None, int]:
        """The RTP stream an IPv4 packet is of, and its number there; SRTP hides neither (RFC 3711 3.1)."""
        header = (packet[0] & 15) * 4
        if packet[0] >> 4 != 4 or packet[9] != 17 or len(packet) < header + 20:
            return None, 0
        rtp = packet[header + 8 :]
        if rtp[0] >> 6 != 2 or 64 <= rtp[1] & 127 < 96:
            return None, 0  # neither RTP version 2 nor, with RTCP on the same port, a payload type (RFC 5761 4)
        number, ssrc = struct.unpack_from("!H4xI", rtp, 2)
        stream = self.streams.setdefault(ssrc, Stream(SIDES[side]))
        stream.sent += 1
        return stream, number

    def _deliver(self, side: int, packet: bytes) -> None:
        with contextlib.suppress(OSError):  # that side is not up yet, or no longer
            os.write(self._devices[side], packet)


def _tun(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TUN_WITHOUT_HEADER))
    return device


async def serve(here: str, there: str) -> None:
    """Pass packets on until standard input ends."""
    link = Link(here, there)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    _say("ready")
    while line := await orders.readline():
        if line.strip():
            link.set(**json.loads(line))
            _say("set")
        else:
            _say({ssrc: [each.side, each.sent, each.dropped, each.late_ms] for ssrc, each in link.streams.items()})


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class LossyLink:
    """The link as a test sees it; its context is its life. Addresses are of 10.201.0.0/16, `here` and `there`."""

    def __init__(self) -> None:
        self.name = f"t{secrets.token_hex(3)}"
        net = f"10.201.{secrets.randbelow(256)}"
        host = 4 * secrets.randbelow(63)
        self.here, self.there = f"{net}.{host + 1}", f"{net}.{host + 2}"

    async def __aenter__(self) -> Self:
        here, there = f"{self.name}h", f"{self.name}p"
        self._ip("netns", "add", self.name)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.support.lossy_link", here, there,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26,
            )  # fmt: skip
            assert await self._answer() == "ready"
            self._ip("link", "set", there, "netns", self.name)
            for space, device, own, peer in (
                ((), here, self.here, self.there),
                (("-n", self.name), there, self.there, self.here),
            ):
                self._ip(*space, "addr", "add", own, "peer", peer, "dev", device)
                self._ip(*space, "link", "set", device, "up")
            self._ip("-n", self.name, "link", "set", "lo", "up")
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        self._ip("netns", "del", self.name)

    async def set(self, *, loss: float = 0.0, delay: float = 0.0, jitter: float = 0.0) -> None:
        """How bad it is from now on; what happened before is forgotten."""
        assert await self._ask(json.dumps({"loss": loss, "delay": delay, "jitter": jitter})) == "set"

    async def streams(self) -> dict[int, Stream]:
        """What became of each RTP stream since, by SSRC."""
        told: dict[str, Any] = await self._ask("")
        return {int(ssrc): Stream(side, sent, dropped, late) for ssrc, (side, sent, dropped, late) in told.items()}

    def inside(self, program: str, folder: Path) -> Path:
        """A file that runs this program in the namespace."""
        script = folder / f"{self.name}.sh"
        script.write_text(f'#!/bin/sh\nexec ip netns exec {self.name} {program} "$@"\n')
        script.chmod(0o755)
        return script

    async def _ask(self, line: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        return await self._answer()

    async def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(await self._process.stdout.readline())

    def _ip(self, *words: str) -> None:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (
            f"ip {' '.join(words)}: {done.stderr.strip()}; this test makes a network namespace, "
            "which takes root and iproute2"
        )


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
