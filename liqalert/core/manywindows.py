"""New liquidations for many small windows at once: a call of numpy costs more than what it does to a single one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from liqalert.core.columns import NO_OWNER, OWNER, PRICE, QUANTITY, SPAN, TIME, Floats, Indices, inserted, length
from liqalert.core.spans import factor_of
from liqalert.core.window import Window


def put_together(windows: Sequence[Window], columns: Floats, counts: Indices, width: float) -> None:
    """As `Window.put` does to each of `windows`, which hold something and have spans of `width`. `columns` are what is
    put, of one window after the other, `counts` each. Nothing is changed where that fails."""
    tables = [window.columns().table for window in windows]
    held = np.concatenate(tables, axis=1)
    bounds = np.fromiter(accumulate(map(length, tables), initial=0), np.int64)
    new_bounds = np.concatenate(((0,), counts.cumsum()))
    number = np.arange(len(windows)).repeat(counts)
    # Where each comes to be, beside those that come with it.
    places = _places(windows, held, bounds, columns, number) + np.arange(len(number))
    whole, bounds = inserted(held, places, columns), bounds + new_bounds
    whole[OWNER, places] = NO_OWNER
    _add_spans(whole, places, bounds[number], bounds[number + 1], width)
    # Copies: else all would stay as long as one of them does.
    filled = [whole[:, left:right].copy() for left, right in pairwise(bounds.tolist())]
    oldest = np.minimum.reduceat(columns[TIME], new_bounds[:-1]).tolist()
    for window, table, oldest_new in zip(windows, filled, oldest, strict=True):
        window.replace(table, oldest_new)


def _places(windows: Sequence[Window], held: Floats, bounds: Indices, columns: Floats, number: Indices) -> Indices:
    """Where each of `columns` belongs among those that are held by the window of this number."""
    prices, new = held[PRICE], columns[PRICE]
    places = _first(bounds[number], bounds[number + 1], lambda at: prices[at] >= new)
    # Nearly always nothing has the same price.
    equal = (places < bounds[number + 1]) & (prices.take(places, mode="clip") == new)
    for one in np.flatnonzero(equal).tolist():
        window, left = windows[number[one]], int(bounds[number[one]])
        price, happened_at, quantity = columns[: QUANTITY + 1, one].tolist()
        places[one] = left + window.place((price, happened_at, quantity), int(places[one]) - left)
    return places


def _add_spans(table: Floats, places: Indices, lefts: Indices, rights: Indices, width: float) -> None:
    """Makes the spans right again, which have been so but for what is new at `places`, in windows from `lefts` to
    `rights`: a new liquidation is in the windows of a stretch of others that ends just below it."""
    prices, factor = table[PRICE], factor_of(width)
    new, count = prices[places], len(places)
    # Both asked by the products that `reach` takes: where the stretch begins, and where the window of the new one ends.
    times, least = np.repeat((factor, 1.0), count), np.concatenate((new, np.nextafter(new * factor, np.inf)))
    found = _first(
        np.concatenate((lefts, places)),
        np.concatenate((places, rights)),
        lambda at: prices[at] * times >= least,
    )
    firsts, ends = found[:count], found[count:]
    more = np.bincount(firsts, minlength=len(prices)) - np.bincount(places, minlength=len(prices))
    table[SPAN] += more.cumsum()
    table[SPAN, places] = ends - places


def _first(lefts: Indices, rights: Indices, reached: Callable[[Indices], NDArray[np.bool_]]) -> Indices:
    """In each range the first position that has `reached`, as all behind it have; else its end. All are bisected at
    once."""
    while (open_ := lefts < rights).any():
        # Of a range that is done any position will do.
        middles = np.where(open_, (lefts + rights) >> 1, 0)
        yes = reached(middles)
        rights = np.where(open_ & yes, middles, rights)
        lefts = np.where(open_ & ~yes, middles + 1, lefts)
    return lefts
