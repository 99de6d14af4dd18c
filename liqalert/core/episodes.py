"""Episodes: the life of one rule on one zone, from armed to its outcome. Only marks advance an episode."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from liqalert.core.market import UnixTime
from liqalert.core.rules import Rule
from liqalert.core.zones import Zone, ZoneEnd


class EpisodeState(StrEnum):
    IDLE = "idle"
    ARMED = "armed"
    NEAR = "near"
    TOUCHED = "touched"
    SWEPT = "swept"
    HELD = "held"
    FADED = "faded"
    COOLING = "cooling"


class Reason(StrEnum):
    """Why an episode changed, by name. Stored, shown by /why, and counted."""

    BEYOND_REARM_DISTANCE = "mark_beyond_rearm_distance"
    WITHIN_DISTANCE = "mark_within_distance"
    INSIDE_BAND = "mark_inside_band"
    BEYOND_FAR_EDGE = "mark_beyond_far_edge"
    TURNED_BACK = "mark_turned_back"
    ZONE_EXPIRED = "zone_expired"
    ZONE_OVERLAPPED = "zone_overlapped_by_stronger"
    ZONE_REWRITTEN = "zone_rewritten_by_new_high"
    COOLDOWN_BEGINS = "cooldown_begins"
    COOLDOWN_OVER = "cooldown_over"


@dataclass(frozen=True, slots=True)
class Episode:
    """One cycle of one rule on one zone: it begins when the rule is armed and has at most one near alert."""

    id: str
    rule: Rule
    zone_id: str
    state: EpisodeState
    since: UnixTime
    """When `state` was entered."""
    alert_id: str | None = None
    outcome: EpisodeState | None = None
    """swept, held or faded, once it is known how the near alert turned out; None before."""
    touched: bool = False
    closest_pct: float | None = None
    """Nearest the mark has come to the band since near, in per cent; 0 once inside."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Threshold beside observed value, at the moment of a decision. Distances in per cent of the mark."""

    mark_price: float | None
    mark_at: UnixTime | None
    distance_pct: float | None
    rule_distance_pct: float
    rearm_pct: float
    zone_strength: float
    strength_now: float
    min_strength: float
    unwatched_s: float = 0.0
    """How long this instrument went without a mark before the mark that decided; 0 when watched all along."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One decision to tell someone, complete in itself: the message is written from this alone."""

    id: str
    kind: str
    """A rule kind, or `notice` (something the owner must know about liqalert itself), or `test`."""
    decided_at: UnixTime
    reason: str
    rule: Rule | None = None
    zone: Zone | None = None
    episode_id: str | None = None
    evidence: Evidence | None = None
    text: str | None = None
    """The sentence of a notice or a test."""
    only_chat: int | None = None
    """The row in `chats` of the only chat to be told; None: whoever subscribes."""


@dataclass(frozen=True, slots=True)
class ZoneOpened:
    zone: Zone
    at: UnixTime


@dataclass(frozen=True, slots=True)
class ZoneRewritten:
    """The zone's cluster made a new high: band, strength, notional, count and peak are new."""

    zone: Zone
    at: UnixTime


@dataclass(frozen=True, slots=True)
class ZoneSeenFrom:
    """The mark was seen outside the band on another side than before (or for the first time)."""

    zone: Zone
    at: UnixTime


@dataclass(frozen=True, slots=True)
class ZoneEnded:
    zone: Zone
    at: UnixTime
    reason: ZoneEnd
    survivor_id: str | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """An episode entered `episode.state`, coming from `previous`. `alert` is set when someone is to be told."""

    episode: Episode
    previous: EpisodeState
    at: UnixTime
    reason: Reason
    evidence: Evidence
    alert: Alert | None = None


@dataclass(frozen=True, slots=True)
class EpisodeMoved:
    """A stronger zone took this episode over from the zone that ended: `episode.zone_id` is the survivor's."""

    episode: Episode
    at: UnixTime


Decision: TypeAlias = ZoneOpened | ZoneRewritten | ZoneSeenFrom | ZoneEnded | Transition | EpisodeMoved
