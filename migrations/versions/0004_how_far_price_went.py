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
    with op.batch_alter_table("episodes") as table:
        table.drop_column("closest_pct")


def downgrade() -> None:
    op.add_column("episodes", sa.Column("closest_pct", sa.Double))
    op.execute(CLOSEST_PCT)
    with op.batch_alter_table("episodes") as table:
        table.drop_column("furthest")
