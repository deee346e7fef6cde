"""Run by alembic for every command: hands it the connection the caller has opened."""

from __future__ import annotations

from alembic import context

from softswitch.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter a column: alembic copies the table instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
