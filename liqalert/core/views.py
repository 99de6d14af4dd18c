"""The zones of a snapshot, as readers want them, each made when it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TypeAlias, overload

from msgspec import Struct

from liqalert.core.baselines import Owner
from liqalert.core.clusters import SideClusters
from liqalert.core.episodes import EpisodeState
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.zones import Zone, strongest

Kept: TypeAlias = tuple[Zone, EpisodeState]


class ZoneView(Struct, frozen=True, gc=False):
    """A zone as a reader wants it: with the most advanced state of any rule's episode on it."""

    zone: Zone
    state: EpisodeState
    clusters: SideClusters | None
    """Those of its side, if there are any."""
    as_of: UnixTime
    decay_s: float

    @property
    def strength_now(self) -> float:
        """Strength, as of the snapshot, of the strongest live cluster that touches the zone's band; 0 without one."""
        return strongest(self.zone, self.clusters, self.as_of, self.decay_s)


class ZoneViews(Sequence[ZoneView]):
    """Holds what is known at `now`, all of it immutable: the zones by instrument, and the clusters by side.

    There may be thousands, and nearly every reader wants those of one instrument.
    """

    def __init__(
        self,
        by_instrument: Mapping[Instrument, tuple[Kept, ...]],
        sides: Mapping[Owner, SideClusters],
        now: UnixTime,
        decay_s: float,
    ) -> None:
        self._by_instrument = by_instrument
        self._sides = sides
        self._now = now
        self._decay_s = decay_s

    def of(self, instrument: Instrument) -> tuple[ZoneView, ...]:
        return tuple(self._views(self._by_instrument.get(instrument, ())))

    def instruments(self) -> set[Instrument]:
        """Those that have zones."""
        return {instrument for instrument, kept in self._by_instrument.items() if kept}

    def states(self) -> Iterable[EpisodeState]:
        """Of each zone."""
        return (state for _, state in self._kept)

    @cached_property
    def _kept(self) -> tuple[Kept, ...]:
        return tuple(chain.from_iterable(self._by_instrument.values()))

    def _views(self, kept: Iterable[Kept]) -> Iterator[ZoneView]:
        sides, now, decay_s = self._sides, self._now, self._decay_s
        for zone, state in kept:
            yield ZoneView(zone, state, sides.get((zone.instrument, zone.liquidated)), now, decay_s)

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[ZoneView]:
        return self._views(self._kept)

    @overload
    def __getitem__(self, place: int) -> ZoneView: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[ZoneView]: ...
    def __getitem__(self, place: int | slice) -> ZoneView | Sequence[ZoneView]:
        if isinstance(place, slice):
            return tuple(self._views(self._kept[place]))
        [view] = self._views((self._kept[place],))
        return view

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


NO_ZONES = ZoneViews({}, {}, 0.0, 1.0)
