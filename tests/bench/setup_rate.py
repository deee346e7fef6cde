"""The set-up rows: calls a second on one core without a failure, CPU per call, and how long an INVITE stays inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import sipp
from tests.bench.machine import cpu_ms
from tests.bench.rows import Row
from tests.bench.rtpload import ADDRESS
from tests.bench.switch import CALLED, Switch, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

STEP_SECONDS = 10
FIRST = 200
COARSE = 100
FINE = 25
LIMIT = 2000
LATENCY_RATE = 100


def _step(switch: Switch, rate: int, log: Callable[[str], None]) -> tuple[sipp.Load, float]:
    """Offer one rate, a second time if it was not sustained; return the load and CPU milliseconds per call."""
    load, per_call = _offer(switch, rate, log)
    return (load, per_call) if load.sustained else _offer(switch, rate, log)


def _offer(switch: Switch, rate: int, log: Callable[[str], None]) -> tuple[sipp.Load, float]:
    cpu = cpu_ms(switch.pid)
    load = sipp.call(ADDRESS, switch.sip_port, rate, rate * STEP_SECONDS)
    switch.settle(5)
    per_call = (cpu_ms(switch.pid) - cpu) / load.calls
    log(
        f"{rate:5} calls/s: {load.successful} of {load.calls} went through, {load.rate:.0f}/s, "
        f"{load.failed} failed, {load.retransmissions} retransmissions, {per_call:.2f} ms CPU a call"
    )
    return load, per_call


def _most(switch: Switch, log: Callable[[str], None]) -> tuple[int, float]:
    """Find the highest rate without a failure, and CPU milliseconds per call there."""
    best, best_cpu, failed = 0, float("inf"), None
    rate = FIRST
    while failed is None and rate <= LIMIT:
        load, per_call = _step(switch, rate, log)
        if load.sustained:
            best, best_cpu, rate = rate, per_call, rate + COARSE
        else:
            failed = rate
    while failed is not None and failed - best > FINE:
        middle = (best + failed) // 2
        load, per_call = _step(switch, middle, log)
        if load.sustained:
            best, best_cpu = middle, per_call
        else:
            failed = middle
    return best, best_cpu


def run(log: Callable[[str], None]) -> list[Row]:
    """Measure latency with the bench's own callers, then the rate with SIPp."""
    with Switch() as switch:
        switch.callers.paced(50, 2, 0.2)  # warm
        cpu = cpu_ms(switch.pid)
        calls = switch.callers.paced(LATENCY_RATE, STEP_SECONDS, 1.0)
        cpu_at_100 = (cpu_ms(switch.pid) - cpu) / len(calls)
        inside = sorted((call.arrived_at - call.invited_at) * 1000 for call in calls)
        p50, p99 = inside[len(inside) // 2], inside[int(len(inside) * 0.99)]
        log(f"{LATENCY_RATE} calls/s: INVITE in to INVITE out p50 {p50:.2f} p99 {p99:.2f} ms")
    port = free_port(address=CALLED)
    with Switch(bob_port=port) as switch, sipp.Answering(port):
        best, best_cpu = _most(switch, log)
    how = f"SIPp to SIPp, INVITE to BYE, SDP, media anchored, {STEP_SECONDS} s a step, 0 failed, switch on one core"
    how_late = f"sent by the caller to received by the called, {LATENCY_RATE} calls/s"
    how_cpu = "/proc/PID/stat over the step / calls"
    return [
        Row("setup.calls_per_second", best, "calls/s", ">= 400", how),
        Row("setup.cpu_ms_per_call", best_cpu, "ms", "<= 2.5", f"{how_cpu}, at setup.calls_per_second"),
        Row("setup.cpu_ms_per_call_at_100", cpu_at_100, "ms", None, f"{how_cpu}, at {LATENCY_RATE} calls/s held 1 s"),
        Row("setup.p99_invite_in_to_out_ms", p99, "ms", "<= 10", how_late),
        Row("setup.p50_invite_in_to_out_ms", p50, "ms", None, how_late),
    ]
