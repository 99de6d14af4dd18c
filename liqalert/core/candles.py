"""Candles of one minute, made from marks."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct

from liqalert.core.frames import (
    ORDERS_KEPT,
    Column,
    MarkColumns,
    MarkFrame,
    Places,
    Rows,
    anywhere,
    assign,
    columns_of,
    picked,
    side_by_side,
)
from liqalert.core.lateness import comes_late
from liqalert.core.market import Gap, Instrument, Mark, UnixTime

MINUTE_S = 60.0
UNSEEN_S = 15.0
"""A minute with so long a stretch without a mark was not seen whole."""


class Candle(Struct, frozen=True, gc=False):
    """Prices of one stretch of time, quote per base. How long it is, its owner knows."""

    open_time: UnixTime
    open: float
    high: float
    low: float
    close: float


class Finished(Struct, frozen=True, gc=False):
    """A minute that has ended."""

    instrument: Instrument
    candle: Candle
    whole: bool
    """Whether marks came all through it: else its prices may have been elsewhere too."""


@dataclass(slots=True)
class _Running:
    """The minute that has not ended, but for its last price, which is the newest mark's."""

    open_time: UnixTime
    open: float
    high: float
    low: float
    whole: bool


@dataclass(slots=True)
class _Lineup:
    """Instruments whose marks came together in one frame and belong to one minute."""

    instruments: list[Instrument]
    of: Container[Instrument]
    """Those of them that candles are kept of; everything below is of these, in the order of the frame."""
    places: Places
    """Where they stand in the frame."""
    rows: Places
    newest: list[Mark]
    columns: MarkColumns
    """Of `newest`."""
    open_time: UnixTime

    def takes(self, frame: MarkFrame, of: Container[Instrument]) -> bool:
        return self.instruments == frame.columns.instruments and (self.of is of or self.of == of)


