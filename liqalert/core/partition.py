"""Greedy, disjoint, maximum-weight price windows over price-sorted liquidations, for many sides at once.

Of a range of liquidations the heaviest window is taken first, then the heaviest on either side of it, and so on. Equal
weights go to the narrower window, then to the lower one. The result of a side is a pure function of its own events: the
order of arrival, a common factor on all masses, a shift of all log prices, and whatever lies beside it change nothing.

The open ranges of all sides are searched together, level by level, because a call of numpy costs more than it does
here: the ranges of one level lie beside each other in one array, and a `reduceat` gives the heaviest of each. All of
a level's ranges are disjoint, and there are few levels, so this is O(n log n) for what is found in practice. The tests
hold a plain version, one side and one window at a time, that it must agree with.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
from msgspec import Struct

from liqalert.core.columns import Columns, Floats, Indices, length, stretches
from liqalert.core.spans import reach

BAND_TAIL = 0.01
"""The band leaves out this share of the weight at either end."""
BAND = np.array([[BAND_TAIL], [1.0 - BAND_TAIL]])
LONG = 96
"""Stretches are joined by slices where they are so long in the middle, and by index where they are shorter."""
ALMOST = 1.0 - 1e-12
"""Weights that differ by less than rounding does are equal."""


class Sheet(Struct, frozen=True, gc=False, eq=False):
    """The windows of several sides, or stretches of them, one after the other. `bounds` are the positions where each
    begins, and the end. Not to be changed: that of one is no copy."""

    columns: Columns
    log_prices: Floats
    bounds: Indices
    counts: Sequence[Indices | None]
    """Of each, how many are in each of its windows, where that is known."""

    @property
    def lengths(self) -> Indices:
        return self.bounds[1:] - self.bounds[:-1]

    @property
    def known(self) -> Indices | None:
        """How many are in each window of all, where that is known and so nothing is to be cut."""
        known = [counts for counts in self.counts if counts is not None]
        return np.concatenate(known) if len(known) == len(self.counts) else None


class Parts(Struct, frozen=True, gc=False, eq=False):
    """What each window came to, in order of position; they cover everything. Masses are relative to the landmark."""

    starts: Indices
    ends: Indices
    prices: Floats
    """Geometric means, weighted by mass."""
    price_lows: Floats
    price_highs: Floats
    band_lows: Floats
    band_highs: Floats
    masses: Floats
    weighted_counts: Floats
    oldest_at: Floats
    newest_at: Floats


def sheet(windows: Sequence[Columns], counts: Sequence[Indices | None] | None = None) -> Sheet:
    widths = {each.width for each in windows}
    tables = [each.table for each in windows]
    table = tables[0] if len(tables) == 1 else np.concatenate(tables, axis=1)
    joined = Columns(table, widths.pop() if len(widths) == 1 else None)
    bounds = np.fromiter(accumulate(map(length, tables), initial=0), np.int64)
    return Sheet(joined, np.log(joined.prices), bounds, counts or [None] * len(windows))


def cut(held: Sheet, width: float) -> Parts:
    """The windows of every side, none wider than `width` in log price."""
    running = _running(held)
    starts, ends = _partition(held, running, width)
    if not len(starts):
        nothing = np.empty(0)
        return Parts(starts, ends, *(nothing,) * 9)
    columns = held.columns
    masses = np.add.reduceat(columns.masses, starts)
    means = np.exp(np.add.reduceat(columns.masses * held.log_prices, starts) / masses)
    lows, highs = columns.prices[starts], columns.prices[ends - 1]
    first, last = _band(running, starts, ends, masses)
    return Parts(
        starts,
        ends,
        # Rounding must not carry a mean past the prices it is a mean of.
        prices=np.minimum(np.maximum(means, lows), highs),
        price_lows=lows,
        price_highs=highs,
        band_lows=columns.prices[first],
        band_highs=columns.prices[last],
        masses=masses,
        weighted_counts=np.add.reduceat(columns.masses / columns.notionals, starts),
        oldest_at=np.minimum.reduceat(columns.times, starts),
        newest_at=np.maximum.reduceat(columns.times, starts),
    )


class _Running(Struct, frozen=True, gc=False, eq=False):
    """Running sums of mass, begun anew with each side: rounding must not depend on the sides before."""

    before: Floats
    upto: Floats
    is_one: bool
    """Whether there is one side, and so one sum, which ascends throughout."""


def _running(held: Sheet) -> _Running:
    masses = held.columns.masses
    upto, before = np.empty(len(masses)), np.empty(len(masses) + 1)
    for left, right in pairwise(held.bounds.tolist()):
        # Half of what `cumsum` costs a small side.
        np.add.accumulate(masses[left:right], out=upto[left:right])
    before[1:] = upto
    before[held.bounds[:-1]] = 0.0
    return _Running(before[:-1], upto, len(held.counts) == 1)


def _partition(held: Sheet, running: _Running, width: float) -> tuple[Indices, Indices]:
    """Starts and ends, ascending.

    A window weighs the same at every level, unless a heavier one was taken that it reached into: then it ends where
    that one begins. So all are weighed once, and after a level only those which end anew: a stretch just below each
    window that was taken, because where windows end ascends as where they begin does.
    """
    if (counts := held.known) is not None:
        ends = counts.cumsum()
        return ends - counts, ends
    known_starts, known_ends = _known(held)
    log_prices, reaches = held.log_prices, _reach(held, width)
    weights = running.upto[reaches - 1] - running.before
    found_starts, found_ends = [known_starts], [known_ends]
    unknown = np.array([counts is None for counts in held.counts])
    lefts, rights = held.bounds[:-1][unknown], held.bounds[1:][unknown]
    while True:
        open_ = lefts < rights
        lefts, rights = lefts[open_], rights[open_]
        if not len(lefts):
            break
        lengths = rights - lefts
        offsets = lengths.cumsum() - lengths
        weighed = _joined(weights, lefts, rights)
        heaviest = np.maximum.reduceat(weighed, offsets)
        (ties,) = (weighed >= (heaviest * ALMOST).repeat(lengths)).nonzero()
        if len(ties) > len(lefts):
            ranges = offsets.searchsorted(ties, side="right") - 1
            starts = ties + (lefts - offsets)[ranges]
            ends = np.minimum(reaches[starts], rights[ranges])
            ties = _narrowest(ties, log_prices[ends - 1] - log_prices[starts], ranges)
        starts = ties + (lefts - offsets)
        ends = np.minimum(reaches[starts], rights)
        found_starts.append(starts)
        found_ends.append(ends)
        first = np.maximum(lefts, reaches.searchsorted(starts, side="right"))
        shortened = stretches(first, starts - first)
        weights[shortened] = running.upto[starts - 1].repeat(starts - first) - running.before[shortened]
        lefts, rights = _alternating(lefts, ends), _alternating(starts, rights)
    return np.sort(np.concatenate(found_starts)), np.sort(np.concatenate(found_ends))


def _known(held: Sheet) -> tuple[Indices, Indices]:
    """Starts and ends of the windows of which it is known how many they hold."""
    starts, ends = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for left, counts in zip(held.bounds[:-1].tolist(), held.counts, strict=True):
        if counts is not None:
            ends.append(left + counts.cumsum())
            starts.append(ends[-1] - counts)
    return np.concatenate(starts), np.concatenate(ends)


def _joined(values: Floats, lefts: Indices, rights: Indices) -> Floats:
    """Several stretches of `values`, one after the other."""
    if (lefts[1:] == rights[:-1]).all():
        return values[lefts[0] : rights[-1]]  # side by side, as all are before anything has been taken
    lengths = rights - lefts
    if lengths.sum() < LONG * len(lengths):
        return values.take(stretches(lefts, lengths))
    joined: Floats = np.concatenate(
        [values[left:right] for left, right in zip(lefts.tolist(), rights.tolist(), strict=True)]
    )
    return joined


def _alternating(firsts: Indices, seconds: Indices) -> Indices:
    both = np.empty(2 * len(firsts), np.int64)
    both[::2], both[1::2] = firsts, seconds
    return both


def _reach(held: Sheet, width: float) -> Indices:
    """For each position: where a window that begins there ends, at the latest with its side's part of the sheet."""
    prices = held.columns.prices
    if held.columns.width == width:
        reaches = np.arange(len(prices)) + held.columns.spans.astype(np.int64)
        return np.minimum(reaches, held.bounds[1:].repeat(held.lengths), out=reaches)
    found = [left + reach(prices[left:right], width) for left, right in pairwise(held.bounds.tolist())]
    return np.concatenate(found)


def _narrowest(ties: Indices, widths: Floats, ranges: Indices) -> Indices:
    """Of each range's ties the narrowest, among equals the first."""
    order = np.lexsort((ties, widths, ranges))
    _, first = np.unique(ranges[order], return_index=True)
    return ties[order[first]]


def _band(running: _Running, starts: Indices, ends: Indices, masses: Floats) -> Indices:
    """Positions of the first and the last liquidation of each part's band, where the running sum has reached what lies
    below it: two rows."""
    wanted = running.before[starts] + BAND * masses
    if running.is_one:
        found = np.maximum(running.upto.searchsorted(wanted), starts)
    else:
        lengths = ends - starts
        below = [np.add.reduceat(running.upto < row.repeat(lengths), starts, dtype=np.int64) for row in wanted]
        found = np.array(below) + starts
    # Rounding must not carry it out of its part.
    return np.minimum(found, ends - 1, out=found)
