"""Episodes: the life of one rule on one zone, from armed to its outcome. Only marks advance an episode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.identity import joined, short_id
from liqalert.core.market import UnixTime
from liqalert.core.rules import Rule
from liqalert.core.terms import Terms
from liqalert.core.zones import Position, Zone, ZoneEnd, further


class EpisodeState(StrEnum):
    IDLE = "idle"
    ARMED = "armed"
    NEAR = "near"
    TOUCHED = "touched"
    SWEPT = "swept"
    HELD = "held"
    FADED = "faded"
    COOLING = "cooling"

    # An enum's own hash is a function in Python, and states are looked up with every mark that moves an episode.
    __hash__ = str.__hash__


class Reason(StrEnum):
    """Why an episode changed, by name. Stored, and shown by /why."""

    BEYOND_REARM_DISTANCE = "mark_beyond_rearm_distance"
    WITHIN_DISTANCE = "mark_within_distance"
    INSIDE_BAND = "mark_inside_band"
    BEYOND_FAR_EDGE = "mark_beyond_far_edge"
    TURNED_BACK = "mark_turned_back"
    ZONE_EXPIRED = "zone_expired"
    ZONE_OVERLAPPED = "zone_overlapped_by_stronger"
    ZONE_REWRITTEN = "zone_rewritten_by_new_high"
    RULE_GONE = "rule_no_longer_held"
    COOLDOWN_BEGINS = "cooldown_begins"
    COOLDOWN_OVER = "cooldown_over"


WHY_ENDED = {ZoneEnd.EXPIRED: Reason.ZONE_EXPIRED, ZoneEnd.OVERLAPPED: Reason.ZONE_OVERLAPPED}
"""Why the episodes of a zone ended that ended by no mark."""


class Episode(Struct, frozen=True, gc=False):
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
    furthest: float | None = None
    """The mark that has come furthest towards the zone, into it or through it, since near; None before. A price and no
    distance: the zone may end, and a stronger one with another band take the episode over."""


class ZoneOpened(Struct, frozen=True, gc=False):
    zone: Zone
    at: UnixTime


class ZoneRewritten(Struct, frozen=True, gc=False):
    """The zone's cluster made a new high: band, strength, notional, count and peak are new."""

    zone: Zone
    at: UnixTime


class ZoneSeenFrom(Struct, frozen=True, gc=False):
    """The mark was seen outside the band for the first time since the zone opened or was rewritten, or another zone has
    passed on from where it had been seen."""

    zone: Zone
    at: UnixTime


class ZoneEnded(Struct, frozen=True, gc=False):
    zone: Zone
    at: UnixTime
    reason: ZoneEnd
    survivor_id: str | None = None


class Transition(Struct, frozen=True, gc=False):
    """An episode entered `episode.state`, coming from `previous`. `alert` is set when someone is to be told."""

    episode: Episode
    previous: EpisodeState
    at: UnixTime
    reason: Reason
    evidence: Evidence
    alert: Alert | None = None


class EpisodeMoved(Struct, frozen=True, gc=False):
    """A stronger zone took this episode over from the zone that ended: `episode.zone_id` is the survivor's."""

    episode: Episode
    at: UnixTime


class Raised(Struct, frozen=True, gc=False):
    """Someone is to be told of something that is no episode: a zone formed or grown, a cascade, a large liquidation."""

    alert: Alert
    at: UnixTime


Decision: TypeAlias = ZoneOpened | ZoneRewritten | ZoneSeenFrom | ZoneEnded | Transition | EpisodeMoved | Raised


class TickFailed(Exception):
    """An error in the engine; what had been decided before it counts."""

    def __init__(self, decisions: tuple[Decision, ...]) -> None:
        super().__init__(f"after {len(decisions)} decisions")
        self.decisions = decisions


def alerts_in(decisions: Iterable[Decision]) -> Iterator[Alert]:
    """The alerts among `decisions`, in order."""
    for decision in decisions:
        if isinstance(decision, Transition | Raised) and decision.alert is not None:
            yield decision.alert


# How far an episode has come; the survivor of two zones takes the further advanced one. Cooling counts as more than
# armed, because someone has just been told.
ADVANCEMENT = {
    EpisodeState.IDLE: 0,
    EpisodeState.ARMED: 1,
    EpisodeState.COOLING: 2,
    EpisodeState.NEAR: 3,
    EpisodeState.TOUCHED: 4,
    EpisodeState.HELD: 5,
    EpisodeState.SWEPT: 5,
    EpisodeState.FADED: 5,
}

TOLD = frozenset({EpisodeState.NEAR, EpisodeState.TOUCHED})


class Observation(Struct, frozen=True, gc=False):
    """One mark as a rule sees it on a zone."""

    zone: Zone
    position: Position
    swept: bool
    """The mark, once outside the band, is now beyond its other edge."""
    now: UnixTime
    price: float
    evidence: Callable[[Rule], Evidence]
    """Made only when it is needed: most marks that are looked at change nothing."""


def rearm_pct(rule: Rule, terms: Terms) -> float:
    return rule.distance_pct * terms.rearm_ratio


