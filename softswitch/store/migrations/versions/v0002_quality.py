"""Scores with their scale, ceiling and causes; who damaged a call."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CALLS: dict[str, sa.types.TypeEngine[Any]] = {
    "mos_cqew_mean": sa.REAL(),
    "mos_cqew_worst": sa.REAL(),
    "mos_cqef_mean": sa.REAL(),
    "mos_cqef_worst": sa.REAL(),
    "blame": sa.String(16),
    "blame_because": sa.String(128),
}
HEARD: dict[str, sa.types.TypeEngine[Any]] = {
    "codec": sa.String(32),
    "mos_scale": sa.String(8),
    "mos_lq": sa.REAL(),
    "mos_ceiling": sa.REAL(),
    "degradation_codec": sa.REAL(),
    "degradation_loss": sa.REAL(),
    "degradation_discard": sa.REAL(),
    "degradation_delay": sa.REAL(),
    "grounding": sa.String(16),
    "burst_ratio": sa.REAL(),
    "delay_ms": sa.REAL(),
    "delay_source": sa.String(8),
    "reason": sa.String(256),
}
LEGS: dict[str, sa.types.TypeEngine[Any]] = {
    **{f"{way}_{name}": kind for way in ("from_party", "to_party") for name, kind in HEARD.items()},
    "times_weak": sa.Integer(),
    "times_unhealthy": sa.Integer(),
}


def upgrade() -> None:
    """Add the columns. What was scored before is MOS-CQE: there was no other scale."""
    for table, columns in (("calls", CALLS), ("legs", LEGS)):
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind))
    for way in ("from_party", "to_party"):
        # The names are ours: nothing of this comes from outside.
        op.execute(f"UPDATE legs SET {way}_mos_scale = 'MOS-CQE' WHERE {way}_mos_mean IS NOT NULL")  # noqa: S608


def downgrade() -> None:
    """Drop them."""
    for table, columns in (("calls", CALLS), ("legs", LEGS)):
        with op.batch_alter_table(table) as batch:
            for name in columns:
                batch.drop_column(name)
