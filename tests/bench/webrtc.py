"""The rows of browsers' legs: calls a core between a browser and a phone, and what a leg costs beside aiortc's own.

The engine is driven without signalling. Its browser legs are real ones: they have a path and keys, as ICE and DTLS
leave them behind, and every packet of theirs is sealed and opened by the generator. The relay that is the yardstick is
that of the same engine with the same generator, in the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from tests.bench import aiortc_leg
from tests.bench.machine import ROOT, pin_to_switch_core
from tests.bench.relay import PACKETS_PER_SECOND, STEP_SECONDS, GeneratorLimitError, Trial, Window, search
from tests.bench.rows import Row
from tests.bench.rtpload import ADDRESS, GeneratorError
from tests.bench.transcode import SECONDS, Codecs, describe, most_calls, new_keys

if TYPE_CHECKING:
    from tests.bench.relay import Log
    from tests.bench.rtpload import Generator

USUAL = "gcm_128"
SUITES = {USUAL: "AEAD_AES_128_GCM", "cm_80": "AES_CM_128_HMAC_SHA1_80"}
"""What browsers settle on with us, whose calls have a bar, and what every one of them must have (RFC 8827 6.5)."""
FIRST = 1000
RELAY_BAR, OPUS_BAR, AIORTC_BAR = 1200, 170, 25


class Bridges:
    """A bare engine that bridges G.711 calls; with a suite, leg A of each is a browser's."""

    def __init__(self, suite: str = "") -> None:
        self._suite = suite
        self._stack = ExitStack()
        self._engine = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bare_engine", "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            preexec_fn=pin_to_switch_core,
        )
        self._stack.callback(self._engine.communicate)
        self._stack.callback(self._engine.terminate)
        self.calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._engine.pid

    def add_calls(self, generator: Generator, up_to: int) -> None:
        """Bridge calls until there are `up_to`."""
        new = range(self.calls, up_to)
        keys = [new_keys(self._suite) for _ in new] if self._suite else []
        asked = {
            "first": self.calls,
            "formats": [["PCMA", 8, 8000]] * 2,
            "ports": [[generator.port(side, call) for side in (0, 1)] for call in new],
            **({"keys": [self._suite, *keys]} if keys else {}),
        }
        assert self._engine.stdin is not None
        assert self._engine.stdout is not None
        self._engine.stdin.write(json.dumps(asked) + "\n")
        self._engine.stdin.flush()
        answer = self._engine.stdout.readline()
        if not answer:
            raise GeneratorError(f"the engine ended with status {self._engine.wait()}")
        for call, (a, b) in zip(new, json.loads(answer), strict=True):
            generator.add(call, (ADDRESS, a), (ADDRESS, b))
        for call, (theirs, ours) in zip(new, keys, strict=False):
            generator.secure(call, self._suite, bytes.fromhex(theirs), bytes.fromhex(ours))
        self.calls = max(self.calls, up_to)


def most(suite: str, log: Log) -> tuple[int, Window, str]:
    """The most calls, the window of the first step, and what ended the search."""
    with Trial(lambda: Bridges(suite), log, secure=True) as trial:
        first = trial.calm(FIRST)
        if not first.measurement.clean:
            return 0, first, f"loss at {FIRST} already"
        try:
            calls, _, ended_by = search(trial, FIRST, first)
        except GeneratorLimitError:
            calls, ended_by = FIRST, "the generator"
    return calls, first, ended_by


def cost_of(window: Window) -> float:
    """Microseconds of CPU a packet that was sent: a generator that is held up must not make us look cheap."""
    return window.core_load * 1e6 * STEP_SECONDS / max(window.measurement.sent, 1)


def relayed(log: Log) -> tuple[list[Row], float]:
    """G.711 between a browser and a phone; and what the dearest call costs, in microseconds of CPU a second."""
    log("both legs phones'")
    plain, plain_first, ended_by = most("", log)
    how = f"engine alone, leg A a browser's, 50 packets/s each way on both, {STEP_SECONDS:.0f} s a step, < 0.1 % lost"
    rows = [Row("webrtc.relay_calls_per_core", plain, "calls", None, f"both legs phones'; ended by {ended_by}")]
    dearest = 0.0
    for name, suite in SUITES.items():
        log(suite)
        calls, first, ended_by = most(suite, log)
        cost = cost_of(first)
        dearest = max(dearest, cost * 2 * PACKETS_PER_SECOND)
        bar = f">= {RELAY_BAR}" if name == USUAL else None
        added = cost - cost_of(plain_first)
        rows += [
            Row(f"webrtc.{name}_g711_calls_per_core", calls, "calls", bar, f"{how}; ended by {ended_by}"),
            Row(f"webrtc.{name}_g711_ratio_to_relay", calls / max(plain, 1), "", None, "same run, same generator"),
            Row(f"webrtc.{name}_added_us_per_packet", added, "us", None, f"over the relay's, at {FIRST} calls"),
        ]
    return rows, dearest


def transcoded(log: Log) -> tuple[list[Row], float]:
    """Opus of a browser to G.711 of a phone; and what a call costs, in microseconds of CPU a second."""
    log("Opus to G.711, complexity 0")
    with Codecs("opus", "PCMA", 0, suite=SUITES[USUAL]) as codecs:
        calls, window = most_calls(codecs, OPUS_BAR, log)
    log(describe(window))
    how = f"engine alone, Opus of a browser with SRTP, speech, 20 ms at 8 kHz, {SECONDS:.0f} s a step, < 0.1 % lost"
    rows = [
        Row("webrtc.opus_g711_complexity_0_calls_per_core", calls, "calls", f">= {OPUS_BAR}", how),
        Row("webrtc.opus_g711_us_per_packet", window.cpu_us, "us", None, f"at {calls} calls, both directions"),
    ]
    return rows, window.cpu_us * 2 * PACKETS_PER_SECOND


def run(log: Log) -> list[Row]:
    """Ours, then aiortc's peer connection, on the same core."""
    rows, g711 = relayed(log)
    more, opus = transcoded(log)
    rows += more
    for codec, ours, bar in (("PCMU", g711, f">= {AIORTC_BAR}"), ("opus", opus, None)):
        log(f"aiortc, {codec}")
        theirs = aiortc_leg.cost(codec)
        log(f"{theirs:.0f} us of CPU a second for a leg, ours {ours:.0f} with the phone's leg behind it")
        name = codec.lower()
        rows += [
            Row(f"webrtc.aiortc_{name}_us_per_second", theirs, "us", None, "CPU of one RTCPeerConnection, both ways"),
            Row(f"webrtc.{name}_ratio_to_aiortc", theirs / ours, "", bar, "a leg of aiortc's to a whole call of ours"),
        ]
    return rows
