"""Zones: a cluster as it stood at its strongest, frozen and remembered. What alerts rest on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from liqalert.core.clusters import Cluster, SideClusters
from liqalert.core.identity import short_id
from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.strength import Baseline, magnitude

OPENS_AT_STRENGTH = 0.3
"""No rule may ask for less."""
COVERS = 0.5
"""A cluster covers a zone by which this share of the zone's band lies inside its own."""


class Outside(StrEnum):
    """On which side of a band the mark was last seen outside it."""

    BELOW = "below"
    ABOVE = "above"


class ZoneEnd(StrEnum):
    """Why a zone ended."""

    SWEPT = "swept"
    """The mark, once outside the band, passed through it to the other side."""
    EXPIRED = "expired"
    """`alerts.memory_hours` have passed since its peak."""
    OVERLAPPED = "overlapped"
    """A stronger zone of the same instrument and position side shares more than half of the narrower band with it."""


class Zone(Struct, frozen=True, gc=False):
    """A remembered cluster: its band and numbers are as of `peak_at`, the baseline is that by which it is measured."""

    id: str
    cluster_id: str
    instrument: Instrument
    liquidated: PositionSide
    low: float
    high: float
    strength: float
    notional_usd: float
    count: int
    opened_at: UnixTime
    peak_at: UnixTime
    baseline: Baseline
    """Frozen when the zone opened, so that a refresh at midnight never moves an alert."""
    outside: Outside | None = None
    """Where the mark was last seen outside the band; None until it has been outside."""
    basis: str = "realised"


class Position(Struct, frozen=True, gc=False):
    """Where a mark stands relative to a zone."""

    outside: Outside | None
    """None inside the band, edges included."""
    distance_pct: float
    """From the mark to the nearest edge, in per cent of the mark; 0 inside."""


def position(zone: Zone, mark_price: float) -> Position:
    if mark_price < zone.low:
        return Position(Outside.BELOW, (zone.low - mark_price) / mark_price * 100.0)
    if mark_price > zone.high:
        return Position(Outside.ABOVE, (mark_price - zone.high) / mark_price * 100.0)
    return Position(None, 0.0)


def gap_pct(zone: Zone, mark_price: float) -> float:
    """From the mark to the edge that it came from, in per cent of the mark; negative once the mark is past that edge.

    For a zone from whose outside the mark has been seen.
    """
    gap = mark_price - zone.high if zone.outside is Outside.ABOVE else zone.low - mark_price
    return gap / mark_price * 100.0


def further(zone: Zone, one: float, other: float) -> float:
    """Of two marks the one that is further on the way from where the mark was outside to the band and through it."""
    return min(one, other) if zone.outside is Outside.ABOVE else max(one, other)


def open_zone(cluster: Cluster, strength: float, now: UnixTime) -> Zone:
    """For `cluster`, which has this strength."""
    # All in order, as below.
    return Zone(
        short_id("zone", cluster.id, now),
        cluster.id,
        cluster.instrument,
        cluster.liquidated,
        cluster.band_low,
        cluster.band_high,
        strength,
        cluster.notional_usd,
        cluster.count,
        now,
        now,
        cluster.baseline,
    )


def rewrite(zone: Zone, cluster: Cluster, strength: float, now: UnixTime) -> Zone:
    """`zone` as its cluster stands now, which has this strength by the zone's baseline. The band is new, so where the
    mark was seen no longer counts."""
    # All in order, because `replace` takes three times as long.
    return Zone(
        zone.id,
        cluster.id,
        zone.instrument,
        zone.liquidated,
        cluster.band_low,
        cluster.band_high,
        strength,
        cluster.notional_usd,
        cluster.count,
        zone.opened_at,
        now,
        zone.baseline,
        None,
        zone.basis,
    )


def strength_of(cluster: Cluster, frozen: Baseline) -> float:
    """Strength of `cluster` measured by a zone's frozen baseline."""
    return frozen.strength(magnitude(cluster.notional_usd, cluster.weighted_count))


def _outgrown_at(zone: Zone, now: UnixTime, decay_s: float) -> float:
    """The magnitude above which a cluster is more than what the zone stood for."""
    peak = zone.baseline.magnitude(zone.strength) * (1.0 + 1e-9)
    return min(peak, 2.0 * peak * math.exp(min(zone.peak_at - now, 0.0) / decay_s))


def still_covers(cluster: Cluster, zone: Zone) -> bool:
    """Whether the cluster's present band covers at least half of the zone's."""
    return _share(cluster.band_low, cluster.band_high, zone.low, zone.high) >= COVERS


def covered_by(cluster: Cluster, zones: Iterable[Zone]) -> list[Zone]:
    """Those of `zones` that the cluster still covers."""
    low, high = cluster.band_low, cluster.band_high
    # Most lie elsewhere.
    return [zone for zone in zones if zone.low <= high and low <= zone.high and still_covers(cluster, zone)]


def overlapping(zone: Zone, others: Iterable[Zone]) -> tuple[Zone, ...]:
    """The zones among `others` that share more than half of the narrower band with `zone`."""
    low, high = zone.low, zone.high
    return tuple(
        [
            other
            for other in others
            # Most lie elsewhere.
            if other.low <= high
            and low <= other.high
            and other.id != zone.id
            and max(_share(low, high, other.low, other.high), _share(other.low, other.high, low, high)) > 0.5
        ]
    )


def is_old(cluster: Cluster, ended: Iterable[Zone], now: UnixTime, decay_s: float) -> bool:
    """Whether `cluster` is what a zone that has ended stood for: no new high, and at most twice what is left of it.

    Without new liquidations the answer stays yes: what is left decays as the cluster does.
    """
    size = magnitude(cluster.notional_usd, cluster.weighted_count)
    return any(
        touches(cluster, zone)  # most lie elsewhere
        and (still_covers(cluster, zone) or covers(zone, cluster))
        and size <= _outgrown_at(zone, now, decay_s)
        for zone in ended
    )


def covers(zone: Zone, cluster: Cluster) -> bool:
    """Whether more than half of the cluster's band lies inside the zone's."""
    return _share(zone.low, zone.high, cluster.band_low, cluster.band_high) > 0.5


def touches(cluster: Cluster, zone: Zone) -> bool:
    return cluster.band_low <= zone.high and zone.low <= cluster.band_high


def strongest(zone: Zone, clusters: SideClusters | None, now: UnixTime, decay_s: float) -> float:
    """Strength at `now` of the strongest of `clusters` that touches the zone's band, by the zone's baseline."""
    if clusters is None:
        return 0.0
    factor = clusters.decay_factor(now, decay_s)
    touching = clusters.touching(zone.low, zone.high)
    return max(
        (zone.baseline.strength(magnitude(each.notional_usd, each.weighted_count) * factor) for each in touching),
        default=0.0,
    )


def _share(low: float, high: float, of_low: float, of_high: float) -> float:
    """How much of the band (`of_low`, `of_high`) lies inside (`low`, `high`), in log price; a point counts whole."""
    if low <= of_low and of_high <= high:
        return 1.0
    shared_low, shared_high = max(low, of_low), min(high, of_high)
    if shared_low > shared_high:
        return 0.0
    return math.log(shared_high / shared_low) / math.log(of_high / of_low)
