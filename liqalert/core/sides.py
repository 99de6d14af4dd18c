"""Windows and their clusters, side by side: where a liquidation becomes part of a cluster with a lasting identity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from liqalert.core.baselines import Baselines, Owner
from liqalert.core.clusters import Cluster, Sums, partition, sums
from liqalert.core.identity import Ended, Identity, identify
from liqalert.core.market import Liquidation, UnixTime
from liqalert.core.strength import Baseline, magnitude
from liqalert.core.terms import Terms
from liqalert.core.window import NO_OWNER, Window
from liqalert.core.zones import Zone, touches

LANDMARK_DECAYS = 6.0
"""The landmark moves every six decay constants, so exponents stay below 18 with the 12 that are kept."""


@dataclass(slots=True)
class Holding:
    """One instrument and position side."""

    window: Window = field(default_factory=Window)
    identities: tuple[Identity, ...] = ()
    clusters: tuple[Cluster, ...] = ()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A side whose clusters were built anew."""

    owner: Owner
    clusters: tuple[Cluster, ...]
    ended: tuple[Ended, ...]


class Sides:
    """All sides. Part of the engine; touched by nothing else."""

    def __init__(self, terms: Terms, baselines: Baselines) -> None:
        self._terms = terms
        self._baselines = baselines
        self._holdings: dict[Owner, Holding] = {}
        self._landmark = -math.inf

    def add(self, liquidation: Liquidation, now: UnixTime) -> bool:
        """Keeps a liquidation; False for a duplicate. One from the future weighs as if it had happened when it came."""
        self._move_landmark(now)
        owner = (liquidation.instrument, liquidation.liquidated)
        holding = self._holdings.get(owner)
        if holding is None:
            holding = self._holdings[owner] = Holding()
        happened_at = min(liquidation.event_time, liquidation.received_time)
        mass = liquidation.notional_usd * math.exp((happened_at - self._landmark) / self._terms.decay_s)
        return holding.window.add(liquidation, mass)

    def rebuild(self, now: UnixTime) -> Iterator[Rebuilt]:
        """Prunes, and builds the clusters of every side that changed. An unchanged side costs a comparison."""
        self._move_landmark(now)
        before = now - self._terms.history_s
        for owner, holding in self._holdings.items():
            holding.window.prune(before)
            if holding.window.changed:
                yield self._rebuild(owner, holding, now)
        for owner in [owner for owner, holding in self._holdings.items() if not len(holding.window)]:
            del self._holdings[owner]

    def renew_baselines(self, now: UnixTime, owners: Iterable[Owner] | None = None) -> None:
        """Measures the clusters (of `owners`, else all) by the baselines in force now, and rebuilds them next."""
        for owner in self._holdings if owners is None else owners:
            if owner in self._holdings:
                holding, baseline = self._holdings[owner], self._baselines.of(owner, now)
                holding.clusters = tuple(replace(cluster, baseline=baseline) for cluster in holding.clusters)
                holding.window.changed = True

    def touch(self, owner: Owner) -> None:
        """Rebuilds this one next: what its clusters are compared with has changed."""
        if owner in self._holdings:
            self._holdings[owner].window.changed = True

    def adopt(self, zones: Iterable[Zone]) -> None:
        """Gives liquidations that were reloaded the identities their clusters had, as the zones remember them."""
        newest = {zone.cluster_id: zone for zone in sorted(zones, key=lambda zone: zone.peak_at)}
        by_owner: dict[Owner, list[Zone]] = {}
        for zone in sorted(newest.values(), key=lambda zone: (-zone.strength, zone.id)):
            by_owner.setdefault((zone.instrument, zone.liquidated), []).append(zone)
        for owner, remembered in by_owner.items():
            if owner in self._holdings:
                self._adopt(self._holdings[owner], remembered)

    def clusters(self) -> Mapping[Owner, tuple[Cluster, ...]]:
        return {owner: holding.clusters for owner, holding in self._holdings.items() if holding.clusters}

    def strength_now(self, zone: Zone, now: UnixTime) -> float:
        """Strength at `now` of the strongest cluster that touches the zone's band, by the zone's baseline."""
        holding = self._holdings.get((zone.instrument, zone.liquidated))
        if holding is None:
            return 0.0
        return max(
            (
                zone.baseline.strength(_magnitude(cluster) * self._decay(cluster.as_of, now))
                for cluster in holding.clusters
                if touches(cluster, zone)
            ),
            default=0.0,
        )

    def top_magnitudes(self, now: UnixTime) -> dict[Owner, float]:
        """Magnitude at `now` of each side's greatest cluster."""
        return {
            owner: max(_magnitude(cluster) * self._decay(cluster.as_of, now) for cluster in holding.clusters)
            for owner, holding in self._holdings.items()
            if holding.clusters
        }

    def _rebuild(self, owner: Owner, holding: Holding, now: UnixTime) -> Rebuilt:
        columns = holding.window.columns()
        log_prices = np.log(columns.prices)
        slices = partition(log_prices, columns.masses, self._terms.window_width)
        holding.identities, ended = identify(owner, columns, slices, previous=holding.identities, now=now)
        baseline = self._baselines.of(owner, now)
        factor = self._decay(self._landmark, now)
        owners = np.empty(len(log_prices), dtype=np.int64)
        built = []
        for number, (part, identity) in enumerate(zip(slices, holding.identities, strict=True)):
            owners[slice(*part)] = number
            built.append(_cluster(owner, identity, sums(columns, log_prices, part), factor, now, baseline))
        holding.window.own(owners)
        holding.clusters = tuple(built)
        return Rebuilt(owner, holding.clusters, ended)

    def _adopt(self, holding: Holding, remembered: list[Zone]) -> None:
        prices = holding.window.columns().prices
        owners = np.full(len(prices), NO_OWNER, dtype=np.int64)
        for number, zone in enumerate(remembered):
            owners[(owners == NO_OWNER) & (prices >= zone.low) & (prices <= zone.high)] = number
        holding.window.own(owners)
        holding.window.changed = True
        holding.identities = tuple(Identity(zone.cluster_id, zone.opened_at) for zone in remembered)

    def _move_landmark(self, now: UnixTime) -> None:
        """Keeps masses in range. A function of time alone, so a replay moves it at the same moments."""
        period = LANDMARK_DECAYS * self._terms.decay_s
        landmark = math.floor(now / period) * period
        if landmark == self._landmark:
            return
        forwards, factor = landmark > self._landmark, self._decay(self._landmark, max(landmark, self._landmark))
        self._landmark = landmark
        for holding in self._holdings.values():
            if forwards:
                holding.window.prune(now - self._terms.history_s)
                holding.window.rescale(factor)
            else:
                # The clock was set back, perhaps by so much that a factor would overflow.
                holding.window.reweigh(landmark, self._terms.decay_s)

    def _decay(self, since: UnixTime, now: UnixTime) -> float:
        return math.exp((since - now) / self._terms.decay_s)


def _magnitude(cluster: Cluster) -> float:
    return magnitude(cluster.notional_usd, cluster.weighted_count)


def _cluster(owner: Owner, identity: Identity, held: Sums, factor: float, now: UnixTime, baseline: Baseline) -> Cluster:
    return Cluster(
        id=identity.id,
        instrument=owner[0],
        liquidated=owner[1],
        price=held.price,
        price_low=held.price_low,
        price_high=held.price_high,
        band_low=held.band_low,
        band_high=held.band_high,
        notional_usd=held.mass * factor,
        weighted_count=held.weighted_count * factor,
        count=held.count,
        largest_usd=held.largest_usd,
        oldest_at=held.oldest_at,
        newest_at=held.newest_at,
        as_of=now,
        baseline=baseline,
        split_from=identity.split_from,
    )
