"""Decisions into the database, each batch in one transaction, and alerts, zones and episodes out of it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.alerts import ABOUT_LIQALERT, Alert
from liqalert.core.episodes import Decision, Episode, Transition, alerts_in
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.outcomes import TrackRecord
from liqalert.core.rules import RuleKind
from liqalert.core.zones import Zone
from liqalert.ports import AlertRow, DeliveryRow, FannedOut, Restored
from liqalert.storage.amendments import mark_outdated
from liqalert.storage.database import Database
from liqalert.storage.decisions import Values, Write, alert_row, readable_alert, writes, zone_from
from liqalert.storage.episodes import read_episodes, read_episodes_of, read_unfinished, readable
from liqalert.storage.evidence import (
    MEMBERS_S,
    read_gaps_around,
    read_members,
    read_track_record,
    read_transitions,
    with_attempts,
)
from liqalert.storage.fanout import fan_out_at_once, read_unfinished_fan_outs
from liqalert.storage.journal import read_liquidations
from liqalert.storage.prepared import Prepared
from liqalert.storage.tables import ALERTS, CLUSTERS, DELIVERIES, EPISODES, TRANSITIONS
from liqalert.storage.told import ALL, LISTED, count_deliveries, listed, listed_for, read_deliveries

TOLD_S = 86_400.0
BATCH = 500
_ALERTED = ALERTS.c.kind.not_in(ABOUT_LIQALERT)


class AlertStore:
    """Implements ports.DecisionStore, ports.AlertReader and ports.AlertOutcomes."""

    def __init__(self, database: Database, *, history_s: float = MEMBERS_S) -> None:
        """`history_s`: for how long the engine keeps the liquidations that a zone is made of."""
        self._database = database
        self._history_s = history_s
        self._statements = _statements(database)

    async def record(self, decisions: Sequence[Decision]) -> None:
        """Writes `decisions` in one transaction, in order. A transition that is recorded already changes nothing."""

        def write(connection: Connection) -> None:
            self._write(connection, _not_yet_recorded(connection, decisions))

        if decisions:
            await self._database.write_at_once("recording decisions", write)

    async def record_and_fan_out(self, decisions: Sequence[Decision], now: UnixTime) -> FannedOut:
        alerts = tuple(alerts_in(decisions))
        ids = {alert.id for alert in alerts}

        def write(connection: Connection) -> FannedOut:
            begun = read_unfinished_fan_outs(connection, most=len(ids) + 1)
            if not begun.keys() <= ids:
                # A chat is told of the other alert first.
                self._write(connection, decisions)
                return FannedOut()
            # What is going to be true is written at once: seldom is there more than can be done here.
            inserted = self._write(connection, decisions, fanned_out=True)
            return fan_out_at_once(
                self._database,
                connection,
                alerts,
                now,
                inserted=inserted,
                begun=begun,
                just_written={each.episode.id: each.episode for each in decisions if isinstance(each, Transition)},
            )

        return await self._database.write_at_once("recording decisions", write)

    def _write(self, connection: Connection, new: Sequence[Decision], *, fanned_out: bool = False) -> Set[str]:
        """Gives the ids of the alerts that were not there. `fanned_out`: they are marked as if that had been done."""
        inserted: set[str] = set()
        rows = [write for decision in new for write in writes(decision)]
        for kind, group in groupby(rows, key=lambda row: row[0]):
            many = [values for _, values in group]
            if kind is Write.ALERT:
                inserted |= self._insert_alerts(connection, many, fanned_out=fanned_out)
            else:
                self._statements[kind].run(connection, many)
        mark_outdated(connection, new)
        return inserted

    def _insert_alerts(self, connection: Connection, rows: Sequence[Values], *, fanned_out: bool) -> Set[str]:
        insert = self._database.prepared_insert_new(ALERTS, returning=("id",))
        many = [{**row, "fanout_done": fanned_out} for row in rows]
        return {id_ for (id_,) in insert.rows_of_each(connection, many)}

    async def record_notice(self, alert: Alert) -> None:
        async with self._database.write("recording a notice") as connection:
            await connection.run_sync(self._insert_alerts, [alert_row(alert)], fanned_out=False)

    async def restore(self, now: UnixTime, window_s: float) -> Restored:
        """Live zones with their unfinished episodes; liquidations and ended zones of the last `window_s`."""
        async with self._database.read("restoring") as connection:
            return Restored(
                await _live_zones(connection),
                await connection.run_sync(read_unfinished),
                await read_liquidations(connection, now - window_s),
                await _ended_zones(connection, now - window_s),
                await _told(connection, now - TOLD_S),
            )

    async def recent(
        self,
        limit: int,
        *,
        chat_id: int | None = None,
        kind: str | None = None,
        instrument: Instrument | None = None,
    ) -> tuple[AlertRow, ...]:
        query = select(ALERTS).order_by(ALERTS.c.decided_at.desc(), ALERTS.c.id).limit(limit)
        query = query.where(ALERTS.c.kind == kind if kind else _ALERTED, *_about(instrument))
        if chat_id is not None:
            query = query.where(_told_to(chat_id))
        async with self._database.read("reading alerts") as connection:
            return await _told_rows(connection, query, chat_id=chat_id)

    async def recent_outcomes(self, limit: int, *, instrument: Instrument | None = None) -> tuple[AlertRow, ...]:
        query = select(ALERTS).where(_ALERTED, *_about(instrument))
        query = query.order_by(ALERTS.c.decided_at.desc(), ALERTS.c.id).limit(limit)
        async with self._database.read("reading alerts") as connection:
            alerts = (await connection.execute(query)).mappings().all()
            return await _alert_rows(connection, alerts, {})

    async def count_since(self, since: UnixTime) -> int:
        """How many were decided from `since` on; none about liqalert itself."""
        query = select(func.count()).select_from(ALERTS).where(_ALERTED, ALERTS.c.decided_at >= since)
        async with self._database.read("counting alerts") as connection:
            return int(await connection.scalar(query) or 0)

    async def notices(self, reasons: Set[str], *, since: UnixTime) -> tuple[Alert, ...]:
        """What was told about liqalert itself for one of `reasons` from `since` on, oldest first."""
        query = select(ALERTS.c.content).where(ALERTS.c.reason.in_(reasons), ALERTS.c.decided_at >= since)
        async with self._database.read("reading notices") as connection:
            contents = await connection.scalars(query.order_by(ALERTS.c.decided_at, ALERTS.c.id))
            return tuple(alert for alert in map(readable_alert, contents) if alert is not None)

    async def alert(self, alert_id: str) -> Alert | None:
        async with self._database.read("reading an alert") as connection:
            content = await connection.scalar(select(ALERTS.c.content).where(ALERTS.c.id == alert_id))
            return None if content is None else readable_alert(content)

    async def why(self, alert_id: str, *, asking: int | None = None) -> AlertRow | None:
        only = ALL if asking is None else listed_for(alert_id, asking)
        async with self._database.read("reading an alert") as connection:
            alerts = (await connection.execute(select(ALERTS).where(ALERTS.c.id == alert_id))).mappings().all()
            found = await _alert_rows(connection, alerts, await read_deliveries(connection, [alert_id], only=only))
            if not found:
                return None
            [row] = found
            counts = (await count_deliveries(connection, [alert_id]))[alert_id]
            counts.subtract(delivery.status for delivery in row.deliveries)
            return AlertRow(
                row.alert,
                row.episode,
                await with_attempts(connection, alert_id, row.deliveries, only=only),
                await read_transitions(connection, row.alert.episode_id),
                await read_members(connection, row.alert, self._history_s),
                await read_gaps_around(connection, row.alert),
                more=+counts,
            )

    async def episodes_of(self, alert_ids: Sequence[str]) -> Mapping[str, Episode]:
        found: dict[str, Episode] = {}
        async with self._database.read("reading episodes") as connection:
            for start in range(0, len(alert_ids), BATCH):
                found |= await connection.run_sync(read_episodes_of, alert_ids[start : start + BATCH])
        return found

    async def track_record(self, rule_id: str) -> TrackRecord:
        return await self._database.read_at_once(
            "reading outcomes", lambda connection: read_track_record(connection, rule_id)
        )


def _statements(database: Database) -> Mapping[Write, Prepared]:
    end = ("ended_at", "end_reason", "survivor_id")
    zone = tuple(column.name for column in CLUSTERS.columns if column.name not in ("id", *end))
    statements = {
        # A zone that opens is new, and its peak only moves on: what is older than the row was recorded before.
        Write.ZONE_OPENED: database.insert_new(CLUSTERS),
        Write.ZONE_REWRITTEN: database.upsert(CLUSTERS, zone, unless_older="peak_at"),
        Write.ZONE_SEEN: database.upsert(CLUSTERS, ("outside",), unless_older="peak_at"),
        Write.ZONE_ENDED: database.upsert(CLUSTERS, end),
        Write.EPISODE: database.upsert(EPISODES),
        Write.EPISODE_MOVED: database.upsert(EPISODES, ("zone_id",)),
        Write.TRANSITION: database.insert_new(TRANSITIONS),
    }
    return {kind: Prepared(statement) for kind, statement in statements.items()}


_RECORDED = Prepared(
    select(TRANSITIONS.c.episode_id, TRANSITIONS.c.previous, TRANSITIONS.c.state, TRANSITIONS.c.at).where(
        TRANSITIONS.c.episode_id.in_(bindparam("ids", expanding=True))
    ),
    lists=("ids",),
)


def _not_yet_recorded(connection: Connection, decisions: Sequence[Decision]) -> list[Decision]:
    """`decisions` without the transitions that are stored: an old one must not set its episode back."""
    ids = {decision.episode.id for decision in decisions if isinstance(decision, Transition)}
    if not ids:
        return list(decisions)
    stored = {tuple(row) for row in _RECORDED.rows(connection, {"ids": list(ids)})}
    return [decision for decision in decisions if _key(decision) not in stored]


def _key(decision: Decision) -> tuple[object, ...] | None:
    if not isinstance(decision, Transition):
        return None
    return decision.episode.id, decision.previous, decision.episode.state, decision.at


def _about(instrument: Instrument | None) -> tuple[ColumnElement[bool], ...]:
    """None: whatever it is about."""
    if instrument is None:
        return ()
    return ALERTS.c.exchange == instrument.exchange, ALERTS.c.symbol == instrument.symbol


def _told_to(chat_id: int) -> ColumnElement[bool]:
    return ALERTS.c.id.in_(select(DELIVERIES.c.alert_id).where(DELIVERIES.c.chat_id == chat_id))


async def _live_zones(connection: AsyncConnection) -> tuple[Zone, ...]:
    query = select(CLUSTERS).where(CLUSTERS.c.ended_at.is_(None)).order_by(CLUSTERS.c.opened_at, CLUSTERS.c.id)
    return tuple(readable((await connection.execute(query)).mappings(), zone_from))


async def _ended_zones(connection: AsyncConnection, since: UnixTime) -> tuple[Zone, ...]:
    query = select(CLUSTERS).where(CLUSTERS.c.ended_at >= since).order_by(CLUSTERS.c.ended_at, CLUSTERS.c.id)
    return tuple(readable((await connection.execute(query)).mappings(), zone_from))


async def _told(connection: AsyncConnection, since: UnixTime) -> tuple[Alert, ...]:
    query = select(ALERTS.c.content).where(ALERTS.c.kind == RuleKind.CASCADE, ALERTS.c.decided_at >= since)
    contents = await connection.scalars(query.order_by(ALERTS.c.decided_at))
    return tuple(alert for alert in map(readable_alert, contents) if alert is not None)


async def _told_rows(
    connection: AsyncConnection,
    query: Select[tuple[object, ...]],
    *,
    chat_id: int | None = None,
) -> tuple[AlertRow, ...]:
    """With the deliveries to one chat, or of each alert the first hundred and how many more there are."""
    alerts = (await connection.execute(query)).mappings().all()
    ids = [row["id"] for row in alerts]
    if chat_id is not None:
        mine = await read_deliveries(connection, ids, only=DELIVERIES.c.chat_id == chat_id)
        return await _alert_rows(connection, alerts, mine)
    counts = await count_deliveries(connection, ids)
    crowded = [id_ for id_ in ids if counts[id_].total() > LISTED]
    found = await read_deliveries(connection, [id_ for id_ in ids if id_ not in crowded])
    for id_ in crowded:
        found |= await read_deliveries(connection, [id_], only=listed(id_))
        counts[id_].subtract(delivery.status for delivery in found[id_])
    rows = await _alert_rows(connection, alerts, found)
    return tuple(replace(row, more=+counts[row.alert.id]) if row.alert.id in crowded else row for row in rows)


async def _alert_rows(
    connection: AsyncConnection, alerts: Sequence[RowMapping], deliveries: Mapping[str, Sequence[DeliveryRow]]
) -> tuple[AlertRow, ...]:
    """`deliveries`: by alert id."""
    episodes = await connection.run_sync(read_episodes, [row["episode_id"] for row in alerts if row["episode_id"]])
    return tuple(
        AlertRow(alert, episodes.get(row["episode_id"]), tuple(deliveries.get(row["id"], ())))
        for row in alerts
        if (alert := readable_alert(row["content"])) is not None
    )
