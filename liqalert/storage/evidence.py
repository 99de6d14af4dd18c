"""What /why adds to an alert: its liquidations, gaps, transitions, attempts; and how a rule's alerts have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, bindparam, case, false, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.alerts import Alert, FlowEvidence
from liqalert.core.episodes import EpisodeState, Transition
from liqalert.core.market import Gap
from liqalert.core.outcomes import Members, TrackRecord
from liqalert.core.zones import Zone
from liqalert.ports import Attempt, DeliveryRow
from liqalert.storage.decisions import transition_from
from liqalert.storage.journal import GAP_COLUMNS, LIQUIDATION_COLUMNS, gap_from, liquidation_from
from liqalert.storage.prepared import Prepared
from liqalert.storage.tables import ALERTS, ATTEMPTS, DELIVERIES, EPISODES, FEED_GAPS, LIQUIDATIONS, TRANSITIONS

MEMBERS_S = 12 * 3600.0
"""So far back from a zone's peak its liquidations are looked for where nothing else is said: twelve times the usual
decay."""
GAPS_S = 2 * 3600.0
LAST_ALERTS = 20

_LAST_OUTCOMES = Prepared(
    select(EPISODES.c.outcome)
    .join(ALERTS, ALERTS.c.episode_id == EPISODES.c.id)
    .where(ALERTS.c.rule_id == bindparam("rule_id"), EPISODES.c.outcome.is_not(None))
    .order_by(ALERTS.c.decided_at.desc())
    .limit(LAST_ALERTS)
)


async def read_members(connection: AsyncConnection, alert: Alert, history_s: float) -> Members | None:
    """The liquidations in the zone's band in so many seconds before its peak, or in the minute of a cascade; None where
    none is kept."""
    if alert.liquidation is not None:
        one = alert.liquidation
        return Members(1, one.notional_usd, first=one, last=one, largest=one)
    conditions = _membership(alert, history_s)
    table = LIQUIDATIONS.c
    total = select(func.count(), func.sum(table.notional_usd)).where(*conditions)
    count, notional_usd = (await connection.execute(total)).one()
    if not count:
        return None
    orders = ((table.event_time, table.id), (table.event_time.desc(), table.id.desc()), (table.notional_usd.desc(),))
    found = [select(*LIQUIDATION_COLUMNS).where(*conditions).order_by(*order).limit(1) for order in orders]
    first, last, largest = [liquidation_from(*(await connection.execute(query)).one()) for query in found]
    return Members(count, notional_usd, first, last, largest)


def _membership(alert: Alert, history_s: float) -> tuple[ColumnElement[bool], ...]:
    """Which liquidations the alert rests on. Those that came in later were not known then, whenever they happened."""
    if alert.zone is not None:
        return (*_of_side(alert.zone), *_of_zone(alert.zone, history_s))
    if alert.flow is not None:
        return (*_of_side(alert.flow), *_of_flow(alert.flow), LIQUIDATIONS.c.received_time <= alert.decided_at)
    return (false(),)


def _of_side(owner: Zone | FlowEvidence) -> tuple[ColumnElement[bool], ...]:
    table = LIQUIDATIONS.c
    instrument = table.symbol == owner.instrument.symbol, table.exchange == owner.instrument.exchange
    return (*instrument, table.liquidated == owner.liquidated)


def _of_zone(zone: Zone, history_s: float) -> tuple[ColumnElement[bool], ...]:
    table = LIQUIDATIONS.c
    in_time = table.event_time >= zone.peak_at - history_s, table.received_time <= zone.peak_at
    return (table.price.between(zone.low, zone.high), *in_time)


def _of_flow(flow: FlowEvidence) -> tuple[ColumnElement[bool], ...]:
    """A flow counts a liquidation from when it came in, where the exchange's clock is ahead of ours."""
    table = LIQUIDATIONS.c
    happened_at = case((table.event_time < table.received_time, table.event_time), else_=table.received_time)
    # The first is implied, but unlike the others the index serves it.
    return (table.event_time >= flow.first_at, happened_at.between(flow.first_at, flow.last_at))


async def read_gaps_around(connection: AsyncConnection, alert: Alert) -> tuple[Gap, ...]:
    """Those of the exchange that touch the two hours before the alert, oldest first."""
    if alert.instrument is None:
        return ()
    table = FEED_GAPS.c
    query = (
        select(*GAP_COLUMNS)
        .where(table.exchange == alert.instrument.exchange, table.start_at <= alert.decided_at)
        .where((table.end_at >= alert.decided_at - GAPS_S) | table.end_at.is_(None))
        .order_by(table.start_at)
    )
    return tuple(gap_from(*row) for row in await connection.execute(query))


async def read_transitions(connection: AsyncConnection, episode_id: str | None) -> tuple[Transition, ...]:
    query = (
        select(TRANSITIONS.c.content, ALERTS.c.content)
        .outerjoin(ALERTS, ALERTS.c.id == TRANSITIONS.c.alert_id)
        .where(TRANSITIONS.c.episode_id == episode_id)
        .order_by(TRANSITIONS.c.id)
    )
    return tuple(transition_from(*row) for row in await connection.execute(query))


async def with_attempts(
    connection: AsyncConnection, alert_id: str, deliveries: Sequence[DeliveryRow], *, only: ColumnElement[bool]
) -> tuple[DeliveryRow, ...]:
    """`deliveries`, which are `only` those of the alert, by row, each with its attempts."""
    query = (
        select(DELIVERIES.c.id, ATTEMPTS.c.at, ATTEMPTS.c.error)
        .outerjoin(ATTEMPTS, ATTEMPTS.c.delivery_id == DELIVERIES.c.id)
        .where(DELIVERIES.c.alert_id == alert_id, only)
        .order_by(DELIVERIES.c.id, ATTEMPTS.c.id)
    )
    made: dict[int, list[Attempt]] = {}
    for id_, at, error in await connection.execute(query):
        made.setdefault(id_, []).extend([Attempt(at, error)] if at is not None else [])
    return tuple(replace(row, history=tuple(tries)) for row, tries in zip(deliveries, made.values(), strict=True))


def read_track_record(connection: Connection, rule_id: str) -> TrackRecord:
    ended = [outcome for [outcome] in _LAST_OUTCOMES.rows(connection, {"rule_id": rule_id})]
    return TrackRecord(*map(ended.count, (EpisodeState.SWEPT, EpisodeState.HELD, EpisodeState.FADED)))
