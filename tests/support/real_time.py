"""Tests that send sound at its own pace: what a machine with other work did to it is not the switch's doing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    import pytest

ATTEMPTS = 6
CROWDED = 0.2
"""Share of the time in which some process waited for a processor: 0.05 for such a test alone on two of them."""
_PRESSURE = Path("/proc/pressure/cpu")


class CrowdedMachine:
    """Whether processes had to wait for a processor since this was made (Linux PSI); unknown counts as yes."""

    def __init__(self) -> None:
        self._since, self._waited = time.monotonic(), _waited()

    def __bool__(self) -> bool:
        now = _waited()
        if now is None or self._waited is None:
            return True
        return now - self._waited > CROWDED * (time.monotonic() - self._since)


def run_until_judged(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Run a test with fresh fixtures until it passes, fails on a machine that had time for it, or failed too often."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    more = ATTEMPTS
    while True:
        crowded, more = CrowdedMachine(), more - 1
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if not any(report.failed for report in reports) or not crowded or not more:
            break
        item._initrequest()  # type: ignore[attr-defined]
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _waited() -> float | None:
    """Seconds in which some process waited, since the machine started."""
    try:
        line = _PRESSURE.read_text().splitlines()[0]
    except OSError:
        return None
    return int(line.rpartition("total=")[2]) / 1e6
