"""/api/v1/heatmap: what stands where and when, as numbers and as a picture. Equal questions are answered once."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

import msgspec
import numpy as np
from aiohttp import web

from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.candles import Candle
from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import Instrument, UnixTime
from liqalert.web.answers import JSON, ApiError, iso, iso_or_none, shown
from liqalert.web.feeds import GapItem, gap_item
from liqalert.web.instruments import instrument_asked
from liqalert.web.queries import asked, choice_asked

DEFAULT_RANGE = "24h"
MOST_KEPT = 32
ZIPPED = 1
"""The level. 3 takes three times as long, for two per cent less."""
BASIS = "realised"

Cell: TypeAlias = tuple[int, int, int, int, int]
"""Column, row, US dollars of longs and of shorts, plain count."""
CandleItem: TypeAlias = tuple[float, float, float, float, float]
"""When it opens (seconds since 1970), open, high, low, close."""


class Grids(Protocol):
    async def grid(self, instrument: Instrument, range_name: str, at: UnixTime | None = None) -> HeatmapGrid:
        """As it stands, or as it was shown at `at`. Raises StorageError."""
        ...


Draw: TypeAlias = Callable[[Instrument, str, UnixTime | None], Awaitable[bytes]]
"""The picture of an instrument, a range and a moment, as PNG. Raises StorageError."""


class HeatmapAnswer(msgspec.Struct, frozen=True):
    exchange: str
    symbol: str
    range: str
    basis: str
    as_of: str
    decay_minutes: float
    column_s: float
    start: float
    """When column 0 opens, seconds since 1970."""
    columns: int
    row_pct: float
    """Each row is so much per cent above the one below."""
    price_low: float
    """The lower edge of row 0."""
    rows: int
    cells: tuple[Cell, ...]
    """Those that are not empty: what stands at the column's close; the last column's, as of now."""
    candles: tuple[CandleItem | None, ...]
    """One a column; null where no price is known."""
    watched: tuple[float, ...]
    """The share of each column's time that was watched: below 1, its cells are a lower bound."""
    saturated_s: tuple[int, ...]
    """Seconds of each column in which the exchange may have left liquidations out."""
    gaps: tuple[GapItem, ...]
    watching_since: str | None


@dataclass(frozen=True, slots=True)
class _Body:
    plain: bytes
    zipped: bytes
    etag: str


class HeatmapPages:
    def __init__(self, board: Board, clock: Clock, grids: Grids, draw: Draw) -> None:
        self._board = board
        self._clock = clock
        self._grids = grids
        self._draw = draw
        self._bodies: OrderedDict[tuple[Instrument, str], tuple[UnixTime, asyncio.Task[_Body]]] = OrderedDict()
        """By instrument and range, each with its time: the last one asked for, a megabyte or two."""

    async def numbers(self, request: web.Request) -> web.Response:
        instrument, range_name, at = self._asked(request, request.match_info["symbol"])
        grid = await self._grids.grid(instrument, range_name, at)
        return _answer(request, await self._body(grid))

    async def picture(self, request: web.Request) -> web.Response:
        instrument, range_name, at = self._asked(request, request.match_info["symbol"])
        png = await self._draw(instrument, range_name, at)
        return web.Response(body=png, content_type="image/png")

    def _asked(self, request: web.Request, symbol: str) -> tuple[Instrument, str, UnixTime | None]:
        query = asked(request, "range", "at")
        range_name = choice_asked("range", query.get("range"), allowed=tuple(RANGES)) or DEFAULT_RANGE
        instrument = instrument_asked(symbol, self._board)
        return instrument, range_name, _moment(query.get("at"), self._clock.now())

    async def _body(self, grid: HeatmapGrid) -> _Body:
        """Encoded in a thread, once for all who ask for the same grid."""
        key = (grid.instrument, grid.range_name)
        as_of, body = self._bodies.get(key, (None, None))
        if body is None or as_of != grid.as_of:
            since = self._board.snapshot.watching_since
            body = asyncio.create_task(asyncio.to_thread(_encoded, grid, since), name="encode heatmap")
            self._bodies[key] = (grid.as_of, body)
            while len(self._bodies) > MOST_KEPT:
                self._bodies.popitem(last=False)
        # Shielded: one asker who leaves must not take it from the others.
        return await asyncio.shield(body)


def heatmap_answer(grid: HeatmapGrid, watching_since: UnixTime | None) -> HeatmapAnswer:
    return HeatmapAnswer(
        exchange=grid.instrument.exchange,
        symbol=grid.instrument.symbol,
        range=grid.range_name,
        basis=BASIS,
        as_of=iso(grid.as_of),
        decay_minutes=grid.decay_s / 60.0,
        column_s=grid.column_s,
        start=grid.start,
        columns=grid.columns,
        row_pct=math.expm1(grid.row_log) * 100.0,
        price_low=math.exp(grid.first_row * grid.row_log),
        rows=grid.rows,
        cells=_cells(grid),
        candles=tuple(_candle(candle) for candle in grid.candles),
        watched=tuple(np.round(grid.watched, 4).tolist()),
        saturated_s=tuple(grid.saturated_s.tolist()),
        gaps=tuple(gap_item(gap) for gap in grid.gaps),
        watching_since=iso_or_none(watching_since),
    )


def _cells(grid: HeatmapGrid) -> tuple[Cell, ...]:
    columns, rows = np.nonzero(grid.count)
    long, short = (np.rint(usd[columns, rows]).astype(np.int64) for usd in (grid.long_usd, grid.short_usd))
    parts: list[list[int]] = [part.tolist() for part in (columns, rows, long, short, grid.count[columns, rows])]
    return tuple(zip(*parts, strict=True))


def _candle(candle: Candle | None) -> CandleItem | None:
    return None if candle is None else (candle.open_time, candle.open, candle.high, candle.low, candle.close)


def _encoded(grid: HeatmapGrid, watching_since: UnixTime | None) -> _Body:
    plain = msgspec.json.encode(heatmap_answer(grid, watching_since))
    return _Body(plain, gzip.compress(plain, ZIPPED, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:24]}"')


def _answer(request: web.Request, body: _Body) -> web.Response:
    headers = {"ETag": body.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    held = {each.value for each in request.if_none_match or ()}
    if body.etag.strip('"') in held:
        return web.Response(status=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=body.zipped, content_type=JSON, charset="utf-8", headers=headers)
    return web.Response(body=body.plain, content_type=JSON, charset="utf-8", headers=headers)


def _moment(text: str | None, now: UnixTime) -> UnixTime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, f"at is {shown(text)!r}: give a moment.", allowed=("2026-11-23T14:05:00Z",)) from None
    at = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    if not 0.0 < at <= now:
        raise ApiError(400, f"at is {shown(text)!r}, which is not in the past.", allowed=(f"up to {iso(now)}",))
    return at
