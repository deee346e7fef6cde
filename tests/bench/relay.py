"""The relay rows: how many bridged G.711 calls one core carries, how late packets come out, what a packet costs.

The switch and rtpengine are measured in turn by the same code and the same generator, on the same core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tests.bench.machine import GENERATOR_CPU, cpu_ms
from tests.bench.rows import Row
from tests.bench.rtpengine import Rtpengine
from tests.bench.rtpload import Generator, Measurement
from tests.bench.switch import Switch

STEP_SECONDS = 5.0
SETTLE_SECONDS = 0.7
COARSE = 500
FINE = 25
LIMIT = 5000  # ports and file descriptors end here, not the search


class Relay(Protocol):
    """What is measured: something that bridges calls between the generator's ports."""

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
    at_most: Window | None


Log = Callable[[str], None]


def watch(relay: Relay, generator: Generator, calls: int) -> Window:
    """Bridge and stream that many calls, and watch a window of them."""
    relay.add_calls(generator, calls)
    generator.stream(calls)
    time.sleep(SETTLE_SECONDS)
    cpu, started = cpu_ms(relay.pid), time.monotonic()
    measurement = generator.measure(STEP_SECONDS)
    spent, elapsed = cpu_ms(relay.pid) - cpu, time.monotonic() - started
    packets = measurement.sent * elapsed / STEP_SECONDS  # streams run on through the drain
    return Window(measurement, spent * 1000 / packets, spent / 1000 / elapsed)


def describe(window: Window) -> str:
    """Return one line for the log."""
    m = window.measurement
    flaws = "".join(
        f", {count} {what}"
        for what, count in (("doubled", m.duplicates), ("misrouted", m.misrouted), ("corrupt", m.corrupt))
        if count
    )
    trust = "" if m.trustworthy else f"  [generator late {m.late_ms_max:.0f} ms, dropped {m.generator_drops}]"
    return (
        f"{m.calls:5} calls: loss {m.loss:.4%}{flaws}, p50 {m.p50_ms:.2f} p99 {m.p99_ms:.2f} p99.9 {m.p999_ms:.2f} ms, "
        f"{window.cpu_us_per_packet:.1f} us a packet, core {window.core_load:.0%}{trust}"
    )


def carries(relay: Relay, generator: Generator, calls: int, log: Log) -> tuple[Window, bool]:
    """Watch that many calls, a second time if the first was not clean: one hiccup of the machine decides nothing."""
    window = watch(relay, generator, calls)
    log(describe(window))
    if not (window.measurement.clean and window.measurement.trustworthy):
        window = watch(relay, generator, calls)
        log(describe(window) + "  (again)")
    return window, window.measurement.clean


def search(
    relay: Relay, generator: Generator, best: int, best_window: Window, log: Log
) -> tuple[int, Window | None, str]:
    """Find the most calls with under 0.1 % loss: from `best` up in steps, then by halves. Say what ended it, too."""
    failed = None
    calls = best + COARSE
    while failed is None and calls <= LIMIT:
        window, clean = carries(relay, generator, calls, log)
        if not window.measurement.trustworthy:
            return best, best_window, "the generator"
        if clean:
            best, best_window, calls = calls, window, calls + COARSE
        else:
            failed = calls
    while failed is not None and failed - best > FINE:
        middle = (best + failed) // 2
        window, clean = carries(relay, generator, middle, log)
        if clean and window.measurement.trustworthy:
            best, best_window = middle, window
        else:
            failed = middle
    return best, best_window, "loss" if failed else "the bench's own limit"


def examine(relay: Relay, log: Log) -> Outcome:
    """Measure one relay from few calls to its maximum."""
    with Generator(GENERATOR_CPU) as generator:
        at_20, _ = carries(relay, generator, 20, log)
        at_100, _ = carries(relay, generator, 100, log)
        at_1000, kept_up = carries(relay, generator, 1000, log)
        carried, window = (1000, at_1000) if kept_up else (100, at_100)
        most, at_most, limited_by = search(relay, generator, carried, window, log)
    return Outcome(most, limited_by, at_20, at_100, at_1000 if kept_up else None, at_most)


def run(log: Log) -> list[Row]:
    """Measure rtpengine, then the switch."""
    log("rtpengine, userspace")
    with Rtpengine() as rtpengine:
        rival = examine(rtpengine, log)
    log("softswitch")
    with Switch() as switch:
        ours = examine(switch, log)
    how = f"G.711, 50 packets/s each way on both legs, {STEP_SECONDS:.0f} s a step, < 0.1 % lost, switch on one core"
    how_late = "send to receive, loopback included"
    how_cpu = "/proc/PID/stat over the window / packets relayed"
    same = "same run, same generator"

    def p99(of: Window | None) -> float:
        return of.measurement.p99_ms if of else float("inf")

    def cpu(of: Window) -> float:
        return of.cpu_us_per_packet

    rows = [
        Row("relay.calls_per_core", ours.most_calls, "calls", ">= 1900", f"{how}; ended by {ours.limited_by}"),
        Row("relay.rtpengine_calls_per_core", rival.most_calls, "calls", None, f"{how}; ended by {rival.limited_by}"),
        Row("relay.ratio_to_rtpengine", ours.most_calls / max(rival.most_calls, 1), "", ">= 1", same),
        Row("relay.p99_added_latency_ms_at_1000", p99(ours.at_1000), "ms", "<= 2", how_late),
        Row("relay.rtpengine_p99_added_latency_ms_at_1000", p99(rival.at_1000), "ms", None, how_late),
        Row("relay.p99_added_latency_ms_at_20", p99(ours.at_20), "ms", "<= 0.3", how_late),
        Row("relay.cpu_us_per_packet_at_100", cpu(ours.at_100), "us", None, how_cpu),
        Row("relay.rtpengine_cpu_us_per_packet_at_100", cpu(rival.at_100), "us", None, how_cpu),
        Row("relay.cpu_ratio_to_rtpengine_at_100", cpu(ours.at_100) / cpu(rival.at_100), "", "<= 0.333", same),
    ]
    if ours.at_most:
        rows.append(Row("relay.cpu_us_per_packet_at_most", cpu(ours.at_most), "us", None, how_cpu))
    return rows
