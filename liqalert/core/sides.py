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
from liqalert.core.zones import Zone, strength_of, touches

LANDMARK_DECAYS = 6.0
"""The landmark moves every six decay constants, so exponents stay below 18 with the 12 that are kept."""


@dataclass(slots=True)
class Side:
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
        self._sides: dict[Owner, Side] = {}
        self._landmark = -math.inf

    def add(self, liquidation: Liquidation, now: UnixTime) -> bool:
        """Keeps a liquidation; False for a duplicate. One from the future weighs as if it had happened now."""
        self._move_landmark(now)
        owner = (liquidation.instrument, liquidation.liquidated)
        side = self._sides.get(owner)
        if side is None:
            side = self._sides[owner] = Side()
        age = max(now - liquidation.event_time, 0.0)
        mass = liquidation.notional_usd * math.exp((now - age - self._landmark) / self._terms.decay_s)
        return side.window.add(liquidation, mass)

    def rebuild(self, now: UnixTime) -> Iterator[Rebuilt]:
        """Prunes, and builds the clusters of every side that changed. An unchanged side costs a comparison."""
        self._move_landmark(now)
        before = now - self._terms.history_s
        for owner, side in self._sides.items():
            side.window.prune(before)
            if side.window.changed:
                yield self._rebuild(owner, side, now)
        for owner in [owner for owner, side in self._sides.items() if not len(side.window)]:
            del self._sides[owner]

    def renew_baselines(self, now: UnixTime, owners: Iterable[Owner] | None = None) -> None:
        """Measures the present clusters (of `owners`, else all) by the baselines in force now."""
        for owner in self._sides if owners is None else owners:
            if owner in self._sides:
                side, baseline = self._sides[owner], self._baselines.of(owner, now)
                side.clusters = tuple(replace(cluster, baseline=baseline) for cluster in side.clusters)

    def adopt(self, zones: Iterable[Zone]) -> None:
        """Gives liquidations that were reloaded the identities their clusters had, as the zones remember them."""
        newest = {zone.cluster_id: zone for zone in sorted(zones, key=lambda zone: zone.peak_at)}
        by_owner: dict[Owner, list[Zone]] = {}
        for zone in sorted(newest.values(), key=lambda zone: (-zone.strength, zone.id)):
            by_owner.setdefault((zone.instrument, zone.liquidated), []).append(zone)
        for owner, remembered in by_owner.items():
            if owner in self._sides:
                self._adopt(self._sides[owner], remembered)

    def clusters(self) -> Mapping[Owner, tuple[Cluster, ...]]:
        return {owner: side.clusters for owner, side in self._sides.items() if side.clusters}

    def strength_now(self, zone: Zone, now: UnixTime) -> float:
        """Strength at `now` of the strongest cluster that touches the zone's band, by the zone's baseline."""
        side = self._sides.get((zone.instrument, zone.liquidated))
        if side is None:
            return 0.0
        return max(
            (
                strength_of(cluster.decayed(self._decay(cluster.as_of, now), now), zone.baseline)
                for cluster in side.clusters
                if touches(cluster, zone)
            ),
            default=0.0,
        )

    def top_magnitudes(self, now: UnixTime) -> dict[Owner, float]:
        """Magnitude at `now` of each side's greatest cluster."""
        return {
            owner: max(
                magnitude(cluster.notional_usd, cluster.weighted_count) * self._decay(cluster.as_of, now)
                for cluster in side.clusters
            )
            for owner, side in self._sides.items()
            if side.clusters
        }

    def _rebuild(self, owner: Owner, side: Side, now: UnixTime) -> Rebuilt:
        columns = side.window.columns()
        log_prices = np.log(columns.prices)
        slices = partition(log_prices, columns.masses, self._terms.window_width)
        side.identities, ended = identify(owner, columns, slices, previous=side.identities, now=now)
        baseline = self._baselines.of(owner, now)
        factor = self._decay(self._landmark, now)
        owners = np.empty(len(log_prices), dtype=np.int64)
        built = []
        for number, (part, identity) in enumerate(zip(slices, side.identities, strict=True)):
            owners[slice(*part)] = number
            built.append(_cluster(owner, identity, sums(columns, log_prices, part), factor, now, baseline))
        side.window.own(owners)
        side.clusters = tuple(built)
        return Rebuilt(owner, side.clusters, ended)

    def _adopt(self, side: Side, remembered: list[Zone]) -> None:
        prices = side.window.columns().prices
        owners = np.full(len(prices), NO_OWNER, dtype=np.int64)
        for number, zone in enumerate(remembered):
            owners[(owners == NO_OWNER) & (prices >= zone.low) & (prices <= zone.high)] = number
        side.window.own(owners)
        side.window.changed = True
        side.identities = tuple(Identity(zone.cluster_id, zone.opened_at) for zone in remembered)

    def _move_landmark(self, now: UnixTime) -> None:
        """Keeps masses in range. A function of time alone, so a replay moves it at the same moments."""
        period = LANDMARK_DECAYS * self._terms.decay_s
        landmark = math.floor(now / period) * period
        if landmark <= self._landmark:
            return
        factor = self._decay(self._landmark, landmark)
        self._landmark = landmark
        for side in self._sides.values():
            side.window.prune(now - self._terms.history_s)
            side.window.rescale(factor)

    def _decay(self, since: UnixTime, now: UnixTime) -> float:
        return math.exp((since - now) / self._terms.decay_s)


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
