"""The same cluster keeps its id while its window is re-cut: identity follows the weight that two clusters share."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from msgspec import Struct

from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.partition import Parts, Sheet
from liqalert.core.window import Columns


def short_id(*parts: object) -> str:
    """Eight letters and digits, the same for the same parts in every process. Short enough to type on a phone."""
    text = "\x1f".join(repr(part) if isinstance(part, float) else str(part) for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=5).digest()
    return base64.b32encode(digest).decode().lower()


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
    if len(shared) == len(weights) == len(previous) and all(old == new for old, new in shared):
        return previous, ()  # nearly always: each has kept to itself
    heir_of = _heirs(shared, weights, previous)
    inherited = {new: old for old, new in heir_of.items()}
    identities = []
    for position in range(len(weights)):
        if position in inherited:
            identities.append(previous[inherited[position]])
        else:
            identities.append(Identity(new_id(position), now, _parent(shared, position, heir_of, previous)))
    ended = tuple(
        Ended(previous[old].id, _took_most(shared, old, identities))
        for old in range(len(previous))
        if old not in heir_of
    )
    return tuple(identities), ended


def shared_weights(held: Sheet, parts: Parts, olds: Sequence[int]) -> list[dict[tuple[int, int], float]]:
    """For each side of `held`, which had `olds` clusters, the weights that `identify` takes.

    `owners` of the sheet are positions among the old clusters of the same side. One sum over all liquidations: each
    part has a stretch of bins of its own, one for each old cluster and one before for no cluster.
    """
    first = np.searchsorted(parts.starts, held.bounds)
    bins = np.repeat(np.array(olds, np.int64) + 1, np.diff(first))
    base = np.cumsum(bins) - bins
    keys = np.repeat(base, parts.ends - parts.starts) + held.columns.owners + 1
    sums = np.bincount(keys, held.columns.masses, minlength=int(bins.sum()))
    found = np.flatnonzero(sums)
    part = np.searchsorted(base, found, side="right") - 1
    old = found - base[part] - 1
    owned = old >= 0
    found, part, old = found[owned], part[owned], old[owned]
    side = np.searchsorted(first, part, side="right") - 1
    shared: list[dict[tuple[int, int], float]] = [{} for _ in olds]
    for number, *pair, weight in zip(
        side.tolist(), old.tolist(), (part - first[side]).tolist(), sums[found].tolist(), strict=True
    ):
        shared[number][pair[0], pair[1]] = weight
    return shared


def _heirs(shared: Shared, weights: Sequence[float], previous: Sequence[Identity]) -> dict[int, int]:
    """Old position to new position, one to one."""
    old_weights: dict[int, float] = {}
    for (old, _), weight in shared.items():
        old_weights[old] = old_weights.get(old, 0.0) + weight
    candidates = sorted(
        shared.items(), key=lambda item: (-item[1], previous[item[0][0]].born_at, previous[item[0][0]].id, item[0][1])
    )
    heirs: dict[int, int] = {}
    taken: set[int] = set()
    for (old, new), weight in candidates:
        enough = weight >= 0.5 * min(old_weights[old], weights[new]) * (1.0 - 1e-12)
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
