"""The newest mark of each instrument, and between which prices its next one changes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from liqalert.core.frames import Column, MarkFrame, Places, Rows, assign, row_at
from liqalert.core.market import Instrument, Liquidation, Mark
from liqalert.core.rules import Quiet

AWAKE = Quiet(math.inf, -math.inf, -math.inf)
"""Holds no mark: the next one is to be looked at."""


class MarkBook:
    """Sifts the marks that are to be looked at from the others, and keeps both. Part of the engine.

    Where someone waits to hear how far price moves, it also keeps between which prices the mark has been.
    """

    def __init__(self) -> None:
        self._rows = Rows()
        self._marks: list[Mark] = []
        """The newest, by row, as is everything below."""
        self._event_times = Column()
        """Of the newest marks."""
        self._quiets: list[Quiet] = []
        self._lows = Column()
        """These three are the quiet ranges once more."""
        self._highs = Column()
        self._untils = Column()
        self._awaited: list[bool] = []
        """Whether someone waits to hear of these two, which mean nothing otherwise."""
        self._lowest = Column()
        self._highest = Column()

    # ------------------------------------------------------------ marks

    def sift(self, marks: Sequence[Mark]) -> Iterable[Mark]:
        """Takes in the marks that change nothing and are no older than the last, and gives the others, in their order.

        What is given is to be looked at before the next is asked for. All at once where every instrument comes once:
        no mark means anything to another instrument.
        """
        if isinstance(marks, MarkFrame):
            rows = self._rows.together(marks.columns.instruments)
            if rows is not None:
                return self._all_at_once(marks, rows)
        return self._one_by_one(marks)

    def take(self, mark: Mark) -> bool:
        """Keeps a mark, whatever its time; True when it changes nothing."""
        row = self._rows.get(mark.instrument)
        if row is None:
            self._add(mark)
            return False
        self._marks[row] = mark
        self._event_times.cells[row] = mark.event_time
        if not self._quiets[row].holds(mark.price, mark.received_time):
            return False
        self._widen(row, mark.price)
        return True

    def get(self, instrument: Instrument) -> Mark | None:
        row = self._rows.get(instrument)
        return None if row is None else self._marks[row]

    def beside(self, liquidations: Iterable[Liquidation]) -> list[Mark | None]:
        """As `get`, of each one's instrument."""
        row_of, kept = self._rows.get, self._marks
        return [None if (row := row_of(each.instrument)) is None else kept[row] for each in liquidations]

    def all(self) -> dict[Instrument, Mark]:
        return dict(zip(self._rows, self._marks, strict=True))

    # ------------------------------------------------------------ ranges

    def rest(self, mark: Mark, quiet: Quiet | None, *, awaited: bool) -> None:
        """`mark`, which was taken, has been looked at: when the next ones change nothing (None: never), and whether
        someone waits to hear between which prices they will have been."""
        row = self._rows.get(mark.instrument)
        if row is not None:
            self._set(row, quiet or AWAKE)
            self._awaited[row] = awaited
            self._lowest.cells[row] = self._highest.cells[row] = mark.price

    def wake(self, instrument: Instrument) -> None:
        """The next mark of `instrument` is to be looked at."""
        row = self._rows.get(instrument)
        if row is not None and self._quiets[row] is not AWAKE:
            self._set(row, AWAKE)

    def wake_all(self) -> None:
        for row in range(len(self._rows)):
            self._set(row, AWAKE)

    def extremes(self, instrument: Instrument) -> tuple[float, float] | None:
        """Lowest and highest since the mark that was last looked at; None where nobody waits to hear of it."""
        row = self._rows.get(instrument)
        if row is None or not self._awaited[row]:
            return None
        return self._lowest.cells[row], self._highest.cells[row]

    # ------------------------------------------------------------ details

    def _one_by_one(self, marks: Sequence[Mark]) -> Iterator[Mark]:
        """No method is called for a mark that changes nothing."""
        row_of, kept, quiets, awaited = self._rows.get, self._marks, self._quiets, self._awaited
        for mark in marks:
            row, price = row_of(mark.instrument), mark.price
            if row is None:
                yield mark
                continue
            quiet = quiets[row]
            if (
                quiet.low < price < quiet.high
                and mark.received_time < quiet.until
                and (event_time := mark.event_time) >= kept[row].event_time
            ):
                kept[row] = mark
                self._event_times.cells[row] = event_time
                if awaited[row]:
                    self._widen(row, price)
            else:
                yield mark

    def _all_at_once(self, frame: MarkFrame, rows: Places) -> Iterable[Mark]:
        """As `_one_by_one`, for marks of instruments that all have a row and are all different."""
        columns = frame.columns
        prices, event_times = columns.prices, columns.event_times
        newest, lowest, highest = self._event_times.values, self._lowest.values, self._highest.values
        quiet = (self._lows.values[rows] < prices) & (prices < self._highs.values[rows])
        quiet &= (columns.received_times < self._untils.values[rows]) & (event_times >= newest[rows])
        awake = [] if quiet.all() else (~quiet).nonzero()[0].tolist()
        # These stay as they are: whoever looks wants to know what was before.
        before = [(row, self._marks[row], self._numbers(row)) for row in (row_at(rows, place) for place in awake)]
        assign(self._marks, rows, frame)
        newest[rows] = event_times
        lowest[rows] = np.minimum(lowest[rows], prices)
        highest[rows] = np.maximum(highest[rows], prices)
        for row, mark, numbers in before:
            self._marks[row] = mark
            self._event_times.cells[row], self._lowest.cells[row], self._highest.cells[row] = numbers
        return [frame[place] for place in awake]

    def _numbers(self, row: int) -> tuple[float, float, float]:
        """What `_all_at_once` changes beside the mark."""
        return self._event_times.cells[row], self._lowest.cells[row], self._highest.cells[row]

    def _widen(self, row: int, price: float) -> None:
        if price < self._lowest.cells[row]:
            self._lowest.cells[row] = price
        elif price > self._highest.cells[row]:
            self._highest.cells[row] = price

    def _set(self, row: int, quiet: Quiet) -> None:
        self._quiets[row] = quiet
        self._lows.cells[row], self._highs.cells[row], self._untils.cells[row] = quiet.low, quiet.high, quiet.until

    def _add(self, mark: Mark) -> None:
        """An instrument's first mark."""
        self._rows.add(mark.instrument)
        self._marks.append(mark)
        self._event_times.append(mark.event_time)
        self._quiets.append(AWAKE)
        self._awaited.append(False)
        for column, value in (
            (self._lows, AWAKE.low),
            (self._highs, AWAKE.high),
            (self._untils, AWAKE.until),
            (self._lowest, mark.price),
            (self._highest, mark.price),
        ):
            column.append(value)
