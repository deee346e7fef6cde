"""What the bench asks of the machine: two cores, a network namespace of its own, CPU and memory of a process."""

from __future__ import annotations

import fcntl
import os
import platform
import resource
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SWITCH_CPU = 0  # what is measured
GENERATOR_CPU = 1  # everything that measures
ISOLATED = "SOFTSWITCH_BENCH_ISOLATED"
SECOND_ADDRESS = "192.0.2.1"
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


class MachineError(Exception):
    """This machine cannot run the bench."""


def isolate() -> None:
    """Start over in an own network namespace, where every port is free and lo accepts the generator's frames.

    Only root may do so. Without it the bench runs on the host's loopback, and its generator carries less.
    """
    if os.environ.get(ISOLATED) or os.geteuid() != 0:
        return
    os.environ[ISOLATED] = "1"
    os.execvp("unshare", ["unshare", "--net", "--", sys.executable, "-m", "tests.bench", *sys.argv[1:]])


def prepare() -> None:
    """Check the cores, raise the limit on open files, and in an own namespace bring the loopback up."""
    if not {SWITCH_CPU, GENERATOR_CPU} <= os.sched_getaffinity(0):
        raise MachineError(
            f"the bench needs the two cores {SWITCH_CPU} and {GENERATOR_CPU}: one switches, one measures"
        )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if os.environ.get(ISOLATED):
        up_and_running = 0x1 | 0x40
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", up_and_running))  # SIOCSIFFLAGS
        add_address()
        for setting in ("route_localnet", "accept_local"):
            Path(f"/proc/sys/net/ipv4/conf/lo/{setting}").write_text("1")
    os.sched_setaffinity(0, {GENERATOR_CPU})


def add_address() -> None:
    """Give the loopback an address that is not of 127.0.0.0/8: aioice offers no other."""
    name = b"lo:1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in ((0x8916, SECOND_ADDRESS), (0x891C, "255.255.255.255")):  # SIOCSIFADDR, SIOCSIFNETMASK
            address = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(control, request, struct.pack("16s16s8x", name, address))


def pin_to_switch_core() -> None:
    """For `preexec_fn`: run the child on the measured core."""
    os.sched_setaffinity(0, {SWITCH_CPU})


def pin_to_generator_core() -> None:
    """For `preexec_fn`: run the child on the measuring core."""
    os.sched_setaffinity(0, {GENERATOR_CPU})


def cpu_ms(pid: int) -> float:
    """Return user and system time of a process since its start, from /proc/PID/stat (10 ms ticks)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_MS


def resident_kb(pid: int) -> int:
    """Return the resident set of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise MachineError(f"/proc/{pid}/status has no VmRSS: the process has ended")


def open_files(pid: int) -> int:
    """Count the file descriptors of a process."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures were taken on."""

    cpu: str
    cores: int
    system: str
    python: str
    commit: str
    load_before: float

    @classmethod
    def describe(cls) -> Machine:
        """Look at the machine and the checkout."""
        models = [
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ]
        git = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return cls(
            cpu=models[0] if models else platform.machine(),
            cores=os.cpu_count() or 0,
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            commit=git.stdout.strip() or "unknown",
            load_before=os.getloadavg()[0],
        )
