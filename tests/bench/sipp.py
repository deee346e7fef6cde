"""SIPp on both ends of the switch: a caller and a called side, on the measuring core."""

from __future__ import annotations

import csv
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import pin_to_generator_core
from tests.bench.switch import CALLED, CALLER, SwitchError

SCENARIOS = Path(__file__).parent
HOLD_SECONDS = 0.2  # as in sipp_uac.xml


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load."""

    asked_rate: float
    rate: float  # calls over the time until the last one had ended
    calls: int
    successful: int
    failed: int
    retransmissions: int

    @property
    def sustained(self) -> bool:
        """Whether every call went through, and as fast as they were placed: no backlog at the end."""
        return self.failed == 0 and self.successful == self.calls and self.rate >= 0.95 * self.asked_rate


class Answering:
    """SIPp as trunk bob, for as long as the block lasts."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __enter__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-sipp-")
        self._process = subprocess.Popen(
            ["sipp", "-sf", str(SCENARIOS / "sipp_uas.xml"), "-i", CALLED, "-p", str(self.port), "-nostdin"],
            cwd=self._folder.name, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=pin_to_generator_core,
        )  # fmt: skip

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()


def call(switch_address: str, switch_port: int, rate: int, calls: int) -> Load:
    """Place calls from trunk alice at an even rate, and count what SIPp counted."""
    with tempfile.TemporaryDirectory(prefix="bench-sipp-") as folder:
        statistics = Path(folder) / "statistics.csv"
        done = subprocess.run(
            [
                "sipp", "-sf", str(SCENARIOS / "sipp_uac.xml"), "-i", CALLER, f"{switch_address}:{switch_port}",
                "-r", str(rate), "-m", str(calls), "-l", "20000", "-nostdin", "-recv_timeout", "15000",
                "-trace_stat", "-stf", str(statistics), "-fd", "1", "-timeout", f"{calls // rate + 60}",
            ],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=pin_to_generator_core, check=False,
        )  # fmt: skip
        if not statistics.exists():
            raise SwitchError(f"SIPp did not run (status {done.returncode}): {done.stderr.decode(errors='replace')}")
        with statistics.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
    last = rows[-1]
    return Load(
        asked_rate=rate,
        rate=calls / max(_seconds(last["ElapsedTime(C)"]) - HOLD_SECONDS, 1e-3),
        calls=calls,
        successful=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        retransmissions=int(last["Retransmissions(C)"]),
    )


def _seconds(elapsed: str) -> float:
    """Return the seconds of SIPp's "00:00:12:345678" (or "00:00:12")."""
    hours, minutes, seconds, *fraction = elapsed.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + (float(f"0.{fraction[0]}") if fraction else 0.0)
