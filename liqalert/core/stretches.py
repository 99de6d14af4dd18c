"""How much of a side has to be cut anew once a few liquidations have come: of a great side hardly ever all.

Cutting takes the heaviest window of a range, then the heaviest on either side of it, and so on. A new liquidation makes
those windows heavier that hold it, and no others. So while the heaviest window of a range outweighs each that holds the
new one, it is taken again, and with it all that lies beyond it; and where the heaviest holds the new one itself, it has
gained what every other has that does, is taken again, and nothing else has changed. What is left between is cut anew.

So where each new one has come into a window that is taken again, nothing is cut at all: what the windows hold is known.
A stretch of neighbouring windows, cut by itself, comes apart into the same windows: the first of them that was taken
was the heaviest of a range that held the whole stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from liqalert.core.columns import Columns, Floats, Indices
from liqalert.core.partition import ALMOST
from liqalert.core.spans import first_reaching

MARGIN = 1e-9
"""What weighs more by this share of all that is near weighs more in spite of rounding."""
NOTHING = 2.0 * (1.0 - ALMOST)
"""Two windows that differ by this share or less may count as equal."""


class Stretch(NamedTuple):
    """Neighbouring liquidations of one side, from position `left` on, that were in its clusters `first` to `last`."""

    columns: Columns
    left: int
    first: int
    last: int
    """The cluster after the last."""
    counts: Indices | None = None
    """How many are in each of its windows, where that is known and so nothing has to be cut at all."""


def to_be_cut(columns: Columns, arrived: Sequence[int], counts: Indices, masses: Floats, width: float) -> Stretch:
    """`counts` and `masses` are those of the clusters, in order, before what is at the ascending positions `arrived`
    came. The columns' spans must be those of `width`. The whole side where it is not clear what changes.
    """
    clusters, counts, masses = len(counts), counts.copy(), masses.copy()
    held: list[int] = []
    for place in arrived:
        first, last = _range(columns, place, counts, masses, width)
        ends = counts.cumsum()
        if last - first == 1 and _holds(first, place, ends, counts):
            held.append(first)
            counts[first] += 1
            masses[first] += columns.masses[place]
        elif len(arrived) > 1:
            return Stretch(columns, 0, 0, clusters)
        else:
            left = int(ends[first - 1]) if first else 0
            right = int(ends[last - 1]) + 1 if last > first else place + 1
            return _stretch(columns, left, right, first, last)
    first, last, ends = min(held), max(held) + 1, counts.cumsum()
    starts = ends - counts
    stretch = _stretch(columns, int(starts[first]), int(ends[last - 1]), first, last)
    # A first one that weighs nothing beside the rest may be left out of its window, now that there is more of the rest.
    if (columns.masses[starts[held]] <= NOTHING * masses[held]).any():
        return stretch
    return stretch._replace(counts=counts[first:last])


def _range(columns: Columns, place: int, counts: Indices, masses: Floats, width: float) -> tuple[int, int]:
    """The clusters among which something changes: the one that holds the new liquidation, or all between two that
    outweigh whatever could hold it, perhaps none."""
    ends = counts.cumsum()
    first, last = 0, len(counts)
    rivals: _Rivals | None = None
    while first < last:
        heaviest = first + int(masses[first:last].argmax())
        if _holds(heaviest, place, ends, counts):
            return heaviest, heaviest + 1
        rivals = rivals or _rivals(columns, place, width)
        if masses[heaviest] <= rivals.heaviest_from(ends[first - 1] if first else 0):
            break
        first, last = (heaviest + 1, last) if place >= ends[heaviest] else (first, heaviest)
    return first, last


def _holds(cluster: int, place: int, ends: Indices, counts: Indices) -> bool:
    """Whether the cluster has liquidations on either side of a new one."""
    return bool(ends[cluster] - counts[cluster] < place < ends[cluster])


class _Rivals(NamedTuple):
    """The windows that hold a new liquidation: those that begin at `begin`, and at each after it up to its own."""

    begin: int
    masses: Floats
    margin: float

    def heaviest_from(self, position: int) -> float:
        """The mass above which a window outweighs all of them that begin at `position` or later."""
        return float(self.masses[max(position - self.begin, 0) :].max()) + self.margin


def _rivals(columns: Columns, place: int, width: float) -> _Rivals:
    begin = first_reaching(columns.prices, place, width)
    around = columns.masses[begin : place + int(columns.spans[place])]
    upto = around.cumsum()
    starts = np.arange(place + 1 - begin)
    reaches = starts + columns.spans[begin : place + 1].astype(np.int64)
    masses = upto[reaches - 1] - upto[: len(starts)] + around[: len(starts)]
    return _Rivals(begin, masses, MARGIN * float(upto[-1]))


def _stretch(columns: Columns, left: int, right: int, first: int, last: int) -> Stretch:
    return Stretch(Columns(columns.table[:, left:right], columns.width), left, first, last)
