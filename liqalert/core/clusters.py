"""Clusters: what the liquidations of one instrument and position side inside one price window amount to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from liqalert.core.columns import Floats
from liqalert.core.identity import Identity
from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.partition import Parts
from liqalert.core.strength import Baseline, magnitude


class Cluster(Struct, frozen=True, gc=False):
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
    oldest_at: UnixTime
    newest_at: UnixTime
    as_of: UnixTime
    baseline: Baseline
    split_from: str | None = None
    basis: str = "realised"

    @property
    def strength(self) -> float:
        """How unusual this is for this instrument and position side, between 0 and 1: see `Baseline`."""
        return self.baseline.strength(magnitude(self.notional_usd, self.weighted_count))

    def decayed(self, factor: float, now: UnixTime) -> Cluster:
        """This cluster at `now`, when every weight has shrunk by `factor`."""
        return replace(
            self,
            notional_usd=self.notional_usd * factor,
            weighted_count=self.weighted_count * factor,
            as_of=now,
        )


PRICE, PRICE_LOW, PRICE_HIGH, BAND_LOW, BAND_HIGH, USD, WEIGHTED_COUNT, COUNT, OLDEST, NEWEST = range(10)


def table_of(parts: Parts) -> Floats:
    """The rows of `SideClusters`."""
    return np.array(
        (
            parts.prices,
            parts.price_lows,
            parts.price_highs,
            parts.band_lows,
            parts.band_highs,
            parts.masses,
            parts.weighted_counts,
            parts.ends - parts.starts,
            parts.oldest_at,
            parts.newest_at,
        )
    )


class SideClusters(Sequence[Cluster]):
    """The clusters of one instrument and position side, by ascending price, each made when it is read.

    A rebuild gives dozens for each side, and hardly any is looked at before the next: as objects they would cost more
    than to find them. `table` has a row for each number of a cluster, in the order of the constants above, and a column
    for each cluster; what is time-weighted stands in it as of the landmark, and has shrunk by `factor` since.
    Immutable.
    """

    __slots__ = ("_as_of", "_baseline", "_factor", "_owner", "identities", "table")

    def __init__(
        self,
        owner: tuple[Instrument, PositionSide],
        identities: tuple[Identity, ...],
        table: Floats,
        factor: float,
        as_of: UnixTime,
        baseline: Baseline,
    ) -> None:
        self._owner = owner
        self.identities = identities
        self.table = table
        """Not to be changed."""
        self._factor = factor
        self._as_of = as_of
        self._baseline = baseline

    def __len__(self) -> int:
        return len(self.identities)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self.made(range(len(self)), self.table.T.tolist()))

    @overload
    def __getitem__(self, place: int) -> Cluster: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Cluster]: ...
    def __getitem__(self, place: int | slice) -> Cluster | Sequence[Cluster]:
        if isinstance(place, slice):
            return tuple(self)[place]
        [cluster] = self.made((range(len(self))[place],), (self.table[:, place].tolist(),))
        return cluster

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    @property
    def baseline(self) -> Baseline:
        return self._baseline

    @property
    def largest_notional_usd(self) -> float:
        return float(self.table[USD].max(initial=0.0) * self._factor)

    def made(self, places: Iterable[int], columns: Iterable[Sequence[float]]) -> list[Cluster]:
        """The clusters at `places`, of whose columns in the table the caller has the numbers."""
        instrument, liquidated = self._owner
        factor, clusters = self._factor, []
        for place, numbers in zip(places, columns, strict=True):
            identity = self.identities[place]
            price, low, high, band_low, band_high, usd, weighted, count, oldest, newest = numbers
            cluster = Cluster(
                identity.id,
                instrument,
                liquidated,
                price,
                low,
                high,
                band_low,
                band_high,
                usd * factor,
                weighted * factor,
                int(count),
                oldest,
                newest,
                self._as_of,
                self._baseline,
                identity.split_from,
            )
            clusters.append(cluster)
        return clusters

    def touching(self, low: float, high: float) -> list[Cluster]:
        """Those whose bands touch the range."""
        touch = (self.table[BAND_LOW] <= high) & (low <= self.table[BAND_HIGH])
        places = np.flatnonzero(touch)
        return self.made(places.tolist(), self.table[:, places].T.tolist())

    def measured_by(self, baseline: Baseline) -> SideClusters:
        return SideClusters(self._owner, self.identities, self.table, self._factor, self._as_of, baseline)

    def left_at(self, now: UnixTime, decay_s: float) -> float:
        """What the time-weighted rows of the table have to be multiplied by to hold at `now`."""
        return self._factor * self.decay_factor(now, decay_s)

    def decay_factor(self, now: UnixTime, decay_s: float) -> float:
        """By which every weight has shrunk at `now`; 1 if the clock has been set back since."""
        return math.exp(min(self._as_of - now, 0.0) / decay_s)