class CandleBook:
    """Every instrument's running minute, and those that are not written yet. Minutes of receive time.

    O(1) per mark. A frame like the one before is taken as a whole, and of its prices only the highest and lowest are
    kept, in columns: the high of a minute is the higher one of `_Running.high` and that in the column.
    """

    def __init__(self) -> None:
        self._rows = Rows()
        self._marks: list[Mark] = []
        """The newest, by row, as are the next three."""
        self._running: list[_Running | None] = []
        self._highs = Column()
        self._lows = Column()
        self._lineups: dict[Instrument, _Lineup] = {}
        """By the first of their instruments."""
        self._finished: list[Finished] = []

    def marks(self, marks: Sequence[Mark], of: Container[Instrument]) -> None:
        """Those of the instruments in `of`. One that is older than the last of its instrument and comes late is left
        out, as in the engine."""
        if not isinstance(marks, MarkFrame):
            self._take_each(marks, of)
        elif not self._take_together(marks, of):
            self._take_each(marks, of)
            self._line_up(marks, of)

    def unwritten(self, instrument: Instrument) -> tuple[Candle, ...]:
        """What is known of `instrument` and has not been written: in order of time, the running minute last."""
        finished = (each.candle for each in self._finished if each.instrument == instrument)
        row = self._rows.get(instrument)
        running = None if row is None else self._running[row]
        return (*finished, *(() if row is None or running is None else (self._candle(row, running),)))

    def finished(self, now: UnixTime) -> tuple[Finished, ...]:
        """The minutes that have ended and are not written, oldest first."""
        for row, running in enumerate(self._running):
            if running is not None and running.open_time + MINUTE_S <= now:
                self._end(row, running)
                self._lineups.clear()
        return tuple(self._finished)

    def written(self, count: int) -> None:
        """The oldest `count` of what `finished` gave need not be kept any more."""
        del self._finished[:count]

    # ------------------------------------------------------------ one by one

    def _take_each(self, marks: Iterable[Mark], of: Container[Instrument]) -> None:
        for mark in marks:
            if (instrument := mark.instrument) not in of:
                continue
            row = self._rows.get(instrument)
            if row is None:
                row = self._add(mark)
            running, last, price, now = self._running[row], self._marks[row], mark.price, mark.received_time
            if running is not None and mark.event_time < last.event_time and comes_late(mark, last):
                continue
            if running is None or not 0.0 <= now - running.open_time < MINUTE_S:
                self._begin(mark, row)
                continue
            if price > running.high:
                running.high = price
            elif price < running.low:
                running.low = price
            if now - last.received_time > UNSEEN_S:
                running.whole = False
            self._marks[row] = mark

    def _add(self, mark: Mark) -> int:
        self._marks.append(mark)
        self._running.append(None)
        self._highs.append(-math.inf)
        self._lows.append(math.inf)
        return self._rows.add(mark.instrument)

    def _begin(self, mark: Mark, row: int) -> None:
        before = self._running[row]
        if before is not None:
            self._end(row, before)
        now, price = mark.received_time, mark.price
        opened = math.floor(now / MINUTE_S) * MINUTE_S
        self._running[row] = _Running(opened, price, price, price, now - opened <= UNSEEN_S)
        self._marks[row] = mark

    def _end(self, row: int, running: _Running) -> None:
        last = self._marks[row]
        whole = running.whole and running.open_time + MINUTE_S - last.received_time <= UNSEEN_S
        self._finished.append(Finished(last.instrument, self._candle(row, running), whole))
        self._running[row] = None
        self._highs.cells[row], self._lows.cells[row] = -math.inf, math.inf

    def _candle(self, row: int, running: _Running) -> Candle:
        high, low = max(running.high, self._highs.cells[row]), min(running.low, self._lows.cells[row])
        return Candle(running.open_time, running.open, high, low, self._marks[row].price)

    # ------------------------------------------------------------ together

    def _take_together(self, frame: MarkFrame, of: Container[Instrument]) -> bool:
        """As `_take_each`, for a frame like the one before: what matters is then known of all of them at once.

        False, and nothing done, unless the newest marks are still those of that frame, none is older than its last,
        none was waited for too long, and all of them go on with the minute.
        """
        lineup = self._lineups.get(frame[0].instrument)
        if lineup is None or not lineup.takes(frame, of) or picked(self._marks, lineup.rows) != lineup.newest:
            return False
        kept = frame if len(lineup.newest) == len(frame) else frame.at(lineup.places)
        columns, before, rows = kept.columns, lineup.columns, lineup.rows
        late = columns.event_times < before.event_times
        waited = columns.received_times - before.received_times > UNSEEN_S
        since = columns.received_times - lineup.open_time
        if anywhere(late) or anywhere(waited) or anywhere(since < 0.0) or anywhere(since >= MINUTE_S):
            return False
        highs, lows = self._highs.values, self._lows.values
        highs[rows] = np.maximum(highs[rows], columns.prices)
        lows[rows] = np.minimum(lows[rows], columns.prices)
        lineup.newest, lineup.columns = list(kept), columns
        assign(self._marks, rows, kept)
        return True

    def _line_up(self, frame: MarkFrame, of: Container[Instrument]) -> None:
        """What the next frame is compared with, unless an instrument comes twice, or some are in another minute."""
        instruments = frame.columns.instruments
        places = [place for place, instrument in enumerate(instruments) if instrument in of]
        rows = [row for place in places if (row := self._rows.get(instruments[place])) is not None]
        minutes = {running.open_time for row in rows if (running := self._running[row]) is not None}
        self._lineups.pop(instruments[0], None)
        if len(set(rows)) < len(places) or len(minutes) > 1 or len(self._lineups) >= ORDERS_KEPT:
            return
        newest = [self._marks[row] for row in rows]
        self._lineups[instruments[0]] = _Lineup(
            instruments,
            of,
            side_by_side(places),
            side_by_side(rows),
            newest,
            columns_of(newest),
            open_time=min(minutes, default=0.0),
        )


def cut_by(gap: Gap) -> tuple[UnixTime, ...]:
    """When the minutes open that were not seen whole because `gap` begins or ends in them."""
    if gap.end is None:
        return ()
    first, last = (math.floor(at / MINUTE_S) * MINUTE_S for at in (gap.start, gap.end))
    unseen_s = {opened: min(gap.end, opened + MINUTE_S) - max(gap.start, opened) for opened in (first, last)}
    return tuple(opened for opened, lasted_s in unseen_s.items() if lasted_s > UNSEEN_S)


def by_column(candles: Iterable[Candle], start: UnixTime, column_s: float, columns: int) -> tuple[Candle | None, ...]:
    """One candle a column, from shorter ones in order of time; None where there is none."""
    found: list[Candle | None] = [None] * columns
    for candle in candles:
        column = math.floor((candle.open_time - start) / column_s)
        if 0 <= column < columns:
            before = found[column]
            opened = start + column * column_s
            found[column] = _joined(before, candle, opened)
    return tuple(found)


def _joined(before: Candle | None, after: Candle, opened: UnixTime) -> Candle:
    if before is None:
        return Candle(opened, after.open, after.high, after.low, after.close)
    return Candle(opened, before.open, max(before.high, after.high), min(before.low, after.low), after.close)
