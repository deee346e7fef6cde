"""Which call a line of ordinary logging belongs to, and the handler that brings such lines into the one log."""

from __future__ import annotations

import contextlib
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

from softswitch.telemetry.log_format import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from softswitch.telemetry.log_format import Fact
    from softswitch.telemetry.log_sink import Sink

current_call: ContextVar[str] = ContextVar("current_call", default="")
"""The call the running task works for. A task inherits it from whoever started it."""


@contextlib.contextmanager
def call_context(call_id: str) -> Iterator[None]:
    """Everything logged inside belongs to this call."""
    previous = current_call.set(call_id)
    try:
        yield
    finally:
        current_call.reset(previous)


class SinkHandler(logging.Handler):
    """Hands ordinary log records to the sink that also takes the calls' events."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record; its message is put together here, because its arguments may change afterwards."""
        try:
            facts: dict[str, Fact] = {"logger": record.name}
            if record.exc_info:
                facts["exception"] = self._formatter.formatException(record.exc_info)
            line = LogLine(record.created, record.levelname.lower(), current_call.get(), record.getMessage(), facts)
        except Exception:  # noqa: BLE001  a log call with wrong arguments must not end a call
            self._sink.put(
                LogLine(record.created, "error", current_call.get(), "unprintable log record", {"logger": record.name})
            )
            return
        self._sink.put(line)

    def createLock(self) -> None:  # noqa: N802  the name is logging's
        """No lock: the sink's queue needs none, and the signalling loop must not wait for another thread."""
        self.lock = None


def install(sink: Sink, level: str = "INFO") -> SinkHandler:
    """Make `sink` the only destination of `logging` in this process; give the handler, for `uninstall`."""
    handler = SinkHandler(sink)
    root = logging.getLogger()
    for other in list(root.handlers):
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    return handler


def uninstall(handler: SinkHandler) -> None:
    """Take the handler out again."""
    logging.getLogger().removeHandler(handler)
    logging.captureWarnings(capture=False)
