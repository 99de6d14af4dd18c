"""Liquidations as a table: a column each, a row a field."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]

PRICE, TIME, QUANTITY, NOTIONAL, MASS, OWNER, SPAN = range(7)
NO_OWNER = -1
"""Owner of a liquidation that came after the last rebuild."""


class Columns(Struct, frozen=True, gc=False, eq=False):
    """Liquidations by ascending (price, event time, quantity), one row of `table` a field."""

    table: Floats
    width: float | None = None
    """In log price: for which windows the spans hold. None if they are not known."""

    @classmethod
    def of(
        cls, prices: Floats, times: Floats, quantities: Floats, notionals: Floats, masses: Floats, owners: Indices
    ) -> Columns:
        return cls(np.stack((prices, times, quantities, notionals, masses, owners, np.zeros(len(prices)))))

    @property
    def prices(self) -> Floats:
        return row(self.table, PRICE)

    @property
    def times(self) -> Floats:
        return row(self.table, TIME)

    @property
    def quantities(self) -> Floats:
        return row(self.table, QUANTITY)

    @property
    def notionals(self) -> Floats:
        return row(self.table, NOTIONAL)

    @property
    def masses(self) -> Floats:
        return row(self.table, MASS)

    @property
    def owners(self) -> Floats:
        """Position of the cluster each liquidation was in after the last rebuild; NO_OWNER for newer ones."""
        return row(self.table, OWNER)

    @property
    def spans(self) -> Floats:
        """How many liquidations a window holds that begins with this one, itself included."""
        return row(self.table, SPAN)

    def __len__(self) -> int:
        return length(self.table)


def row(table: Floats, number: int) -> Floats:
    found: Floats = table[number]
    return found


def length(table: Floats) -> int:
    """How many liquidations are in it."""
    found: int = table.shape[1]
    return found


def stretches(firsts: Indices, lengths: Indices) -> Indices:
    """The positions of several stretches, one after the other."""
    offsets = lengths.cumsum() - lengths
    positions: Indices = np.arange(lengths.sum()) + (firsts - offsets).repeat(lengths)
    return positions


def inserted(table: Floats, at: Indices, columns: Floats) -> Floats:
    """`table` with `columns` among its own, at the ascending positions `at` of the whole. They may have the first rows
    alone."""
    sources = np.ones(length(table) + len(at), np.intp)
    sources[at] = 0
    whole: Floats = table.take(sources.cumsum() - 1, axis=1, mode="clip")
    whole[: len(columns), at] = columns
    return whole
