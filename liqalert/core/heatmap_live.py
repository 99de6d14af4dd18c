"""The cells of a heatmap kept up to date while liquidations come in: each touches its own row, and nothing else.

Weights are those of a landmark, as in the engine: what stands decays by one factor for all, so a column that closes is
one multiplication. The result is that of `heatmap_cells.stand` over the same liquidations.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqalert.core.flow import saturated
from liqalert.core.heatmap_cells import KEPT_DECAYS, Cells, Range, Reports, row_of, saturated_in, stand
from liqalert.core.market import Liquidation, PositionSide, UnixTime

RESCALE_DECAYS = 50.0
"""Weights of a landmark so long ago are taken to a new one, long before they overflow."""


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """What stood when it closed, without empty rows."""

    rows: NDArray[np.int64]
    long_usd: NDArray[np.float64]
    short_usd: NDArray[np.float64]
    count: NDArray[np.int32]
    saturated_s: int


@dataclass(slots=True)
class _Row:
    """What stands in one finest row, weighed as of the landmark."""

    long: float = 0.0
    short: float = 0.0
    count: int = 0


class LiveCells:
    """One instrument and range. Times passed in never go back."""

    def __init__(self, liquidations: Sequence[Liquidation], shown: Range, *, as_of: UnixTime, decay_s: float) -> None:
        """`liquidations` as for `heatmap.build`: those known at `as_of`, since 12 decay constants before the range."""
        self._shown = shown
        self._decay_s = decay_s
        self.latest = as_of
        """The latest time passed in."""
        self._landmark = as_of
        self._closes_at = self._end_of(as_of)
        self._rows: dict[int, _Row] = {}
        self._leaving: list[tuple[UnixTime, int, int, PositionSide, float]] = []
        self._numbers = itertools.count()
        self._seconds: list[UnixTime] = []
        """Event times of what came in the open column."""
        self._closed = deque(_columns(liquidations, shown, as_of=as_of, decay_s=decay_s), maxlen=shown.columns - 1)
        for liquidation in liquidations:
            self._stand(liquidation, as_of)
            if liquidation.received_time > self._closes_at - shown.column_s:
                self._seconds.append(liquidation.event_time)

    def add(self, liquidation: Liquidation) -> None:
        """O(1), but for the columns that have closed since the last call."""
        self._advance(liquidation.received_time)
        self._stand(liquidation, liquidation.received_time)
        self._seconds.append(liquidation.event_time)

    def cells(self, as_of: UnixTime) -> Cells:
        """What stands in each column; the last one is open."""
        self._advance(as_of)
        columns = (*self._closed, self._column(as_of))
        first = self._shown.columns - len(columns)
        lengths = [len(column.rows) for column in columns]
        found = np.concatenate([column.rows for column in columns])
        rows, place = np.unique(found, return_inverse=True)
        where = (np.repeat(np.arange(first, self._shown.columns), lengths), place)
        shape = (self._shown.columns, len(rows))
        long, short, count = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int32)
        long[where] = np.concatenate([column.long_usd for column in columns])
        short[where] = np.concatenate([column.short_usd for column in columns])
        count[where] = np.concatenate([column.count for column in columns])
        return Cells(rows, long, short, count)

    def saturated_s(self) -> NDArray[np.int32]:
        """As of the last call of `cells`."""
        known = [*(column.saturated_s for column in self._closed), saturated(self._seconds)]
        return np.array([0] * (self._shown.columns - len(known)) + known, dtype=np.int32)

    # ------------------------------------------------------------ details

    def _end_of(self, at: UnixTime) -> UnixTime:
        """When the column that holds `at` closes: a moment on the border belongs to the column before."""
        return math.ceil(at / self._shown.column_s) * self._shown.column_s

    def _stand(self, liquidation: Liquidation, now: UnixTime) -> None:
        happened = min(liquidation.event_time, liquidation.received_time)
        gone_after = happened + KEPT_DECAYS * self._decay_s
        if gone_after < now:
            return
        number = row_of(liquidation.price)
        weight = liquidation.notional_usd * math.exp((happened - self._landmark) / self._decay_s)
        row = self._rows.setdefault(number, _Row())
        _put(row, liquidation.liquidated, weight, 1)
        leaves = (gone_after, next(self._numbers), number, liquidation.liquidated, weight)
        heapq.heappush(self._leaving, leaves)

    def _advance(self, now: UnixTime) -> None:
        self.latest = max(self.latest, now)
        while now > self._closes_at:
            if not self._rows and now - self._closes_at > self._shown.column_s * self._shown.columns:
                # Nothing stands, and all that is shown has passed.
                self._closed.clear()
                self._closes_at = self._end_of(now)
                self._seconds.clear()
                self._landmark = now
                return
            self._closed.append(self._column(self._closes_at))
            self._seconds.clear()
            self._closes_at += self._shown.column_s
        if now - self._landmark > RESCALE_DECAYS * self._decay_s:
            self._rescale(now)

    def _column(self, end: UnixTime) -> _Column:
        self._drop_until(end)
        scale = math.exp((self._landmark - end) / self._decay_s)
        rows = list(self._rows.values())
        return _Column(
            rows=np.fromiter(self._rows, dtype=np.int64, count=len(rows)),
            long_usd=np.maximum(np.array([row.long for row in rows]) * scale, 0.0),
            short_usd=np.maximum(np.array([row.short for row in rows]) * scale, 0.0),
            count=np.array([row.count for row in rows], dtype=np.int32),
            saturated_s=saturated(self._seconds),
        )

    def _drop_until(self, end: UnixTime) -> None:
        while self._leaving and self._leaving[0][0] < end:
            _, _, number, liquidated, weight = heapq.heappop(self._leaving)
            row = self._rows[number]
            _put(row, liquidated, -weight, -1)
            if not row.count:
                del self._rows[number]

    def _rescale(self, landmark: UnixTime) -> None:
        scale = math.exp((self._landmark - landmark) / self._decay_s)
        self._landmark = landmark
        for row in self._rows.values():
            row.long *= scale
            row.short *= scale
        self._leaving = [(*leaves[:4], leaves[4] * scale) for leaves in self._leaving]


def _put(row: _Row, liquidated: PositionSide, weight: float, count: int) -> None:
    row.count += count
    if liquidated is PositionSide.LONG:
        row.long += weight
    else:
        row.short += weight


def _columns(liquidations: Sequence[Liquidation], shown: Range, *, as_of: UnixTime, decay_s: float) -> list[_Column]:
    """All but the last one, which is open."""
    known = Reports.of(liquidations)
    cells = stand(known, shown, as_of=as_of, decay_s=decay_s)
    seconds = saturated_in(known, shown, as_of)
    columns = []
    for number in range(shown.columns - 1):
        here = np.flatnonzero(cells.count[number])
        columns.append(
            _Column(
                rows=cells.rows[here],
                long_usd=cells.long_usd[number, here],
                short_usd=cells.short_usd[number, here],
                count=cells.count[number, here],
                saturated_s=int(seconds[number]),
            )
        )
    return columns
