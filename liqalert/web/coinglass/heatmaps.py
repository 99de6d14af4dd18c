"""`heatmap/model1`, `map` and their aggregated kin: what stands, over time and now.

A cell holds what stands at its column's close, so a level that stands for an hour is in every column of that hour:
never add up columns. What stands now is the last column, and that is what `map` shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec
import numpy as np

from liqalert.core.candles import Candle
from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import Instrument, PositionSide
from liqalert.web.answers import ApiError
from liqalert.web.coinglass.envelope import Answer, success
from liqalert.web.coinglass.names import exchange_name
from liqalert.web.coinglass.numbers import milliseconds, price, text
from liqalert.web.coinglass.questions import Question
from liqalert.web.coinglass.sources import CoinglassSources
from liqalert.web.coinglass.standing import Standing, standing, together

NO_VOLUME = "0"
"""Candles are made of mark prices, which have no volume."""

CandleItem: TypeAlias = tuple[int, str, str, str, str, str]
LevelRow: TypeAlias = tuple[float, int, None, None]
Levels: TypeAlias = dict[str, tuple[LevelRow, ...]]
"""By price. A row is price, US dollars, leverage and band; the last two are not known of what was executed."""


class HeatmapData(msgspec.Struct, frozen=True):
    y_axis: list[float]
    liquidation_leverage_data: list[list[int]]
    """[column, row, US dollars], without rows that round to nothing."""
    price_candlesticks: list[CandleItem]
    """[seconds, open, high, low, close, volume]"""
    update_time: int
    """Milliseconds. On their wire though not in their documentation."""


class InstrumentItem(msgspec.Struct, frozen=True):
    exName: str
    instrumentId: str


class InstrumentMap(msgspec.Struct, frozen=True):
    instrument: InstrumentItem
    liqMapV2: Levels


class MapData(msgspec.Struct, frozen=True):
    """As documented."""

    data: Levels


class MapList(msgspec.Struct, frozen=True):
    """As clients have seen it on the wire."""

    data: list[InstrumentMap]
    last_price: float | None


class Heatmaps:
    def __init__(self, sources: CoinglassSources) -> None:
        self._sources = sources

    async def heatmap(self, question: Question) -> Answer:
        grid = await self._sources.grids.grid(question.pair(), question.heatmap_range())
        return await asyncio.to_thread(_heatmap_answer, [grid], question.liquidated())

    async def aggregated_heatmap(self, question: Question) -> Answer:
        """With the prices of the coin's first instrument."""
        grids = await self._grids(question.coin(), question.heatmap_range())
        return await asyncio.to_thread(_heatmap_answer, grids, question.liquidated())

    async def map(self, question: Question) -> Answer:
        return await self._map((question.pair(),), question)

    async def aggregated_map(self, question: Question) -> Answer:
        return await self._map(question.coin(), question)

    async def _map(self, instruments: Sequence[Instrument], question: Question) -> Answer:
        shape, liquidated = question.map_shape(), question.liquidated()
        grids = await self._grids(instruments, question.map_range())
        if shape == "object":
            return await asyncio.to_thread(_map_answer, grids, liquidated)
        mark = self._sources.board.snapshot.marks.get(instruments[0])
        return await asyncio.to_thread(_map_list_answer, grids, liquidated, mark.price if mark else None)

    async def _grids(self, instruments: Sequence[Instrument], range_name: str) -> list[HeatmapGrid]:
        return [await self._sources.grids.grid(instrument, range_name) for instrument in instruments]


def _heatmap_answer(grids: Sequence[HeatmapGrid], liquidated: PositionSide | None) -> Answer:
    shown = _from_first_price(together([standing(grid, liquidated) for grid in grids]))
    usd = np.rint(shown.usd).astype(np.int64)
    columns, rows = np.nonzero(usd)
    data = HeatmapData(
        y_axis=_prices(shown),
        liquidation_leverage_data=np.column_stack((columns, rows, usd[columns, rows])).tolist(),
        price_candlesticks=list(_candle_items(shown)),
        update_time=milliseconds(shown.as_of),
    )
    return success(data, shown.watched)


def _map_answer(grids: Sequence[HeatmapGrid], liquidated: PositionSide | None) -> Answer:
    shown = together([standing(grid, liquidated) for grid in grids])
    return success(MapData(_levels(shown)), shown.watched)


def _map_list_answer(grids: Sequence[HeatmapGrid], liquidated: PositionSide | None, last_price: float | None) -> Answer:
    parts = [standing(grid, liquidated) for grid in grids]
    maps = [
        InstrumentMap(InstrumentItem(exchange_name(grid.instrument.exchange), grid.instrument.symbol), _levels(part))
        for grid, part in zip(grids, parts, strict=True)
    ]
    return success(MapList(maps, last_price), min(part.watched for part in parts))


def _from_first_price(shown: Standing) -> Standing:
    """A column needs a candle: it begins with the first that has one, and is never made up."""
    first = next((column for column, candle in enumerate(shown.candles) if candle is not None), None)
    if first is None:
        raise ApiError(503, "No price of this range is known yet: see /api/v1/feeds.")
    return shown.since(first)


def _candle_items(shown: Standing) -> Iterator[CandleItem]:
    """Where none is known, the price stays where it was: clients look prices up by column and know no holes."""
    close = ""
    for column, candle in enumerate(shown.candles):
        opened = round(shown.start + column * shown.column_s)
        prices = (close,) * 4 if candle is None else _texts(candle)
        close = prices[3]
        yield (opened, prices[0], prices[1], prices[2], close, NO_VOLUME)


def _texts(candle: Candle) -> tuple[str, str, str, str]:
    return text(candle.open), text(candle.high), text(candle.low), text(candle.close)


def _prices(shown: Standing) -> list[float]:
    return [price(middle) for middle in shown.prices()]


def _levels(shown: Standing) -> Levels:
    """What stands now, by price; rows that round to nothing are left out."""
    now = np.rint(shown.usd[-1]).astype(np.int64) if len(shown.usd) else np.zeros(0, dtype=np.int64)
    return {
        text(level): ((level, usd, None, None),)
        for level, usd in zip(_prices(shown), now.tolist(), strict=False)
        if usd
    }
