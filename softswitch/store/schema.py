"""Bringing a database to the schema of this version. Alembic is imported only when there is something to migrate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, String, Table, inspect, select
from sqlalchemy.exc import DBAPIError

from softswitch.store.database import describe
from softswitch.store.errors import DatabaseError
from softswitch.store.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

HEAD = "0005"
"""The newest revision under migrations/versions."""

_versions = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def prepare(engine: Engine) -> None:
    """Create the schema in an empty database, migrate an older one, leave a current one alone.

    Raises DatabaseError when the database cannot be opened, is locked by another process, is newer than this version,
    or holds tables of somebody else under our names.
    """
    try:
        with engine.begin() as connection:
            _bring_to_head(connection)
    except DBAPIError as error:
        raise DatabaseError(_explain(engine, error)) from error


def revision(connection: Connection) -> str | None:
    """The revision the database is at; None when it has never been ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(select(_versions.c.version_num)).scalar_one_or_none()


def _bring_to_head(connection: Connection) -> None:
    found = revision(connection)
    if found == HEAD:
        return
    if found is None:
        _create(connection)
        return
    if found > HEAD:
        raise DatabaseError(
            f"{describe(connection.engine)} has schema {found}, this version knows up to {HEAD}: "
            "it was written by a newer softswitch; upgrade, or restore the database of this version"
        )
    from softswitch.store.migration import upgrade

    upgrade(connection, HEAD)


def _create(connection: Connection) -> None:
    present = set(inspect(connection).get_table_names()) & set(metadata.tables)
    if present:
        raise DatabaseError(
            f"{describe(connection.engine)} already has tables named {', '.join(sorted(present))} that softswitch did "
            "not make; configure another database"
        )
    metadata.create_all(connection)
    _versions.create(connection)
    connection.execute(_versions.insert().values(version_num=HEAD))


def _explain(engine: Engine, error: DBAPIError) -> str:
    cause = str(error.orig).strip() or type(error.orig).__name__
    where = describe(engine)
    if "locked" in cause:
        return f"{where} is locked by another process; stop it, or configure another database.url"
    if "not a database" in cause or "malformed" in cause:
        return f"{where} is not a usable SQLite database ({cause}); move it away or restore it from a backup"
    return f"cannot use the database {where}: {cause}; check database.url and the permissions"
