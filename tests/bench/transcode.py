"""The transcoding rows: calls a core between Opus and G.711, and what A-law to mu-law costs beside the plain relay.

The engine is driven without signalling, by one generator for all; the relay is that of the same engine in the same run.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from audiocodecs.coding import Encoder

from media.srtp.material import key_length
from tests.bench.machine import GENERATOR_CPU, ROOT, cpu_ms, pin_to_switch_core
from tests.bench.rows import Row
from tests.bench.rtpload import GeneratorError, build
from tests.support.voice import speech

if TYPE_CHECKING:
    from collections.abc import Callable

    Log = Callable[[str], None]

SOCKETS, CALLS_PER_SOCKET = 32, 16  # as in codecload.c
SECONDS = 3.0
DRAIN = 0.3  # seconds the generator still counts when it has stopped, as in codecload.c
RATIO_CALLS = 1000
FORMATS = {"PCMA": (8, 8000, 8000), "PCMU": (0, 8000, 8000), "opus": (111, 48000, 48000)}
"""Payload type, clock rate, sampling rate of the far end's coder."""
BARS = {0: 200, 5: 130}
STEP = 1.1
FEWEST_STEP = 5
ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Window:
    """One measured window."""

    calls: int
    loss: float
    p99_ms: float
    cpu_us: float  # of the engine's process, a packet taken in
    core: float
    late_ms: float
    gaps: float  # share of the packets of the engine's own numbering that did not arrive

    @property
    def clean(self) -> bool:
        """Whether all came through in time; more than was sent is what an overloaded engine still had from before."""
        return abs(self.loss) < 0.001


def new_keys(suite: str) -> list[str]:
    """Key and salt of the generator's packets and of the engine's, in hexadecimal."""
    return [secrets.token_hex(key_length(suite)) for _ in range(2)]


