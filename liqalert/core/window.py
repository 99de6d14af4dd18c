"""Live liquidations of one instrument and position side, sorted by price, with forward decay.

Forward decay (Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009): a liquidation's mass is fixed once, relative to a
landmark, as notional x exp((event time - landmark) / decay). Its weight at any time is mass x exp((landmark - now) /
decay), so ageing multiplies every weight by one factor and touches no event.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from liqalert.core.columns import (
    MASS,
    NO_OWNER,
    NOTIONAL,
    OWNER,
    PRICE,
    QUANTITY,
    SPAN,
    TIME,
    Columns,
    Floats,
    inserted,
    length,
)
from liqalert.core.market import UnixTime
from liqalert.core.spans import add_spans, kept_spans, spans, take_spans

ONE_BY_ONE = 8
"""Up to so many are put into a table, or taken out of it, one by one."""
SPARE = 64
"""One in so many places is left free for what comes."""
WASTE = 8
"""A table is moved to a smaller place where it leaves more than one in so many free."""
ROW_BY_ROW = 8192
"""From so many on, a table makes room row by row: numpy moves a whole one by way of a copy."""
FEW = 320
"""One liquidation that comes or goes changes spans faster than they are found anew where at least so many are held."""

Key: TypeAlias = tuple[float, UnixTime, float]
"""Price, event time, quantity: what tells two liquidations of a side apart, and their order."""


class Gone(NamedTuple):
    """A liquidation that grew too old."""

    cluster: int
    """The one it was in after the last rebuild."""
    mass: float


class Window:
    """Liquidations by ascending (price, event time, quantity), 56 bytes each.

    Spans are kept from one rebuild to the next, because to find them is to search for every price among all: a new
    liquidation adds one to the spans of those below it that reach up to it.
    """

    __slots__ = ("_store", "_table", "_width", "arrived", "changed", "gone", "oldest")

    def __init__(self) -> None:
        self._store = self._table = np.empty((SPAN + 1, 0))
        """The table, and the array that it is the beginning of: there may be room behind it."""
        self._width: float | None = None
        """For which windows the spans in the table hold."""
        self.oldest: UnixTime = float("inf")
        """A lower bound of the event times held."""
        self.changed = False
        """Whether anything came or went since the last rebuild."""
        self.arrived: Sequence[int] | None = None
        """Where in the table that is which came since the last rebuild; None where it is much, or more has changed than
        this and what is gone."""
        self.gone: Sequence[Gone] = ()
        """What went since the last rebuild, as long as it is known what came."""

    def __len__(self) -> int:
        held: int = self._table.shape[1]
        return held

    def holds(self, key: Key) -> bool:
        place = self.place(key, int(self._table[PRICE].searchsorted(key[0])))
        return place < length(self._table) and self._key(place) == key

    def put(self, columns: Floats) -> None:
        """Keeps liquidations that it does not hold, at least one, in order: price, event time, quantity, notional and
        mass of each."""
        if length(columns) == 1:
            values = columns[:, 0].tolist()
            places, oldest = [self._insert(values)], values[TIME]
        else:
            new = np.zeros((SPAN + 1, length(columns)))
            new[: MASS + 1] = columns
            new[OWNER] = NO_OWNER
            places, oldest = self._places(new), float(columns[TIME].min())
            self._store = self._table = _inserted(self._table, places, new)
        table = self._table
        if len(places) * FEW > length(table):
            self._width = None
        came = [place + number for number, place in enumerate(places)]
        self.arrived = came if self.arrived is not None and not self.arrived and len(came) <= ONE_BY_ONE else None
        if self._width is not None:
            add_spans(table[PRICE], table[SPAN], came, self._width)
        self.oldest = min(self.oldest, oldest)
        self.changed = True

    def place(self, key: Key, start: int) -> int:
        """Where it is in the table, or belongs: from `start`, the first place with its price, or a higher one."""
        place, size = start, length(self._table)
        while place < size and self._table[PRICE, place] == key[0] and self._key(place) < key:
            place += 1
        return place

    def replace(self, table: Floats, oldest: UnixTime) -> None:
        """`table` is what `put` would have made of it, spans included, with more of which the oldest happened then."""
        self._store = self._table = table
        self.oldest = min(self.oldest, oldest)
        self.changed, self.arrived = True, None

    def _key(self, place: int) -> Key:
        price, happened_at, quantity = self._table[: QUANTITY + 1, place].tolist()
        return price, happened_at, quantity

    def _insert(self, values: Sequence[float]) -> int:
        """Puts a single liquidation into the table, as between most rebuilds: several times faster than what many take
        together. Its place."""
        before, size = self._table, length(self._table)
        price, happened_at, quantity = values[: QUANTITY + 1]
        place = self.place((price, happened_at, quantity), int(before[PRICE].searchsorted(price)))
        if length(self._store) == size:
            self._store = np.empty((SPAN + 1, size + 2 + size // SPARE))
            self._store[:, :place] = before[:, :place]
        self._table = self._store[:, : size + 1]
        if size < ROW_BY_ROW:
            self._table[:, place + 1 :] = before[:, place:]
        else:
            for moved, row in zip(self._table, before, strict=True):
                moved[place + 1 :] = row[place:]
        self._table[:, place] = (*values, NO_OWNER, 0.0)
        return place

    def _places(self, columns: Floats) -> list[int]:
        """Where each of `columns` belongs in the table."""
        prices = self._table[PRICE]
        starts = prices.searchsorted(columns[PRICE])
        places: list[int] = starts.tolist()
        # Nearly always nothing has the same price.
        equal = prices.take(starts, mode="clip") == columns[PRICE] if len(prices) else np.zeros(0)
        for number in np.flatnonzero(equal).tolist():
            price, happened_at, quantity = columns[: QUANTITY + 1, number].tolist()
            places[number] = self.place((price, happened_at, quantity), places[number])
        return places

    def prune(self, before: UnixTime) -> None:
        """Drops liquidations with an event time before `before`."""
        if self.oldest >= before:
            return
        kept = self._table[TIME] >= before
        places = np.flatnonzero(~kept).tolist()
        if places:
            self.changed = True
            if len(places) <= ONE_BY_ONE and len(places) * FEW <= length(self._table):
                self._note_gone(places)
                self._take_out(places)
            else:
                self.arrived = None
                if self._width is not None:
                    self._table[SPAN] = kept_spans(self._table[SPAN], kept)
                self._store = self._table = self._table[:, kept]
        self.oldest = self._table[TIME].min(initial=float("inf"))

    def _note_gone(self, places: Sequence[int]) -> None:
        clusters = self._table[OWNER, places].astype(np.int64).tolist()
        if self.arrived is None or NO_OWNER in clusters:
            self.arrived = None
        else:
            self.arrived = [place - bisect(places, place) for place in self.arrived]
            self.gone = (*self.gone, *map(Gone, clusters, self._table[MASS, places].tolist()))

    def _take_out(self, places: Sequence[int]) -> None:
        """In place, row by row: numpy moves a whole table by way of a copy."""
        table, left = self._table, length(self._table) - len(places)
        if self._width is not None:
            take_spans(table[PRICE], table[SPAN], places, self._width)
        for number, (place, behind) in enumerate(pairwise((*places, length(table)))):
            for row in table:
                row[place - number : behind - number - 1] = row[place + 1 : behind]
        self._table = table[:, :left]
        if length(self._store) - left > left // WASTE:
            self._store = self._table = self._table.copy()

    def rescale(self, factor: float) -> None:
        """Multiplies every mass: the landmark has moved."""
        self._table[MASS] *= factor
        self.arrived = None

    def reweigh(self, landmark: UnixTime, decay_s: float, now: UnixTime) -> None:
        """Computes every mass anew, from when each happened. None weighs more than its notional at `now`."""
        self._table[MASS] = masses(self._table[NOTIONAL], np.minimum(self._table[TIME], now), landmark, decay_s)
        self.changed, self.arrived = True, None

    def own(self, owners: Floats, left: int = 0, more: int = 0) -> None:
        """Notes after a rebuild which cluster each liquidation from position `left` on is in. As far as `owners` do not
        go, what follows is in the cluster it was in, which has moved on by `more`."""
        right = left + len(owners)
        if right - left == length(self._table):
            self._table[OWNER] = owners
        else:
            self._table[OWNER, left:right] = owners
            if more:
                self._table[OWNER, right:] += more
        self.changed, self.arrived, self.gone = False, (), ()

    def adopt(self, owners: Floats) -> None:
        """As if an earlier rebuild had put each liquidation into the cluster that is given for it."""
        self.own(owners)
        self.changed, self.arrived = True, None

    def columns(self) -> Columns:
        """What is held, until the next change: not a copy."""
        return Columns(self._table, self._width)

    def is_spanned(self, width: float) -> bool:
        """Whether it holds the spans of windows of `width` in log price."""
        return self._width == width

    def spanned(self, width: float) -> Columns:
        """Like `columns`, with the spans of windows of `width` in log price."""
        if self._width != width:
            self._table[SPAN] = spans(self._table[PRICE], width)
            self._width = width
        return Columns(self._table, width)


def masses(notionals: Floats, happened_at: Floats, landmark: UnixTime, decay_s: float) -> Floats:
    """Of liquidations, relative to the landmark."""
    return notionals * np.exp((happened_at - landmark) / decay_s)


def _inserted(table: Floats, places: Sequence[int], columns: Floats) -> Floats:
    """`table` with each of `columns` put before the column of it at the same position in `places`, which ascend."""
    count = len(places)
    if not length(table):
        return columns
    if count > ONE_BY_ONE:
        return inserted(table, np.add(places, np.arange(count)), columns)
    # For a few this is the faster, as whole stretches are copied.
    whole = np.empty((len(table), length(table) + count))
    copied = 0
    for number, place in enumerate(places):
        whole[:, copied + number : place + number] = table[:, copied:place]
        whole[:, place + number] = columns[:, number]
        copied = place
    whole[:, copied + count :] = table[:, copied:]
    return whole
