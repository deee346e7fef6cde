"""What was counted of each leg's video."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = {
    "video_packets": sa.Integer(),
    "video_octets": sa.BigInteger(),
    "video_lost": sa.Integer(),
    "video_relayed": sa.Integer(),
    "video_refused": sa.Integer(),
    "video_key_frames_asked": sa.Integer(),
    "video_repairs_asked": sa.Integer(),
}


def upgrade() -> None:
    """Add the columns, empty for legs of before."""
    for name, kind in _COLUMNS.items():
        op.add_column("legs", sa.Column(name, kind))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("legs") as legs:
        for name in _COLUMNS:
            legs.drop_column(name)
