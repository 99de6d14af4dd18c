"""Windows and their clusters, side by side: where a liquidation becomes part of a cluster with a lasting identity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import accumulate, count, pairwise
from typing import NamedTuple

import numpy as np

from liqalert.core.baselines import Baselines, Owner
from liqalert.core.clusters import COUNT, USD, Cluster, SideClusters, table_of
from liqalert.core.columns import NO_OWNER, Floats, Indices
from liqalert.core.identity import Identity, identify, new_id, shared_weights
from liqalert.core.market import Liquidation, UnixTime
from liqalert.core.partition import Parts, Sheet, cut, sheet
from liqalert.core.stretches import Stretch, to_be_cut
from liqalert.core.terms import Terms
from liqalert.core.window import Window
from liqalert.core.zones import Zone, qualifying, strongest

MOST_AT_ONCE = 50_000
"""Liquidations whose clusters are cut together; a single side may have more."""
GREAT = 1024
"""Of a side with so many liquidations only that is cut anew where something changes."""
LANDMARK_DECAYS = 6.0
"""The landmark moves every six decay constants, so exponents stay below 18 with the 12 that are kept."""


@dataclass(slots=True)
class Holding:
    """One instrument and position side."""

    number: int
    """Sides that change are rebuilt by this, in the order in which they first had a liquidation."""
    window: Window = field(default_factory=Window)
    ages_from: UnixTime = math.inf
    """The oldest event time by which it stands in `_aging`."""
    identities: tuple[Identity, ...] = ()


class Rebuilt(NamedTuple):
    """A side whose clusters were built anew."""

    owner: Owner
    clusters: SideClusters
    qualifying: Sequence[Cluster]
    """Those of them that are big enough for a zone."""


class Sides:
    """All sides. Part of the engine; touched by nothing else."""

    def __init__(self, terms: Terms, baselines: Baselines) -> None:
        self._terms = terms
        self._baselines = baselines
        self._holdings: dict[Owner, Holding] = {}
        self._clusters: dict[Owner, SideClusters] = {}
        """Those of `_holdings`, in the order in which the sides first had any."""
        self._changed: dict[Owner, Holding] = {}
        """Those to be rebuilt next, so that a tick need not look at the others."""
        self._aging: list[tuple[UnixTime, int, Owner]] = []
        """A heap of when the oldest liquidation of each side happened, and of some that have been forgotten since."""
        self._numbers = count()
        self._landmark = self._landmark_until = -math.inf

    def add(self, liquidation: Liquidation, now: UnixTime) -> bool:
        """Keeps a liquidation; False for a duplicate. One from the future weighs as if it had happened when it came."""
        if not self._landmark <= now < self._landmark_until:
            self._move_landmark(now)
        owner = (liquidation.instrument, liquidation.liquidated)
        holding = self._holdings.get(owner)
        if holding is None:
            holding = self._holdings[owner] = Holding(next(self._numbers))
        window, happened_at = holding.window, liquidation.event_time
        if liquidation.received_time < happened_at:
            happened_at = liquidation.received_time
        mass = liquidation.notional_usd * math.exp((happened_at - self._landmark) / self._terms.decay_s)
        if not window.add(liquidation, mass):
            return False
        self._changed[owner] = holding
        if liquidation.event_time < holding.ages_from:
            self._watch_age(owner, holding)
        return True

    def rebuild(self, now: UnixTime) -> Iterator[Rebuilt]:
        """Prunes, and builds the clusters of every side that changed. An unchanged side costs nothing."""
        self._move_landmark(now)
        self._prune(now - self._terms.history_s)
        waiting = sorted(self._changed.items(), key=lambda item: item[1].number)
        self._changed = {}
        # What was touched may have been rebuilt since, or be no more.
        changed = [each for each in waiting if each[1].window.changed and self._holdings.get(each[0]) is each[1]]
        for together in _groups(changed):
            yield from self._rebuild(together, now)
        for owner, _ in changed:
            if owner not in self._clusters:
                del self._holdings[owner]

    def renew_baselines(self, now: UnixTime, owners: Iterable[Owner] | None = None) -> None:
        """Measures the clusters (of `owners`, else all) by the baselines in force now, and rebuilds them next."""
        for owner in self._holdings if owners is None else owners:
            if owner in self._holdings:
                if owner in self._clusters:
                    self._clusters[owner] = self._clusters[owner].measured_by(self._baselines.of(owner, now))
                self.touch(owner)

    def touch(self, owner: Owner) -> None:
        """Rebuilds this one next: what its clusters are compared with has changed."""
        holding = self._holdings.get(owner)
        if holding is not None:
            holding.window.changed = True
            self._changed[owner] = holding

    def adopt(self, zones: Iterable[Zone]) -> None:
        """Gives liquidations that were reloaded the identities their clusters had, as the zones remember them."""
        newest = {zone.cluster_id: zone for zone in sorted(zones, key=lambda zone: zone.peak_at)}
        by_owner: dict[Owner, list[Zone]] = {}
        for zone in sorted(newest.values(), key=lambda zone: (-zone.strength, zone.id)):
            by_owner.setdefault((zone.instrument, zone.liquidated), []).append(zone)
        for owner, remembered in by_owner.items():
            if owner in self._holdings:
                self._adopt(self._holdings[owner], remembered)
                self.touch(owner)

    def clusters(self) -> Mapping[Owner, SideClusters]:
        """By side; sides without any are left out."""
        return dict(self._clusters)

    def clusters_of(self, owner: Owner) -> SideClusters | None:
        """None where there are none."""
        return self._clusters.get(owner)

    def strength_now(self, zone: Zone, now: UnixTime) -> float:
        """Strength at `now` of the strongest cluster that touches the zone's band, by the zone's baseline."""
        return strongest(zone, self.clusters_of((zone.instrument, zone.liquidated)), now, self._terms.decay_s)

    def top_magnitudes(self, now: UnixTime) -> dict[Owner, float]:
        """Magnitude at `now` of each side's greatest cluster."""
        if not self._clusters:
            return {}
        sides = self._clusters.values()
        magnitudes = np.concatenate([clusters.magnitudes() for clusters in sides])
        first = list(accumulate(map(len, sides), initial=0))[:-1]
        tops = np.maximum.reduceat(magnitudes, first).tolist()
        factors = [clusters.decay_factor(now, self._terms.decay_s) for clusters in sides]
        return {owner: top * factor for owner, top, factor in zip(self._clusters, tops, factors, strict=True)}

    def _rebuild(self, changed: Sequence[tuple[Owner, Holding]], now: UnixTime) -> list[Rebuilt]:
        """All of them at once: what each gives depends on itself alone."""
        stretches = [self._stretch(*each) for each in changed]
        held = sheet([stretch.columns for stretch in stretches], [stretch.counts for stretch in stretches])
        firsts = np.array([stretch.first for stretch in stretches])
        parts = cut(held, self._terms.window_width)
        if not held.known:
            # By their place among the old clusters of the stretch; newcomers stay below zero.
            held.columns.owners[:] -= firsts.repeat(held.lengths)
            self._identify(changed, stretches, held, parts, now)
        bounds = parts.starts.searchsorted(held.bounds)
        numbers = np.arange(len(parts.starts)) + (firsts - bounds[:-1]).repeat(bounds[1:] - bounds[:-1])
        owners = numbers.astype(np.float64).repeat(parts.ends - parts.starts)
        table, factor = table_of(parts), self._decay(self._landmark, now)
        found = []
        for (owner, holding), stretch, (left, right), (start, end) in zip(
            changed, stretches, pairwise(held.bounds.tolist()), pairwise(bounds.tolist()), strict=True
        ):
            holding.window.own(owners[left:right], stretch.left, end - start - (stretch.last - stretch.first))
            # A copy in any case: else all that were cut together would stay as long as one of them does.
            of_side = table[:, start:end].copy()
            if right - left < len(holding.window):
                of_side = self._spliced(owner, stretch, of_side)
            clusters = SideClusters(
                owner,
                holding.identities,
                of_side,
                factor=factor,
                as_of=now,
                baseline=self._baselines.of(owner, now),
            )
            self._keep(owner, clusters)
            found.append(clusters)
        big = qualifying(found, factor, self._terms)
        return [
            Rebuilt(owner, *of_side) for (owner, _), of_side in zip(changed, zip(found, big, strict=True), strict=True)
        ]

    def _stretch(self, owner: Owner, holding: Holding) -> Stretch:
        """What has to be cut. Of a small side all: that is quicker done than to find out how much."""
        window, width = holding.window, self._terms.window_width
        columns = window.spanned(width)
        if len(columns) >= GREAT and window.arrived and (before := self._clusters.get(owner)) is not None:
            return to_be_cut(columns, window.arrived, before.table[COUNT].astype(np.int64), before.table[USD], width)
        return Stretch(columns, 0, 0, len(holding.identities))

    def _spliced(self, owner: Owner, stretch: Stretch, table: Floats) -> Floats:
        """The new table of a side, of which `table` is the stretch that was cut."""
        before = self._clusters[owner].table
        return np.concatenate((before[:, : stretch.first], table, before[:, stretch.last :]), axis=1)

    def _identify(
        self,
        changed: Sequence[tuple[Owner, Holding]],
        stretches: Sequence[Stretch],
        held: Sheet,
        parts: Parts,
        now: UnixTime,
    ) -> None:
        """Gives the sides whose clusters have not each kept to itself their new identities."""
        shared = shared_weights(held, parts, np.array([each.last - each.first for each in stretches], np.int64))
        ranges = list(pairwise(parts.starts.searchsorted(held.bounds).tolist()))
        for number, ((owner, holding), stretch) in enumerate(zip(changed, stretches, strict=True)):
            if not shared.unmoved[number]:
                inside, known = slice(*ranges[number]), holding.identities
                found, _ = identify(
                    shared.of(number),
                    parts.masses[inside].tolist(),
                    previous=known[stretch.first : stretch.last],
                    now=now,
                    new_id=partial(_name, owner, held, parts.starts[inside], parts.ends[inside], now),
                )
                holding.identities = (*known[: stretch.first], *found, *known[stretch.last :])

    def _prune(self, before: UnixTime) -> None:
        """Drops liquidations with an event time before `before`. Only sides that hold any are looked at."""
        while self._aging and self._aging[0][0] < before:
            oldest, _, owner = heappop(self._aging)
            holding = self._holdings.get(owner)
            if holding is None or holding.ages_from != oldest:
                continue
            holding.window.prune(before)
            if holding.window.changed:
                self._changed[owner] = holding
            self._watch_age(owner, holding)

    def _watch_age(self, owner: Owner, holding: Holding) -> None:
        holding.ages_from = holding.window.oldest
        if math.isfinite(holding.ages_from):
            heappush(self._aging, (holding.ages_from, holding.number, owner))

    def _keep(self, owner: Owner, clusters: SideClusters) -> None:
        if clusters:
            self._clusters[owner] = clusters
        else:
            self._clusters.pop(owner, None)

    def _adopt(self, holding: Holding, remembered: list[Zone]) -> None:
        prices = holding.window.columns().prices
        owners = np.full(len(prices), float(NO_OWNER))
        for number, zone in enumerate(remembered):
            owners[(owners == NO_OWNER) & (prices >= zone.low) & (prices <= zone.high)] = number
        holding.window.adopt(owners)
        holding.identities = tuple(Identity(zone.cluster_id, zone.opened_at) for zone in remembered)

    def _move_landmark(self, now: UnixTime) -> None:
        """Keeps masses in range. A function of time alone, so a replay moves it at the same moments."""
        period = LANDMARK_DECAYS * self._terms.decay_s
        landmark = math.floor(now / period) * period
        if landmark == self._landmark:
            return
        forwards, factor = landmark > self._landmark, self._decay(self._landmark, max(landmark, self._landmark))
        self._landmark, self._landmark_until = landmark, landmark + period
        for owner, holding in self._holdings.items():
            if forwards:
                holding.window.prune(now - self._terms.history_s)
                holding.window.rescale(factor)
            else:
                # The clock was set back, perhaps by so much that a factor would overflow.
                holding.window.reweigh(landmark, self._terms.decay_s)
            if holding.window.changed:
                self._changed[owner] = holding

    def _decay(self, since: UnixTime, now: UnixTime) -> float:
        return math.exp((since - now) / self._terms.decay_s)


def _groups(changed: Sequence[tuple[Owner, Holding]]) -> Iterator[Sequence[tuple[Owner, Holding]]]:
    """In order, so many sides at once that their liquidations still fit a processor's cache, at least one."""
    group: list[tuple[Owner, Holding]] = []
    held = 0
    for each in changed:
        if group and held + len(each[1].window) > MOST_AT_ONCE:
            yield group
            group, held = [], 0
        group.append(each)
        held += len(each[1].window)
    if group:
        yield group


def _name(owner: Owner, held: Sheet, starts: Indices, ends: Indices, now: UnixTime, position: int) -> str:
    return new_id(owner, held.columns, slice(int(starts[position]), int(ends[position])), now)
