"""The marks of one frame, field by field, and tables with a row for each instrument that take them at once.

A frame has the marks of hundreds of instruments, second after second in the same order. One by one, what is done with
a mark costs more than to decode it; as a few arrays it costs next to nothing. So whoever keeps numbers of every
instrument keeps them in columns (`Column`), with a row for each (`Rows`), and has two ways to do the same: row by row
for a mark alone, and for a frame whose rows are known.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import TypeAlias, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from liqalert.core.columns import Floats, Indices
from liqalert.core.market import Instrument, Mark, UnixTime

_T = TypeVar("_T")

FEWEST = 16
"""Fewer marks are taken one by one, which is quicker then."""
ORDERS_KEPT = 16
"""Binance has two tables of marks, of the coins and of stocks and metals, on each of two connections."""

Field: TypeAlias = float | Floats
"""One number where it is the same for all marks of a frame."""
Places: TypeAlias = slice | Indices
"""A slice, whose arrays are views and not copies, where they stand side by side."""


class MarkColumns(Struct, frozen=True, gc=False):
    """What the marks of a frame hold, in their order."""

    instruments: list[Instrument]
    prices: Floats
    event_times: Field
    received_times: Field


class MarkFrame(tuple[Mark, ...]):
    """The marks of one frame, with their columns, for all who take them. Made by `framed` or `frame_of`."""

    columns: MarkColumns

    def at(self, places: Places) -> MarkFrame:
        """Those that stand there."""
        columns = self.columns
        part = MarkFrame(picked(self, places))
        part.columns = MarkColumns(
            picked(columns.instruments, places),
            columns.prices[places],
            _part(columns.event_times, places),
            _part(columns.received_times, places),
        )
        return part


def framed(marks: Sequence[Mark]) -> Sequence[Mark]:
    """`marks`, with their columns where they are so many that something is gained by it."""
    if len(marks) < FEWEST or isinstance(marks, MarkFrame):
        return marks
    frame = MarkFrame(marks)
    frame.columns = columns_of(marks)
    return frame


def frame_of(
    instruments: list[Instrument],
    prices: list[float],
    event_times: list[UnixTime] | UnixTime,
    received_time: UnixTime,
) -> MarkFrame:
    """Marks of one frame, out of their columns."""
    at = event_times if isinstance(event_times, list) else repeat(event_times)
    field = _field(event_times) if isinstance(event_times, list) else event_times
    frame = MarkFrame(map(Mark, instruments, prices, at, repeat(received_time)))
    frame.columns = MarkColumns(instruments, _numbers(prices), field, received_time)
    return frame


def columns_of(marks: Sequence[Mark]) -> MarkColumns:
    return MarkColumns(
        [mark.instrument for mark in marks],
        _numbers([mark.price for mark in marks]),
        _field([mark.event_time for mark in marks]),
        _field([mark.received_time for mark in marks]),
    )


class Rows:
    """A row for each instrument, from 0 on, in the order in which they came."""

    def __init__(self) -> None:
        self._rows: dict[Instrument, int] = {}
        self._together: dict[Instrument, tuple[list[Instrument], Places]] = {}
        """Instruments that came together, and their rows, by the first of them."""
        self.get = self._rows.get

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._rows)

    def add(self, instrument: Instrument) -> int:
        """A row for one that has none."""
        row = self._rows[instrument] = len(self._rows)
        return row

    def together(self, instruments: list[Instrument]) -> Places | None:
        """Their rows; None where one has no row or comes twice. Costs next to nothing in an order that came before."""
        if not instruments:
            return slice(0, 0)
        known = self._together.get(instruments[0])
        if known is not None and known[0] == instruments:
            return known[1]
        rows = [row for row in map(self.get, instruments) if row is not None]
        if len(set(rows)) < len(instruments):
            return None
        if len(self._together) >= ORDERS_KEPT:
            self._together.clear()
        found = side_by_side(rows)
        self._together[instruments[0]] = (instruments, found)
        return found


class Column:
    """A number for each row. `cells` and `values` are the same memory: one by one an array of Python's is quicker than
    one of NumPy's."""

    __slots__ = ("_rows", "cells", "values")

    def __init__(self) -> None:
        self.cells = array("d")
        self.values: Floats = np.empty(0)
        self._rows = 0

    def append(self, value: float) -> None:
        if self._rows == len(self.cells):
            # Not in place: memory that others see must not move.
            self.cells = self.cells + array("d", bytes(8 * max(FEWEST, self._rows)))
            self.values = np.frombuffer(self.cells)
        self.cells[self._rows] = value
        self._rows += 1


def side_by_side(numbers: list[int]) -> Places:
    """A slice where it gives the same."""
    first = numbers[0] if numbers else 0
    beside = range(first, first + len(numbers))
    return slice(beside.start, beside.stop) if numbers == list(beside) else np.array(numbers, np.int64)


def row_at(places: Places, number: int) -> int:
    """The one at this position among `places`."""
    return int(places.start) + number if isinstance(places, slice) else int(places[number])


def picked(values: Sequence[_T], places: Places) -> list[_T]:
    return [*values[places]] if isinstance(places, slice) else [values[place] for place in places.tolist()]


def anywhere(found: bool | NDArray[np.bool_]) -> bool:
    """Whether a comparison of fields holds for some mark."""
    return found if isinstance(found, bool) else bool(found.any())


def assign(values: list[_T], places: Places, new: Sequence[_T]) -> None:
    """`new` to these places."""
    if isinstance(places, slice):
        values[places] = new
    else:
        for place, value in zip(places.tolist(), new, strict=True):
            values[place] = value


def _part(field: Field, places: Places) -> Field:
    return field if isinstance(field, float) else field[places]


def _field(values: list[float]) -> Field:
    """Nearly always they are all the same."""
    return values[0] if values and values.count(values[0]) == len(values) else _numbers(values)


def _numbers(values: list[float]) -> Floats:
    """Quicker than `np.array`."""
    return np.fromiter(values, np.float64, len(values))