def advance(episode: Episode | None, rule: Rule, seen: Observation, terms: Terms) -> tuple[Transition, ...]:
    """What one mark does to an episode (None: idle), in order. Several transitions where the mark moved far at once."""
    transitions: list[Transition] = []
    step = _step(episode, rule, seen, terms)
    while step is not None:
        transitions.append(step)
        step = _step(step.episode, rule, seen, terms)
    return tuple(transitions)


def _step(episode: Episode | None, rule: Rule, seen: Observation, terms: Terms) -> Transition | None:
    """The next transition that this mark causes, if any."""
    state = episode.state if episode else EpisodeState.IDLE
    distance = seen.position.distance_pct
    left = not seen.swept and distance > rearm_pct(rule, terms)
    if episode is None or state is EpisodeState.IDLE:
        if left and seen.zone.strength >= rule.min_strength:
            return armed(rule.id, rule, seen, joined(seen.zone.id, seen.now))
    elif state is EpisodeState.ARMED:
        if seen.swept or distance <= rule.distance_pct:
            return _near(episode, seen)
    elif state in TOLD:
        return _after_near(episode, seen, left=left)
    elif state is EpisodeState.HELD:
        return _enter(episode, EpisodeState.COOLING, Reason.COOLDOWN_BEGINS, seen)
    elif state is EpisodeState.COOLING and left and seen.now >= episode.since + terms.cooldown_s:
        return _enter(episode, EpisodeState.IDLE, Reason.COOLDOWN_OVER, seen)
    return None


def _after_near(episode: Episode, seen: Observation, *, left: bool) -> Transition | None:
    if seen.swept:
        return _enter(episode, EpisodeState.SWEPT, Reason.BEYOND_FAR_EDGE, seen, outcome=EpisodeState.SWEPT)
    if left:
        return _enter(episode, EpisodeState.HELD, Reason.TURNED_BACK, seen, outcome=EpisodeState.HELD)
    if seen.position.outside is None and episode.state is EpisodeState.NEAR:
        return _enter(episode, EpisodeState.TOUCHED, Reason.INSIDE_BAND, seen, touched=True)
    return None


def armed(rule_id: str, rule: Rule, seen: Observation, zone_and_time: str) -> Transition:
    """What becomes of an idle episode where the mark is beyond the rule's re-arm distance of a zone strong enough."""
    id_ = short_id("episode", rule_id, zone_and_time)
    episode = Episode(id_, rule, seen.zone.id, EpisodeState.ARMED, seen.now)
    return Transition(episode, EpisodeState.IDLE, seen.now, Reason.BEYOND_REARM_DISTANCE, seen.evidence(rule))


def _near(episode: Episode, seen: Observation) -> Transition:
    alert = Alert(
        id=short_id("alert", episode.id, seen.now),
        kind=episode.rule.kind,
        decided_at=seen.now,
        reason=Reason.WITHIN_DISTANCE,
        rule=episode.rule,
        zone=seen.zone,
        episode_id=episode.id,
        evidence=seen.evidence(episode.rule),
    )
    told = Episode(
        episode.id,
        episode.rule,
        episode.zone_id,
        EpisodeState.NEAR,
        seen.now,
        alert.id,
        episode.outcome,
        episode.touched,
        seen.price,
    )
    return Transition(told, episode.state, seen.now, Reason.WITHIN_DISTANCE, seen.evidence(episode.rule), alert)


def _enter(
    episode: Episode,
    state: EpisodeState,
    reason: Reason,
    seen: Observation,
    *,
    outcome: EpisodeState | None = None,
    touched: bool = False,
) -> Transition:
    # Not `replace`, which takes several times as long: where many are told, this is what a mark costs.
    entered = Episode(
        episode.id,
        episode.rule,
        episode.zone_id,
        state,
        seen.now,
        episode.alert_id,
        outcome or episode.outcome,
        touched or episode.touched,
        furthest(episode, seen.zone, seen.price),
    )
    return Transition(entered, episode.state, seen.now, reason, seen.evidence(episode.rule))


def furthest(episode: Episode, zone: Zone, price: float) -> float | None:
    """Of the mark since near, now that it is at `price`; None before."""
    return None if episode.furthest is None else further(zone, episode.furthest, price)


def reached(episode: Episode, zone: Zone, lowest: float, highest: float) -> Episode:
    """The mark has been at these extremes since `episode` was last looked at."""
    if episode.state not in TOLD:
        return episode
    return replace(episode, furthest=furthest(episode, zone, further(zone, lowest, highest)))


def end(episode: Episode, reason: Reason, now: UnixTime, evidence: Evidence) -> Transition:
    """Zone or rule of `episode` is no more, or was rewritten, by no mark: faded where a zone ended, else idle."""
    faded = reason in (Reason.ZONE_EXPIRED, Reason.ZONE_OVERLAPPED) and episode.state in TOLD | {EpisodeState.ARMED}
    state = EpisodeState.FADED if faded else EpisodeState.IDLE
    outcome = EpisodeState.FADED if faded and episode.alert_id else episode.outcome
    return Transition(replace(episode, state=state, since=now, outcome=outcome), episode.state, now, reason, evidence)
