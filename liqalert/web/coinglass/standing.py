"""What stands, of one instrument or of all on one coin: both position sides together, as Coinglass has them, or one.

Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from liqalert.core.candles import Candle
from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import PositionSide, UnixTime

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """US dollars standing at each column's close, and at the last column's as of now."""

    as_of: UnixTime
    start: UnixTime
    """When column 0 opens."""
    column_s: float
    row_log: float
    first_row: int
    """Row r covers prices exp((first_row + r) * row_log) up to exp((first_row + r + 1) * row_log)."""
    usd: Floats
    """(columns, rows)"""
    candles: tuple[Candle | None, ...]
    """One a column; None where no price is known."""
    watched: float
    """The share of the time shown that was watched."""

    def prices(self) -> Floats:
        """The middle of each row, ascending."""
        rows = self.first_row + np.arange(self.usd.shape[1])
        return np.asarray(np.exp((rows + 0.5) * self.row_log), dtype=np.float64)

    def since(self, column: int) -> Standing:
        """Without what comes before `column`."""
        start = self.start + column * self.column_s
        return replace(self, start=start, usd=self.usd[column:], candles=self.candles[column:])


def standing(grid: HeatmapGrid, liquidated: PositionSide | None) -> Standing:
    """Of the positions that are asked for; None: of all."""
    usd = {None: grid.long_usd + grid.short_usd, PositionSide.LONG: grid.long_usd, PositionSide.SHORT: grid.short_usd}
    return Standing(
        as_of=grid.as_of,
        start=grid.start,
        column_s=grid.column_s,
        row_log=grid.row_log,
        first_row=grid.first_row,
        usd=usd[liquidated],
        candles=grid.candles,
        watched=float(grid.watched.mean()) if grid.columns else 0.0,
    )


def together(parts: Sequence[Standing]) -> Standing:
    """The sum of `parts`, of one range, over the rows and with the candles of the first.

    Rows lie on one absolute grid whose steps are doubled for a wide range, so rows of the widest step hold whole rows
    of every other. What lies outside the rows of the first is left out.
    """
    row_log = max(part.row_log for part in parts)
    first = _coarsened(parts[0], row_log)
    usd = first.usd.copy()
    for part in parts[1:]:
        usd += _aligned(_coarsened(part, row_log), first)
    return replace(first, usd=usd, watched=min(part.watched for part in parts))


def _coarsened(part: Standing, row_log: float) -> Standing:
    """With rows of `row_log`, a multiple of its own."""
    factor = round(row_log / part.row_log)
    rows = (part.first_row + np.arange(part.usd.shape[1])) // factor
    if factor == 1 or not len(rows):
        return replace(part, row_log=row_log)
    # Rows of one wide row stand side by side, and none is missing between the first and the last.
    firsts = np.flatnonzero(np.diff(rows, prepend=rows[0] - 1))
    usd = np.add.reduceat(part.usd, firsts, axis=1)
    return replace(part, row_log=row_log, first_row=int(rows[0]), usd=usd)


def _aligned(part: Standing, frame: Standing) -> Floats:
    """Its values at the columns and rows of `frame`.

    Where a column has opened between two grids, the nearest stands in for it: they are seconds apart.
    """
    columns, rows = frame.usd.shape
    offset = round((frame.start - part.start) / frame.column_s)
    seen = part.usd[np.clip(np.arange(columns) + offset, 0, part.usd.shape[0] - 1)]
    usd = np.zeros((columns, rows))
    shift = part.first_row - frame.first_row
    low, high = max(0, shift), min(rows, shift + part.usd.shape[1])
    if low < high:
        usd[:, low:high] = seen[:, low - shift : high - shift]
    return usd
