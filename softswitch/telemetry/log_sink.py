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
from collections import deque
from typing import TYPE_CHECKING, Protocol

from softswitch.telemetry.log_format import LogLine, as_json, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from softswitch.telemetry.log_format import Fact

GATHER_SECONDS = 0.1
"""How long lines are gathered before they are written: one wake-up and one write for many lines."""
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
        self._capacity = capacity
        self._queue: deque[LogLine] = deque()
        self._wake = threading.Event()
        self._asleep = True
        self._closing = False
        self._reopen = False
        self._busy = False
        self.dropped = 0
        self.write_errors = 0
        self._reported_dropped = 0
        self._fd = self._open()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def put(self, line: LogLine) -> None:
        """Queue the line for writing, or drop and count it when the writer has fallen too far behind."""
        if len(self._queue) >= self._capacity or self._closing:
            self.dropped += 1
            return
        self._queue.append(line)
        if self._asleep:
            self._asleep = False
            self._wake.set()

    def log(self, level: str, event: str, facts: Mapping[str, Fact], *, call: str = "") -> None:
        """Queue one event that belongs to no story."""
        self.put(LogLine(time.time(), level, call, event, facts))

    def reopen(self) -> None:
        """Open the file anew before the next write, after a log rotation has moved it away."""
        self._reopen = True

    def flush(self, timeout: float = 1.0) -> bool:
        """Wait until everything told so far is written; False when that took longer than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        self._wake.set()
        while self._queue or self._busy:
            if time.monotonic() > deadline or not self._thread.is_alive():
                return False
            time.sleep(0.002)
        return True

    def close(self, timeout: float = 1.0) -> None:
        """Write what is queued, for at most `timeout` seconds, and stop. Further lines are dropped; may be repeated."""
        atexit.unregister(self.close)
        self._closing = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        if not self._thread.is_alive() and self._path is not None and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        if self._path is None:
            return 2
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _run(self) -> None:
        while True:
            if not self._queue:
                self._asleep = True
                # A line may have slipped in between the look and the flag: then do not sleep.
                if not self._queue and not self._closing:
                    self._wake.wait()
                self._asleep = False
            self._wake.clear()
            if not self._closing:
                self._wake.wait(GATHER_SECONDS)
                self._wake.clear()
            self._busy = True
            self._write_all()
            self._busy = False
            if self._closing and not self._queue:
                return

    def _write_all(self) -> None:
        if self._reopen:
            self._reopen = False
            self._reopen_file()
        if self.dropped > self._reported_dropped:
            lost = self.dropped - self._reported_dropped
            self._reported_dropped = self.dropped
            self._queue.append(LogLine(time.time(), "warning", "", "log lines dropped", {"lines": lost}))
        queue, render = self._queue, self._render
        while queue:
            batch = [render(queue.popleft()) for _ in range(min(BATCH, len(queue)))]
            self._write("".join(batch).encode("utf-8", "backslashreplace"))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                # Standard error may have been made non-blocking by whoever shares the terminal.
                time.sleep(0.01)
            except OSError:
                self.write_errors += 1
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
