"""What the HTTP interface would answer, from the database, read-only: for when no daemon runs."""

from __future__ import annotations

import msgspec

from liqalert.clock import SystemClock
from liqalert.core.episodes import EpisodeState
from liqalert.core.zones import Zone
from liqalert.ports import Restored, StorageError
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.web.alert_details import alert_detail
from liqalert.web.alert_items import alert_item
from liqalert.web.alerts import AlertsAnswer
from liqalert.web.answers import iso
from liqalert.web.clusters import ClustersAnswer, ZoneItem

_ADVANCED = tuple(EpisodeState)


async def alerts_json(url: str, limit: int) -> bytes:
    """As GET /api/v1/alerts. Raises StorageError."""
    async with _existing(url) as database:
        rows = await AlertStore(database).recent(limit)
    return msgspec.json.encode(AlertsAnswer(tuple(alert_item(row) for row in rows)))


async def why_json(url: str, alert_id: str) -> bytes:
    """As GET /api/v1/alerts/ID. Raises StorageError, also when there is no such alert."""
    async with _existing(url) as database:
        row = await AlertStore(database).why(alert_id)
    if row is None:
        raise StorageError(f"there is no alert {alert_id}: `liqalert alerts` lists the ids")
    return msgspec.json.encode(alert_detail(row, SystemClock().now()))


async def zones_json(url: str, symbol: str | None) -> bytes:
    """As GET /api/v1/clusters[/SYMBOL], but zones only. Raises StorageError."""
    now = SystemClock().now()
    async with _existing(url) as database:
        restored = await AlertStore(database).restore(now, 0.0)
    wanted = symbol.upper() if symbol else None
    zones = tuple(
        _zone_item(zone, restored)
        for zone in sorted(restored.zones, key=lambda zone: (zone.instrument, -zone.strength))
        if wanted in (None, zone.instrument.symbol)
    )
    return msgspec.json.encode(ClustersAnswer(iso(now), None, (), zones, {}, ()))


def _existing(url: str) -> Database:
    database = Database(url)
    if database.path and not database.path.exists():
        raise StorageError(f"there is no database {database.path} yet: `liqalert run` creates it")
    return database


def _zone_item(zone: Zone, restored: Restored) -> ZoneItem:
    states = [episode.state for episode in restored.episodes if episode.zone_id == zone.id]
    return ZoneItem(
        id=zone.id,
        symbol=zone.instrument.symbol,
        liquidated=zone.liquidated,
        low=zone.low,
        high=zone.high,
        strength=zone.strength,
        peak_at=iso(zone.peak_at),
        notional_usd=zone.notional_usd,
        count=zone.count,
        state=max(states, key=_ADVANCED.index, default=EpisodeState.IDLE),
    )
