"""Tests that send sound at its own pace: what a machine with other work did to it is not the switch's doing."""

from __future__ import annotations

import contextlib
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from _pytest.runner import runtestprotocol

ATTEMPTS_AT_LEAST, ATTEMPTS = 3, 6
"""However idle the machine seems to have been: not all that holds it up is told in /proc. And however crowded."""
CROWDED = 0.2
"""Share of the time in which some process waited for a processor: 0.05 for such a test alone on two of them."""
STOLEN = 0.01
"""Seconds in each that the host of a virtual machine gave to others: nearly nothing where it is alone."""
_PRESSURE = Path("/proc/pressure/cpu")
_STATISTICS = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class _Spent:
    """Seconds since some moment. None: this machine does not tell."""

    total: float
    waited: float | None
    """In which some process waited for a processor (Linux PSI)."""
    stolen: float | None
    """Of its processors, which the host did not give to this machine though they had work (proc_stat(5), `steal`)."""

    @classmethod
    def now(cls) -> Self:
        """Since the machine started."""
        waited = stolen = None
        with contextlib.suppress(OSError):
            waited = int(_PRESSURE.read_text().splitlines()[0].rpartition("total=")[2]) / 1e6
        with contextlib.suppress(OSError, IndexError):
            stolen = int(_STATISTICS.read_text().split(maxsplit=9)[8]) / os.sysconf("SC_CLK_TCK")
        return cls(time.monotonic(), waited, stolen)


class CrowdedMachine:
    """Whether processes went without a processor since this was made; unknown counts as yes.

    A virtual machine sees by PSI what its own processes take from one another, and by steal what its host's others do.
    """

    def __init__(self) -> None:
        self._since = _Spent.now()

    def __bool__(self) -> bool:
        waited, stolen = self._shares()
        return waited is None or waited > CROWDED or (stolen is not None and stolen > STOLEN)

    def __str__(self) -> str:
        names = ("processes waited", "the host was elsewhere")
        shares = zip(names, self._shares(), strict=True)
        return ", ".join(f"{name} {'?' if share is None else f'{share:.1%}'} of the time" for name, share in shares)

    def _shares(self) -> tuple[float | None, float | None]:
        """Of the time so far: waited, stolen."""
        was, now = self._since, _Spent.now()
        passed = max(now.total - was.total, 1e-6)
        waited = None if was.waited is None or now.waited is None else (now.waited - was.waited) / passed
        stolen = None if was.stolen is None or now.stolen is None else (now.stolen - was.stolen) / passed
        return waited, stolen


def run_until_judged(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Run a test with fresh fixtures until it passes or failed three times, or six on a crowded machine.

    Its `timeout` counts for all attempts: none begins in the second half of it.
    """
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    began = time.monotonic()
    reports: list[pytest.TestReport] = []
    told: list[str] = []
    for attempt in range(1, ATTEMPTS + 1):
        crowded = CrowdedMachine()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if not any(report.failed for report in reports):
            break
        told.append(f"attempt {attempt}: {crowded}")
        enough = attempt >= (ATTEMPTS if crowded else ATTEMPTS_AT_LEAST)
        if enough or time.monotonic() - began > _time_limit(item) / 2:
            break
        _start_afresh(item)
    for report in reports:
        if report.failed:
            report.sections.append(("how busy the machine was", "\n".join(told)))
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _start_afresh(item: pytest.Item) -> None:
    """Forget the module's fixtures too: the switch or the browser that they share may be what did not survive."""
    outside = next((parent.parent for parent in item.iter_parents() if isinstance(parent, pytest.Module)), None)
    assert outside is not None, f"{item.nodeid} is in no module"
    with contextlib.suppress(Exception):  # a dead browser cannot be closed; that the attempt failed is known already
        item.session._setupstate.teardown_exact(outside)  # type: ignore[arg-type]  # asks for its listchain() alone
    item._initrequest()  # type: ignore[attr-defined]


def _time_limit(item: pytest.Item) -> float:
    """Seconds that pytest-timeout gives a test; 0 is no limit, as it is there."""
    marker = item.get_closest_marker("timeout")
    limit = marker.args[0] if marker is not None else item.config.getini("timeout")
    return float(limit or 0) or math.inf
