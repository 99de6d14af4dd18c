"""How much of a side has to be cut anew once a few liquidations have come or gone: of a great side hardly ever all.

Cutting takes the heaviest window of a range, then the heaviest on either side of it, and so on. A new liquidation makes
those windows heavier that hold it, and no others. So while the heaviest window of a range outweighs each that holds the
new one, it is taken again, and with it all that lies beyond it; and where the heaviest holds the new one itself, it has
gained what every other has that does, is taken again, and nothing else has changed. What is left between is cut anew.

One that goes makes those windows lighter that held it, and no others. So the heaviest window of a range is taken again
if it did not hold it, and also if what is left of it still outweighs every other.

So where each has come into a window that is taken again, or has gone from one, nothing is cut at all: what the windows
hold is known. A stretch of neighbouring windows, cut by itself, comes apart into the same windows: the first of them
that was taken was the heaviest of a range that held the whole stretch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from liqalert.core.columns import Columns, Floats, Indices
from liqalert.core.partition import ALMOST
from liqalert.core.spans import first_reaching
from liqalert.core.window import Gone

MARGIN = 1e-9
"""What weighs more by this share of all that is near weighs more in spite of rounding."""
NOTHING = 2.0 * (1.0 - ALMOST)
"""Two windows that differ by this share or less may count as equal."""


class Stretch(Struct, frozen=True, gc=False, eq=False):
    """Neighbouring liquidations of one side, from position `left` on, that were in its clusters `first` to `last`."""

    columns: Columns
    left: int
    first: int
    last: int
    """The cluster after the last."""
    counts: Indices | None = None
    """How many are in each of its windows, where that is known and so nothing has to be cut at all."""


def to_be_cut(
    columns: Columns,
    arrived: Sequence[int],
    gone: Sequence[Gone],
    counts: Sequence[int],
    masses: Sequence[float],
    width: float,
) -> Stretch:
    """`counts` and `masses` are those of the clusters, in order, before what is at the ascending positions `arrived`
    came and `gone` went, at least one in all. The columns' spans must be those of `width`. The whole side where it is
    not clear what changes.
    """
    whole = Stretch(columns, 0, 0, len(counts))
    changed = [each.cluster for each in gone]
    broken = _broken(columns, arrived, gone, counts, masses) if gone else ()
    counts, masses = _without(gone, counts, masses)
    if broken and arrived:
        return whole
    if broken:
        firsts, lasts = zip(*broken, strict=True)
        return _stretch(columns, counts, min(*firsts, *changed), max(*lasts, max(changed) + 1))
    for place in arrived:
        first, last, held = _range(columns, place, counts, masses, width)
        if held:
            changed.append(first)
            counts[first] += 1
            masses[first] += float(columns.masses[place])
        elif len(arrived) > 1:
            return whole
        else:
            return _stretch(columns, counts, min([first, *changed]), max([last - 1, *changed]) + 1, more=1)
    first, last = min(changed), max(changed) + 1
    stretch = _stretch(columns, counts, first, last)
    starts = _starts(counts)
    # A first one that weighs nothing beside the rest may be left out of its window, now that there is more of the rest.
    if any(columns.masses[starts[each]] <= NOTHING * masses[each] for each in changed):
        return stretch
    return replace(stretch, counts=np.array(counts[first:last]))


def _without(gone: Sequence[Gone], counts: Sequence[int], masses: Sequence[float]) -> tuple[list[int], list[float]]:
    """How many the clusters hold, and what they weigh, once it is gone."""
    left, weights = list(counts), list(masses)
    for cluster, mass in gone:
        left[cluster] -= 1
        weights[cluster] -= mass
    return left, weights


def _broken(
    columns: Columns,
    arrived: Sequence[int],
    gone: Sequence[Gone],
    counts: Sequence[int],
    masses: Sequence[float],
) -> list[tuple[int, int]]:
    """The ranges of clusters that have to be cut anew because of what is gone. What has arrived is not looked at.

    A cluster was the heaviest window of all between the next ones that are heavier, and has to be so still.
    """
    starts = _starts(_without(gone, counts, masses)[0])
    held = _Held(columns, arrived)
    broken = []
    for cluster in {each.cluster for each in gone}:
        no_heavier = masses[cluster] * (1.0 + MARGIN)
        first, last = cluster, cluster + 1
        while first > 0 and masses[first - 1] <= no_heavier:
            first -= 1
        while last < len(masses) and masses[last] <= no_heavier:
            last += 1
        begin, start, stop, end = (starts[each] for each in (first, cluster, cluster + 1, last))
        if not held.is_heaviest(start, stop, begin, end):
            broken.append((first, last))
    return broken


def _range(
    columns: Columns, place: int, counts: Sequence[int], masses: Sequence[float], width: float
) -> tuple[int, int, bool]:
    """The clusters among which something changes, and whether that is the one that holds the new liquidation: else all
    between two that outweigh whatever could hold it, perhaps none."""
    starts = _starts(counts)
    first, last = 0, len(counts)
    rivals: _Rivals | None = None
    while first < last:
        heaviest = max(range(first, last), key=masses.__getitem__)
        if starts[heaviest] < place < starts[heaviest + 1]:  # liquidations of the cluster lie on either side
            return heaviest, heaviest + 1, True
        rivals = rivals or _rivals(columns, place, width)
        if masses[heaviest] <= rivals.heaviest_from(starts[first]):
            break
        first, last = (heaviest + 1, last) if place >= starts[heaviest + 1] else (first, heaviest)
    return first, last, False


def _starts(counts: Sequence[int]) -> list[int]:
    """Where each cluster begins, and the end."""
    return list(accumulate(counts, initial=0))


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


class _Held:
    """What a side holds beside what has just arrived."""

    def __init__(self, columns: Columns, arrived: Sequence[int]) -> None:
        self._masses = columns.masses
        self._reaches = np.arange(len(columns)) + columns.spans.astype(np.int64)
        if arrived:
            self._reaches -= sum(self._reaches > place for place in arrived)
            self._masses, self._reaches = np.delete(self._masses, arrived), np.delete(self._reaches, arrived)

    def is_heaviest(self, start: int, stop: int, begin: int, end: int) -> bool:
        """Whether from `start` to `stop` there is a window, and of those from `begin` to `end` clearly the heaviest."""
        reaches = np.minimum(self._reaches[begin:end], end)
        if start == stop or reaches[start - begin] != stop:
            return False
        upto = np.concatenate(((0.0,), self._masses[begin:end].cumsum()))
        weights = upto[reaches - begin] - upto[:-1]
        own = weights[start - begin]
        weights[start - begin] = -math.inf
        return bool(own > weights.max() + MARGIN * upto[-1])


def _stretch(columns: Columns, counts: Sequence[int], first: int, last: int, more: int = 0) -> Stretch:
    """The clusters `first` to `last`, of which each holds `counts`, and `more` that are in none."""
    left = sum(counts[:first])
    right = left + sum(counts[first:last])
    return Stretch(Columns(columns.table[:, left : right + more], columns.width), left, first, last)
