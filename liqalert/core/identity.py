"""The same cluster keeps its id while its window is re-cut: identity follows the weight that two clusters share."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liqalert.core.clusters import Slice
from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.window import Columns


def short_id(*parts: object) -> str:
    """Eight letters and digits, the same for the same parts in every process. Short enough to type on a phone."""
    text = "\x1f".join(repr(part) if isinstance(part, float) else str(part) for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=5).digest()
    return base64.b32encode(digest).decode().lower()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a cluster is, apart from what it holds at the moment."""

    id: str
    born_at: UnixTime
    split_from: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A cluster that is no more: `merged_into` took most of its weight; None when its liquidations grew too old."""

    id: str
    merged_into: str | None


def identify(
    owner: tuple[Instrument, PositionSide],
    columns: Columns,
    slices: Sequence[Slice],
    *,
    previous: Sequence[Identity],
    now: UnixTime,
) -> tuple[tuple[Identity, ...], tuple[Ended, ...]]:
    """The identities of `slices`, in their order, and the previous clusters that ended.

    An old cluster passes its id on where the shared weight is at least half of the lighter of the two, the largest
    share first, then the older cluster, then the smaller id. `columns.owners` holds positions in `previous`.
    """
    shared = _shared_weights(columns, slices, len(previous))
    heir_of = _heirs(shared, [float(columns.masses[slice(*part)].sum()) for part in slices], previous)
    inherited = {new: old for old, new in heir_of.items()}
    identities = []
    for position, part in enumerate(slices):
        if position in inherited:
            identities.append(previous[inherited[position]])
        else:
            parent = _parent(shared, position, heir_of, previous)
            identities.append(Identity(_new_id(owner, columns, part, now), now, parent))
    ended = tuple(
        Ended(previous[old].id, _took_most(shared, old, identities))
        for old in range(len(previous))
        if old not in heir_of
    )
    return tuple(identities), ended


def _shared_weights(columns: Columns, slices: Sequence[Slice], olds: int) -> dict[tuple[int, int], float]:
    """Weight of the liquidations that were in old cluster `o` and are in new cluster `n`, by (o, n)."""
    shared: dict[tuple[int, int], float] = {}
    for new, part in enumerate(slices):
        inside = slice(*part)
        by_owner = np.bincount(columns.owners[inside] + 1, columns.masses[inside], minlength=olds + 1)
        for old in np.flatnonzero(by_owner[1:]):
            shared[int(old), new] = float(by_owner[1 + old])
    return shared


def _heirs(
    shared: dict[tuple[int, int], float], weights: Sequence[float], previous: Sequence[Identity]
) -> dict[int, int]:
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


def _parent(
    shared: dict[tuple[int, int], float], new: int, heir_of: dict[int, int], previous: Sequence[Identity]
) -> str | None:
    """The living cluster that a new one was cut out of, if any."""
    givers = [(weight, old) for (old, to), weight in shared.items() if to == new and old in heir_of]
    return previous[max(givers)[1]].id if givers else None


def _took_most(shared: dict[tuple[int, int], float], old: int, identities: Sequence[Identity]) -> str | None:
    takers = [(weight, -new) for (giver, new), weight in shared.items() if giver == old]
    return identities[-max(takers)[1]].id if takers else None


def _new_id(owner: tuple[Instrument, PositionSide], columns: Columns, part: Slice, now: UnixTime) -> str:
    """From the earliest liquidation and the time of birth.

    Without the time, a cluster split off another could carry the very liquidation its parent was named after.
    """
    instrument, liquidated = owner
    earliest = part[0] + int(np.argmin(columns.times[slice(*part)]))
    return short_id(
        instrument.exchange,
        instrument.symbol,
        liquidated,
        float(columns.times[earliest]),
        float(columns.prices[earliest]),
        float(columns.quantities[earliest]),
        float(now),
    )
