"""The same cluster keeps its id while its window is re-cut: identity follows the weight that two clusters share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from msgspec import Struct

from liqalert.core.columns import Columns, Floats, Indices
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


@dataclass(frozen=True, slots=True)
class Ended:
    """A cluster that is no more: `merged_into` took most of its weight; None when its liquidations grew too old."""

    id: str
    merged_into: str | None


Shared: TypeAlias = Mapping[tuple[int, int], float]
"""Weight of the liquidations that were in old cluster `o` and are in new cluster `n`, by (o, n)."""


def identify(
    shared: Shared,
    weights: Sequence[float],
    *,
    previous: tuple[Identity, ...],
    now: UnixTime,
    new_id: Callable[[int], str],
) -> tuple[tuple[Identity, ...], tuple[Ended, ...]]:
    """The identities of new clusters that weigh `weights`, in their order, and the previous clusters that ended.

    An old cluster passes its id on where the shared weight is at least half of the lighter of the two, the largest
    share first, then the older cluster, then the smaller id.
    """
    heir_of = _heirs(shared, weights, previous)
    inherited = {new: old for old, new in heir_of.items()}
    identities = []
    for position in range(len(weights)):
        if position in inherited:
            identities.append(previous[inherited[position]])
        else:
            identities.append(Identity(new_id(position), now, _parent(shared, position, heir_of, previous)))
    if len(heir_of) == len(previous):
        return tuple(identities), ()
    ended = [old for old in range(len(previous)) if old not in heir_of]
    return tuple(identities), tuple(Ended(previous[old].id, _took_most(shared, old, identities)) for old in ended)


@dataclass(frozen=True, slots=True)
class SharedWeights:
    """What the old and the new clusters of several sides have in common."""

    unmoved: Sequence[bool]
    """By side: whether each cluster has kept to itself, as it nearly always does. Then all identities stay."""
    _olds: Indices
    _news: Indices
    _weights: Floats
    _bounds: Sequence[int]

    def of(self, number: int) -> Shared:
        """The weights that `identify` takes, for one side."""
        inside = slice(self._bounds[number], self._bounds[number + 1])
        pairs = zip(self._olds[inside].tolist(), self._news[inside].tolist(), strict=True)
        return dict(zip(pairs, self._weights[inside].tolist(), strict=True))


def shared_weights(held: Sheet, parts: Parts, olds: Indices) -> SharedWeights:
    """For the sides of `held`, which had `olds` clusters each.

    `owners` of the sheet are positions among the old clusters of the same side. Old clusters lie side by side as new
    ones do, so what two have in common is a run of neighbours, or a few where newcomers have come between: each run is
    added up, then the few runs of each pair. A part has a stretch of bins of its own, one for each old cluster.
    """
    if not len(parts.starts):
        none = np.empty(0, np.int64)
        return SharedWeights((olds == 0).tolist(), none, none, np.empty(0), [0] * (len(olds) + 1))
    first = parts.starts.searchsorted(held.bounds)
    news = first[1:] - first[:-1]
    bins = olds.repeat(news)
    base = bins.cumsum() - bins
    starts, owners = _runs(held, parts)
    sums = np.add.reduceat(held.columns.masses, starts)
    owned = owners >= 0
    part = parts.starts.searchsorted(starts[owned], side="right") - 1
    weights = np.bincount(base[part] + owners[owned], sums[owned], minlength=int(bins.sum())).astype(np.float64)
    (found,) = weights.nonzero()
    part = base.searchsorted(found, side="right") - 1
    number = first.searchsorted(part, side="right") - 1
    old, new = found - base[part], part - first[number]
    sides = len(olds)
    pairs, moved = np.bincount(number, minlength=sides), np.bincount(number[old != new], minlength=sides)
    return SharedWeights(
        ((pairs == olds) & (news == olds) & (moved == 0)).tolist(),
        old,
        new,
        weights[found],
        number.searchsorted(np.arange(sides + 1)).tolist(),
    )


def _runs(held: Sheet, parts: Parts) -> tuple[Indices, Indices]:
    """Where each run of liquidations begins that have the same old and the same new cluster, and which the old is."""
    owners = held.columns.owners
    begins = np.empty(len(owners), np.bool_)
    np.not_equal(owners[1:], owners[:-1], out=begins[1:])
    begins[parts.starts] = True
    (starts,) = begins.nonzero()
    return starts, owners[starts].astype(np.int64)


def _heirs(shared: Shared, weights: Sequence[float], previous: Sequence[Identity]) -> dict[int, int]:
    """Old position to new position, one to one."""
    kept = dict(shared.keys())
    if len(kept) == len(set(kept.values())) == len(shared):
        return kept  # each has kept to itself, beside others that are new or gone
    old_weights = dict.fromkeys(kept, 0.0)
    for (old, _), weight in shared.items():
        old_weights[old] += weight
    heirs: dict[int, int] = {}
    taken: set[int] = set()
    candidates = [(-weight, previous[old].born_at, previous[old].id, new, old) for (old, new), weight in shared.items()]
    for lightness, _, _, new, old in sorted(candidates):
        enough = -lightness >= 0.5 * min(old_weights[old], weights[new]) * (1.0 - 1e-12)
        if enough and old not in heirs and new not in taken:
            heirs[old] = new
            taken.add(new)
    return heirs


def _parent(shared: Shared, new: int, heir_of: Mapping[int, int], previous: Sequence[Identity]) -> str | None:
    """The living cluster that a new one was cut out of, if any."""
    givers = [(weight, old) for (old, to), weight in shared.items() if to == new and old in heir_of]
    return previous[max(givers)[1]].id if givers else None


def _took_most(shared: Shared, old: int, identities: Sequence[Identity]) -> str | None:
    takers = [(weight, -new) for (giver, new), weight in shared.items() if giver == old]
    return identities[-max(takers)[1]].id if takers else None


def new_id(owner: tuple[Instrument, PositionSide], columns: Columns, inside: slice, now: UnixTime) -> str:
    """From the earliest liquidation and the time of birth.

    Without the time, a cluster split off another could carry the very liquidation its parent was named after.
    """
    instrument, liquidated = owner
    earliest = inside.start + int(np.argmin(columns.times[inside]))
    return short_id(
        instrument.exchange,
        instrument.symbol,
        liquidated,
        float(columns.times[earliest]),
        float(columns.prices[earliest]),
        float(columns.quantities[earliest]),
        float(now),
    )
