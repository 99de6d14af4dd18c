"""The clusters of each side: where a liquidation becomes part of one with a lasting identity."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import NamedTuple

import numpy as np

from liqalert.core.baselines import Baselines, Owner
from liqalert.core.candidates import Candidates, candidates
from liqalert.core.clusters import COUNT, USD, WEIGHTED_COUNT, SideClusters, table_of
from liqalert.core.columns import NO_OWNER, Floats, Indices
from liqalert.core.identity import Identity, identify, new_id, shared_weights
from liqalert.core.market import UnixTime
from liqalert.core.partition import Parts, Sheet, cut, sheet
from liqalert.core.strength import magnitudes
from liqalert.core.stretches import Stretch, to_be_cut
from liqalert.core.terms import Terms
from liqalert.core.windows import GREAT, MOST_AT_ONCE, Side, Windows
from liqalert.core.zones import Zone, strongest


class Anew(NamedTuple):
    """How a side has come out of which not all was cut."""

    before: SideClusters
    places: range
    """Of the clusters that have changed by more than age. All others stand in `before`, too."""


class Rebuilt(NamedTuple):
    """Sides whose clusters were built anew."""

    owners: Sequence[Owner]
    clusters: Sequence[SideClusters]
    """Of each side."""
    anew: Mapping[int, Anew]
    """By position above, where not all of a side was cut."""
    candidates: Candidates
    """Those of them that are big enough for a zone."""


class Sides:
    """All sides. Part of the engine; touched by nothing else."""

    def __init__(self, terms: Terms, windows: Windows, baselines: Baselines) -> None:
        self._terms = terms
        self._windows = windows
        self._baselines = baselines
        self._clusters: dict[Owner, SideClusters] = {}
        """Of the sides that have any, in the order in which they first had."""

    def rebuild(self, now: UnixTime) -> Iterator[Rebuilt]:
        """Prunes, and builds the clusters of every side that changed, many at once. An unchanged one costs nothing.

        An error in one side costs no other: it is raised at the end, several as an ExceptionGroup, and that side is
        built again once it changes.
        """
        waiting = deque(_groups(self._windows.take_changed(now)))
        errors: list[Exception] = []
        try:
            while waiting:
                together = waiting.popleft()
                try:
                    rebuilt = self._rebuild(together, now)
                except Exception as exc:  # noqa: BLE001 - whatever it is; raised below
                    if len(together) > 1:
                        waiting.extendleft([side] for side in reversed(together))
                    else:
                        errors.append(exc)
                else:
                    yield rebuilt
        finally:
            # Whoever was given the others has failed.
            for side in chain.from_iterable(waiting):
                self.touch(side.owner)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup("several sides could not be built", errors)

    def renew_baselines(self, now: UnixTime, owners: Iterable[Owner] | None = None) -> None:
        """Measures the clusters (of `owners`, else all) by the baselines in force now, and rebuilds them next."""
        for owner in self._windows.owners() if owners is None else owners:
            if owner in self._clusters:
                self._clusters[owner] = self._clusters[owner].measured_by(self._baselines.of(owner, now))
            self.touch(owner)

    def touch(self, owner: Owner) -> None:
        """Rebuilds this one next: what its clusters are compared with has changed."""
        self._windows.touch(owner)

    def adopt(self, zones: Iterable[Zone], now: UnixTime) -> None:
        """Gives liquidations that were reloaded the identities their clusters had, as the zones remember them."""
        newest = {zone.cluster_id: zone for zone in sorted(zones, key=lambda zone: zone.peak_at)}
        by_owner: dict[Owner, list[Zone]] = {}
        for zone in sorted(newest.values(), key=lambda zone: (-zone.strength, zone.id)):
            by_owner.setdefault((zone.instrument, zone.liquidated), []).append(zone)
        for owner, remembered in by_owner.items():
            if (side := self._windows.get(owner, now)) is not None:
                _adopt(side, remembered)
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
        return top_magnitudes(self._clusters, now, self._terms.decay_s)

    def _rebuild(self, changed: Sequence[Side], now: UnixTime) -> Rebuilt:
        """All of them at once: what each gives depends on itself alone."""
        width = self._terms.window_width
        # Of a small side all is cut: that is quicker done than to find out how much.
        sizes = [len(side.window) for side in changed]
        stretches = [
            Stretch(side.window.spanned(width), 0, 0, len(side.identities))
            if size < GREAT
            else self._stretch(side, width)
            for side, size in zip(changed, sizes, strict=True)
        ]
        held = sheet([stretch.columns for stretch in stretches], [stretch.counts for stretch in stretches])
        firsts = np.array([stretch.first for stretch in stretches])
        parts = cut(held, width)
        renamed = self._identify(changed, stretches, held, parts, firsts, now) if held.known is None else {}
        bounds = parts.starts.searchsorted(held.bounds)
        numbers = np.arange(len(parts.starts)) + (firsts - bounds[:-1]).repeat(bounds[1:] - bounds[:-1])
        owners = numbers.astype(np.float64).repeat(parts.ends - parts.starts)
        table, factor = table_of(parts), self._windows.left_at(now)
        sides = [side.owner for side in changed]
        found: list[SideClusters] = []
        anew = {}
        ranges = list(zip(pairwise(held.bounds.tolist()), pairwise(bounds.tolist()), strict=True))
        baselines = self._baselines.of_each(sides, now)
        for side, size, stretch, ((left, right), (start, end)), baseline in zip(
            changed, sizes, stretches, ranges, baselines, strict=True
        ):
            # A copy in any case: else all that were cut together would stay as long as one of them does.
            of_side = table[:, start:end].copy()
            if right - left < size:
                before = self._clusters[side.owner]
                of_side = _spliced(before.table, stretch, of_side)
                anew[len(found)] = Anew(before, range(stretch.first, stretch.first + end - start))
            identities = renamed.get(len(found), side.identities)
            found.append(SideClusters(side.owner, identities, of_side, factor, now, baseline))
        rebuilt = Rebuilt(sides, found, anew, candidates(found, factor, self._terms))
        # Only now: an error before this leaves all of them as they were.
        for side, stretch, ((left, right), (start, end)), clusters in zip(
            changed, stretches, ranges, found, strict=True
        ):
            side.window.own(owners[left:right], stretch.left, end - start - (stretch.last - stretch.first))
            side.identities = clusters.identities
            if side.identities:
                self._clusters[side.owner] = clusters
            else:
                self._clusters.pop(side.owner, None)
        return rebuilt

    def _stretch(self, side: Side, width: float) -> Stretch:
        """What has to be cut of a great side."""
        window, before = side.window, self._clusters.get(side.owner)
        columns, arrived, gone = window.spanned(width), window.arrived, window.gone
        if arrived is None or before is None or not (arrived or gone):
            return Stretch(columns, 0, 0, len(side.identities))
        counts = [*map(int, before.table[COUNT].tolist())]
        return to_be_cut(columns, arrived, gone, counts, before.table[USD].tolist(), width)

    def _identify(
        self,
        changed: Sequence[Side],
        stretches: Sequence[Stretch],
        held: Sheet,
        parts: Parts,
        firsts: Indices,
        now: UnixTime,
    ) -> dict[int, tuple[Identity, ...]]:
        """The new identities of the sides whose clusters have not each kept to itself, by position."""

        def name(side: int, part: int) -> str:
            return new_id(changed[side].owner, held.columns, slice(int(parts.starts[part]), int(parts.ends[part])), now)

        olds = np.array([each.last for each in stretches]) - firsts
        shared = shared_weights(held, parts, firsts, olds)
        previous = [
            side.identities[stretch.first : stretch.last] for side, stretch in zip(changed, stretches, strict=True)
        ]
        renamed = {}
        for number, found in identify(shared, parts.masses, previous=previous, now=now, new_id=name):
            side, stretch = changed[number], stretches[number]
            renamed[number] = (*side.identities[: stretch.first], *found, *side.identities[stretch.last :])
        return renamed


def top_magnitudes(sides: Mapping[Owner, SideClusters], now: UnixTime, decay_s: float) -> dict[Owner, float]:
    """Magnitude at `now` of the greatest cluster of each of `sides`, none of which is empty."""
    if not sides:
        return {}
    usd, counts = (
        np.concatenate([clusters.table[row] for clusters in sides.values()]) for row in (USD, WEIGHTED_COUNT)
    )
    first = list(accumulate(map(len, sides.values()), initial=0))[:-1]
    tops = np.maximum.reduceat(magnitudes(usd, counts), first).tolist()
    factors = [clusters.left_at(now, decay_s) for clusters in sides.values()]
    return {owner: top * factor for owner, top, factor in zip(sides, tops, factors, strict=True)}


def _spliced(before: Floats, stretch: Stretch, table: Floats) -> Floats:
    """The new table of a side, of which `table` is the stretch that was cut."""
    return np.concatenate((before[:, : stretch.first], table, before[:, stretch.last :]), axis=1)


def _adopt(side: Side, remembered: Sequence[Zone]) -> None:
    prices = side.window.columns().prices
    owners = np.full(len(prices), float(NO_OWNER))
    for number, zone in enumerate(remembered):
        owners[(owners == NO_OWNER) & (prices >= zone.low) & (prices <= zone.high)] = number
    side.window.adopt(owners)
    side.identities = tuple(Identity(zone.cluster_id, zone.opened_at) for zone in remembered)


def _groups(changed: Sequence[Side]) -> Iterator[Sequence[Side]]:
    """In order, so many sides at once that their liquidations still fit a processor's cache, at least one."""
    group: list[Side] = []
    held = 0
    for side in changed:
        size = len(side.window)
        if group and held + size > MOST_AT_ONCE:
            yield group
            group, held = [], 0
        group.append(side)
        held += size
    if group:
        yield group
