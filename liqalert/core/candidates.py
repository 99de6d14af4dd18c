"""The clusters that are big enough for a zone, and which of them may be news: asked of many sides at once.

Nearly every one of them is what a zone stands for already: it is no stronger than the zone was at its peak, or it
covers none and is too weak to open one. Only the others are made and looked at one by one (`ZoneBook.follow`). What is
left out is left out by a margin, because numpy rounds otherwise than Python does.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from liqalert.core.clusters import BAND_HIGH, BAND_LOW, COUNT, USD, WEIGHTED_COUNT, Cluster, SideClusters
from liqalert.core.columns import Floats, Indices
from liqalert.core.strength import COUNT_EXPONENT, USD_EXPONENT
from liqalert.core.terms import Terms
from liqalert.core.zones import COVERS, OPENS_AT_STRENGTH, Zone

MARGIN = 1e-9
"""Far more than rounding does to a share or to the logarithm of a magnitude."""
FEW = 24
"""So many are sooner looked at one by one than sifted."""
LOW, HIGH, LN_PEAK = range(3)
OPENS_AT_LOGIT = math.log(OPENS_AT_STRENGTH / (1.0 - OPENS_AT_STRENGTH))
_ZONE_ROW = struct.Struct("3d")


def zone_row(zone: Zone) -> bytes:
    """Its band, and the logarithm of the magnitude of a cluster that is as strong as it. Packed: so those of thousands
    become a table by being joined."""
    return _ZONE_ROW.pack(zone.low, zone.high, zone.baseline.ln_magnitude(zone.strength))


class News(NamedTuple):
    """Of one side."""

    side: int
    places: Sequence[int]
    """Of the candidates among the side's clusters, the strongest first: one that may be news, and all weaker ones."""
    made: Mapping[int, Cluster]
    """Those that may be news. Of the others it is certain that they do nothing, as long as no zone ends."""
    aged: bool
    """Whether of those others it is certain only as long as no zone changes in any way."""


class Candidates(Struct, frozen=True, gc=False, eq=False):
    """Of several sides those clusters that are big enough for a zone at all."""

    _sides: Sequence[SideClusters]
    _table: Floats
    """As those of the sides, with the columns of the candidates alone, side by side."""
    _bounds: Indices
    """Where the candidates of each side begin, and the end."""
    _owners: Indices
    """Of each candidate the number of its side."""
    _places: Indices
    """Of each candidate its place among the clusters of its side."""
    _ln_magnitudes: Floats

    def news(self, zones: Iterable[Collection[bytes]], anew: Mapping[int, range]) -> Iterator[News]:
        """Of the sides that may have any. `zones` are the rows of the living ones of each side; they are not asked for
        where there are few candidates. `anew` says, where it is known, which clusters of a side may be news at all.
        """
        order = np.lexsort((-self._ln_magnitudes, self._owners))
        places, bounds = self._places[order].tolist(), self._bounds.tolist()
        few = len(order) < FEW
        if few:
            of_sides = enumerate(zip(self._owners[order].tolist(), places, strict=True))
            may_be = [number for number, (side, place) in of_sides if side not in anew or place in anew[side]]
            news = np.array(may_be, np.int64)
        else:
            news = np.flatnonzero(self._may_be_news([*zones])[order])
        columns, news_places = self._table[:, order[news]].T.tolist(), self._places[order[news]].tolist()
        begins = news.tolist()
        for side, (first, last) in enumerate(pairwise(news.searchsorted(self._bounds).tolist())):
            if first < last:
                mine = news_places[first:last]
                clusters = self._sides[side].made(mine, columns[first:last])
                made = dict(zip(mine, clusters, strict=True))
                yield News(side, places[begins[first] : bounds[side + 1]], made, few and side in anew)

    def _may_be_news(self, zones: Sequence[Collection[bytes]]) -> NDArray[np.bool_]:
        """Stronger than a zone that it covers, or strong enough to open one where it covers none.

        What one does is nothing to the others, which lie beside it, unless they cover the same zone, which moves then,
        or a zone ends. Clusters lie apart, so only by a hair could two of them cover half of one.
        """
        table = np.frombuffer(b"".join(chain.from_iterable(zones))).reshape(-1, 3).T
        candidates, beside, shares = self._pairs(table, [*map(len, zones)])
        news = self._may_open()
        news[candidates[shares >= COVERS + MARGIN]] = False
        outgrown = self._ln_magnitudes[candidates] >= table[LN_PEAK, beside] - MARGIN
        covering = shares >= COVERS - MARGIN
        shared = np.bincount(beside[covering], minlength=table.shape[1])[beside] > 1
        news[candidates[covering & (outgrown | shared)]] = True
        return news

    def _may_open(self) -> NDArray[np.bool_]:
        baselines = [side.baseline for side in self._sides]
        ln_r = np.fromiter((baseline.ln_r for baseline in baselines), np.float64, len(baselines))[self._owners]
        gamma = np.fromiter((baseline.gamma for baseline in baselines), np.float64, len(baselines))[self._owners]
        strong: NDArray[np.bool_] = gamma * (self._ln_magnitudes - ln_r) >= OPENS_AT_LOGIT - MARGIN
        return strong

    def _pairs(self, table: Floats, counts: Sequence[int]) -> tuple[Indices, Indices, Floats]:
        """Each candidate beside each zone of its side that its band touches, of which there are `counts`: which
        candidate it is, which zone, and how much of the zone's band it covers."""
        bounds = np.fromiter(accumulate(counts, initial=0), np.int64)
        beside = (bounds[1:] - bounds[:-1])[self._owners]
        candidates = np.arange(len(beside)).repeat(beside)
        places = np.arange(len(candidates)) + (bounds[self._owners] - (beside.cumsum() - beside)).repeat(beside)
        lows, highs = self._table[BAND_LOW][candidates], self._table[BAND_HIGH][candidates]
        (touch,) = ((table[LOW][places] <= highs) & (lows <= table[HIGH][places])).nonzero()
        candidates, places = candidates[touch], places[touch]
        return candidates, places, _shares(lows[touch], highs[touch], table[LOW][places], table[HIGH][places])


def _shares(lows: Floats, highs: Floats, of_lows: Floats, of_highs: Floats) -> Floats:
    """How much of each band (`of_lows`, `of_highs`) lies inside (`lows`, `highs`), which it touches, in log price."""
    whole = (lows <= of_lows) & (of_highs <= highs)
    shared = np.log(np.minimum(highs, of_highs) / np.maximum(lows, of_lows))
    shares: Floats = np.divide(shared, np.log(of_highs / of_lows), out=np.ones(len(lows)), where=~whole)
    return shares


def candidates(sides: Sequence[SideClusters], factor: float, terms: Terms) -> Candidates:
    """Of `sides`, at least one: by their time-weighted notional, of which `factor` is left, and their plain count."""
    table = np.concatenate([clusters.table for clusters in sides], axis=1)
    bounds = np.fromiter(accumulate(map(len, sides), initial=0), np.int64)
    usd = table[USD] * factor
    (big,) = ((usd >= terms.min_notional_usd) & (table[COUNT] >= terms.min_events)).nonzero()
    of_sides = big.searchsorted(bounds)
    owners = np.arange(len(sides)).repeat(of_sides[1:] - of_sides[:-1])
    table = table[:, big]
    with np.errstate(divide="ignore"):  # what weighs nothing any more
        ln_magnitudes = USD_EXPONENT * np.log(usd[big]) + COUNT_EXPONENT * np.log(table[WEIGHTED_COUNT] * factor)
    return Candidates(sides, table, of_sides, owners, big - bounds[owners], ln_magnitudes)
