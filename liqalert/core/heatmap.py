"""Where liquidations stand, over time and price: columns of time by rows of log price. Pure.

A cell is what stands at its column's close: the sum of notional_usd * exp(-age / decay) over the liquidations of that
row and position side that had been received by then and are at most 12 decay constants old, as in the engine. Because
a liquidation counts from when it was received, a column that has closed never changes, and a moment in the past can be
asked for as it was shown then. Columns and rows lie on grids of their own, so nothing shifts as time goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqalert.core.candles import Candle
from liqalert.core.flow import saturated
from liqalert.core.market import Gap, Instrument, Liquidation, PositionSide, UnixTime

ROW_LOG = math.log1p(0.00075)
MOST_ROWS = 600
KEPT_DECAYS = 12.0
AROUND = 1.05
"""The rows shown reach so far beyond the lowest and the highest price."""


@dataclass(frozen=True, slots=True)
class Range:
    """How much time is shown, in how many columns."""

    name: str
    column_s: float
    columns: int

    def start(self, as_of: UnixTime) -> UnixTime:
        """When the first column opens; the last one holds `as_of`."""
        return (math.ceil(as_of / self.column_s) - self.columns) * self.column_s


RANGES = {
    each.name: each
    for each in (
        Range("1h", 60.0, 60),
        Range("4h", 60.0, 240),
        Range("12h", 300.0, 144),
        Range("24h", 300.0, 288),
        Range("3d", 900.0, 288),
        Range("7d", 1800.0, 336),
    )
}


@dataclass(frozen=True, slots=True, eq=False)
class HeatmapGrid:
    """Row r holds prices from exp((first_row + r) * row_log) up to exp((first_row + r + 1) * row_log)."""

    instrument: Instrument
    range_name: str
    as_of: UnixTime
    decay_s: float
    column_s: float
    start: UnixTime
    columns: int
    row_log: float
    first_row: int
    rows: int
    long_usd: NDArray[np.float64]
    """(columns, rows)"""
    short_usd: NDArray[np.float64]
    count: NDArray[np.int32]
    """The plain number of liquidations that stand in a cell, both position sides."""
    watched: NDArray[np.float64]
    """The share of each column's time that was watched, 0 to 1: where it was not, nothing is known."""
    saturated_s: NDArray[np.int32]
    """Seconds of each column in runs of at least five that each had a report: the feed shows at most one a second."""
    candles: tuple[Candle | None, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a grid shows besides liquidations. `unwatched` are stretches (from, to) of which nothing is known."""

    candles: tuple[Candle | None, ...]
    gaps: tuple[Gap, ...] = ()
    unwatched: tuple[tuple[UnixTime, UnixTime], ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a grid: `coarse` halvings of the finest ones."""

    first: int
    count: int
    coarse: int

    @property
    def row_log(self) -> float:
        return ROW_LOG * float(1 << self.coarse)


@dataclass(frozen=True, slots=True)
class Cells:
    """What stands in the columns of a range, by finest row."""

    rows: NDArray[np.int64]
    """Of every column that `long_usd`, `short_usd` and `count` have, its finest row, ascending."""
    long_usd: NDArray[np.float64]
    """(columns of time, rows)"""
    short_usd: NDArray[np.float64]
    count: NDArray[np.int32]


def build(
    liquidations: Sequence[Liquidation],
    shown: Range,
    surroundings: Surroundings,
    *,
    instrument: Instrument,
    as_of: UnixTime,
    decay_s: float,
) -> HeatmapGrid:
    """The grid as it was at `as_of`, from the instrument's `liquidations` since 12 decay constants before it begins."""
    known = [each for each in liquidations if each.received_time <= as_of]
    return grid_of(
        stand(known, shown, as_of=as_of, decay_s=decay_s),
        shown,
        surroundings,
        instrument=instrument,
        as_of=as_of,
        decay_s=decay_s,
        seconds=[each.event_time for each in known],
    )


def row_of(price: float) -> int:
    """The finest row that holds `price`."""
    return math.floor(math.log(price) / ROW_LOG)


def closes(shown: Range, as_of: UnixTime) -> NDArray[np.float64]:
    """When each column closes; the last one, which is open, at `as_of`."""
    ends = shown.start(as_of) + shown.column_s * np.arange(1, shown.columns + 1)
    closed: NDArray[np.float64] = np.minimum(ends, as_of)
    return closed


def stand(liquidations: Sequence[Liquidation], shown: Range, *, as_of: UnixTime, decay_s: float) -> Cells:
    """What stands in each column. `liquidations` in any order, none received after `as_of`."""
    happened = np.array([min(each.event_time, each.received_time) for each in liquidations])
    received = np.array([each.received_time for each in liquidations])
    notional = np.array([each.notional_usd for each in liquidations])
    long = np.array([each.liquidated is PositionSide.LONG for each in liquidations], dtype=bool)
    finest = np.floor(np.log(np.array([each.price for each in liquidations])) / ROW_LOG).astype(np.int64)
    ends = closes(shown, as_of)
    came = np.maximum(np.ceil((received - shown.start(as_of)) / shown.column_s).astype(np.int64) - 1, 0)
    # The first column at whose close it is too old; a liquidation that was too old from the start never stands.
    gone = np.searchsorted(ends, happened + KEPT_DECAYS * decay_s, side="right")
    stands = gone > came
    rows, place = np.unique(finest, return_inverse=True)
    shape = (shown.columns, len(rows))

    def scanned(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        new = _spread(
            came[mask], place[mask], notional[mask] * np.exp((happened[mask] - ends[came[mask]]) / decay_s), shape
        )
        leaving = mask & (gone < shown.columns)
        at = gone[leaving]
        lost = notional[leaving] * np.exp((happened[leaving] - ends[at]) / decay_s)
        return _decayed(new - _spread(at, place[leaving], lost, shape), ends, decay_s)

    standing = stands & (gone < shown.columns)
    count = np.cumsum(
        _spread(came[stands], place[stands], 1.0, shape) - _spread(gone[standing], place[standing], 1.0, shape), axis=0
    )
    whole = np.rint(count).astype(np.int32)
    here = whole > 0
    return Cells(rows, scanned(stands & long) * here, scanned(stands & ~long) * here, whole)


def grid_of(
    cells: Cells,
    shown: Range,
    surroundings: Surroundings,
    *,
    instrument: Instrument,
    as_of: UnixTime,
    decay_s: float,
    seconds: Iterable[UnixTime],
) -> HeatmapGrid:
    """`cells` on the rows that are shown, with what surrounds them; `seconds` are event times for saturation."""
    start = shown.start(as_of)
    rows = rows_shown(surroundings.candles, cells.rows)
    long, short, count = (_coarse(each, cells.rows, rows) for each in (cells.long_usd, cells.short_usd, cells.count))
    return HeatmapGrid(
        instrument=instrument,
        range_name=shown.name,
        as_of=as_of,
        decay_s=decay_s,
        column_s=shown.column_s,
        start=start,
        columns=shown.columns,
        row_log=rows.row_log,
        first_row=rows.first,
        rows=rows.count,
        long_usd=np.maximum(long, 0.0),
        short_usd=np.maximum(short, 0.0),
        count=count.astype(np.int32),
        watched=_watched(surroundings.unwatched, shown, as_of),
        saturated_s=_saturated(seconds, shown, start),
        candles=surroundings.candles,
        gaps=surroundings.gaps,
    )


def rows_shown(candles: Iterable[Candle | None], finest: NDArray[np.int64]) -> Rows:
    """From 5 % below the lowest price to 5 % above the highest; where no price is known, those of the liquidations."""
    known = [candle for candle in candles if candle is not None]
    if known:
        low = row_of(min(candle.low for candle in known) / AROUND)
        high = row_of(max(candle.high for candle in known) * AROUND)
    elif len(finest):
        low, high = int(finest[0]), int(finest[-1])
    else:
        return Rows(0, 0, 0)
    coarse = 0
    while (high >> coarse) - (low >> coarse) + 1 > MOST_ROWS:
        coarse += 1
    return Rows(low >> coarse, (high >> coarse) - (low >> coarse) + 1, coarse)


def _spread(
    columns: NDArray[np.int64], places: NDArray[np.int64], weights: NDArray[np.float64] | float, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """The sums of `weights` by column and row."""
    weighed = np.broadcast_to(np.asarray(weights, dtype=np.float64), columns.shape)
    sums = np.bincount(columns * shape[1] + places, weights=weighed, minlength=shape[0] * shape[1])
    return sums.reshape(shape).astype(np.float64, copy=False)


def _decayed(new: NDArray[np.float64], ends: NDArray[np.float64], decay_s: float) -> NDArray[np.float64]:
    """Each column: what is new in it, and what is left of the column before."""
    kept = np.exp(-np.diff(ends) / decay_s)
    for column, share in enumerate(kept, start=1):
        new[column] += new[column - 1] * share
    return new


def _coarse(cells: NDArray[np.generic], finest: NDArray[np.int64], rows: Rows) -> NDArray[np.float64]:
    """(columns, finest rows) summed on the rows that are shown; what lies outside of them is left out."""
    place = (finest >> rows.coarse) - rows.first
    inside = (place >= 0) & (place < rows.count)
    dense = np.zeros((cells.shape[0], rows.count))
    if inside.any():
        # Finest rows are ascending, so those of one shown row stand together.
        firsts = np.flatnonzero(np.diff(place[inside], prepend=-1))
        dense[:, place[inside][firsts]] = np.add.reduceat(cells[:, inside].astype(np.float64), firsts, axis=1)
    return dense


def _watched(unwatched: Iterable[tuple[UnixTime, UnixTime]], shown: Range, as_of: UnixTime) -> NDArray[np.float64]:
    opens = shown.start(as_of) + shown.column_s * np.arange(shown.columns)
    ends = np.maximum(closes(shown, as_of), opens)
    blind = np.zeros(shown.columns)
    for since, until in unwatched:
        blind += np.clip(np.minimum(ends, until) - np.maximum(opens, since), 0.0, None)
    length = ends - opens
    share = 1.0 - np.divide(blind, length, out=np.zeros_like(blind), where=length > 0.0)
    watched: NDArray[np.float64] = np.clip(share, 0.0, 1.0)
    return watched


def _saturated(seconds: Iterable[UnixTime], shown: Range, start: UnixTime) -> NDArray[np.int32]:
    by_column: dict[int, list[UnixTime]] = {}
    for at in seconds:
        column = math.floor((at - start) / shown.column_s)
        if 0 <= column < shown.columns:
            by_column.setdefault(column, []).append(at)
    found = np.zeros(shown.columns, dtype=np.int32)
    for column, times in by_column.items():
        found[column] = saturated(times)
    return found
