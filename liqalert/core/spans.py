"""How many liquidations a price window holds, by the one it begins with: kept right while some come and others go.

To find the spans of n prices is to search for n ends. One new price adds one to a stretch of them, and that is cheaper
where it is one among hundreds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def reach(prices: NDArray[np.float64], width: float) -> NDArray[np.int64]:
    """For each of the ascending `prices`: where a window ends that begins with it and is `width` wide in log price."""
    ends: NDArray[np.int64] = prices.searchsorted(prices * factor_of(width), side="right")
    return ends


def spans(prices: NDArray[np.float64], width: float) -> NDArray[np.int64]:
    """For each of the ascending `prices`: how many there are in its window, itself included."""
    return reach(prices, width) - np.arange(len(prices))


def add_spans(prices: NDArray[np.float64], known: NDArray[np.float64], places: Sequence[int], width: float) -> None:
    """Makes `known` what `spans` would give, where `prices` are new at `places` and it was right for the others.

    A new liquidation is in the windows of a stretch of others that ends just below it.
    """
    factor = factor_of(width)
    for place in places:
        known[first_reaching(prices, place, width) : place] += 1.0
    for place in places:
        known[place] = int(prices.searchsorted(prices[place] * factor, side="right")) - place


def take_spans(prices: NDArray[np.float64], known: NDArray[np.float64], places: Sequence[int], width: float) -> None:
    """Makes `known` right for the others, before those at `places` go."""
    for place in places:
        known[first_reaching(prices, place, width) : place] -= 1.0


def first_reaching(prices: NDArray[np.float64], place: int, width: float) -> int:
    """Where the stretch of those begins whose windows hold the one at `place`.

    Asked by the very product that `reach` takes, because a quotient may be rounded to the other side of an edge.
    """
    factor, price = factor_of(width), prices[place]
    first = int(prices.searchsorted(price / factor))
    while first > 0 and prices[first - 1] * factor >= price:
        first = int(prices.searchsorted(prices[first - 1]))
    while prices[first] * factor < price:
        first = int(prices.searchsorted(prices[first], side="right"))
    return first


def kept_spans(known: NDArray[np.float64], kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The spans once only those that are `kept` are there: of each window, how many are. What is gone has some too."""
    before = np.concatenate(([0], np.cumsum(kept)))
    starts = np.arange(len(kept))
    within: NDArray[np.int64] = before[starts + known.astype(np.int64)] - before[starts]
    return within


def factor_of(width: float) -> float:
    """From the first price of a window to its last. The hair of tolerance keeps prices together that lie exactly one
    window apart, in spite of rounding."""
    return math.exp(width * (1.0 + 1e-12))
