"""How far price went since an alert: a price in place of a distance from a band that may have changed since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FURTHEST = """
UPDATE episodes SET furthest = (
    SELECT CASE WHEN clusters.outside = 'above'
        THEN clusters.high / NULLIF(1.0 - episodes.closest_pct / 100.0, 0.0)
        ELSE clusters.low / NULLIF(1.0 + episodes.closest_pct / 100.0, 0.0) END
    FROM clusters WHERE clusters.id = episodes.zone_id)
WHERE closest_pct IS NOT NULL
"""
CLOSEST_PCT = """
UPDATE episodes SET closest_pct = (
    SELECT CASE WHEN clusters.outside = 'above'
        THEN (episodes.furthest - clusters.high) / NULLIF(episodes.furthest, 0.0) * 100.0
        ELSE (clusters.low - episodes.furthest) / NULLIF(episodes.furthest, 0.0) * 100.0 END
    FROM clusters WHERE clusters.id = episodes.zone_id)
WHERE furthest IS NOT NULL
"""


def upgrade() -> None:
    op.add_column("episodes", sa.Column("furthest", sa.Double))
    op.execute(FURTHEST)
    _round_furthest()
    with op.batch_alter_table("episodes") as table:
        table.drop_column("closest_pct")


def downgrade() -> None:
    op.add_column("episodes", sa.Column("closest_pct", sa.Double))
    op.execute(CLOSEST_PCT)
    with op.batch_alter_table("episodes") as table:
        table.drop_column("furthest")


def _round_furthest() -> None:
    """Worked out again, a price is another in its last digits, and would be told as a change of 0.00000000000002 %."""
    episodes = sa.table("episodes", sa.column("id", sa.Text), sa.column("furthest", sa.Double))
    known = sa.select(episodes).where(episodes.c.furthest.is_not(None))
    rounded = [{"b_id": row.id, "b_furthest": float(f"{row.furthest:.12g}")} for row in op.get_bind().execute(known)]
    if rounded:
        by_id = sa.update(episodes).where(episodes.c.id == sa.bindparam("b_id"))
        op.get_bind().execute(by_id.values(furthest=sa.bindparam("b_furthest")), rounded)
