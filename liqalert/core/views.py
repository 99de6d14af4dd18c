"""The zones of a snapshot, as readers want them, each made when it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TypeAlias, overload

from liqalert.core.baselines import Owner
from liqalert.core.clusters import SideClusters
from liqalert.core.episodes import EpisodeState, ZoneView
from liqalert.core.market import UnixTime
from liqalert.core.zones import Zone, strongest

Kept: TypeAlias = tuple[Zone, EpisodeState]


class ZoneViews(Sequence[ZoneView]):
    """Holds what is known at `now`, all of it immutable: the zones by instrument, and the clusters by side.

    Their strengths change with every moment, so they are worked out for whoever looks, and not at each tick for nobody.
    """

    def __init__(
        self,
        by_instrument: tuple[tuple[Kept, ...], ...],
        sides: Mapping[Owner, SideClusters],
        now: UnixTime,
        decay_s: float,
    ) -> None:
        self._by_instrument = by_instrument
        self._sides = sides
        self._now = now
        self._decay_s = decay_s

    @cached_property
    def _kept(self) -> tuple[Kept, ...]:
        return tuple(chain.from_iterable(self._by_instrument))

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, place: int) -> ZoneView: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[ZoneView]: ...
    def __getitem__(self, place: int | slice) -> ZoneView | Sequence[ZoneView]:
        if isinstance(place, slice):
            return ZoneViews((self._kept[place],), self._sides, self._now, self._decay_s)
        zone, state = self._kept[place]
        clusters = self._sides.get((zone.instrument, zone.liquidated))
        return ZoneView(zone, state, strongest(zone, clusters, self._now, self._decay_s))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))
