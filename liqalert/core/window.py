"""Live liquidations of one instrument and position side, sorted by price, with forward decay.

Forward decay (Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009): a liquidation's mass is fixed once, relative to a
landmark, as notional x exp((event time - landmark) / decay). Its weight at any time is mass x exp((landmark - now) /
decay), so ageing multiplies every weight by one factor and touches no event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from liqalert.core.market import Liquidation, UnixTime

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]

LARGEST_EXPONENT = 300.0
"""exp of it times any notional is a finite number; live liquidations stay below 20."""
NO_OWNER = -1
"""Owner of a liquidation that came after the last rebuild."""
FRESH = 32
"""So many new liquidations, or a sixteenth of those held, are kept apart at most."""
PRICE, TIME, QUANTITY, NOTIONAL, MASS, OWNER = range(6)

Key: TypeAlias = tuple[float, UnixTime, float]
"""Price, event time, quantity: what tells two liquidations of a side apart, and their order."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Liquidations by ascending (price, event time, quantity), one row of `table` a field."""

    table: Floats

    @classmethod
    def of(
        cls, prices: Floats, times: Floats, quantities: Floats, notionals: Floats, masses: Floats, owners: Indices
    ) -> Columns:
        return cls(np.stack((prices, times, quantities, notionals, masses, owners)))

    @property
    def prices(self) -> Floats:
        return _row(self.table, PRICE)

    @property
    def times(self) -> Floats:
        return _row(self.table, TIME)

    @property
    def quantities(self) -> Floats:
        return _row(self.table, QUANTITY)

    @property
    def notionals(self) -> Floats:
        return _row(self.table, NOTIONAL)

    @property
    def masses(self) -> Floats:
        return _row(self.table, MASS)

    @property
    def owners(self) -> Indices:
        """Position of the cluster each liquidation was in after the last rebuild; NO_OWNER for newer ones."""
        return _row(self.table, OWNER).astype(np.int64)

    def __len__(self) -> int:
        return _length(self.table)


class Window:
    """Liquidations by ascending (price, event time, quantity), 48 bytes each.

    New ones are kept apart, each with its place among the others, until the table is asked for: to make room for all
    of them costs as much as for one.
    """

    __slots__ = ("_fresh", "_table", "changed", "oldest")

    def __init__(self) -> None:
        self._table: Floats = np.empty((6, 0))
        self._fresh: dict[Key, tuple[int, float, float]] = {}
        """Place in the table, notional and mass of what is not in it yet."""
        self.oldest: UnixTime = float("inf")
        """A lower bound of the event times held."""
        self.changed = False
        """Whether anything came or went since the last rebuild."""

    def __len__(self) -> int:
        return _length(self._table) + len(self._fresh)

    def add(self, liquidation: Liquidation, mass: float) -> bool:
        """Keeps `liquidation`; False, and no change, for one with the same time, price and quantity."""
        key = (liquidation.price, liquidation.event_time, liquidation.quantity)
        place = None if key in self._fresh else self._place(key)
        if place is None:
            return False
        self._fresh[key] = (place, liquidation.notional_usd, mass)
        if len(self._fresh) > max(FRESH, _length(self._table) // 16):
            self._merge()
        self.oldest = min(self.oldest, liquidation.event_time)
        self.changed = True
        return True

    def _place(self, key: Key) -> int | None:
        """Where it belongs in the table, None if it is there already."""
        table, size = self._table, _length(self._table)
        place = int(table[PRICE].searchsorted(key[0]))
        # Nearly always nothing has the same price.
        while place < size and table[PRICE, place] == key[0]:
            present = (table[PRICE, place], table[TIME, place], table[QUANTITY, place])
            if present == key:
                return None
            if present > key:
                return place
            place += 1
        return place

    def _merge(self) -> None:
        """Puts what is kept apart into the table."""
        if not self._fresh:
            return
        new = sorted((*key, *rest) for key, rest in self._fresh.items())
        values = np.array([(price, time, quantity, usd, mass, NO_OWNER) for price, time, quantity, _, usd, mass in new])
        old, table = self._table, np.empty((6, len(self)))
        copied = 0
        for number, (_, _, _, place, _, _) in enumerate(new):
            if copied < place:
                table[:, copied + number : place + number] = old[:, copied:place]
                copied = place
            table[:, place + number] = values[number]
        table[:, copied + len(new) :] = old[:, copied:]
        self._table = table
        self._fresh = {}

    def prune(self, before: UnixTime) -> None:
        """Drops liquidations with an event time before `before`."""
        if self.oldest >= before:
            return
        self._merge()
        kept = self._table[TIME] >= before
        if not kept.all():
            self._table = self._table[:, kept]
            self.changed = True
        self.oldest = self._table[TIME].min(initial=float("inf"))

    def rescale(self, factor: float) -> None:
        """Multiplies every mass: the landmark has moved."""
        self._merge()
        self._table[MASS] *= factor

    def reweigh(self, landmark: UnixTime, decay_s: float) -> None:
        """Computes every mass anew for a landmark that has moved back."""
        self._merge()
        exponents = np.minimum((self._table[TIME] - landmark) / decay_s, LARGEST_EXPONENT)
        self._table[MASS] = self._table[NOTIONAL] * np.exp(exponents)
        self.changed = True

    def own(self, owners: Indices) -> None:
        """Notes which cluster each liquidation is in, by position in the window, after a rebuild."""
        self._table[OWNER] = owners
        self.changed = False

    def columns(self) -> Columns:
        """What is held, until the next change: not a copy."""
        self._merge()
        return Columns(self._table)


def _row(table: Floats, number: int) -> Floats:
    row: Floats = table[number]
    return row


def _length(table: Floats) -> int:
    length: int = table.shape[1]
    return length