class Codecs:
    """An engine and a generator between which calls of two codecs run."""

    def __init__(
        self, a: str, b: str, complexity: int = 0, *, room: int | None = None, quiet: bool = False, suite: str = ""
    ) -> None:
        """`room`: the legs meet in rooms of so many instead; `quiet`: only side a has something to say.

        `suite`: the legs of side a are browsers', with SRTP of that suite.
        """
        self._stack = ExitStack()
        self._room = {} if room is None else {"room": room}
        self._formats = (a, b)
        self._engine = self._start([sys.executable, "-m", "tests.bench.bare_engine", str(complexity)], pinned=True)
        self._suite = suite
        load = [sys.executable, "-m", "tests.bench.secure_load", "codecload"] if suite else [str(build("codecload"))]
        self._generator = self._start([*load, str(GENERATOR_CPU)], pinned=False)
        self._ports = [[int(word) for word in self._read(self._generator).split()[1:]] for _ in "ab"]
        self._calls = 0
        for side, name in enumerate(self._formats):
            number, clock, rate = FORMATS[name]
            encoder = Encoder(name, rate if name == "opus" else None, complexity=5)
            sound, step = speech(rate), rate // 50
            if quiet and side:
                sound = np.zeros_like(sound)
            said = [encoder.encode(sound[n : n + step].tobytes()).hex() for n in range(0, len(sound) - step, step)]
            self._write(self._generator, f"say {side} {number} {clock // 50} {' '.join(said)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def watch(self, calls: int) -> Window:
        """Run that many calls for a while."""
        if calls > self._calls:
            new = range(self._calls, calls)
            theirs = [[ports[call // CALLS_PER_SOCKET % SOCKETS] for ports in self._ports] for call in new]
            formats = [[name, *FORMATS[name][:2]] for name in self._formats]
            keys = [new_keys(self._suite) for _ in new] if self._suite else []
            secure = {"keys": [self._suite, *keys]} if keys else {}
            asked = {"first": self._calls, "formats": formats, "ports": theirs, **self._room, **secure}
            self._write(self._engine, json.dumps(asked))
            for call, (a, b) in zip(new, json.loads(self._read(self._engine)), strict=True):
                self._write(self._generator, f"call {call} {a} {b}")
            for call, pair in zip(new, keys, strict=False):
                self._write(self._generator, f"secure {call} {self._suite} {' '.join(pair)}")
            self._calls = calls
        self._write(self._generator, f"active {calls}")
        time.sleep(1)
        before = cpu_ms(self._engine.pid)
        self._write(self._generator, f"measure {int(SECONDS * 1000)}")
        found = json.loads(self._read(self._generator))
        spent = cpu_ms(self._engine.pid) - before
        return Window(
            calls, 1 - found["received"] / found["sent"], found["p99_ms"], spent * 1000 / found["sent"],
            spent / 1000 / SECONDS, found["late_ms"], found["gaps"] / max(found["received"], 1),
        )  # fmt: skip

    def rest(self) -> None:
        """Send nothing."""
        self._write(self._generator, "active 0")

    def _start(self, command: list[str], *, pinned: bool) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            preexec_fn=pin_to_switch_core if pinned else None,
        )
        self._stack.callback(process.communicate)
        self._stack.callback(process.terminate)
        return process

    @staticmethod
    def _write(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()

    @staticmethod
    def _read(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise GeneratorError(f"{process.args!r} ended with status {process.wait()}")
        return line


def describe(window: Window) -> str:
    """Return one line for the log."""
    return (
        f"{window.calls:5} calls: loss {window.loss:.4%}, p99 {window.p99_ms:.2f} ms, {window.cpu_us:.1f} us a packet, "
        f"core {window.core:.0%}, generator late {window.late_ms:.1f} ms"
    )


def most_calls(codecs: Codecs, bar: int, log: Log) -> tuple[int, Window]:
    """The most calls with under 0.1 % loss, sought around the bar; and the window that carried them."""
    best: Window | None = None
    failed, calls = 0, bar
    while True:
        window = codecs.watch(calls)
        log(describe(window))
        if window.clean:
            best = window
        else:
            failed = calls
        if best is None:
            calls = int(failed / STEP)
            if calls < bar // 3:
                return 0, window
        elif not failed:
            calls = int(best.calls * STEP)
        elif failed - best.calls > FEWEST_STEP:
            calls = (best.calls + failed) // 2
        else:
            return best.calls, best


def beside(log: Log, engines: dict[str, Codecs], calls: int = RATIO_CALLS) -> dict[str, Window]:
    """Engines in turn, so that all have the same machine; the least disturbed window of each."""
    windows: dict[str, list[Window]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            windows[name].append(engine.watch(calls))
            log(f"{name}: {describe(windows[name][-1])}")
            engine.rest()
    return {name: min(found, key=lambda window: window.cpu_us) for name, found in windows.items()}


def run(log: Log) -> list[Row]:
    """Relay and translation beside each other, then Opus at both complexities."""
    rows = []
    with Codecs("PCMA", "PCMA") as plain, Codecs("PCMA", "PCMU") as mapped:
        found = beside(log, {"PCMA to PCMA": plain, "PCMA to PCMU": mapped})
    relay, laws = found["PCMA to PCMA"], found["PCMA to PCMU"]
    how = f"engine alone, {RATIO_CALLS} calls, 50 packets/s each way on both legs; best of {ROUNDS} windows in turn"
    rows += [
        Row("transcode.relay_us_per_packet", relay.cpu_us, "us", None, how),
        Row("transcode.alaw_mulaw_us_per_packet", laws.cpu_us, "us", None, how),
        Row("transcode.alaw_mulaw_ratio_to_relay", relay.cpu_us / laws.cpu_us, "", ">= 0.9", f"{how}; of CPU a packet"),
    ]
    for complexity, bar in BARS.items():
        log(f"Opus to G.711, complexity {complexity}")
        with Codecs("opus", "PCMA", complexity) as codecs:
            calls, window = most_calls(codecs, bar, log)
        how = f"engine alone on one core, speech, {SECONDS:.0f} s a step, < 0.1 % lost"
        name = f"transcode.opus_g711_complexity_{complexity}"
        rows += [
            Row(f"{name}_calls_per_core", calls, "calls", f">= {bar}", how),
            Row(f"{name}_us_per_packet", window.cpu_us, "us", None, f"at {window.calls} calls, both directions"),
        ]
    return rows
