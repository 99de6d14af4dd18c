"""Which stream a gap is in, and when the daemon was started and ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # SQLite cannot change a constraint: the table is made anew, which is quick, because gaps are few.
    with op.batch_alter_table("feed_gaps") as table:
        table.add_column(sa.Column("stream", sa.Text, nullable=False, server_default="all"))
        table.drop_constraint("uq_feed_gaps_exchange_start_at", type_="unique")
        table.create_unique_constraint("uq_feed_gaps_exchange_start_at_stream", ["exchange", "start_at", "stream"])
    op.create_table(
        "starts",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_starts"),
    )


def downgrade() -> None:
    op.drop_table("starts")
    # The second version takes every gap for one of the whole feed.
    op.execute("DELETE FROM feed_gaps WHERE stream <> 'all'")
    with op.batch_alter_table("feed_gaps") as table:
        table.drop_constraint("uq_feed_gaps_exchange_start_at_stream", type_="unique")
        table.create_unique_constraint("uq_feed_gaps_exchange_start_at", ["exchange", "start_at"])
        table.drop_column("stream")
