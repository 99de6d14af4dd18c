"""The endpoints on a free port of loopback, over a few liquidations in a real database, with round numbers."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web

from liqalert.board import Board
from liqalert.core.candles import Candle
from liqalert.core.engine import Snapshot
from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import FeedStatus, Instrument, Liquidation, Mark, PositionSide
from liqalert.storage.liquidation_sums import LiquidationSums
from liqalert.web.access import Access, guards
from liqalert.web.coinglass.endpoints import routes
from liqalert.web.coinglass.envelope import ALLOWANCE, speaking_coinglass
from liqalert.web.coinglass.sources import CoinglassSources
from liqalert.web.errors import errors_as_json, harden
from tests.web.rig import FixedClock

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
NOW = 1_700_000_000.0  # Tuesday 2023-11-14 22:13:20 UTC
HOUR = 3600.0
DAY = 86_400.0
BTC = Instrument("binance", "BTCUSDT")
BTC_COIN = Instrument("binance", "BTCUSD_PERP")
ETH = Instrument("binance", "ETHUSDT")
PEPE = Instrument("binance", "1000PEPEUSDT")
BTC_BYBIT = Instrument("bybit", "BTCUSDT")
PRICES = {BTC: 36_000.0, BTC_COIN: 36_010.0, ETH: 2_000.0, PEPE: 0.00125, BTC_BYBIT: 36_005.0}
KEY = {"CG-API-KEY": "anything"}
COLUMNS = {"12h": (144, 300.0), "24h": (288, 300.0), "3d": (288, 900.0), "7d": (336, 1800.0)}
STEP = math.log(1.00075)


def liquidated(ago_s: float, usd: float, side: PositionSide = LONG, instrument: Instrument = BTC) -> Liquidation:
    """At 1 % below the price for a long and above it for a short; heard of half a second later."""
    price = round(PRICES[instrument] * (0.99 if side is LONG else 1.01), 7)
    at = NOW - ago_s
    return Liquidation(instrument, side, price, usd / price, usd, event_time=at, received_time=at + 0.5)


LIQUIDATIONS = (
    liquidated(8 * DAY, 7_000.0),
    liquidated(20 * HOUR, 40_000.0, SHORT),
    liquidated(5 * HOUR, 300_000.0),
    liquidated(2 * HOUR, 25_000.0, instrument=BTC_COIN),
    liquidated(90 * 60.0, 8_000.0, SHORT, ETH),
    liquidated(40 * 60.0, 120_000.5),
    liquidated(33 * 60.0, 60_000.0, instrument=BTC_BYBIT),
    liquidated(15 * 60.0, 90.25, SHORT, PEPE),
    liquidated(10 * 60.0, 1_000_000.0, SHORT),
    liquidated(65.0, 2_500.0),
)


@dataclass
class FakeGrids:
    """Grids over a list, with plain loops. Prices are known of the last hour only, and have not moved."""

    liquidations: Sequence[Liquidation] = LIQUIDATIONS
    priced_s: float = HOUR
    unpriced: frozenset[int] = frozenset()
    """Columns, counted from the last, of which no price is known."""
    rise: float = 0.0
    """How far a candle closes above its open."""
    row_log: dict[Instrument, float] = field(default_factory=dict)
    watched: float = 1.0
    asked: list[tuple[Instrument, str]] = field(default_factory=list)
    broken: Exception | None = None

    async def grid(self, instrument: Instrument, range_name: str) -> HeatmapGrid:
        self.asked.append((instrument, range_name))
        if self.broken:
            raise self.broken
        columns, column_s = COLUMNS[range_name]
        step = self.row_log.get(instrument, STEP)
        start = math.floor(NOW / column_s) * column_s - (columns - 1) * column_s
        first_row, last_row = (math.floor(math.log(PRICES[instrument] * edge) / step) for edge in (0.95, 1.05))
        shape = (columns, last_row - first_row + 1)
        usd = {LONG: np.zeros(shape), SHORT: np.zeros(shape)}
        for column in range(columns):
            close = min(start + (column + 1) * column_s, NOW)
            for each in self.liquidations:
                age_s = close - each.event_time
                if each.instrument == instrument and each.received_time <= close and age_s <= 12 * HOUR:
                    row = math.floor(math.log(each.price) / step) - first_row
                    usd[each.liquidated][column, row] += each.notional_usd * math.exp(-age_s / HOUR)
        return HeatmapGrid(
            instrument=instrument,
            range_name=range_name,
            as_of=NOW,
            decay_s=HOUR,
            column_s=column_s,
            start=start,
            columns=columns,
            row_log=step,
            first_row=first_row,
            rows=shape[1],
            long_usd=usd[LONG],
            short_usd=usd[SHORT],
            count=np.zeros(shape, dtype=np.int32),
            watched=np.full(columns, self.watched),
            saturated_s=np.zeros(columns, dtype=np.int32),
            candles=tuple(self._candle(instrument, start + n * column_s, columns - 1 - n) for n in range(columns)),
            gaps=(),
        )

    def _candle(self, instrument: Instrument, opened: float, from_last: int) -> Candle | None:
        if opened < NOW - self.priced_s or from_last in self.unpriced:
            return None
        price = PRICES[instrument]
        return Candle(opened, price, round(price * 1.001, 8), round(price * 0.999, 8), price + self.rise)


def feed(exchange: str) -> FeedStatus:
    return FeedStatus(exchange, alive=True, since=NOW - 9 * DAY, mark_at=NOW - 1.0)


@dataclass
class Rig:
    """Everything a test may change, before or after the server started."""

    sums: LiquidationSums
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    grids: FakeGrids = field(default_factory=FakeGrids)
    board: Board = field(
        default_factory=lambda: Board(
            Snapshot(
                as_of=NOW,
                decay_s=HOUR,
                marks={each: Mark(each, price, NOW - 1.0, NOW - 1.0) for each, price in PRICES.items()},
            ),
            feeds={"binance": feed("binance"), "bybit": feed("bybit")},
        )
    )

    def sources(self) -> CoinglassSources:
        return CoinglassSources(self.board, self.clock, self.grids, self.sums, self.sums)


@dataclass
class Client:
    """A real HTTP client, with a key."""

    session: aiohttp.ClientSession
    port: int

    async def get(self, name: str, **query: str) -> Any:
        """The body of an answer, which is always HTTP 200."""
        async with self.session.get(f"/api/futures/liquidation/{name}", params=query, headers=KEY) as response:
            assert response.status == 200
            return await response.json()

    async def data(self, name: str, **query: str) -> Any:
        body = await self.get(name, **query)
        assert (body["code"], body["msg"]) == ("0", "success")
        return body["data"]

    async def headers(self, name: str, **query: str) -> Any:
        async with self.session.get(f"/api/futures/liquidation/{name}", params=query, headers=KEY) as response:
            assert response.status == 200
            return response.headers


@asynccontextmanager
async def serving(rig: Rig, token: str | None = None, *, per_minute: int = ALLOWANCE) -> AsyncIterator[Client]:
    app = web.Application(
        middlewares=(
            errors_as_json,
            *speaking_coinglass(rig.clock, token, per_minute=per_minute),
            *guards(Access("127.0.0.1")),
        )
    )
    app.add_routes(routes(rig.sources()))
    app.on_response_prepare.append(harden)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=timeout) as session:
            yield Client(session, port)
    finally:
        await runner.cleanup()
