"""The engine: liquidations and marks in, decisions and a snapshot out. The only mutable thing in the core."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from liqalert.core.clusters import Cluster
from liqalert.core.episodes import EpisodeState
from liqalert.core.market import Instrument, Mark, PositionSide, UnixTime
from liqalert.core.zones import Zone


@dataclass(frozen=True, slots=True)
class ZoneView:
    """A zone as a reader wants it: with the most advanced state of any rule's episode on it."""

    zone: Zone
    state: EpisodeState
    strength_now: float
    """Strength, as of the snapshot, of the strongest live cluster that touches the zone's band; 0 without one."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the engine knows, as of one tick. Immutable; clusters keep the values of their last change."""

    as_of: UnixTime
    decay_s: float
    """The time in which a weight falls to 1/e."""
    watching_since: UnixTime | None = None
    """Since when the feed has been watched without a gap worth mentioning; None before the first mark."""
    sides: Mapping[tuple[Instrument, PositionSide], tuple[Cluster, ...]] = field(default_factory=dict)
    zones: tuple[ZoneView, ...] = ()
    marks: Mapping[Instrument, Mark] = field(default_factory=dict)

    def clusters(self, now: UnixTime, instrument: Instrument | None = None) -> tuple[Cluster, ...]:
        """All clusters (of `instrument`), decayed to `now`."""
        return tuple(
            cluster.decayed(math.exp((cluster.as_of - now) / self.decay_s), now)
            for (owner, _), clusters in self.sides.items()
            if instrument is None or owner == instrument
            for cluster in clusters
        )
