"""Pictures of heatmaps, for the chat and the web: drawn in a thread, one at a time, once for the same grid."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from liqalert.app.heatmaps import HeatmapDesk
from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.alerts import Alert
from liqalert.core.episodes import Episode
from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.outcomes import became
from liqalert.ports import AlertArchive, AlertRow, StorageError
from liqalert.render.answers import View
from liqalert.render.captions import Photo, heatmap_caption
from liqalert.render.numbers import NumberStyle
from liqalert.render.picture import Around, Band, Mark, Pin, heatmap_png

MOST_KEPT = 8
ALERTS_READ = 100


class Pictures:
    """Calls raise StorageError."""

    def __init__(
        self, heatmaps: HeatmapDesk, board: Board, alerts: AlertArchive, *, clock: Clock, zone_name: str
    ) -> None:
        self._heatmaps = heatmaps
        self._board = board
        self._alerts = alerts
        self._clock = clock
        self._zone_name = zone_name
        self._drawing = asyncio.Lock()
        self._kept: OrderedDict[tuple[Instrument, str, UnixTime, NumberStyle], bytes] = OrderedDict()

    async def png(self, instrument: Instrument, range_name: str, at: UnixTime | None) -> bytes:
        """As it stands, or as it was shown at `at`."""
        grid = await self._heatmaps.grid(instrument, range_name, at)
        return await self._drawn(grid, NumberStyle.POINT, now=at is None)

    async def photo(self, instrument: Instrument, range_name: str, view: View) -> Photo:
        """For a reader in a chat."""
        grid = await self._heatmaps.grid(instrument, range_name)
        return Photo(await self._drawn(grid, view.numbers, now=True), heatmap_caption(view, grid))

    async def _drawn(self, grid: HeatmapGrid, numbers: NumberStyle, *, now: bool) -> bytes:
        key = (grid.instrument, grid.range_name, grid.as_of, numbers)
        async with self._drawing:
            if key not in self._kept:
                around = await self._around(grid, numbers, now=now)
                self._kept[key] = await asyncio.to_thread(heatmap_png, grid, around)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            return self._kept[key]

    async def _around(self, grid: HeatmapGrid, numbers: NumberStyle, *, now: bool) -> Around:
        """Of the past, only what is known to have been so: neither the mark of now, its zones nor its troubles."""
        snapshot = self._board.snapshot
        pins = await self._pins(grid, now=now)
        if not now:
            said = (self._board.banner,) if self._board.banner else ()
            return Around(pins=pins, warnings=said, zone_name=self._zone_name, numbers=numbers, past=True)
        mark = snapshot.marks.get(grid.instrument)
        zones = (view.zone for view in snapshot.zones.of(grid.instrument))
        bands = (Band(zone.low, zone.high, zone.liquidated, zone.strength, zone.baseline.calibrated) for zone in zones)
        return Around(
            mark=Mark(mark.price, max(0.0, self._clock.now() - mark.received_time)) if mark else None,
            bands=tuple(sorted(bands, key=lambda band: -band.strength)),
            pins=pins,
            warnings=self._warnings(grid.instrument),
            zone_name=self._zone_name,
            numbers=numbers,
        )

    def _warnings(self, instrument: Instrument) -> tuple[str, ...]:
        status = self._board.feeds.get(instrument.exchange)
        dead = () if status is None or status.alive else (f"The feed is not alive. {status.problem or ''}",)
        return (*self._board.said_above(), *self._board.mute(), *dead)

    async def _pins(self, grid: HeatmapGrid, *, now: bool) -> tuple[Pin, ...]:
        try:
            rows = await self._alerts.recent_outcomes(ALERTS_READ, instrument=grid.instrument)
            shown = [row for row in rows if _within(row.alert, grid)]
            pins = [_pin(row.alert, row.episode if now else await self._episode(row, grid.as_of)) for row in shown]
        except StorageError:
            return ()
        return tuple(pin for pin in pins if pin is not None)

    async def _episode(self, row: AlertRow, at: UnixTime) -> Episode | None:
        """As it stood at `at`."""
        if row.episode is None or row.episode.since <= at:
            return row.episode
        whole = await self._alerts.why(row.alert.id)
        until_then = [each for each in whole.transitions if each.at <= at] if whole else ()
        return until_then[-1].episode if until_then else None


def _within(alert: Alert, grid: HeatmapGrid) -> bool:
    return grid.start <= alert.decided_at <= grid.as_of


def _pin(alert: Alert, episode: Episode | None) -> Pin | None:
    price = _price(alert)
    if price is None:
        return None
    word = became(episode) if episode else alert.kind
    return Pin(alert.decided_at, price, alert.kind if word == alert.kind else f"{alert.kind}: {word}")


def _price(alert: Alert) -> float | None:
    if alert.evidence is not None:
        return alert.evidence.mark_price
    if alert.flow is not None:
        return alert.flow.price_to
    return alert.liquidation.price if alert.liquidation else None
