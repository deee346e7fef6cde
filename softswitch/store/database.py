"""Opening the database that `database.url` names: SQLite in a file by default, PostgreSQL when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from softswitch.store.errors import DatabaseError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 5
"""How long a statement waits for another process's lock."""

Durability = Literal["process", "power"]
"""What a committed record survives: the end of the process (no fsync), or of the machine as well (fsync per batch)."""


def open_engine(url: str, *, durability: Durability = "process") -> Engine:
    """An engine for `url`, e.g. `sqlite:////var/lib/softswitch/calls.db` or `postgresql+psycopg://user@host/name`.

    Nothing is connected yet but for SQLite's file being creatable. Raises DatabaseError for a URL that cannot be used.
    """
    parsed = _parse(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed, durability)
        return create_engine(parsed, pool_size=2, max_overflow=2, pool_pre_ping=True, hide_parameters=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise DatabaseError(
            f"database.url: no driver for {parsed.drivername!r} is installed ({error}); install it, "
            "e.g. pip install 'psycopg[binary]' for postgresql+psycopg"
        ) from error


def describe(engine: Engine) -> str:
    """The engine's URL for messages: without its password."""
    return engine.url.render_as_string(hide_password=True)


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        raise DatabaseError(
            "database.url: expected something like sqlite:////var/lib/softswitch/calls.db "
            "or postgresql+psycopg://user:password@host/name"
        ) from None


def _sqlite(url: URL, durability: Durability) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    synchronous = "FULL" if durability == "power" else "NORMAL"

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver's own transactions leave DDL outside: a killed process would leave half a schema.
        connection.isolation_level = None
        cursor = connection.cursor()
        # WAL: readers and the writer do not wait for each other, and a killed process leaves a consistent file.
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
