"""The relay rows: how many bridged G.711 calls one core carries, how late packets come out, what a packet costs.

The switch and rtpengine are measured in turn by the same code and the same generator, on the same core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Protocol, Self

from tests.bench.machine import GENERATOR_CPU, cpu_ms
from tests.bench.rows import Row
from tests.bench.rtpengine import Rtpengine
from tests.bench.rtpload import Generator, Measurement
from tests.bench.switch import Switch

STEP_SECONDS = 5.0
SETTLE_SECONDS = 1.0
PACKETS_PER_SECOND = 50
RAMP_CALLS, RAMP_RATE = 25, 1000  # streams begin at this rate, calls a second
COARSE = 500
FINE = 50
TRIES = 3
LIMIT = 5000  # ports and file descriptors end here, not the search


class GeneratorLimitError(Exception):
    """The generator, not the relay, is at its end."""


class Relay(Protocol):
    """What is measured: something that bridges calls between the generator's ports."""

    calls: int

    @property
    def pid(self) -> int:
        """Process id, for its CPU time."""

    def add_calls(self, generator: Generator, up_to: int) -> None:
        """Bridge calls until there are `up_to`."""


@dataclass(frozen=True, slots=True)
class Window:
    """One measured window."""

    measurement: Measurement
    cpu_us_per_packet: float
    core_load: float  # share of the core the process used


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is measured of one relay."""

    most_calls: int
    limited_by: str
    at_20: Window
    at_100: Window
    at_1000: Window | None
    at_most: Window


Log = Callable[[str], None]


class Trial:
    """One relay and one generator, both replaced after a window that was lost: some relays never recover from one."""

    def __init__(self, make: Callable[[], AbstractContextManager[Relay]], log: Log, *, secure: bool = False) -> None:
        """`secure`: the generator must speak SRTP."""
        self._make = make
        self._secure = secure
        self._log = log
        self._stack = ExitStack()
        self._streaming = 0

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def carries(self, calls: int) -> Window | None:
        """Watch that many calls. A lost window gets a second try on a fresh relay; None when that is lost, too.

        Raises GeneratorLimitError when the generator could not keep its pace in any of several tries.
        """
        lost = False
        for _ in range(TRIES):
            window = self._watch(calls)
            self._log(describe(window))
            if not window.measurement.kept_pace:
                continue
            if window.measurement.clean:
                return window
            self._stack.close()
            self._begin()
            if lost:
                return None
            lost = True
        if lost:
            return None
        raise GeneratorLimitError

    def calm(self, calls: int) -> Window:
        """Watch that many calls for their latency: again when the machine held the generator up meanwhile."""
        windows = []
        for _ in range(TRIES):
            windows.append(self._watch(calls))
            self._log(describe(windows[-1]))
            if windows[-1].measurement.punctual:
                break
        return windows[-1]

    def _begin(self) -> None:
        self._stack = ExitStack()
        self._relay = self._stack.enter_context(self._make())
        self._generator = self._stack.enter_context(Generator(GENERATOR_CPU, secure=self._secure))
        self._streaming = 0

    def _watch(self, calls: int) -> Window:
        relay, generator = self._relay, self._generator
        if calls > relay.calls:
            self._streaming = 0
            generator.stream(0)  # setting calls up is another row's matter
            relay.add_calls(generator, calls)
        while self._streaming < calls:  # as calls come in life: one after the other
            self._streaming = min(calls, self._streaming + RAMP_CALLS)
            generator.stream(self._streaming)
            time.sleep(RAMP_CALLS / RAMP_RATE)
        self._streaming = calls
        generator.stream(calls)
        time.sleep(SETTLE_SECONDS)
        cpu, started = cpu_ms(relay.pid), time.monotonic()
        measurement = generator.measure(STEP_SECONDS)
        spent, elapsed = cpu_ms(relay.pid) - cpu, time.monotonic() - started
        packets = calls * 2 * PACKETS_PER_SECOND * elapsed  # streams run on through the drain
        return Window(measurement, spent * 1000 / packets, spent / 1000 / elapsed)


def describe(window: Window) -> str:
    """Return one line for the log."""
    m = window.measurement
    flaws = "".join(
        f", {count} {what}"
        for what, count in (("doubled", m.duplicates), ("misrouted", m.misrouted), ("corrupt", m.corrupt))
        if count
    )
    trust = "" if m.punctual else f"  [generator late {m.late_ms_max:.0f} ms]"
    trust += "" if m.kept_pace else f"  [it sent {m.sent} of {m.expected}, dropped {m.generator_drops}]"
    return (
        f"{m.calls:5} calls: loss {m.loss:.4%}{flaws}, p50 {m.p50_ms:.2f} p99 {m.p99_ms:.2f} p99.9 {m.p999_ms:.2f} ms, "
        f"{window.cpu_us_per_packet:.1f} us a packet, core {window.core_load:.0%}{trust}"
    )


def search(trial: Trial, best: int, best_window: Window) -> tuple[int, Window, str]:
    """Find the most calls with under 0.1 % loss: from `best` up in steps, then by halves. Say what ended it, too."""
    failed = None
    try:
        while failed is None and best + COARSE <= LIMIT:
            if window := trial.carries(best + COARSE):
                best, best_window = best + COARSE, window
            else:
                failed = best + COARSE
        while failed is not None and failed - best > FINE:
            middle = (best + failed) // 2
            if window := trial.carries(middle):
                best, best_window = middle, window
            else:
                failed = middle
    except GeneratorLimitError:
        return best, best_window, "the generator"
    return best, best_window, "loss" if failed else "the bench's own limit"


def examine(make: Callable[[], AbstractContextManager[Relay]], log: Log) -> Outcome:
    """Measure one relay from few calls to its maximum."""
    with Trial(make, log) as trial:
        at_20, at_100, at_1000 = trial.calm(20), trial.calm(100), trial.calm(1000)
        kept_up = at_1000.measurement.clean
        most, at_most, limited_by = search(trial, *((1000, at_1000) if kept_up else (100, at_100)))
    return Outcome(most, limited_by, at_20, at_100, at_1000 if kept_up else None, at_most)


def run(log: Log) -> list[Row]:
    """Measure rtpengine, then the switch."""
    log("rtpengine, userspace")
    rival = examine(Rtpengine, log)
    log("softswitch")
    ours = examine(Switch, log)
    how = f"G.711, 50 packets/s each way on both legs, {STEP_SECONDS:.0f} s a step, < 0.1 % lost, switch on one core"
    how_late = "send to receive, loopback included"
    how_cpu = "/proc/PID/stat over the window / packets relayed"
    same = "same run, same generator"

    def p99(of: Window | None) -> float:
        return of.measurement.p99_ms if of else float("inf")

    def cpu(of: Window) -> float:
        return of.cpu_us_per_packet

    return [
        Row("relay.calls_per_core", ours.most_calls, "calls", ">= 1900", f"{how}; ended by {ours.limited_by}"),
        Row("relay.rtpengine_calls_per_core", rival.most_calls, "calls", None, f"{how}; ended by {rival.limited_by}"),
        Row("relay.ratio_to_rtpengine", ours.most_calls / max(rival.most_calls, 1), "", ">= 1", same),
        Row("relay.p99_added_latency_ms_at_1000", p99(ours.at_1000), "ms", "<= 2", how_late),
        Row("relay.rtpengine_p99_added_latency_ms_at_1000", p99(rival.at_1000), "ms", None, how_late),
        Row("relay.p99_added_latency_ms_at_20", p99(ours.at_20), "ms", "<= 0.3", how_late),
        Row("relay.cpu_us_per_packet_at_100", cpu(ours.at_100), "us", None, how_cpu),
        Row("relay.rtpengine_cpu_us_per_packet_at_100", cpu(rival.at_100), "us", None, how_cpu),
        Row("relay.cpu_ratio_to_rtpengine_at_100", cpu(ours.at_100) / cpu(rival.at_100), "", "<= 0.333", same),
        Row("relay.cpu_us_per_packet_at_most", cpu(ours.at_most), "us", None, how_cpu),
        Row("relay.rtpengine_cpu_us_per_packet_at_most", cpu(rival.at_most), "us", None, how_cpu),
    ]
