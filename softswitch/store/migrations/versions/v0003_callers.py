"""Callers in canonical form, whether they are withheld, who sent the call on, and their right to the number."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "caller_canonical": sa.String(256),
    "caller_withheld": sa.SmallInteger(),
    "diverted_by": sa.String(256),
    "verstat": sa.String(32),
    "attestation": sa.String(1),
}


def upgrade() -> None:
    """Add the columns; of older calls nothing is known."""
    for name, kind in COLUMNS.items():
        op.add_column("calls", sa.Column(name, kind))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("calls") as batch:
        for name in COLUMNS:
            batch.drop_column(name)
