"""Live liquidations of one instrument and position side, sorted by price, with forward decay.

Forward decay (Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009): a liquidation's mass is fixed once, relative to a
landmark, as notional x exp((event time - landmark) / decay). Its weight at any time is mass x exp((landmark - now) /
decay), so ageing multiplies every weight by one factor and touches no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from liqalert.core.market import Liquidation, UnixTime
from liqalert.core.spans import add_spans, kept_spans, spans

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]

LARGEST_EXPONENT = 300.0
"""exp of it times any notional is a finite number; live liquidations stay below 20."""
NO_OWNER = -1
"""Owner of a liquidation that came after the last rebuild."""
FRESH = 32
"""So many new liquidations, or a sixteenth of those held, are kept apart at most."""
ONE_BY_ONE = 8
"""Up to so many are put into a table one by one."""
SPARE = 64
"""One in so many places is left free for what comes."""
ROW_BY_ROW = 8192
"""From so many on, a table makes room row by row: numpy moves a whole one by way of a copy."""
FEW = 320
"""One new liquidation changes spans faster than they are found anew where at least so many are held."""
PRICE, TIME, QUANTITY, NOTIONAL, MASS, OWNER, SPAN = range(7)

Key: TypeAlias = tuple[float, UnixTime, float]
"""Price, event time, quantity: what tells two liquidations of a side apart, and their order."""


@dataclass(frozen=True, slots=True)
class Columns:
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
    def owners(self) -> Floats:
        """Position of the cluster each liquidation was in after the last rebuild; NO_OWNER for newer ones."""
        return _row(self.table, OWNER)

    @property
    def spans(self) -> Floats:
        """How many liquidations a window holds that begins with this one, itself included."""
        return _row(self.table, SPAN)

    def __len__(self) -> int:
        return _length(self.table)


class Window:
    """Liquidations by ascending (price, event time, quantity), 56 bytes each.

    New ones are kept apart until the table is asked for: to make room for all of them costs as much as for one. Whether
    one is in the table already is not looked up where it happened later than all that are. Spans are kept from one
    rebuild to the next, because to find them is to search for every price among all: a new liquidation adds one to the
    spans of those below it that reach up to it.
    """

    __slots__ = ("_fresh", "_most_fresh", "_newest", "_store", "_table", "_width", "arrived", "changed", "oldest")

    def __init__(self) -> None:
        self._store = self._table = np.empty((SPAN + 1, 0))
        """The table, and the array that it is the beginning of: there may be room behind it."""
        self._fresh: dict[Key, tuple[float, float]] = {}
        """Notional and mass of what is not in the table yet."""
        self._most_fresh = FRESH
        self._newest: UnixTime = -float("inf")
        """An upper bound of the event times in the table."""
        self._width: float | None = None
        """For which windows the spans in the table hold."""
        self.oldest: UnixTime = float("inf")
        """A lower bound of the event times held."""
        self.changed = False
        """Whether anything came or went since the last rebuild."""
        self.arrived: Sequence[int] | None = None
        """Where in the table that is which came since the last rebuild; None where it is much, or more has changed."""

    def __len__(self) -> int:
        return _length(self._table) + len(self._fresh)

    def add(self, liquidation: Liquidation, mass: float) -> bool:
        """Keeps `liquidation`; False, and no change, for one with the same time, price and quantity."""
        happened_at = liquidation.event_time
        key = (liquidation.price, happened_at, liquidation.quantity)
        if key in self._fresh or (happened_at <= self._newest and self._holds(key)):
            return False
        self._fresh[key] = (liquidation.notional_usd, mass)
        if len(self._fresh) > self._most_fresh:
            self._merge()
        if happened_at < self.oldest:
            self.oldest = happened_at
        self.changed = True
        return True

    def _holds(self, key: Key) -> bool:
        place = self._place(key, int(self._table[PRICE].searchsorted(key[0])))
        return place < _length(self._table) and self._key(place) == key

    def _place(self, key: Key, start: int) -> int:
        """Where it is in the table, or belongs: from `start`, the first place with its price, or a higher one."""
        place, size = start, _length(self._table)
        while place < size and self._table[PRICE, place] == key[0] and self._key(place) < key:
            place += 1
        return place

    def _key(self, place: int) -> Key:
        price, happened_at, quantity = self._table[: QUANTITY + 1, place].tolist()
        return price, happened_at, quantity

    def _merge(self) -> None:
        """Puts what is kept apart into the table."""
        if not self._fresh:
            return
        if len(self._fresh) == 1:
            places = [self._insert(*self._fresh.popitem())]
        else:
            values = self._fresh_columns()
            places = self._places(values)
            self._store = self._table = _inserted(self._table, places, values)
            self._newest = max(self._newest, values[TIME].max())
        table = self._table
        self._fresh = {}
        self._most_fresh = max(FRESH, _length(table) // 16)
        if len(places) * FEW > _length(table):
            self._width = None
        new = [place + number for number, place in enumerate(places)]
        self.arrived = new if self.arrived is not None and not self.arrived and len(new) <= ONE_BY_ONE else None
        if self._width is not None:
            add_spans(table[PRICE], table[SPAN], new, self._width)

    def _insert(self, key: Key, rest: tuple[float, float]) -> int:
        """Puts a single liquidation into the table, as between most rebuilds: several times faster than what many take
        together. Its place."""
        before, size = self._table, _length(self._table)
        place = self._place(key, int(before[PRICE].searchsorted(key[0])))
        if _length(self._store) == size:
            self._store = np.empty((SPAN + 1, size + 2 + size // SPARE))
            self._store[:, :place] = before[:, :place]
        self._table = self._store[:, : size + 1]
        if size < ROW_BY_ROW:
            self._table[:, place + 1 :] = before[:, place:]
        else:
            for moved, row in zip(self._table, before, strict=True):
                moved[place + 1 :] = row[place:]
        self._table[:, place] = (*key, *rest, NO_OWNER, 0.0)
        self._newest = max(self._newest, key[1])
        return place

    def _fresh_columns(self) -> Floats:
        """What is kept apart, in the order of the table."""
        fields = chain.from_iterable((*key, *rest) for key, rest in self._fresh.items())
        known = np.fromiter(fields, np.float64).reshape(-1, MASS + 1).T
        table = np.zeros((SPAN + 1, len(self._fresh)))
        table[: MASS + 1] = known[:, np.lexsort((known[QUANTITY], known[TIME], known[PRICE]))]
        table[OWNER] = NO_OWNER
        return table

    def _places(self, columns: Floats) -> list[int]:
        """Where each of `columns` belongs in the table."""
        prices = self._table[PRICE]
        starts = prices.searchsorted(columns[PRICE])
        places: list[int] = starts.tolist()
        # Nearly always nothing has the same price.
        equal = prices.take(starts, mode="clip") == columns[PRICE] if len(prices) else np.zeros(0)
        for number in np.flatnonzero(equal).tolist():
            price, happened_at, quantity = columns[: QUANTITY + 1, number].tolist()
            places[number] = self._place((price, happened_at, quantity), places[number])
        return places

    def prune(self, before: UnixTime) -> None:
        """Drops liquidations with an event time before `before`."""
        if self.oldest >= before:
            return
        self._merge()
        kept = self._table[TIME] >= before
        if not kept.all():
            if self._width is not None:
                self._table[SPAN] = kept_spans(self._table[SPAN], kept)
            self._store = self._table = self._table[:, kept]
            self.changed, self.arrived = True, None
        self.oldest = self._table[TIME].min(initial=float("inf"))

    def rescale(self, factor: float) -> None:
        """Multiplies every mass: the landmark has moved."""
        self._merge()
        self._table[MASS] *= factor
        self.arrived = None

    def reweigh(self, landmark: UnixTime, decay_s: float) -> None:
        """Computes every mass anew for a landmark that has moved back."""
        self._merge()
        exponents = np.minimum((self._table[TIME] - landmark) / decay_s, LARGEST_EXPONENT)
        self._table[MASS] = self._table[NOTIONAL] * np.exp(exponents)
        self.changed, self.arrived = True, None

    def own(self, owners: Floats, left: int = 0, more: int = 0) -> None:
        """Notes after a rebuild which cluster each liquidation from position `left` on is in. As far as `owners` do not
        go, what follows is in the cluster it was in, which has moved on by `more`."""
        right = left + len(owners)
        self._table[OWNER, left:right] = owners
        if more:
            self._table[OWNER, right:] += more
        self.changed, self.arrived = False, ()

    def adopt(self, owners: Floats) -> None:
        """As if an earlier rebuild had put each liquidation into the cluster that is given for it."""
        self.own(owners)
        self.changed, self.arrived = True, None

    def columns(self) -> Columns:
        """What is held, until the next change: not a copy."""
        self._merge()
        return Columns(self._table, self._width)

    def spanned(self, width: float) -> Columns:
        """Like `columns`, with the spans of windows of `width` in log price."""
        self._merge()
        if self._width != width:
            self._table[SPAN] = spans(self._table[PRICE], width)
            self._width = width
        return Columns(self._table, width)


def _inserted(table: Floats, places: Sequence[int], columns: Floats) -> Floats:
    """`table` with each of `columns` put before the column of it at the same position in `places`, which ascend."""
    count, size = len(places), _length(table) + len(places)
    if count > ONE_BY_ONE and _length(table):
        at = np.add(places, np.arange(count))
        sources = np.ones(size, dtype=np.intp)
        sources[at] = 0
        whole: Floats = table.take(sources.cumsum() - 1, axis=1, mode="clip")
        whole[:, at] = columns
        return whole
    # For a few this is the faster, as whole stretches are copied.
    whole = np.empty((len(table), size))
    copied = 0
    for number, place in enumerate(places):
        whole[:, copied + number : place + number] = table[:, copied:place]
        whole[:, place + number] = columns[:, number]
        copied = place
    whole[:, copied + count :] = table[:, copied:]
    return whole


def _row(table: Floats, number: int) -> Floats:
    row: Floats = table[number]
    return row


def _length(table: Floats) -> int:
    length: int = table.shape[1]
    return length
