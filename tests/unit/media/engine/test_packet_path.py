"""Nothing in the packet path allocates, takes the interpreter's lock or blocks: a worker at work is watched.

The watcher (tests/support/watch.c) is compiled here and preloaded into a process with an engine. It counts the calls of
allocator and locks that the worker thread makes, and lets it make no system call but those of sockets, epoll and the
clock.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
WATCHER = ROOT / "tests/support/watch.c"
DEADLINE = 240


@pytest.fixture(scope="module")
def watcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("watcher") / "watch.so"
    compiler = shlex.split(os.environ.get("CC", "gcc"))
    subprocess.run([*compiler, "-shared", "-fPIC", "-O1", "-o", library, WATCHER, "-ldl"], check=True)
    return library


def watched(watcher: Path, works: str = "", sin: str = "") -> subprocess.CompletedProcess[str]:
    """An engine at work; `works`: only this one."""
    environment = os.environ | {
        "LD_PRELOAD": str(watcher),
        "WATCH_SIN": sin,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'codecs'}",
    }
    return subprocess.run(
        [sys.executable, "-m", "tests.support.watched_engine", *([works] if works else [])],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_the_worker_allocates_nothing_takes_no_lock_and_makes_no_call_that_waits(watcher: Path) -> None:
    done = watched(watcher)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["filtered"], "this kernel refused the filter of system calls"
    assert len(said["found"]) >= 12
    assert {name: packets for name, (packets, _, _) in said["found"].items() if packets < 15} == {}
    assert {name: (calls, who) for name, (_, calls, who) in said["found"].items() if calls} == {}


def test_nor_does_one_whose_browsers_share_a_port(watcher: Path) -> None:
    found = json.loads(watched(watcher, "browsers on one port").stdout)["found"]
    assert [calls for _, calls, _ in found.values()] == [0]


@pytest.mark.parametrize("sin", ["allocate", "lock"])
def test_the_watcher_sees_what_it_is_to_see(watcher: Path, sin: str) -> None:
    found = json.loads(watched(watcher, "relay", sin).stdout)["found"]
    assert found["relay"][1] > 0
    assert {"allocate": "malloc", "lock": "pthread_mutex_lock"}[sin] in found["relay"][2]


def test_the_watcher_lets_no_other_system_call_pass(watcher: Path) -> None:
    done = watched(watcher, "relay", "yield")
    assert (done.returncode, "the worker made system call" in done.stderr) == (3, True)


def test_no_header_of_the_packet_path_takes_the_lock() -> None:
    """What is written `noexcept nogil` may still ask for it; none does."""
    headers = [*(ROOT / "media").rglob("*.pxd"), *(ROOT / "codecs/audiocodecs").rglob("*.pxd")]
    assert len(headers) > 30
    taking = re.compile(r"\bwith gil\b|PyGILState|PyEval_")
    assert [each for each in headers if taking.search(each.read_text())] == []
