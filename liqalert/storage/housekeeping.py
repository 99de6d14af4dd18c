"""Old rows out, in small steps, and the check of an SQLite file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from sqlalchemy import ColumnElement, Delete, Table, delete, exists, func, literal_column, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.baselines import utc_day
from liqalert.core.market import UnixTime
from liqalert.storage.database import Database
from liqalert.storage.episodes import is_open
from liqalert.storage.tables import (
    ALERTS,
    ATTEMPTS,
    BASELINES,
    CANDLES,
    CLUSTERS,
    DELIVERIES,
    EPISODES,
    FEED_GAPS,
    LIQUIDATIONS,
    TRANSITIONS,
)

CHUNK = 5_000
"""Rows per transaction: some tens of milliseconds, after which whoever waits for the writer gets it."""
DELIVERIES_CHUNK = 1_000
"""Each goes with its attempts, and out of six indexes."""

Expired: TypeAlias = tuple[Table, ColumnElement[bool]]


async def prune(database: Database, *, now: UnixTime, retention_days: Mapping[str, float]) -> dict[str, int]:
    """Deletes rows older than their table's retention; how many, by the names in `retention_days`.

    Names: liquidations, feed_gaps, clusters (with their episodes and transitions, from the end of the zone), alerts
    (with their deliveries and attempts), candles, baselines. A table that is not named keeps everything. Raises
    StorageError.
    """
    deleted = dict.fromkeys(retention_days, 0)
    for name, days in retention_days.items():
        for table, expired in _expired(name, now - days * 86_400.0):
            deleted[name] += await _delete(database, table, expired)
    return deleted


async def quick_check(database: Database) -> tuple[str, ...]:
    """What SQLite finds wrong in its file; empty when all is well, and for a PostgreSQL that answers."""
    query = "PRAGMA quick_check" if database.path else "SELECT 'ok'"
    async with database.read("checking the database") as connection:
        found = (await connection.scalars(text(query))).all()
    return () if found == ["ok"] else tuple(found)


def _expired(name: str, cutoff: UnixTime) -> tuple[Expired, ...]:
    """What goes, by table, in an order in which no row loses what it refers to."""
    zones = select(CLUSTERS.c.id).where(CLUSTERS.c.ended_at < cutoff)
    episodes = select(EPISODES.c.id).where(EPISODES.c.zone_id.in_(zones))
    # Until its fan-out is done, and its messages have been told how it ended, an alert must stay.
    goes_on = exists().where(EPISODES.c.id == ALERTS.c.episode_id, is_open())
    old_alert = (ALERTS.c.decided_at < cutoff) & ALERTS.c.fanout_done.is_(True) & ~goes_on
    match name:
        case "liquidations":
            return ((LIQUIDATIONS, LIQUIDATIONS.c.event_time < cutoff),)
        case "feed_gaps":
            return ((FEED_GAPS, FEED_GAPS.c.start_at < cutoff),)
        case "clusters":
            return (
                (TRANSITIONS, TRANSITIONS.c.episode_id.in_(episodes)),
                (EPISODES, EPISODES.c.zone_id.in_(zones)),
                (CLUSTERS, CLUSTERS.c.ended_at < cutoff),
            )
        case "alerts":
            of_old_alert = DELIVERIES.c.alert_id.in_(select(ALERTS.c.id).where(old_alert))
            return ((DELIVERIES, of_old_alert), (ALERTS, old_alert))
        case "candles":
            return ((CANDLES, CANDLES.c.open_time < cutoff),)
        case "baselines":
            return ((BASELINES, BASELINES.c.day < utc_day(cutoff)),)
    raise ValueError(f"there is no retention for {name!r}")


async def _delete(database: Database, table: Table, expired: ColumnElement[bool]) -> int:
    total, more = 0, True
    while more:
        async with database.write("pruning") as connection:
            if table is DELIVERIES:
                deleted, more = await _delete_deliveries(connection, expired)
            else:
                deleted = (await connection.execute(_step(database, table, expired))).rowcount
                more = deleted == CHUNK
        total += deleted
    return total


def _step(database: Database, table: Table, expired: ColumnElement[bool]) -> Delete:
    if database.path:
        key = tuple_(*table.primary_key)
        return delete(table).where(key.in_(select(*table.primary_key).where(expired).limit(CHUNK)))
    # By where a row lies: of keys PostgreSQL makes a list, and then goes through the whole table for each step.
    place: ColumnElement[str] = literal_column("ctid")
    rows = select(place).select_from(table).where(expired).limit(CHUNK)
    return delete(table).where(place == func.any(func.array(rows.scalar_subquery())))


async def _delete_deliveries(connection: AsyncConnection, expired: ColumnElement[bool]) -> tuple[int, bool]:
    """How many rows went, their attempts among them, and whether there may be more.

    Attempts first, and then deliveries, would go through all deliveries for each step.
    """
    found = await connection.scalars(select(DELIVERIES.c.id).where(expired).limit(DELIVERIES_CHUNK))
    ids = found.all()
    attempts = await connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.delivery_id.in_(ids)))
    await connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id.in_(ids)))
    return len(ids) + attempts.rowcount, len(ids) == DELIVERIES_CHUNK
