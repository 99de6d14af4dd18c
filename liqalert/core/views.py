"""The zones of a snapshot, as readers want them, each made when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import TypeAlias, overload

from liqalert.core.clusters import SideClusters
from liqalert.core.episodes import EpisodeState, ZoneView
from liqalert.core.market import UnixTime
from liqalert.core.sides import strongest
from liqalert.core.zones import Zone

Kept: TypeAlias = tuple[Zone, EpisodeState, SideClusters | None]


class ZoneViews(Sequence[ZoneView]):
    """Holds what is known at `now`, all of it immutable.

    Their strengths change with every moment, so they are worked out for whoever looks, and not at each tick for nobody.
    """

    def __init__(self, by_instrument: tuple[tuple[Kept, ...], ...], now: UnixTime, decay_s: float) -> None:
        self._by_instrument = by_instrument
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
            return ZoneViews((self._kept[place],), self._now, self._decay_s)
        zone, state, clusters = self._kept[place]
        return ZoneView(zone, state, strongest(zone, clusters, self._now, self._decay_s))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))
