"""Live liquidations of one instrument and position side, sorted by price, with forward decay.

Forward decay (Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009): a liquidation's mass is fixed once, relative to a
landmark, as notional x exp((event time - landmark) / decay). Its weight at any time is mass x exp((landmark - now) /
decay), so ageing multiplies every weight by one factor and touches no event.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
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


@dataclass(frozen=True, slots=True)
class Columns:
    """A copy of the window, one array a field, by ascending (price, event time, quantity)."""

    prices: Floats
    times: Floats
    quantities: Floats
    notionals: Floats
    masses: Floats
    owners: Indices
    """Position of the cluster each liquidation was in after the last rebuild; NO_OWNER for newer ones."""


class Window:
    """Liquidations by ascending (price, event time, quantity). 44 bytes each; insertion is a search and a memmove."""

    __slots__ = ("_masses", "_notionals", "_owners", "_prices", "_quantities", "_times", "changed", "oldest")

    def __init__(self) -> None:
        self._prices = array("d")
        self._times = array("d")
        self._quantities = array("d")
        self._notionals = array("d")
        self._masses = array("d")
        self._owners = array("i")
        self.oldest: UnixTime = float("inf")
        """A lower bound of the event times held."""
        self.changed = False
        """Whether anything came or went since the last rebuild."""

    def __len__(self) -> int:
        return len(self._prices)

    def add(self, liquidation: Liquidation, mass: float) -> bool:
        """Keeps `liquidation`; False, and no change, for one with the same time, price and quantity."""
        place = self._place(liquidation)
        if place is None:
            return False
        self._prices.insert(place, liquidation.price)
        self._times.insert(place, liquidation.event_time)
        self._quantities.insert(place, liquidation.quantity)
        self._notionals.insert(place, liquidation.notional_usd)
        self._masses.insert(place, mass)
        self._owners.insert(place, NO_OWNER)
        self.oldest = min(self.oldest, liquidation.event_time)
        self.changed = True
        return True

    def _place(self, liquidation: Liquidation) -> int | None:
        """Where it belongs, None if it is there already."""
        first = bisect_left(self._prices, liquidation.price)
        last = bisect_right(self._prices, liquidation.price, lo=first)
        key = (liquidation.event_time, liquidation.quantity)
        for place in range(first, last):
            present = (self._times[place], self._quantities[place])
            if present == key:
                return None
            if present > key:
                return place
        return last

    def prune(self, before: UnixTime) -> None:
        """Drops liquidations with an event time before `before`."""
        if self.oldest >= before:
            return
        kept = np.asarray(self._times) >= before
        if not kept.all():
            for name in ("_prices", "_times", "_quantities", "_notionals", "_masses", "_owners"):
                column: array[float] = getattr(self, name)
                setattr(self, name, array(column.typecode, np.asarray(column)[kept].tobytes()))
            self.changed = True
        self.oldest = min(self._times, default=float("inf"))

    def rescale(self, factor: float) -> None:
        """Multiplies every mass: the landmark has moved."""
        self._masses = array("d", (np.asarray(self._masses) * factor).tobytes())

    def reweigh(self, landmark: UnixTime, decay_s: float) -> None:
        """Computes every mass anew for a landmark that has moved back."""
        exponents = np.minimum((np.asarray(self._times) - landmark) / decay_s, LARGEST_EXPONENT)
        self._masses = array("d", (np.asarray(self._notionals) * np.exp(exponents)).tobytes())
        self.changed = True

    def own(self, owners: Indices) -> None:
        """Notes which cluster each liquidation is in, by position in the window, after a rebuild."""
        self._owners = array("i", owners.astype(np.int32).tobytes())
        self.changed = False

    def columns(self) -> Columns:
        """A copy: a view would forbid the next insertion for as long as it lives."""
        return Columns(
            prices=_copied(self._prices),
            times=_copied(self._times),
            quantities=_copied(self._quantities),
            notionals=_copied(self._notionals),
            masses=_copied(self._masses),
            owners=np.frombuffer(self._owners, np.int32).astype(np.int64) if self._owners else np.empty(0, np.int64),
        )


def _copied(column: array[float]) -> Floats:
    """By way of the buffer: `np.array` goes through the numbers one by one."""
    return np.frombuffer(column, np.float64).copy() if column else np.empty(0)
