"""Where liquidations stand, over time and price: columns of time by rows of log price. Pure.

A cell is what stands at its column's close: the sum of notional_usd * exp(-age / decay) over the liquidations of that
row and position side that had been received by then and are at most 12 decay constants old, as in the engine. Because
a liquidation counts from when it was received, a column that has closed never changes, and a moment in the past can be
asked for as it was shown then. Columns and rows lie on grids of their own, so nothing shifts as time goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqalert.core.candles import Candle
from liqalert.core.heatmap_cells import ROW_LOG, Cells, Range, Reports, closes, row_of, saturated_in, stand
from liqalert.core.market import Gap, Instrument, Liquidation, UnixTime

MOST_ROWS = 600
AROUND = 1.05
"""The rows shown reach so far beyond the lowest and the highest price."""


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
    return build_from(
        Reports.of([each for each in liquidations if each.received_time <= as_of]),
        shown,
        surroundings,
        instrument=instrument,
        as_of=as_of,
        decay_s=decay_s,
    )


def build_from(
    known: Reports, shown: Range, surroundings: Surroundings, *, instrument: Instrument, as_of: UnixTime, decay_s: float
) -> HeatmapGrid:
    """As `build`, from columns of numbers; none received after `as_of`."""
    return grid_of(
        stand(known, shown, as_of=as_of, decay_s=decay_s),
        shown,
        surroundings,
        instrument=instrument,
        as_of=as_of,
        decay_s=decay_s,
        saturated_s=saturated_in(known, shown, as_of),
    )


def grid_of(
    cells: Cells,
    shown: Range,
    surroundings: Surroundings,
    *,
    instrument: Instrument,
    as_of: UnixTime,
    decay_s: float,
    saturated_s: NDArray[np.int32],
) -> HeatmapGrid:
    """`cells` on the rows that are shown, with what surrounds them."""
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
        saturated_s=saturated_s,
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
