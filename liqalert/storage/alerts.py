"""Decisions into the database, each batch in one transaction, and alerts, zones and episodes out of it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from sqlalchemy import ColumnElement, Executable, RowMapping, Select, false, select
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Decision, Episode, EpisodeState, Transition
from liqalert.core.market import UnixTime
from liqalert.core.zones import Zone
from liqalert.ports import AlertRow, DeliveryRow, DeliveryStatus, Restored
from liqalert.storage.database import Database
from liqalert.storage.decisions import (
    Write,
    alert_from,
    alert_row,
    episode_from,
    transition_from,
    writes,
    zone_from,
)
from liqalert.storage.journal import read_liquidations
from liqalert.storage.tables import ALERTS, CHATS, CLUSTERS, DELIVERIES, EPISODES, TRANSITIONS

NOT_FROM_RULES = ("notice", "test")
FINISHED = (EpisodeState.IDLE, EpisodeState.SWEPT, EpisodeState.FADED)


class AlertStore:
    """Implements ports.DecisionStore and ports.AlertReader."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = _statements(database)

    async def record(self, decisions: Sequence[Decision]) -> None:
        """Writes `decisions` in one transaction, in order. A transition that is recorded already changes nothing."""
        if not decisions:
            return
        async with self._database.write("recording decisions") as connection:
            new = await _not_yet_recorded(connection, decisions)
            rows = [write for decision in new for write in writes(decision)]
            for kind, group in groupby(rows, key=lambda row: row[0]):
                await connection.execute(self._statements[kind], [values for _, values in group])

    async def record_notice(self, alert: Alert) -> None:
        async with self._database.write("recording a notice") as connection:
            await connection.execute(self._statements[Write.ALERT], [alert_row(alert)])

    async def restore(self, now: UnixTime, window_s: float) -> Restored:
        """Live zones with their unfinished episodes; liquidations and ended zones of the last `window_s`."""
        async with self._database.read("restoring") as connection:
            return Restored(
                await _live_zones(connection),
                await _unfinished_episodes(connection),
                await read_liquidations(connection, now - window_s),
                await _ended_zones(connection, now - window_s),
            )

    async def recent(self, limit: int, *, chat_id: int | None = None, kind: str | None = None) -> tuple[AlertRow, ...]:
        query = select(ALERTS).order_by(ALERTS.c.decided_at.desc(), ALERTS.c.id).limit(limit)
        query = query.where(ALERTS.c.kind == kind if kind else ALERTS.c.kind.not_in(NOT_FROM_RULES))
        if chat_id is not None:
            query = query.where(_told(chat_id))
        async with self._database.read("reading alerts") as connection:
            return await _alert_rows(connection, query)

    async def why(self, alert_id: str) -> AlertRow | None:
        async with self._database.read("reading an alert") as connection:
            found = await _alert_rows(connection, select(ALERTS).where(ALERTS.c.id == alert_id))
            if not found:
                return None
            [row] = found
            transitions = await _transitions(connection, row.alert.episode_id)
            return AlertRow(row.alert, row.episode, row.deliveries, transitions)


def _statements(database: Database) -> Mapping[Write, Executable]:
    end = ("ended_at", "end_reason", "survivor_id")
    zone = tuple(column.name for column in CLUSTERS.columns if column.name not in ("id", *end))
    return {
        # A zone that opens is new, and its peak only moves on: what is older than the row was recorded before.
        Write.ZONE_OPENED: database.insert_new(CLUSTERS),
        Write.ZONE_REWRITTEN: database.upsert(CLUSTERS, zone, unless_older="peak_at"),
        Write.ZONE_SEEN: database.upsert(CLUSTERS, ("outside",), unless_older="peak_at"),
        Write.ZONE_ENDED: database.upsert(CLUSTERS, end),
        Write.EPISODE: database.upsert(EPISODES),
        Write.EPISODE_MOVED: database.upsert(EPISODES, ("zone_id",)),
        Write.ALERT: database.insert_new(ALERTS),
        Write.TRANSITION: database.insert_new(TRANSITIONS),
    }


