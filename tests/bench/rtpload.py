"""Drive the native G.711 load generator: compile it on demand, tell it the calls, take its measurements."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parent.parent.parent
NATIVE = Path(__file__).parent / "native"
BUILT = ROOT / "build" / "bench"
SOCKETS_PER_SIDE = 32
CALLS_PER_RUN = 16  # as in rtpload.c: neighbouring calls share a socket
ADDRESS = "127.0.0.1"


class GeneratorError(Exception):
    """The generator could not be built, or ended by itself."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What came through during one measured window, both directions of all calls together."""

    calls: int
    expected: int  # packets due in the window
    injected: bool  # whether the generator wrote frames past the IP stack, see rtpload.c
    sent: int
    received: int
    duplicates: int
    misrouted: int
    corrupt: int
    out_of_order: int
    send_errors: int
    generator_drops: int
    late_ms_max: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    rtcp: int

    @property
    def loss(self) -> float:
        """Share of the packets sent that never arrived, 0..1."""
        return 1 - self.received / self.sent if self.sent else 1.0

    @property
    def kept_pace(self) -> bool:
        """Whether the generator itself did its part: sent what was due, dropped nothing at its own sockets."""
        return self.generator_drops == 0 and self.send_errors == 0 and self.sent >= 0.995 * self.expected

    @property
    def punctual(self) -> bool:
        """Whether no packet was sent a packet time late: what bunches when it is sent says little of delay."""
        return self.late_ms_max < 20

    @property
    def clean(self) -> bool:
        """Whether the switch delivered: under 0.1 % lost, nothing doubled, mangled or sent to the wrong leg."""
        return self.loss < 0.001 and not (self.duplicates or self.misrouted or self.corrupt)


def build(name: str, suffix: str = "", *options: str) -> Path:
    """Compile a generator unless it is newer than its source."""
    source, target = (NATIVE / name).with_suffix(".c"), (BUILT / name).with_suffix(suffix)
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        command = ["gcc", "-O2", "-Wall", *options, "-o", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GeneratorError(f"{' '.join(command)} failed:\n{done.stderr}")
    return target


def build_library(name: str) -> Path:
    """The same as a shared library, for who lends it libsrtp."""
    return build(name, ".so", "-shared", "-fPIC")


class Generator:
    """One generator process; call numbers count up from 0."""

    def __init__(self, cpu: int, *, secure: bool = False) -> None:
        """`secure`: it can speak SRTP."""
        program = [sys.executable, "-m", "tests.bench.secure_load", "rtpload"] if secure else [str(build("rtpload"))]
        self._process = subprocess.Popen(
            [*program, ADDRESS, str(SOCKETS_PER_SIDE), str(cpu)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ports = [self._read().split()[2:] for _ in "AB"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def port(self, side: int, call: int) -> int:
        """Return the port where leg `side` (0 = A, 1 = B) of a call listens: what its SDP must say."""
        return int(self._ports[side][call // CALLS_PER_RUN % SOCKETS_PER_SIDE])

    def add(self, call: int, a: tuple[str, int], b: tuple[str, int]) -> None:
        """Say where the switch listens on the two legs of a call."""
        self._write(f"call {call} {a[0]} {a[1]} {b[0]} {b[1]}")

    def secure(self, call: int, suite: str, ours: bytes, theirs: bytes) -> None:
        """Leg A of a call that was added is SRTP: key and salt to send with, and those the switch sends with."""
        self._write(f"secure {call} {suite} {ours.hex()} {theirs.hex()}")

    def stream(self, calls: int) -> None:
        """Send on the first `calls` calls, both ways, until told otherwise."""
        self._write(f"active {calls}")

    def measure(self, seconds: float) -> Measurement:
        """Watch a window of the running streams."""
        self._write(f"measure {int(seconds * 1000)}")
        found = json.loads(self._read())
        return Measurement(expected=int(found["calls"] * 2 * 50 * seconds), **found)

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.communicate()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise GeneratorError(f"the load generator ended with status {self._process.wait()}")
        return line
