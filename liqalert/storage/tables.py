"""The tables. `migrations/` makes them; a test proves that both say the same.

Every time is UnixTime: seconds since 1970-01-01 00:00 UTC as a double, the same number as in the code, so that what is
read back equals what was stored on both databases. Prices and US dollars are doubles too; the exchange's own strings
are kept by the recording. Columns named `content`, `rule`, `baseline`, `bins`, `flow_bins` and `preferences` hold JSON
of a whole object: what is complete in itself is read back from there, and the columns beside it are for queries.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the key is a plain INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")

LIQUIDATIONS = Table(
    "liquidations",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("event_time", Double, nullable=False, index=True),
    Column("received_time", Double, nullable=False),
    Column("liquidated", Text, nullable=False),
    Column("price", Double, nullable=False),
    Column("quantity", Double, nullable=False),
    Column("notional_usd", Double, nullable=False),
    # The feed has no id. Symbol and time come first because that is how liquidations of one symbol are read.
    UniqueConstraint("symbol", "event_time", "exchange", "liquidated", "price", "quantity", name="uq_liquidations"),
)

FEED_GAPS = Table(
    "feed_gaps",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("exchange", Text, nullable=False),
    Column("start_at", Double, nullable=False, index=True),
    Column("end_at", Double),
    Column("cause", Text, nullable=False),
    Column("stream", Text, nullable=False, server_default="all"),
    UniqueConstraint("exchange", "start_at", "stream"),
)

FEED_HEARTBEATS = Table(
    "feed_heartbeats",
    METADATA,
    Column("exchange", Text, primary_key=True),
    Column("watching_since", Double, nullable=False),
    Column("alive_at", Double, nullable=False),
)

# One row for each time the daemon was started; `ended_at` is empty where it did not stop in order.
STARTS = Table(
    "starts",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
)

CLUSTERS = Table(
    "clusters",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("cluster_id", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("liquidated", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("strength", Double, nullable=False),
    Column("notional_usd", Double, nullable=False),
    Column("count", Integer, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("peak_at", Double, nullable=False),
    Column("baseline", Text, nullable=False),
    Column("outside", Text),
    Column("ended_at", Double, index=True),
    Column("end_reason", Text),
    Column("survivor_id", Text),
)

EPISODES = Table(
    "episodes",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("rule_id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    # Not a foreign key: an episode must be written even where its zone could not be (the database was full then).
    Column("zone_id", Text, nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("alert_id", Text),
    Column("outcome", Text),
    Column("touched", Boolean, nullable=False),
    Column("furthest", Double),
)

TRANSITIONS = Table(
    "transitions",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("episode_id", Text, ForeignKey("episodes.id"), nullable=False),
    Column("previous", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("alert_id", Text),
    Column("content", Text, nullable=False),
    UniqueConstraint("episode_id", "previous", "state", "at"),
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("decided_at", Double, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("exchange", Text),
    Column("symbol", Text),
    Column("liquidated", Text),
    Column("rule_id", Text),
    Column("zone_id", Text),
    Column("episode_id", Text),
    Column("only_chat", BigInteger),
    Column("content", Text, nullable=False),
    Column("fanout_done", Boolean, nullable=False, server_default=false()),
    # The last row of `chats` that the fan-out has dealt with.
    Column("fanout_cursor", BigInteger, nullable=False, server_default="0"),
    Index(None, "rule_id", "decided_at"),
    Index(None, "fanout_done", "decided_at"),
)

CHATS = Table(
    "chats",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    # The address the settings list it under: still the old one after a Telegram group became a supergroup.
    Column("listed_as", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("added_at", Double, nullable=False),
    Column("removed_at", Double),
    Column("dead_since", Double),
    # Enrolled by a one-time code: stays allowed though the settings do not list it.
    Column("paired", Boolean, nullable=False, server_default=false()),
    # JSON of ports.Preferences; NULL: nothing chosen yet.
    Column("preferences", Text),
    UniqueConstraint("channel", "address"),
)

PAIRING_CODES = Table(
    "pairing_codes",
    METADATA,
    # Never the code itself.
    Column("code_hash", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
)

MUTES = Table(
    "mutes",
    METADATA,
    Column("chat_id", RowId, ForeignKey("chats.id"), nullable=False),
    # Both empty: every instrument.
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("until", Double, nullable=False),
    PrimaryKeyConstraint("chat_id", "exchange", "symbol"),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("alert_id", Text, ForeignKey("alerts.id"), nullable=False),
    Column("chat_id", RowId, ForeignKey("chats.id"), nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("status", Text, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    # NULL once sent or dead, so that one index gives what is to be tried, in order, without what is settled.
    Column("due_at", Double),
    Column("updated_at", Double, nullable=False),
    Column("message_id", Text),
    Column("error", Text),
    Column("in_digest", Boolean, nullable=False, server_default=false()),
    # When the message was sent, what it says of the episode, and when that is to be brought up to date (NULL: true).
    Column("sent_at", Double),
    Column("shown", Text),
    Column("amend_at", Double, index=True),
    Column("amend_attempts", Integer, nullable=False, server_default="0"),
    # Never brought up to date: a list says how things stood when it was sent, and what stands in a chat that has moved
    # away cannot be reached there any more.
    Column("final", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("alert_id", "chat_id"),
    Index(None, "chat_id", "sent_at"),
    Index(None, "due_at", "id"),
)

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("id", RowId, primary_key=True),
    Column("delivery_id", RowId, ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    # NULL: the channel took it.
    Column("error", Text),
)

RULES = Table(
    "rules",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("exchange", Text),
    Column("symbol", Text),
    Column("distance_pct", Double, nullable=False),
    Column("min_strength", Double, nullable=False),
    Column("min_usd", Double, nullable=False, server_default="0"),
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    METADATA,
    Column("chat_id", RowId, ForeignKey("chats.id"), nullable=False),
    Column("rule_id", Text, ForeignKey("rules.id"), nullable=False),
    Column("loudness", Text, nullable=False),
    Column("muted_until", Double),
    # The episodes, by id with a space between, of which this chat has asked to be spared what follows.
    Column("ack", Text),
    Column("from_default", Boolean, nullable=False),
    Column("since", Double, nullable=False),
    PrimaryKeyConstraint("chat_id", "rule_id"),
    Index(None, "rule_id", "chat_id"),
)

CANDLES = Table(
    "candles",
    METADATA,
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("open_time", Double, nullable=False, index=True),
    Column("open", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("close", Double, nullable=False),
    PrimaryKeyConstraint("exchange", "symbol", "open_time"),
)

BASELINES = Table(
    "baselines",
    METADATA,
    Column("exchange", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("liquidated", Text, nullable=False),
    # The UTC day, like 2026-11-23.
    Column("day", Text, nullable=False, index=True),
    # NULL where only the open interest of that day is known.
    Column("bins", Text),
    # The same of the flow of 60 s (`DaySamples.measure`).
    Column("flow_bins", Text),
    Column("saved_at", Double),
    Column("open_interest_usd", Double),
    Column("open_interest_at", Double),
    PrimaryKeyConstraint("exchange", "symbol", "liquidated", "day"),
)
