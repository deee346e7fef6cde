"""rtpengine as the measured rival: a child process in userspace mode, driven over its ng protocol (bencode on UDP)."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.bench.machine import pin_to_switch_core
from tests.bench.rtpload import ADDRESS, Generator

PORTS = (10000, 32000)  # below the ephemeral range, four ports a call

Value = str | int | list[str]


class RtpengineError(Exception):
    """rtpengine did not start, or refused a command."""


def encode(value: object) -> bytes:
    """Bencode a value; dictionary keys sorted, as the format wants."""
    match value:
        case dict():
            return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"
        case list():
            return b"l" + b"".join(map(encode, value)) + b"e"
        case int():
            return b"i%de" % value
        case str():
            text = value.encode()
            return b"%d:%s" % (len(text), text)
        case _:
            raise TypeError(f"cannot bencode {type(value).__name__}")


def answer_field(answer: bytes, name: str) -> str:
    """Return one string of a flat bencoded answer."""
    key = encode(name)
    at = answer.index(key) + len(key)
    colon = answer.index(b":", at)
    length = int(answer[at:colon])
    return answer[colon + 1 : colon + 1 + length].decode()


def audio_port(sdp: str) -> int:
    """Return the port of the first m=audio line."""
    return int(next(line for line in sdp.splitlines() if line.startswith("m=audio")).split()[1])


def g711_sdp(port: int) -> str:
    """Return the plainest offer or answer of A-law."""
    return (
        f"v=0\r\no=- 1 1 IN IP4 {ADDRESS}\r\ns=-\r\nc=IN IP4 {ADDRESS}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )


class Rtpengine:
    """A running rtpengine with calls from 0 up, each with its two legs at the generator's ports."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-rtpengine-")
        log = (Path(self._folder.name) / "log").open("wb")
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._control.settimeout(2)
        self._process = self._start(log.fileno())
        log.close()
        self.calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def add_calls(self, generator: Generator, up_to: int) -> None:
        """Set calls up until there are `up_to`, and tell the generator where they listen."""
        for call in range(self.calls, up_to):
            towards_b = self._command("offer", call, {"sdp": g711_sdp(generator.port(0, call))})
            towards_a = self._command("answer", call, {"sdp": g711_sdp(generator.port(1, call)), "to-tag": "b"})
            generator.add(
                call,
                (ADDRESS, audio_port(answer_field(towards_a, "sdp"))),
                (ADDRESS, audio_port(answer_field(towards_b, "sdp"))),
            )
        self.calls = max(self.calls, up_to)

    def stop(self) -> None:
        """End the process and wait for it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._control.close()
        self._folder.cleanup()

    def _start(self, log: int) -> subprocess.Popen[bytes]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((ADDRESS, 0))
            ng_port = probe.getsockname()[1]
        process = subprocess.Popen(
            [
                "rtpengine", "--foreground", "--log-stderr", "--log-level=3", "--table=-1", "--config-file=none",
                f"--interface={ADDRESS}", f"--listen-ng={ADDRESS}:{ng_port}",
                f"--port-min={PORTS[0]}", f"--port-max={PORTS[1]}",
                "--timeout=900", "--silent-timeout=900", f"--pidfile={self._folder.name}/pid",
            ],
            stdout=log, stderr=log, preexec_fn=pin_to_switch_core,
        )  # fmt: skip
        self._control.connect((ADDRESS, ng_port))
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and process.poll() is None:
            try:
                self._command("ping", 0, {})
            except (ConnectionError, TimeoutError):
                time.sleep(0.05)
            else:
                return process
        process.kill()
        process.wait()
        raise RtpengineError(f"rtpengine did not start:\n{os.pread(log, 2000, 0).decode(errors='replace')}")

    def _command(self, command: str, call: int, fields: dict[str, Value]) -> bytes:
        cookie = secrets.token_hex(4).encode()
        message: dict[str, Value] = {"command": command, "call-id": f"bench-{call}", "from-tag": "a", **fields}
        self._control.send(cookie + b" " + encode(message))
        answer = self._control.recv(65535)
        if not answer.startswith(cookie) or b"result" not in answer or b"5:error" in answer:
            raise RtpengineError(f"{command} of call {call}: {answer.decode(errors='replace')}")
        return answer[len(cookie) + 1 :]
