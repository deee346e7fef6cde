"""Call links, and what they were used for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table with its indexes."""
    op.create_table(
        "call_links",
        sa.Column("link_id", sa.String(64), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("validity", sa.String(16), nullable=False),
        sa.Column("routing", sa.String(32), nullable=False),
        sa.Column("agent", sa.String(128), nullable=False),
        sa.Column("destination", sa.String(64), nullable=False),
        sa.Column("title", sa.String(128), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("valid_from", sa.Double, nullable=False),
        sa.Column("valid_until", sa.Double, nullable=False),
        sa.Column("hours_days", sa.String(32)),
        sa.Column("hours_from", sa.SmallInteger),
        sa.Column("hours_until", sa.SmallInteger),
        sa.Column("hours_timezone", sa.String(64)),
        sa.Column("max_calls", sa.Integer),
        sa.Column("conversation", sa.String(128), nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("last_call_at", sa.Double),
        sa.Column("revoked_at", sa.Double),
        sa.PrimaryKeyConstraint("link_id", name="pk_call_links"),
    )
    op.create_index("ix_call_links_created_at", "call_links", ["created_at"])
    op.create_index("ix_call_links_valid_until", "call_links", ["valid_until"])
    op.create_index("ix_call_links_conversation", "call_links", ["conversation"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("call_links")