async def _not_yet_recorded(connection: AsyncConnection, decisions: Sequence[Decision]) -> list[Decision]:
    """`decisions` without the transitions that are stored: an old one must not set its episode back."""
    table = TRANSITIONS.c
    ids = {decision.episode.id for decision in decisions if isinstance(decision, Transition)}
    if not ids:
        return list(decisions)
    query = select(table.episode_id, table.previous, table.state, table.at).where(table.episode_id.in_(ids))
    stored = {tuple(row) for row in await connection.execute(query)}
    return [decision for decision in decisions if _key(decision) not in stored]


def _key(decision: Decision) -> tuple[object, ...] | None:
    if not isinstance(decision, Transition):
        return None
    return decision.episode.id, decision.previous, decision.episode.state, decision.at


def _told(chat_id: int) -> ColumnElement[bool]:
    return ALERTS.c.id.in_(select(DELIVERIES.c.alert_id).where(DELIVERIES.c.chat_id == chat_id))


async def _live_zones(connection: AsyncConnection) -> tuple[Zone, ...]:
    query = select(CLUSTERS).where(CLUSTERS.c.ended_at.is_(None)).order_by(CLUSTERS.c.opened_at, CLUSTERS.c.id)
    return tuple(zone_from(row) for row in (await connection.execute(query)).mappings())


async def _ended_zones(connection: AsyncConnection, since: UnixTime) -> tuple[Zone, ...]:
    query = select(CLUSTERS).where(CLUSTERS.c.ended_at >= since).order_by(CLUSTERS.c.ended_at, CLUSTERS.c.id)
    return tuple(zone_from(row) for row in (await connection.execute(query)).mappings())


async def _unfinished_episodes(connection: AsyncConnection) -> tuple[Episode, ...]:
    query = (
        select(EPISODES)
        .join(CLUSTERS, CLUSTERS.c.id == EPISODES.c.zone_id)
        .where(CLUSTERS.c.ended_at.is_(None), EPISODES.c.state.not_in(FINISHED))
        .order_by(EPISODES.c.since, EPISODES.c.id)
    )
    return tuple(episode_from(row) for row in (await connection.execute(query)).mappings())


async def _alert_rows(connection: AsyncConnection, query: Select[tuple[object, ...]]) -> tuple[AlertRow, ...]:
    alerts = (await connection.execute(query)).mappings().all()
    episodes = await _episodes(connection, [row["episode_id"] for row in alerts if row["episode_id"]])
    deliveries = await _deliveries(connection, [row["id"] for row in alerts])
    return tuple(
        AlertRow(alert_from(row["content"]), episodes.get(row["episode_id"]), tuple(deliveries.get(row["id"], ())))
        for row in alerts
    )


async def _episodes(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Episode]:
    query = select(EPISODES).where(EPISODES.c.id.in_(ids) if ids else false())
    return {row["id"]: episode_from(row) for row in (await connection.execute(query)).mappings()}


async def _deliveries(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[DeliveryRow]]:
    table = DELIVERIES.c
    query = (
        select(DELIVERIES, CHATS.c.channel, CHATS.c.address)
        .join(CHATS, CHATS.c.id == table.chat_id)
        .where(table.alert_id.in_(ids) if ids else false())
        .order_by(table.id)
    )
    found: dict[str, list[DeliveryRow]] = {}
    for row in (await connection.execute(query)).mappings():
        found.setdefault(row["alert_id"], []).append(_delivery(row))
    return found


def _delivery(row: RowMapping) -> DeliveryRow:
    return DeliveryRow(
        row["channel"],
        row["address"],
        DeliveryStatus(row["status"]),
        row["attempts"],
        row["updated_at"],
        row["error"],
    )


async def _transitions(connection: AsyncConnection, episode_id: str | None) -> tuple[Transition, ...]:
    query = (
        select(TRANSITIONS.c.content, ALERTS.c.content)
        .outerjoin(ALERTS, ALERTS.c.id == TRANSITIONS.c.alert_id)
        .where(TRANSITIONS.c.episode_id == episode_id)
        .order_by(TRANSITIONS.c.id)
    )
    return tuple(transition_from(*row) for row in await connection.execute(query))
