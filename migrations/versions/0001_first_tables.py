"""All tables, as they were first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only where the key is a plain INTEGER.
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_liquidations()
    _create_feed_gaps()
    _create_feed_heartbeats()
    _create_candles()
    _create_baselines()
    _create_clusters()
    _create_episodes()
    _create_transitions()
    _create_alerts()
    _create_chats()
    _create_deliveries()
    _create_rules()
    _create_subscriptions()


def downgrade() -> None:
    for table in (
        "subscriptions",
        "rules",
        "deliveries",
        "chats",
        "alerts",
        "transitions",
        "episodes",
        "clusters",
        "baselines",
        "candles",
        "feed_heartbeats",
        "feed_gaps",
        "liquidations",
    ):
        op.drop_table(table)


def _create_liquidations() -> None:
    op.create_table(
        "liquidations",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("event_time", sa.Double, nullable=False),
        sa.Column("received_time", sa.Double, nullable=False),
        sa.Column("liquidated", sa.Text, nullable=False),
        sa.Column("price", sa.Double, nullable=False),
        sa.Column("quantity", sa.Double, nullable=False),
        sa.Column("notional_usd", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_liquidations"),
        sa.UniqueConstraint(
            "symbol", "event_time", "exchange", "liquidated", "price", "quantity", name="uq_liquidations"
        ),
    )
    op.create_index("ix_liquidations_event_time", "liquidations", ["event_time"])


def _create_feed_gaps() -> None:
    op.create_table(
        "feed_gaps",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("start_at", sa.Double, nullable=False),
        sa.Column("end_at", sa.Double),
        sa.Column("cause", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feed_gaps"),
        sa.UniqueConstraint("exchange", "start_at", name="uq_feed_gaps_exchange_start_at"),
    )
    op.create_index("ix_feed_gaps_start_at", "feed_gaps", ["start_at"])


def _create_feed_heartbeats() -> None:
    op.create_table(
        "feed_heartbeats",
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("watching_since", sa.Double, nullable=False),
        sa.Column("alive_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("exchange", name="pk_feed_heartbeats"),
    )


def _create_candles() -> None:
    op.create_table(
        "candles",
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("open_time", sa.Double, nullable=False),
        sa.Column("open", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("close", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("exchange", "symbol", "open_time", name="pk_candles"),
    )
    op.create_index("ix_candles_open_time", "candles", ["open_time"])


def _create_baselines() -> None:
    op.create_table(
        "baselines",
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("liquidated", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("bins", sa.Text),
        sa.Column("saved_at", sa.Double),
        sa.Column("open_interest_usd", sa.Double),
        sa.Column("open_interest_at", sa.Double),
        sa.PrimaryKeyConstraint("exchange", "symbol", "liquidated", "day", name="pk_baselines"),
    )
    op.create_index("ix_baselines_day", "baselines", ["day"])


def _create_clusters() -> None:
    op.create_table(
        "clusters",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("cluster_id", sa.Text, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("liquidated", sa.Text, nullable=False),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
        sa.Column("strength", sa.Double, nullable=False),
        sa.Column("notional_usd", sa.Double, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("peak_at", sa.Double, nullable=False),
        sa.Column("baseline", sa.Text, nullable=False),
        sa.Column("outside", sa.Text),
        sa.Column("ended_at", sa.Double),
        sa.Column("end_reason", sa.Text),
        sa.Column("survivor_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_clusters"),
    )
    op.create_index("ix_clusters_ended_at", "clusters", ["ended_at"])


def _create_episodes() -> None:
    op.create_table(
        "episodes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("zone_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("alert_id", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("touched", sa.Boolean, nullable=False),
        sa.Column("closest_pct", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_episodes"),
    )
    op.create_index("ix_episodes_zone_id", "episodes", ["zone_id"])


def _create_transitions() -> None:
    op.create_table(
        "transitions",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column(
            "episode_id",
            sa.Text,
            sa.ForeignKey("episodes.id", name="fk_transitions_episode_id_episodes"),
            nullable=False,
        ),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("alert_id", sa.Text),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_transitions"),
        sa.UniqueConstraint(
            "episode_id", "previous", "state", "at", name="uq_transitions_episode_id_previous_state_at"
        ),
    )


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("decided_at", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("exchange", sa.Text),
        sa.Column("symbol", sa.Text),
        sa.Column("liquidated", sa.Text),
        sa.Column("rule_id", sa.Text),
        sa.Column("zone_id", sa.Text),
        sa.Column("episode_id", sa.Text),
        sa.Column("only_chat", sa.BigInteger),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("fanout_done", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("fanout_cursor", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_decided_at", "alerts", ["decided_at"])
    op.create_index("ix_alerts_fanout_done_decided_at", "alerts", ["fanout_done", "decided_at"])


def _create_chats() -> None:
    op.create_table(
        "chats",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("listed_as", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("added_at", sa.Double, nullable=False),
        sa.Column("removed_at", sa.Double),
        sa.Column("dead_since", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_chats"),
        sa.UniqueConstraint("channel", "address", name="uq_chats_channel_address"),
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column(
            "alert_id", sa.Text, sa.ForeignKey("alerts.id", name="fk_deliveries_alert_id_alerts"), nullable=False
        ),
        sa.Column("chat_id", ROW_ID, sa.ForeignKey("chats.id", name="fk_deliveries_chat_id_chats"), nullable=False),
        sa.Column("silent", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("message_id", sa.Text),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("alert_id", "chat_id", name="uq_deliveries_alert_id_chat_id"),
    )
    op.create_index("ix_deliveries_chat_id", "deliveries", ["chat_id"])
    op.create_index("ix_deliveries_due_at_id", "deliveries", ["due_at", "id"])
    op.create_index("ix_deliveries_status", "deliveries", ["status"])


def _create_rules() -> None:
    op.create_table(
        "rules",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("exchange", sa.Text),
        sa.Column("symbol", sa.Text),
        sa.Column("distance_pct", sa.Double, nullable=False),
        sa.Column("min_strength", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rules"),
    )


def _create_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("chat_id", ROW_ID, sa.ForeignKey("chats.id", name="fk_subscriptions_chat_id_chats"), nullable=False),
        sa.Column("rule_id", sa.Text, sa.ForeignKey("rules.id", name="fk_subscriptions_rule_id_rules"), nullable=False),
        sa.Column("loudness", sa.Text, nullable=False),
        sa.Column("muted_until", sa.Double),
        sa.Column("ack", sa.Text),
        sa.Column("from_default", sa.Boolean, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "rule_id", name="pk_subscriptions"),
    )
    op.create_index("ix_subscriptions_rule_id_chat_id", "subscriptions", ["rule_id", "chat_id"])
