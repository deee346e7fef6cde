"""Another chance for tests of sound at its own pace: with all of their fixtures anew, and more on a crowded machine."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.real_time import CrowdedMachine

ROOT = Path(__file__).parent.parent.parent
EVERY_MACHINE, NO_MACHINE = -1, 100
CONFTEST = """
import pytest
from tests.support import real_time

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    real_time.CROWDED, real_time.STOLEN = item.module.CROWDED, item.module.STOLEN
    real_time.run_until_judged(item, nextitem)
    return True
"""
TESTS = """
import asyncio
from pathlib import Path
import pytest, pytest_asyncio

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout({limit})]
CROWDED, STOLEN = {crowded}, {stolen}
LIVES = Path(__file__).with_suffix(".lives")

@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node():
    life = len(LIVES.read_text()) if LIVES.exists() else 0
    LIVES.write_text("x" * (life + 1))
    if {start_fails} and not life:
        raise OSError("no Chromium")
    await asyncio.sleep({start_takes})
    yield life
    if {end_fails} and not life:
        raise OSError("it was dead already")

async def test_first(node):
    assert node >= {needs}

async def test_second(node):
    assert node >= {needs}
"""


@dataclass(frozen=True)
class Module:
    """Two tests that pass from the life number `needs` of the node they share."""

    needs: int
    crowded: int = EVERY_MACHINE
    stolen: int = NO_MACHINE
    start_fails: bool = False
    end_fails: bool = False
    start_takes: float = 0.0
    limit: int = 600


MODULES = {
    "crowded": Module(3),
    "robbed": Module(3, crowded=NO_MACHINE, stolen=EVERY_MACHINE),
    "idle": Module(2, crowded=NO_MACHINE),
    "idle_always": Module(100, crowded=NO_MACHINE),
    "no_start": Module(1, start_fails=True),
    "no_end": Module(1, end_fails=True),
    "always": Module(100),
    "slow": Module(100, start_takes=0.6, limit=1),
}


class Outcome:
    """What pytest says of all of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.joinpath("conftest.py").write_text(CONFTEST)
        for name, module in MODULES.items():
            folder.joinpath(f"test_{name}.py").write_text(TESTS.format(**vars(module)))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ".", "."],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.said = done.stdout + done.stderr

    def words(self, name: str) -> list[str]:
        """PASSED, FAILED and ERROR of a module's tests."""
        marks = (f"test_{name}.py::test_first ", f"test_{name}.py::test_second ")
        found = [line.split()[1] for line in self.said.splitlines() if line.startswith(marks)]
        assert len(found) == 2, self.said
        return found

    def lives(self, name: str) -> int:
        """How often a module's node was started."""
        return len((self._folder / f"test_{name}.lives").read_text())


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run of all."""
    return Outcome(tmp_path_factory.mktemp("judged"))


@pytest.mark.parametrize(
    ("name", "lives"), [("crowded", 4), ("robbed", 4), ("idle", 3), ("no_start", 2), ("no_end", 2)]
)
def test_the_modules_own_fixtures_are_made_anew(outcome: Outcome, name: str, lives: int) -> None:
    assert outcome.words(name) == ["PASSED", "PASSED"], outcome.said
    assert outcome.lives(name) == lives


def test_what_fails_always_fails(outcome: Outcome) -> None:
    assert outcome.words("always") == ["FAILED", "FAILED"], outcome.said
    assert outcome.lives("always") == 11, "the second test begins with what the first one left"
    assert "attempt 6: processes waited" in outcome.said


def test_a_machine_that_had_time_excuses_two_failures(outcome: Outcome) -> None:
    assert outcome.words("idle_always") == ["FAILED", "FAILED"], outcome.said
    assert outcome.lives("idle_always") == 5, "three times each, the second one first with what the first one left"


def test_the_time_limit_counts_for_all_attempts(outcome: Outcome) -> None:
    assert "PASSED" not in outcome.words("slow")
    assert outcome.lives("slow") <= 2, "no attempt begins in its second half"


def test_it_reads_what_this_machine_tells() -> None:
    if Path("/proc/pressure/cpu").exists():
        assert "?" not in str(CrowdedMachine())
