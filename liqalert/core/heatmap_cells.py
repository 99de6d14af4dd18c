"""What stands in a heatmap's cells: columns of time by rows of log price, computed from liquidations. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqalert.core.flow import RUN_S
from liqalert.core.market import Liquidation, PositionSide, UnixTime

ROW_LOG = math.log1p(0.00075)
DENSE_ROWS = 1_000_000
KEPT_DECAYS = 12.0


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


@dataclass(frozen=True, slots=True)
class Cells:
    """What stands in the columns of a range, by finest row."""

    rows: NDArray[np.int64]
    """Of every column that `long_usd`, `short_usd` and `count` have, its finest row, ascending."""
    long_usd: NDArray[np.float64]
    """(columns of time, rows)"""
    short_usd: NDArray[np.float64]
    count: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Reports:
    """Liquidations of one instrument as columns of numbers, in any order."""

    event_time: NDArray[np.float64]
    received: NDArray[np.float64]
    notional_usd: NDArray[np.float64]
    long: NDArray[np.bool_]
    row: NDArray[np.int64]
    """The finest row that holds the price."""

    @staticmethod
    def of(liquidations: Sequence[Liquidation]) -> Reports:
        prices = np.array([each.price for each in liquidations])
        return Reports(
            event_time=np.array([each.event_time for each in liquidations]),
            received=np.array([each.received_time for each in liquidations]),
            notional_usd=np.array([each.notional_usd for each in liquidations]),
            long=np.array([each.liquidated is PositionSide.LONG for each in liquidations], dtype=bool),
            row=np.floor(np.log(prices) / ROW_LOG).astype(np.int64),
        )

    def column(self, shown: Range, as_of: UnixTime) -> NDArray[np.int64]:
        """In which column each was received; negative: before the first one."""
        return np.ceil((self.received - shown.start(as_of)) / shown.column_s).astype(np.int64) - 1


def row_of(price: float) -> int:
    """The finest row that holds `price`."""
    return math.floor(math.log(price) / ROW_LOG)


def closes(shown: Range, as_of: UnixTime) -> NDArray[np.float64]:
    """When each column closes; the last one, which is open, at `as_of`."""
    ends = shown.start(as_of) + shown.column_s * np.arange(1, shown.columns + 1)
    closed: NDArray[np.float64] = np.minimum(ends, as_of)
    return closed


def stand(known: Reports, shown: Range, *, as_of: UnixTime, decay_s: float) -> Cells:
    """What stands in each column. None of `known` was received after `as_of`."""
    happened = np.minimum(known.event_time, known.received)
    ends = closes(shown, as_of)
    came = np.maximum(known.column(shown, as_of), 0)
    # The first column at whose close it is too old; a liquidation that was too old from the start never stands.
    gone = np.searchsorted(ends, happened + KEPT_DECAYS * decay_s, side="right")
    stands = np.flatnonzero(gone > came)
    leaves = stands[gone[stands] < shown.columns]
    rows, place = _numbered(known.row)
    shape = (shown.columns, len(rows))

    def worth(which: NDArray[np.intp], at: NDArray[np.int64]) -> NDArray[np.float64]:
        """By column, position side and row: what those of `which` are worth at the close of the columns `at`."""
        weights = known.notional_usd[which] * np.exp((happened[which] - ends[at]) / decay_s)
        return _spread(at * 2 + ~known.long[which], place[which], weights, (shown.columns * 2, len(rows)))

    count = _spread(came[stands], place[stands], None, shape) - _spread(gone[leaves], place[leaves], None, shape)
    whole = np.cumsum(count, axis=0, dtype=np.int32)
    usd = worth(stands, came[stands]) - worth(leaves, gone[leaves])
    usd = _decayed(usd.reshape(shown.columns, 2, len(rows)), ends, decay_s) * (whole > 0)[:, None, :]
    return Cells(rows, usd[:, 0], usd[:, 1], whole)


def saturated_in(known: Reports, shown: Range, as_of: UnixTime) -> NDArray[np.int32]:
    """By column: seconds in runs of at least five in a row that each had a report, received in it."""
    column = known.column(shown, as_of)
    here = column >= 0
    second = np.floor(known.event_time[here]).astype(np.int64)
    if not len(second):
        return np.zeros(shown.columns, dtype=np.int32)
    first = int(second.min())
    # One number for column and second, in which the next second is the next number.
    stride = int(second.max()) - first + 2
    numbers = column[here] * stride + second - first
    if (np.diff(numbers) < 0).any():
        numbers = np.sort(numbers)
    # Mostly they are in order already, so this costs a tenth of numpy's unique.
    distinct = numbers[np.diff(numbers, prepend=numbers[0] - 1) != 0]
    starts = np.flatnonzero(np.diff(distinct, prepend=distinct[0] - 2) != 1)
    lengths = np.diff(starts, append=len(distinct))
    long = lengths >= RUN_S
    sums = np.bincount(distinct[starts[long]] // stride, weights=lengths[long], minlength=shown.columns)
    return sums.astype(np.int32)


def _numbered(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct ones, ascending, and the place of each among them. They lie close together: no sort is needed."""
    if not len(rows):
        return rows, rows
    first = int(rows.min())
    if int(rows.max()) - first > DENSE_ROWS:
        distinct, place = np.unique(rows, return_inverse=True)
        return distinct, place
    present = np.zeros(int(rows.max()) - first + 1, dtype=bool)
    present[rows - first] = True
    place = np.cumsum(present) - 1
    return np.flatnonzero(present) + first, place[rows - first]


def _spread(
    columns: NDArray[np.int64], places: NDArray[np.int64], weights: NDArray[np.float64] | None, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """The sums of `weights` by column and row; without them, how many there are."""
    sums = np.bincount(columns * shape[1] + places, weights=weights, minlength=shape[0] * shape[1])
    return sums.reshape(shape).astype(np.float64, copy=False)


def _decayed(new: NDArray[np.float64], ends: NDArray[np.float64], decay_s: float) -> NDArray[np.float64]:
    """Each column: what is new in it, and what is left of the column before."""
    kept = np.exp(-np.diff(ends) / decay_s)
    for column, share in enumerate(kept, start=1):
        new[column] += new[column - 1] * share
    return new
