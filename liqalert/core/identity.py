"""The same cluster keeps its id while its window is re-cut: identity follows the weight that two clusters share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from liqalert.core.columns import QUANTITY, TIME, Columns, Floats, Indices
from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.partition import Parts, Sheet

PAIRS = tuple(map("".join, product("abcdefghijklmnopqrstuvwxyz234567", repeat=2)))
"""Base 32 (RFC 4648), ten bits at once: what the standard library does in Python takes longer than the hash."""


def short_id(*parts: object) -> str:
    """Eight letters and digits, the same for the same parts in every process. Short enough to type on a phone."""
    text = joined(*parts)
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=5).digest())
    return PAIRS[number >> 30] + PAIRS[number >> 20 & 1023] + PAIRS[number >> 10 & 1023] + PAIRS[number & 1023]


def joined(*parts: object) -> str:
    """The text of which an id is made. What many ids have in common can be joined once: it counts as its parts do."""
    # A float's text is its repr; str(part) of a string is itself.
    return "\x1f".join([part if type(part) is str else str(part) for part in parts])


class Identity(Struct, frozen=True, gc=False):
    """Who a cluster is, apart from what it holds at the moment."""

    id: str
    born_at: UnixTime
    split_from: str | None = None


class Shared(Struct, frozen=True, gc=False, eq=False):
    """What old and new clusters of several sides have in common: pairs by side, then by new, then by old cluster."""

    sides: Indices
    """Of each pair."""
    olds: Indices
    """Position of the old cluster among those of its side."""
    news: Indices
    weights: Floats
    """Of the liquidations that were in the old cluster and are in the new one, above 0."""
    old_counts: Indices
    """How many clusters each side had."""
    new_counts: Indices

    def moved(self) -> NDArray[np.bool_]:
        """By side: whether its clusters have not each kept to itself, as they nearly always do."""
        pairs = np.bincount(self.sides, minlength=len(self.old_counts))
        changed = np.bincount(self.sides[self.olds != self.news], minlength=len(self.old_counts))
        kept = (pairs == self.old_counts) & (self.new_counts == self.old_counts) & (changed == 0)
        moved: NDArray[np.bool_] = ~kept
        return moved

    def of(self, moved: NDArray[np.bool_]) -> Shared:
        """The same with the pairs of those sides alone."""
        inside = moved[self.sides]
        pairs = (self.sides[inside], self.olds[inside], self.news[inside], self.weights[inside])
        return Shared(*pairs, self.old_counts, self.new_counts)


def identify(
    shared: Shared,
    weights: Floats,
    *,
    previous: Sequence[Sequence[Identity]],
    now: UnixTime,
    new_id: Callable[[int, int], str],
) -> Iterator[tuple[int, tuple[Identity, ...]]]:
    """The sides whose clusters have not each kept to itself, and the identities of their clusters now.

    An old cluster passes its id on where the shared weight is at least half of the lighter of the two, the largest
    share first, then the older cluster, then the smaller id. `weights` are those of the new clusters of all sides, one
    after the other, which `new_id` is asked by, too: by their side and by their number.
    """
    moved = shared.moved()
    (sides,) = moved.nonzero()
    if not len(sides):
        return
    kin = _Kin.of(shared.of(moved), weights)
    inherited = kin.inherited(previous)
    parents = kin.parents(inherited)
    for side in sides.tolist():
        old_first, known = int(kin.old_firsts[side]), previous[side]
        identities = []
        for new in range(int(kin.new_firsts[side]), int(kin.new_firsts[side + 1])):
            old = inherited.get(new)
            if old is None:
                split_from = known[parents[new] - old_first].id if new in parents else None
                identities.append(Identity(new_id(side, new), now, split_from))
            else:
                identities.append(known[old - old_first])
        yield side, tuple(identities)


class _Kin(Struct, frozen=True, gc=False, eq=False):
    """The same pairs, with each cluster counted among those of all sides."""

    shared: Shared
    olds: Indices
    news: Indices
    enough: NDArray[np.bool_]
    """Whether the weight is at least half of the lighter of the two."""
    old_firsts: Indices
    """Where those of each side begin, and the end."""
    new_firsts: Indices

    @classmethod
    def of(cls, shared: Shared, weights: Floats) -> _Kin:
        old_firsts = np.concatenate(((0,), shared.old_counts.cumsum()))
        new_firsts = np.concatenate(((0,), shared.new_counts.cumsum()))
        olds, news = old_firsts[shared.sides] + shared.olds, new_firsts[shared.sides] + shared.news
        lighter = np.minimum(np.bincount(olds, shared.weights)[olds], weights[news])
        enough = shared.weights >= 0.5 * lighter * (1.0 - 1e-12)
        return cls(shared, olds, news, enough, old_firsts, new_firsts)

    def inherited(self, previous: Sequence[Sequence[Identity]]) -> dict[int, int]:
        """New to old cluster, one to one. Sides have no cluster in common, so that all are gone through at once."""
        heirs: dict[int, int] = {}
        passed_on: set[int] = set()
        order = self._order(previous)
        for old, new in zip(self.olds[order].tolist(), self.news[order].tolist(), strict=True):
            if old not in passed_on and new not in heirs:
                heirs[new] = old
                passed_on.add(old)
        return heirs

    def parents(self, inherited: Mapping[int, int]) -> dict[int, int]:
        """The living cluster that a new one was cut out of, if any: the one that gave most."""
        passed_on = set(inherited.values())
        most: dict[int, tuple[float, int]] = {}
        pairs = zip(self.news.tolist(), self.shared.weights.tolist(), self.olds.tolist(), strict=True)
        for new, weight, old in pairs:
            if new not in inherited and old in passed_on:
                most[new] = max(most.get(new, (0.0, -1)), (weight, old))
        return {new: old for new, (_, old) in most.items()}

    def _order(self, previous: Sequence[Sequence[Identity]]) -> Sequence[int]:
        """In which the pairs that have enough in common come to their turn."""
        (places,) = self.enough.nonzero()
        weights = self.shared.weights[places]
        order = weights.argsort()[::-1]
        weights = weights[order]
        if not (weights[1:] == weights[:-1]).any():
            found: list[int] = places[order].tolist()
            return found

        def turn(place: int) -> tuple[float, UnixTime, str, int]:
            old = previous[self.shared.sides[place]][self.shared.olds[place]]
            return -float(self.shared.weights[place]), old.born_at, old.id, int(self.news[place])

        return sorted(places.tolist(), key=turn)


def shared_weights(held: Sheet, parts: Parts, firsts: Indices, olds: Indices) -> Shared:
    """For the sides of `held`: of each, `olds` clusters of which the first was number `firsts` of its side; among these
    they are counted.

    Old clusters lie side by side as new ones do, so what two have in common is a run of neighbours, or a few where
    newcomers have come between: each run is added up, then the few runs of each pair. A part has a stretch of bins of
    its own, one for each old cluster.
    """
    first = parts.starts.searchsorted(held.bounds)
    news = first[1:] - first[:-1]
    if not len(parts.starts):
        none = np.empty(0, np.int64)
        return Shared(none, none, none, np.empty(0), olds, news)
    bins = olds.repeat(news)
    base = bins.cumsum() - bins
    starts, owners = _runs(held, parts)
    sums = np.add.reduceat(held.columns.masses, starts)
    owned = owners >= 0
    part = parts.starts.searchsorted(starts[owned], side="right") - 1
    places = (base - firsts.repeat(news))[part] + owners[owned]
    weights = np.bincount(places, sums[owned], minlength=int(bins.sum())).astype(np.float64)
    (found,) = weights.nonzero()
    part = base.searchsorted(found, side="right") - 1
    side = first.searchsorted(part, side="right") - 1
    return Shared(side, found - base[part], part - first[side], weights[found], olds, news)


def _runs(held: Sheet, parts: Parts) -> tuple[Indices, Indices]:
    """Where each run of liquidations begins that have the same old and the same new cluster, and which the old is."""
    owners = held.columns.owners
    begins = np.empty(len(owners), np.bool_)
    np.not_equal(owners[1:], owners[:-1], out=begins[1:])
    begins[parts.starts] = True
    (starts,) = begins.nonzero()
    return starts, owners[starts].astype(np.int64)


def new_id(owner: tuple[Instrument, PositionSide], columns: Columns, inside: slice, now: UnixTime) -> str:
    """From the earliest liquidation and the time of birth.

    Without the time, a cluster split off another could carry the very liquidation its parent was named after.
    """
    instrument, liquidated = owner
    inside_table = columns.table[: QUANTITY + 1, inside]
    price, happened_at, quantity = inside_table[:, inside_table[TIME].argmin()].tolist()
    return short_id(instrument.exchange, instrument.symbol, liquidated, happened_at, price, quantity, float(now))
