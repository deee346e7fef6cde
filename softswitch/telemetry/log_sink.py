"""The one log: events of calls and ordinary log records, written by a thread so that nobody who tells waits.

Whoever logs appends to a bounded queue and goes on; when the queue is full the line is dropped and counted. The
writing thread sleeps until there is something, gathers for a tenth of a second, renders and writes. A reader that
stalls (a full pipe, a slow disk) therefore costs lines, never calls.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import TYPE_CHECKING, Protocol

from softswitch.telemetry.log_format import LogLine, as_json, as_text
from softswitch.telemetry.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from softswitch.telemetry.log_format import Fact

GATHER_SECONDS = 0.1
"""How long lines are gathered before they are written: one wake-up and one write for many lines."""
STANDARD_ERROR = 2
BATCH = 128
"""Lines rendered at a stretch; the write in between lets the signalling loop have the interpreter."""


class Sink(Protocol):
    """Where a story tells its events."""

    def put(self, line: LogLine) -> None:
        """Take the line; must not block and must not raise."""


class NullSink:
    """Forgets everything: for calls whose story is kept but not logged."""

    __slots__ = ()

    def put(self, line: LogLine) -> None:
        """Do nothing."""


class LogSink:
    """A bounded queue of log lines and the thread that writes them to a file or to standard error.

    Invariant: `put` never blocks and never raises; every line is either written or counted in `dropped`.
    """

    def __init__(self, *, path: Path | None = None, json: bool = True, capacity: int = 20_000) -> None:
        """Write to `path` (appending, created 0640), or to standard error; `capacity` is in lines.

        Raises OSError when the file cannot be opened.
        """
        self._path = path
        self._render = as_json if json else as_text
        self._outbox: Outbox[LogLine] = Outbox(capacity)
        self._reopen = False
        self._idle = True
        self._reported = 0
        self._unwritten = 0
        self.write_errors = 0
        self._fd = self._open()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def dropped(self) -> int:
        """Lines that were never written: the queue was full, or the file could not be written."""
        return self._outbox.refused + self._unwritten

    def put(self, line: LogLine) -> None:
        """Queue the line for writing, or drop and count it when the writer has fallen too far behind."""
        self._outbox.put(line)

    def log(self, level: str, event: str, facts: Mapping[str, Fact], *, call: str = "") -> None:
        """Queue one event that belongs to no story."""
        self._outbox.put(LogLine(time.time(), level, call, event, facts))

    def reopen(self) -> None:
        """Open the file anew before the next write, after a log rotation has moved it away."""
        self._reopen = True

    def flush(self, timeout: float = 1.0) -> bool:
        """Wait until everything told so far is written; False when that took longer than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while len(self._outbox) or not self._idle:
            if time.monotonic() > deadline or not self._thread.is_alive():
                return False
            self._outbox.hurry()
            time.sleep(0.002)
        return True

    def close(self, timeout: float = 1.0) -> None:
        """Write what is queued, for at most `timeout` seconds, and stop. Further lines are dropped; may be repeated."""
        atexit.unregister(self.close)
        self._outbox.close()
        self._thread.join(timeout)
        if not self._thread.is_alive() and self._path is not None and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        if self._path is None:
            return STANDARD_ERROR
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _run(self) -> None:
        while len(self._outbox) or not self._outbox.closing:
            self._outbox.wait(GATHER_SECONDS)
            if self._reopen:
                self._reopen = False
                self._reopen_file()
            self._idle = False
            while batch := self._outbox.take(BATCH):
                self._write(batch)
            self._idle = True

    def _write(self, lines: list[LogLine]) -> None:
        dropped = self.dropped
        if dropped > self._reported:
            facts: dict[str, Fact] = {"lines": dropped - self._reported}
            lines.append(LogLine(time.time(), "warning", "", "log lines dropped", facts))
            self._reported = dropped
        data = memoryview("".join(map(self._render, lines)).encode("utf-8", "backslashreplace"))
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                # Standard error may have been made non-blocking by whoever shares the terminal.
                time.sleep(0.01)
            except OSError:
                self.write_errors += 1
                self._unwritten += len(lines)
                return

    def _reopen_file(self) -> None:
        try:
            fd = self._open()
        except OSError:
            self.write_errors += 1
            return
        if self._path is not None:
            os.close(self._fd)
        self._fd = fd
