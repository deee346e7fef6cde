"""Calls and legs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HEARD = ("mos_mean", "mos_worst", "packets", "lost", "discarded", "jitter_ms")


def upgrade() -> None:
    """Create both tables with their indexes."""
    op.create_table(
        "calls",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("caller", sa.String(256), nullable=False),
        sa.Column("called", sa.String(256), nullable=False),
        sa.Column("called_canonical", sa.String(256)),
        sa.Column("route", sa.String(128)),
        sa.Column("destination", sa.String(128)),
        sa.Column("trunk", sa.String(128)),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("answered_at", sa.Double),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("ringing_seconds", sa.Double),
        sa.Column("setup_seconds", sa.Double),
        sa.Column("duration_seconds", sa.Double, nullable=False),
        sa.Column("talk_seconds", sa.Double, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("sip_status", sa.SmallInteger, nullable=False),
        sa.Column("q850_cause", sa.SmallInteger),
        sa.Column("hung_up_by", sa.String(16), nullable=False),
        sa.Column("codec", sa.String(32)),
        sa.Column("mos_mean", sa.REAL),
        sa.Column("mos_worst", sa.REAL),
        sa.Column("recording", sa.String(1024)),
        sa.PrimaryKeyConstraint("call_id", name="pk_calls"),
    )
    op.create_index("ix_calls_started_at", "calls", ["started_at"])
    op.create_index("ix_calls_caller_started_at", "calls", ["caller", "started_at"])
    op.create_index("ix_calls_called_started_at", "calls", ["called", "started_at"])
    op.create_table(
        "legs",
        sa.Column("leg_id", sa.String(64), nullable=False),
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("endpoint", sa.String(128), nullable=False),
        sa.Column("remote_uri", sa.String(512), nullable=False),
        sa.Column("sip_call_id", sa.String(256), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("answered_at", sa.Double),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("ringing_seconds", sa.Double),
        sa.Column("setup_seconds", sa.Double),
        sa.Column("talk_seconds", sa.Double, nullable=False),
        sa.Column("sip_status", sa.SmallInteger, nullable=False),
        sa.Column("q850_cause", sa.SmallInteger),
        sa.Column("hung_up_by", sa.String(16), nullable=False),
        sa.Column("codec", sa.String(32)),
        sa.Column("remote_media", sa.String(64)),
        sa.Column("rtt_ms", sa.REAL),
        *_heard("from_party"),
        *_heard("to_party"),
        sa.Column("recording", sa.String(1024)),
        sa.PrimaryKeyConstraint("leg_id", name="pk_legs"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.call_id"], name="fk_legs_call_id_calls", ondelete="CASCADE"),
    )
    op.create_index("ix_legs_call_id", "legs", ["call_id"])
    op.create_index("ix_legs_sip_call_id", "legs", ["sip_call_id"])


def downgrade() -> None:
    """Drop both."""
    op.drop_table("legs")
    op.drop_table("calls")


def _heard(direction: str) -> list[sa.Column[float | int]]:
    whole = ("packets", "lost", "discarded")
    return [sa.Column(f"{direction}_{name}", sa.Integer() if name in whole else sa.REAL()) for name in HEARD]
