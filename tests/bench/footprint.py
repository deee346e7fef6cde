"""The rows about what the switch keeps: start, memory idle and per call, and what 10,000 calls leave behind."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import sipp
from tests.bench.machine import GENERATOR_CPU, open_files, resident_kb
from tests.bench.rows import Row
from tests.bench.rtpload import ADDRESS, Generator
from tests.bench.switch import CALLED, Switch, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

STARTS = 3
BRIDGED = 1000
ROUNDS = 10_000
RATE = 200
WARM_UP = 8_000
"""40 s of calls, longer than finished transactions linger: the memory they need at this rate is there before."""
LEVEL_MB = 5
REST = 36
"""Seconds until finished transactions (64*T1) and drained ports are let go of, as RFC 3261 and the drain want it."""


def run(log: Callable[[str], None]) -> list[Row]:
    """Measure starts, memory and leaks."""
    return [*_starts(log), *_memory(log), *_leaks(log)]


def _starts(log: Callable[[str], None]) -> list[Row]:
    seconds, idle = [], []
    for _ in range(STARTS):
        with Switch() as switch:
            seconds.append(switch.ready_after)
            time.sleep(1)
            idle.append(resident_kb(switch.pid) / 1024)
    log(f"ready after {', '.join(f'{each:.2f}' for each in seconds)} s, idle {max(idle):.1f} MB")
    return [
        Row("start.ready_seconds", sorted(seconds)[STARTS // 2], "s", "<= 2", f"command to /ready, median of {STARTS}"),
        Row("memory.idle_mb", max(idle), "MB", "<= 100", "resident, a second after it was ready"),
    ]


def _memory(log: Callable[[str], None]) -> list[Row]:
    with Switch() as switch, Generator(GENERATOR_CPU) as generator:
        switch.add_calls(generator, 20)  # what is loaded at the first call is not a call's
        before = resident_kb(switch.pid)
        switch.add_calls(generator, 20 + BRIDGED)
        generator.stream(20 + BRIDGED)
        time.sleep(12)  # two rounds of quality reports
        per_call = (resident_kb(switch.pid) - before) / BRIDGED
    log(f"{per_call:.1f} KB a bridged call")
    return [Row("memory.kb_per_bridged_call", per_call, "KB", "<= 60", f"growth over {BRIDGED} calls with media")]


def _leaks(log: Callable[[str], None]) -> list[Row]:
    port = free_port(address=CALLED)
    with Switch(bob_port=port) as switch, sipp.Answering(port):
        ports = switch.metrics()["softswitch_media_ports_free"]
        sipp.call(ADDRESS, switch.sip_port, RATE, WARM_UP)
        time.sleep(REST)
        before = switch.settle()
        memory, files, threads = resident_kb(switch.pid), open_files(switch.pid), _threads(switch.pid)
        load = sipp.call(ADDRESS, switch.sip_port, RATE, ROUNDS)
        time.sleep(REST)
        after = switch.settle()
        growth = (resident_kb(switch.pid) - memory) / 1024
        left = {
            "legs": after["softswitch_active_legs"] + after["softswitch_media_legs"],
            "ports": ports - after["softswitch_media_ports_free"],
            "transactions": after["softswitch_sip_transactions"],
            "tasks": after["softswitch_tasks"] - before["softswitch_tasks"],
            "files": open_files(switch.pid) - files,
            "threads": _threads(switch.pid) - threads,
        }
    log(f"after {load.calls} calls ({load.failed} failed): {left}, memory {growth:+.1f} MB")
    how = f"after {ROUNDS} calls in a row, {RATE} a second"
    return [
        Row("leak.calls_failed", load.calls - load.successful, "calls", "<= 0", how),
        *(Row(f"leak.{what}", count, what, "<= 0", how) for what, count in left.items()),
        Row("leak.memory_mb", growth, "MB", f"<= {LEVEL_MB}", f"resident, {how}, against {WARM_UP} calls before"),
    ]


def _threads(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
