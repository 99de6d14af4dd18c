"""Clusters: greedy, disjoint, maximum-weight price windows over the live liquidations of one position side."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.strength import Baseline, magnitude
from liqalert.core.window import Columns, Floats, Indices


@dataclass(frozen=True, slots=True)
class Cluster:
    """Liquidations of one instrument and position side inside one price window, as of `as_of`.

    Prices are quote per base. `notional_usd` and `weighted_count` are time-weighted, and only they (with `strength`,
    which follows from them) change as time passes: `decayed` gives the same cluster later.
    """

    id: str
    instrument: Instrument
    liquidated: PositionSide
    price: float
    """Mean price, weighted by time-weighted notional."""
    price_low: float
    price_high: float
    band_low: float
    band_high: float
    """The band holds the middle 98 % of the time-weighted notional."""
    notional_usd: float
    weighted_count: float
    count: int
    """The plain number of liquidations."""
    largest_usd: float
    """The largest single liquidation, not time-weighted."""
    oldest_at: UnixTime
    newest_at: UnixTime
    as_of: UnixTime
    baseline: Baseline
    split_from: str | None = None
    basis: str = "realised"

    @property
    def strength(self) -> float:
        """How unusual this is for this instrument and position side, between 0 and 1 (models: absolute strength)."""
        return self.baseline.strength(magnitude(self.notional_usd, self.weighted_count))

    def decayed(self, factor: float, now: UnixTime) -> Cluster:
        """This cluster at `now`, when every weight has shrunk by `factor`."""
        return replace(
            self,
            notional_usd=self.notional_usd * factor,
            weighted_count=self.weighted_count * factor,
            as_of=now,
        )


Slice: TypeAlias = tuple[int, int]
"""Half-open range of positions in a price-sorted window."""

BAND_TAIL = 0.01
"""The band leaves out this share of the weight at either end."""


def partition(log_prices: Floats, masses: Floats, width: float) -> tuple[Slice, ...]:
    """Disjoint slices that cover all of `log_prices` (ascending), each at most `width` wide, in ascending order.

    The heaviest window anywhere is taken first, then the heaviest on either side of it, and so on. A pure function of
    the events: the order of arrival, a common factor on all masses, and a shift of all log prices change nothing.
    Equal weights go to the narrower window, then to the lower one. O(n log n) for what is found in practice.
    """
    prefix = np.concatenate(([0.0], np.cumsum(masses)))
    # The hair of tolerance keeps prices that lie exactly one window apart together in spite of rounding in the log.
    reach = np.searchsorted(log_prices, log_prices + width * (1.0 + 1e-12), side="right")
    found: list[Slice] = []
    open_ranges = [(0, len(log_prices))]
    while open_ranges:
        left, right = open_ranges.pop()
        if left == right:
            continue
        ends = np.minimum(reach[left:right], right)
        start = left + _heaviest(prefix[ends] - prefix[left:right], log_prices, left, ends)
        end = int(ends[start - left])
        found.append((start, end))
        open_ranges += [(left, start), (end, right)]
    return tuple(sorted(found))


def _heaviest(weights: Floats, log_prices: Floats, left: int, ends: Indices) -> int:
    """Position in `weights` of the heaviest window; among equals (1e-12) the narrowest, then the first."""
    ties = np.flatnonzero(weights >= weights.max() * (1.0 - 1e-12))
    if len(ties) == 1:
        return int(ties[0])
    widths = log_prices[ends[ties] - 1] - log_prices[left + ties]
    return int(ties[np.argmin(widths)])


@dataclass(frozen=True, slots=True)
class Sums:
    """What the liquidations of one slice amount to. Weighted sums are relative to the landmark."""

    price: float
    price_low: float
    price_high: float
    band_low: float
    band_high: float
    mass: float
    weighted_count: float
    count: int
    largest_usd: float
    oldest_at: UnixTime
    newest_at: UnixTime


def sums(columns: Columns, log_prices: Floats, where: Slice) -> Sums:
    """The sums of one slice of a window."""
    inside = slice(*where)
    masses = columns.masses[inside]
    prices = columns.prices[inside]
    running = np.cumsum(masses)
    mass = float(running[-1])
    edges = np.searchsorted(running, (BAND_TAIL * mass, (1.0 - BAND_TAIL) * mass))
    times = columns.times[inside]
    return Sums(
        price=_clamped_mean(log_prices[inside], masses, prices),
        price_low=float(prices[0]),
        price_high=float(prices[-1]),
        band_low=float(prices[edges[0]]),
        band_high=float(prices[min(edges[1], len(prices) - 1)]),
        mass=mass,
        weighted_count=float((masses / columns.notionals[inside]).sum()),
        count=len(prices),
        largest_usd=float(columns.notionals[inside].max()),
        oldest_at=float(times.min()),
        newest_at=float(times.max()),
    )


def _clamped_mean(log_prices: Floats, masses: Floats, prices: Floats) -> float:
    """Weighted geometric mean; rounding must not carry it past the prices it is a mean of."""
    mean = math.exp(float(log_prices @ masses) / float(masses.sum()))
    return min(max(mean, float(prices[0])), float(prices[-1]))
