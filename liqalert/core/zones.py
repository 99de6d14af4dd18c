"""Zones: a cluster as it stood at its strongest, frozen and remembered. What alerts rest on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.strength import Baseline


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
    """A stronger zone of the same instrument and position side covers more than half of it."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A remembered cluster. Everything but `outside` and the end is as of `peak_at`."""

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
