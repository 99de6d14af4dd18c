"""What chats prefer, one-time codes, mutes, attempts, and messages that tell their outcome."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Column by column, not by making tables anew: SQLite then only notes the default, however many rows there are.
    op.add_column("chats", sa.Column("paired", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("chats", sa.Column("preferences", sa.Text))
    op.add_column("rules", sa.Column("min_usd", sa.Double, nullable=False, server_default="0"))
    op.add_column("baselines", sa.Column("flow_bins", sa.Text))
    op.create_index("ix_alerts_rule_id_decided_at", "alerts", ["rule_id", "decided_at"])
    _extend_deliveries()
    op.create_table(
        "pairing_codes",
        sa.Column("code_hash", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
        sa.PrimaryKeyConstraint("code_hash", name="pk_pairing_codes"),
    )
    op.create_table(
        "mutes",
        sa.Column("chat_id", ROW_ID, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_mutes_chat_id_chats"),
        sa.PrimaryKeyConstraint("chat_id", "exchange", "symbol", name="pk_mutes"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("delivery_id", ROW_ID, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("error", sa.Text),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_attempts_delivery_id_deliveries"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_delivery_id", "attempts", ["delivery_id"])


def downgrade() -> None:
    for table in ("attempts", "mutes", "pairing_codes"):
        op.drop_table(table)
    op.drop_index("ix_deliveries_amend_at", "deliveries")
    op.drop_index("ix_deliveries_chat_id_sent_at", "deliveries")
    _leave_out_what_the_first_version_cannot_read()
    for column in ("in_digest", "sent_at", "shown", "amend_at", "amend_attempts", "final"):
        op.drop_column("deliveries", column)
    op.create_index("ix_deliveries_chat_id", "deliveries", ["chat_id"])
    op.drop_column("baselines", "flow_bins")
    op.drop_index("ix_alerts_rule_id_decided_at", "alerts")
    op.drop_column("rules", "min_usd")
    for column in ("paired", "preferences"):
        op.drop_column("chats", column)


def _extend_deliveries() -> None:
    op.add_column("deliveries", sa.Column("in_digest", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("deliveries", sa.Column("sent_at", sa.Double))
    op.add_column("deliveries", sa.Column("shown", sa.Text))
    op.add_column("deliveries", sa.Column("amend_at", sa.Double))
    op.add_column("deliveries", sa.Column("amend_attempts", sa.Integer, nullable=False, server_default="0"))
    op.add_column("deliveries", sa.Column("final", sa.Boolean, nullable=False, server_default=sa.false()))
    op.drop_index("ix_deliveries_chat_id", "deliveries")
    op.create_index("ix_deliveries_chat_id_sent_at", "deliveries", ["chat_id", "sent_at"])
    op.create_index("ix_deliveries_amend_at", "deliveries", ["amend_at"])
    # What was sent has an error only where it was told late, in a list.
    op.execute("UPDATE deliveries SET sent_at = updated_at, final = (error IS NOT NULL) WHERE status = 'sent'")


def _leave_out_what_the_first_version_cannot_read() -> None:
    """Deliveries that are held are owed at once; alerts and rules of kinds that came later go."""
    op.execute("UPDATE deliveries SET status = 'due' WHERE status = 'held'")
    later = "kind IN ('formed', 'grown', 'cascade', 'large')"
    op.execute(f"DELETE FROM deliveries WHERE alert_id IN (SELECT id FROM alerts WHERE {later})")
    op.execute(f"DELETE FROM alerts WHERE {later}")
    op.execute(f"DELETE FROM subscriptions WHERE rule_id IN (SELECT id FROM rules WHERE {later})")
    op.execute(f"DELETE FROM rules WHERE {later}")
