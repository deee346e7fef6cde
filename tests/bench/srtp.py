"""The SRTP rows: G.711 calls a core with one leg encrypted, against the plain relay of the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.relay import STEP_SECONDS, GeneratorLimitError, Trial, Window, search
from tests.bench.rows import Row
from tests.bench.switch import Switch

if TYPE_CHECKING:
    from tests.bench.relay import Log

SUITES = {"gcm_256": "AEAD_AES_256_GCM", "cm_80": "AES_CM_128_HMAC_SHA1_80"}
"""Ours of choice, and what most carriers speak."""
FIRST = 1000


def most(suite: str, log: Log) -> tuple[int, Window, str]:
    """The most calls, the window of the first step, and what ended the search. The generator is the same for all."""
    with Trial(lambda: Switch(suite=suite), log, secure=True) as trial:
        first = trial.calm(FIRST)
        if not first.measurement.clean:
            return 0, first, f"loss at {FIRST} already"
        try:
            calls, _, ended_by = search(trial, FIRST, first)
        except GeneratorLimitError:
            calls, ended_by = FIRST, "the generator"
    return calls, first, ended_by


def run(log: Log) -> list[Row]:
    """Measure the plain relay, then each suite."""
    log("plain relay")
    plain, plain_first, plain_ended = most("", log)
    how = f"leg A SRTP, leg B RTP, 50 packets/s each way on both, {STEP_SECONDS:.0f} s a step, < 0.1 % lost"
    rows = [Row("srtp.relay_calls_per_core", plain, "calls", None, f"both legs RTP; ended by {plain_ended}")]
    for name, suite in SUITES.items():
        log(suite)
        calls, first, ended_by = most(suite, log)
        cost = first.cpu_us_per_packet - plain_first.cpu_us_per_packet
        rows += [
            Row(f"srtp.{name}_calls_per_core", calls, "calls", None, f"{how}; {suite}; ended by {ended_by}"),
            Row(f"srtp.{name}_ratio_to_relay", calls / max(plain, 1), "", ">= 0.75", "same run, same generator"),
            Row(f"srtp.{name}_added_us_per_packet", cost, "us", None, f"over the relay's, at {FIRST} calls"),
        ]
    return rows
