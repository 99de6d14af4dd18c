"""Old rows out, in small steps; backup, restore and check of an SQLite file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import ColumnElement, Table, delete, select, text, tuple_

from liqalert.core.market import UnixTime
from liqalert.ports import StorageError
from liqalert.storage.baselines import utc_day
from liqalert.storage.database import Database, parse_url, sqlite_path
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


async def backup(database: Database, file: Path) -> None:
    """Writes a consistent copy of a running SQLite database to `file`, which must not exist. Raises StorageError."""
    path = _sqlite_only(database.path, "back it up with pg_dump")
    await asyncio.to_thread(_copy, path, file)


def restore(url: str, file: Path) -> Path | None:
    """Puts `file`, once it has passed its check, in the place of the SQLite database at `url`.

    Gives the name under which what was there before is kept. Raises StorageError, for example while liqalert runs.
    """
    path = _sqlite_only(sqlite_path(parse_url(url)), "restore it with pg_restore")
    if not file.is_file():
        raise StorageError(f"there is no file {file}: give the path of a backup")
    arriving = path.with_name(path.name + ".arriving")
    arriving.unlink(missing_ok=True)
    _copy(file, arriving)
    kept = _set_aside(path) if path.exists() else None
    arriving.replace(path)
    return kept


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
    # An alert whose fan-out is under way must stay until that is done.
    old_alert = (ALERTS.c.decided_at < cutoff) & ALERTS.c.fanout_done.is_(True)
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
            deliveries = select(DELIVERIES.c.id).where(of_old_alert)
            return (
                (ATTEMPTS, ATTEMPTS.c.delivery_id.in_(deliveries)),
                (DELIVERIES, of_old_alert),
                (ALERTS, old_alert),
            )
        case "candles":
            return ((CANDLES, CANDLES.c.open_time < cutoff),)
        case "baselines":
            return ((BASELINES, BASELINES.c.day < utc_day(cutoff)),)
    raise ValueError(f"there is no retention for {name!r}")


async def _delete(database: Database, table: Table, expired: ColumnElement[bool]) -> int:
    key = tuple_(*table.primary_key)
    step = delete(table).where(key.in_(select(*table.primary_key).where(expired).limit(CHUNK)))
    total = 0
    while True:
        async with database.write("pruning") as connection:
            deleted = (await connection.execute(step)).rowcount
        total += deleted
        if deleted < CHUNK:
            return total


def _sqlite_only(path: Path | None, otherwise: str) -> Path:
    if path is None:
        raise StorageError(f"this is a PostgreSQL database: {otherwise}")
    return path


def _copy(source: Path, target: Path) -> None:
    """A checked copy that appears under its name only when it is whole."""
    if target.exists():
        raise StorageError(f"{target} exists already: give another name")
    unfinished = target.with_name(target.name + ".part")
    try:
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            _verify(source, connection)
            connection.execute("VACUUM INTO ?", (str(unfinished),))
        with unfinished.open("rb") as copy:
            os.fsync(copy.fileno())
        unfinished.replace(target)
    except (sqlite3.Error, OSError) as exc:
        unfinished.unlink(missing_ok=True)
        raise StorageError(f"copying {source} to {target} failed: {exc}") from exc


def _verify(file: Path, connection: sqlite3.Connection) -> None:
    [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise StorageError(f"{file} is damaged: {verdict}")
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        raise StorageError(f"{file} is not a liqalert database")


def _set_aside(path: Path) -> Path:
    """Renames the present database; refuses while another process has it open."""
    kept = path.with_name(path.name + ".before-restore")
    if kept.exists():
        raise StorageError(f"{kept} is still there from an earlier restore: move it away first")
    try:
        with closing(sqlite3.connect(path, timeout=0.0)) as connection:
            # Leaving the write-ahead log needs the file for itself alone, and moves what is in the log into it.
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as exc:
        raise StorageError(f"{path} is in use ({exc}): stop liqalert first") from exc
    except sqlite3.DatabaseError:
        # Damaged: that is why it is being replaced. Its log must not be applied to the file that comes.
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    return path.rename(kept)
