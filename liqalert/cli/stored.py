"""What the HTTP interface would answer, from the database, read-only: for when no daemon runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from liqalert.app.past_heatmaps import rebuilt
from liqalert.app.start import terms_of
from liqalert.clock import SystemClock
from liqalert.core.episodes import ADVANCEMENT, EpisodeState
from liqalert.core.exchanges import BINANCE
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import Instrument
from liqalert.core.symbols import find
from liqalert.core.zones import Zone
from liqalert.ports import Restored, StorageError
from liqalert.render.picture import Around, heatmap_png
from liqalert.settings import Settings
from liqalert.storage.alerts import AlertStore
from liqalert.storage.candles import CandleStore
from liqalert.storage.database import Database
from liqalert.storage.journal import JournalReader
from liqalert.storage.liquidation_sums import LiquidationSums
from liqalert.storage.schema import expect_ours
from liqalert.web.alert_details import alert_detail
from liqalert.web.alert_items import alert_item
from liqalert.web.alerts import AlertsAnswer
from liqalert.web.answers import iso
from liqalert.web.clusters import ClustersAnswer, ZoneItem


async def alerts_json(url: str, limit: int) -> bytes:
    """As GET /api/v1/alerts. Raises StorageError."""
    async with _opened(url) as database:
        rows = await AlertStore(database).recent(limit)
    return msgspec.json.encode(AlertsAnswer(tuple(alert_item(row) for row in rows)))


async def why_json(settings: Settings, alert_id: str) -> bytes:
    """As GET /api/v1/alerts/ID. Raises StorageError, also when there is no such alert."""
    async with _opened(settings.database.url) as database:
        row = await AlertStore(database, history_s=terms_of(settings).history_s).why(alert_id)
    if row is None:
        raise StorageError(f"there is no alert {alert_id}: `liqalert alerts` lists the ids")
    return msgspec.json.encode(alert_detail(row, SystemClock().now()))


async def zones_json(settings: Settings, symbol: str | None) -> bytes:
    """As GET /api/v1/clusters[/SYMBOL], but zones only. Raises StorageError."""
    now = SystemClock().now()
    async with _opened(settings.database.url) as database:
        restored = await AlertStore(database).restore(now, 0.0)
    # Nobody has ended those that have grown too old since the daemon stopped.
    oldest = now - settings.alerts.memory_hours * 3600.0
    zones = [zone for zone in restored.zones if zone.peak_at > oldest]
    if symbol is not None:
        wanted = find(symbol, {zone.instrument for zone in zones})
        zones = [zone for zone in zones if zone.instrument == wanted]
    zones.sort(key=lambda zone: (zone.instrument, -zone.strength))
    items = tuple(_zone_item(zone, restored) for zone in zones)
    return msgspec.json.encode(ClustersAnswer(iso(now), None, (), items, {}, (), settings.clusters.decay_minutes))


async def heatmap_png_of(settings: Settings, symbol: str, range_name: str) -> bytes:
    """As GET /api/v1/heatmap/SYMBOL.png, without what only the daemon knows. Raises StorageError."""
    instrument, now = Instrument(BINANCE, symbol), SystemClock().now()
    async with _opened(settings.database.url) as database:
        sums, candles = LiquidationSums(database), CandleStore(database)
        _, alive_at = (await JournalReader(database).heartbeats()).get(BINANCE, (None, None))
        decay_s = settings.clusters.decay_minutes * 60.0
        grid = await rebuilt(
            sums, candles, instrument, RANGES[range_name], at=now, decay_s=decay_s, down_since=alive_at
        )
    if not grid.count.any() and not any(grid.candles):
        raise StorageError(f"the database holds nothing of {symbol} in the last {range_name}")
    warnings = ("From the database: no daemon is running.",)
    return heatmap_png(grid, Around(warnings=warnings, zone_name=settings.telegram.timezone, past=True))


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    async with Database(url) as database:
        if database.path and not database.path.exists():
            raise StorageError(f"there is no database {database.path} yet: `liqalert run` creates it")
        await expect_ours(database)
        yield database


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
        state=max(states, key=ADVANCEMENT.__getitem__, default=EpisodeState.IDLE),
        calibrated=zone.baseline.calibrated,
    )
