"""A state directory belongs to one process at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from softswitch.store.errors import StateLockedError, StoreError
from softswitch.store.state_lock import StateLock

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from softswitch.store.state_lock import StateLock
lock = StateLock(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(60)
"""


def test_second_holder_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with StateLock(tmp_path / "state"), pytest.raises(StateLockedError, match=rf"in use .*\(process {os.getpid()}\)"):
        StateLock(tmp_path / "state")


def test_released_directory_can_be_locked_again(tmp_path: Path) -> None:
    first = StateLock(tmp_path)
    first.release()
    first.release()
    with StateLock(tmp_path):
        pass


def test_killed_process_gives_the_directory_back(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "locked\n"
    with pytest.raises(StateLockedError, match=f"process {child.pid}"):
        StateLock(tmp_path)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=300)
    with StateLock(tmp_path):
        pass


def test_unusable_directory_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot use the state directory"):
        StateLock(tmp_path / "file" / "state")
