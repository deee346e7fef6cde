"""A database is created, migrated or refused, and what is created is what the migrations make."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateTable

from media.quality.opinion import MosCqe
from softswitch.store import schema
from softswitch.store.call_log import CallLog
from softswitch.store.database import open_engine
from softswitch.store.errors import DatabaseError
from softswitch.store.migration import configuration, upgrade
from softswitch.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path}/calls.db")
    yield engine
    engine.dispose()


def test_empty_database_gets_the_newest_schema(engine: Engine) -> None:
    schema.prepare(engine)
    with engine.connect() as connection:
        assert schema.revision(connection) == schema.HEAD
        assert set(inspect(connection).get_table_names()) == {"calls", "legs", "call_links", "alembic_version"}


def test_preparing_twice_changes_nothing(engine: Engine) -> None:
    schema.prepare(engine)
    schema.prepare(engine)
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from alembic_version")).scalar_one() == 1


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory.from_config(configuration())
    assert scripts.get_current_head() == schema.HEAD
    assert max(script.revision for script in scripts.walk_revisions()) == schema.HEAD


def test_migrations_make_the_same_schema_as_the_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        upgrade(connection)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert schema.revision(connection) == schema.HEAD


def test_older_database_is_migrated(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine.begin() as connection:
        connection.execute(text("create table alembic_version (version_num varchar(32) primary key)"))
        connection.execute(text("insert into alembic_version values ('0000')"))
    done: list[str] = []
    monkeypatch.setattr("softswitch.store.migration.upgrade", lambda _, revision: done.append(revision))
    schema.prepare(engine)
    assert done == [schema.HEAD]


def test_calls_scored_before_there_were_scales_are_narrowband(engine: Engine) -> None:
    with engine.begin() as connection:
        upgrade(connection, "0001")
        connection.execute(
            text(
                "insert into calls (call_id, node, source, caller, called, started_at, ended_at, duration_seconds,"
                " talk_seconds, outcome, sip_status, hung_up_by, mos_mean) values"
                " ('old', 'n', 'trunk:a', '1', '2', 1.0, 2.0, 1.0, 1.0, 'answered', 200, 'caller', 3.75)"
            )
        )
        connection.execute(
            text(
                "insert into legs (leg_id, call_id, role, endpoint, remote_uri, sip_call_id, created_at, ended_at,"
                " talk_seconds, sip_status, hung_up_by, from_party_packets, from_party_mos_mean, to_party_packets)"
                " values ('old-0', 'old', 'caller', 'trunk:a', 'sip:a', 'x', 1.0, 2.0, 1.0, 200, 'remote', 50, 3.75, 9)"
            )
        )
    schema.prepare(engine)
    found = CallLog(engine).get("old")
    assert found is not None
    call, (leg,) = found
    assert (call.mos_mean, call.blame) == (MosCqe(3.75), None)
    assert leg.from_party is not None
    assert leg.to_party is not None
    assert leg.from_party.mos_mean == MosCqe(3.75)
    assert (leg.from_party.mos_ceiling, leg.from_party.degradation, leg.times_weak) == (None, None, 0)
    assert (leg.to_party.packets, leg.to_party.mos_mean) == (9, None)


def test_the_newest_schema_can_be_undone(engine: Engine) -> None:
    schema.prepare(engine)
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "0001")
        assert schema.revision(connection) == "0001"
        assert "blame" not in {each["name"] for each in inspect(connection).get_columns("calls")}
        upgrade(connection)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_newer_database_is_refused_and_untouched(engine: Engine) -> None:
    schema.prepare(engine)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(DatabaseError, match=f"schema 9999, this version knows up to {schema.HEAD}"):
        schema.prepare(engine)


def test_foreign_tables_are_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("create table calls (id integer)"))
    with pytest.raises(DatabaseError, match="already has tables named calls"):
        schema.prepare(engine)


def test_interrupted_creation_leaves_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(schema._versions, "create", fail)
    with pytest.raises(KeyboardInterrupt):
        schema.prepare(engine)
    monkeypatch.undo()
    schema.prepare(engine)
    with engine.connect() as connection:
        assert schema.revision(connection) == schema.HEAD


def test_locked_database_says_so(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.store.database.BUSY_SECONDS", 0.05)
    impatient = open_engine(f"sqlite:///{tmp_path}/calls.db")
    other = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseError, match="locked by another process"):
            schema.prepare(impatient)
    finally:
        other.close()
        impatient.dispose()


def test_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "calls.db").write_bytes(b"this is a letter, not a database" * 100)
    engine = open_engine(f"sqlite:///{tmp_path}/calls.db")
    with pytest.raises(DatabaseError, match="not a usable SQLite database"):
        schema.prepare(engine)
    engine.dispose()


def test_missing_directory_says_so(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/nowhere/calls.db")
    with pytest.raises(DatabaseError, match=r"unable to open.*check database\.url"):
        schema.prepare(engine)
    engine.dispose()


@pytest.mark.parametrize("url", ["", "calls.db", "sqlite//x"])
def test_broken_url_is_explained(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"database\.url: expected something like"):
        open_engine(url)


def test_missing_driver_is_explained_without_the_password() -> None:
    with pytest.raises(DatabaseError, match="no driver") as caught:
        open_engine("nosuchbase://switch:hunter2@db/calls")
    assert "hunter2" not in str(caught.value)


def test_sqlite_runs_in_wal_mode(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("pragma journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("pragma synchronous")).scalar_one() == 1
        assert connection.execute(text("pragma foreign_keys")).scalar_one() == 1


def test_durable_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/calls.db", durability="power")
    with engine.connect() as connection:
        assert connection.execute(text("pragma synchronous")).scalar_one() == 2
    engine.dispose()


def test_tables_can_be_made_in_postgresql() -> None:
    for table in metadata.sorted_tables:
        statement = str(CreateTable(table).compile(dialect=make_url("postgresql+psycopg://").get_dialect()()))
        assert "DOUBLE PRECISION" in statement
        assert (" REAL" in statement) == (table.name in {"calls", "legs"})


def test_current_database_needs_no_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    program = (
        "import sys; from softswitch.store import schema; from softswitch.store.database import open_engine\n"
        f"schema.prepare(open_engine({url!r})); assert 'alembic' not in sys.modules, 'alembic was imported'"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], check=True, timeout=300)
