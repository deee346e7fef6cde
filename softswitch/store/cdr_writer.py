"""Writing call records: a thread of its own gathers them for a few milliseconds and commits them together.

Ending a call costs one append to a queue. When the database is away the queue holds the records and the thread tries
again; when it is away for so long that the queue is full, the record goes to the log instead, whole, and is counted.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as SQLAlchemyTimeoutError

from softswitch.store.rows import call_row, leg_row
from softswitch.store.tables import calls, legs
from softswitch.telemetry.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ClauseElement, Connection, Engine, Table

    from softswitch.store.rows import Row
    from softswitch.telemetry.cdr import CallRecord, LegRecord

_log = logging.getLogger(__name__)

Entry = tuple["CallRecord", tuple["LegRecord", ...]]

GATHER_SECONDS = 0.02
BATCH = 500
"""Calls committed together at most."""
FIRST_RETRY = 0.1
LAST_RETRY = 5.0
"""Seconds between attempts while the database is away, doubling from the first to the last."""


class CdrWriter:
    """Stores call records behind the back of the signalling loop.

    Invariant: every record submitted is stored once, or counted in `lost` and in the log.
    """

    def __init__(self, engine: Engine, *, capacity: int = 20_000) -> None:
        """Start the thread. The schema must be there (see `schema.prepare`). `capacity` is in calls."""
        self._engine = engine
        self._outbox: Outbox[Entry] = Outbox(capacity)
        self._idle = True
        self._insert_calls = _Insert(engine, calls)
        self._insert_legs = _Insert(engine, legs)
        self._giving_up = False
        self._rejected = 0
        self.written = 0
        """Calls stored since start."""
        self.retries = 0
        """Attempts that failed since start."""
        self._thread = threading.Thread(target=self._run, name="cdr", daemon=True)
        self._thread.start()

    def submit(self, call: CallRecord, call_legs: Sequence[LegRecord]) -> None:
        """Have a finished call stored. Never blocks, never raises."""
        entry = (call, tuple(call_legs))
        if not self._outbox.put(entry):
            _tell_lost(entry, "the queue of records is full or closed")

    @property
    def queued(self) -> int:
        """Calls waiting to be stored."""
        return len(self._outbox)

    @property
    def lost(self) -> int:
        """Calls that could not be stored since start; each is in the log."""
        return self._outbox.refused + self._rejected

    def flush(self, timeout: float = 2.0) -> bool:
        """Wait until everything submitted so far is stored; False when that took longer than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while len(self._outbox) or not self._idle:
            if time.monotonic() > deadline or not self._thread.is_alive():
                return False
            self._outbox.hurry()
            time.sleep(0.005)
        return True

    def close(self, timeout: float = 2.0) -> bool:
        """Store what is queued, for at most `timeout` seconds, and stop; what is left goes to the log. May be repeated.

        False when something could not be stored.
        """
        self.flush(timeout)
        self._giving_up = True
        self._outbox.close()
        self._thread.join(timeout)
        left = self._outbox.take(len(self._outbox))
        self._reject(left, "the database could not be reached before the end of the process")
        return not left

    def _run(self) -> None:
        while not self._outbox.closing:
            self._outbox.wait(GATHER_SECONDS)
            self._idle = False
            while batch := self._outbox.take(BATCH):
                if not self._store(batch):
                    self._outbox.put_back(batch)
                    break
            self._idle = True

    def _store(self, batch: list[Entry]) -> bool:
        """Commit the batch, waiting for the database as long as it takes; False when told to give up."""
        pause = FIRST_RETRY
        while True:
            try:
                with self._engine.begin() as connection:
                    self._write(connection, batch)
            except Exception as error:  # noqa: BLE001  one record nobody can store must not stop the others
                if not _is_transient(error):
                    self._store_singly(batch)
                    return True
                self.retries += 1
                _log.warning("cannot store %d call records, next attempt in %.1f s: %s", len(batch), pause, error)
            else:
                self.written += len(batch)
                return True
            if self._giving_up:
                return False
            self._outbox.pause(pause)
            pause = min(LAST_RETRY, pause * 2)

    def _store_singly(self, batch: list[Entry]) -> None:
        """One record is refused by the database: store the others, tell the log about it."""
        for entry in batch:
            try:
                with self._engine.begin() as connection:
                    self._write(connection, [entry])
            except Exception as error:  # noqa: BLE001  as above: whatever is wrong with it, it goes to the log
                self._reject([entry], str(error))
            else:
                self.written += 1

    def _write(self, connection: Connection, batch: list[Entry]) -> None:
        self._insert_calls.execute(connection, [call_row(call) for call, _ in batch])
        self._insert_legs.execute(connection, [leg_row(leg) for _, call_legs in batch for leg in call_legs])

    def _reject(self, entries: list[Entry], why: str) -> None:
        for entry in entries:
            self._rejected += 1
            _tell_lost(entry, why)


class _Insert:
    """An insert that may be repeated: a connection can be lost after the commit and before its confirmation.

    Compiled once and handed to the driver: rows are plain text and numbers, and the toolkit's work on every value of
    every row would cost three times what the database does with it.
    """

    def __init__(self, engine: Engine, table: Table) -> None:
        compiled = _insert(engine, table).compile(dialect=engine.dialect)
        self._sql = str(compiled)
        positions = getattr(compiled, "positiontup", None)
        self._columns: tuple[str, ...] | None = None if positions is None else tuple(positions)

    def execute(self, connection: Connection, rows: list[Row]) -> None:
        """Insert the rows, skipping those that are there."""
        if not rows:
            return
        if self._columns is None:
            connection.exec_driver_sql(self._sql, rows)
        else:
            columns = self._columns
            connection.exec_driver_sql(self._sql, [tuple([row[name] for name in columns]) for row in rows])


def _insert(engine: Engine, table: Table) -> ClauseElement:
    if engine.dialect.name == "postgresql":
        # A twentieth of the time it takes to start, spent only by those who need it.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _is_transient(error: Exception) -> bool:
    """True when the same statement may succeed later: the database is away, locked, or its disk is full."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, TimeoutError | SQLAlchemyTimeoutError)
    return error.connection_invalidated or type(error.orig).__name__ in {"OperationalError", "InterfaceError"}


def _tell_lost(entry: Entry, why: str) -> None:
    call, call_legs = entry
    record = {**asdict(call), "legs": [asdict(leg) for leg in call_legs]}
    _log.error("call record not stored (%s): %r", why, record)
