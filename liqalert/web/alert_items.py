"""The shapes of an alert in JSON: short in a list, and with everything that led to it when asked why."""

from __future__ import annotations

import msgspec

from liqalert.core.alerts import Evidence
from liqalert.core.episodes import Episode, Transition
from liqalert.core.rules import Rule
from liqalert.core.zones import Zone
from liqalert.ports import AlertRow, DeliveryRow
from liqalert.web.answers import iso, iso_or_none


class EvidenceItem(msgspec.Struct, frozen=True):
    mark_price: float | None
    mark_at: str | None
    distance_pct: float | None
    rule_distance_pct: float
    rearm_pct: float
    zone_strength: float
    strength_now: float
    min_strength: float
    unwatched_s: float


class EpisodeItem(msgspec.Struct, frozen=True):
    state: str
    outcome: str | None


class EpisodeDetail(EpisodeItem, frozen=True):
    id: str
    since: str
    touched: bool
    closest_pct: float | None


class DeliveryItem(msgspec.Struct, frozen=True):
    channel: str
    status: str
    attempts: int


class DeliveryDetail(DeliveryItem, frozen=True):
    address: str
    at: str
    error: str | None


class RuleItem(msgspec.Struct, frozen=True):
    id: str
    kind: str
    exchange: str | None
    symbol: str | None
    """Null: every instrument."""
    distance_pct: float
    min_strength: float


class ZoneDetail(msgspec.Struct, frozen=True):
    id: str
    exchange: str
    symbol: str
    liquidated: str
    basis: str
    low: float
    high: float
    strength: float
    notional_usd: float
    count: int
    opened_at: str
    peak_at: str
    calibrated: bool


class TransitionItem(msgspec.Struct, frozen=True):
    at: str
    previous: str
    state: str
    reason: str
    evidence: EvidenceItem


class AlertItem(msgspec.Struct, frozen=True):
    id: str
    kind: str
    symbol: str | None
    """Null, like the next two and the evidence, for what is not about an instrument: a notice, a test."""
    liquidated: str | None
    cluster_id: str | None
    reason: str
    evidence: EvidenceItem | None
    decided_at: str
    episode: EpisodeItem | None
    deliveries: tuple[DeliveryItem, ...]


class AlertDetail(AlertItem, frozen=True):
    episode: EpisodeDetail | None
    deliveries: tuple[DeliveryDetail, ...]
    text: str | None
    rule: RuleItem | None
    zone: ZoneDetail | None
    transitions: tuple[TransitionItem, ...]
    """Oldest first."""


def alert_item(row: AlertRow) -> AlertItem:
    alert, zone = row.alert, row.alert.zone
    return AlertItem(
        id=alert.id,
        kind=alert.kind,
        symbol=zone.instrument.symbol if zone else None,
        liquidated=zone.liquidated if zone else None,
        cluster_id=zone.cluster_id if zone else None,
        reason=alert.reason,
        evidence=_evidence_item(alert.evidence) if alert.evidence else None,
        decided_at=iso(alert.decided_at),
        episode=EpisodeItem(row.episode.state, row.episode.outcome) if row.episode else None,
        deliveries=tuple(DeliveryItem(found.channel, found.status, found.attempts) for found in row.deliveries),
    )


def alert_detail(row: AlertRow) -> AlertDetail:
    alert, short = row.alert, alert_item(row)
    return AlertDetail(
        id=short.id,
        kind=short.kind,
        symbol=short.symbol,
        liquidated=short.liquidated,
        cluster_id=short.cluster_id,
        reason=short.reason,
        evidence=short.evidence,
        decided_at=short.decided_at,
        episode=_episode_detail(row.episode) if row.episode else None,
        deliveries=tuple(_delivery_detail(delivery) for delivery in row.deliveries),
        text=alert.text,
        rule=_rule_item(alert.rule) if alert.rule else None,
        zone=_zone_detail(alert.zone) if alert.zone else None,
        transitions=tuple(_transition_item(transition) for transition in row.transitions),
    )


def _evidence_item(evidence: Evidence) -> EvidenceItem:
    return EvidenceItem(
        mark_price=evidence.mark_price,
        mark_at=iso_or_none(evidence.mark_at),
        distance_pct=evidence.distance_pct,
        rule_distance_pct=evidence.rule_distance_pct,
        rearm_pct=evidence.rearm_pct,
        zone_strength=evidence.zone_strength,
        strength_now=evidence.strength_now,
        min_strength=evidence.min_strength,
        unwatched_s=evidence.unwatched_s,
    )


def _episode_detail(episode: Episode) -> EpisodeDetail:
    return EpisodeDetail(
        state=episode.state,
        outcome=episode.outcome,
        id=episode.id,
        since=iso(episode.since),
        touched=episode.touched,
        closest_pct=episode.closest_pct,
    )


def _delivery_detail(row: DeliveryRow) -> DeliveryDetail:
    return DeliveryDetail(
        channel=row.channel,
        status=row.status,
        attempts=row.attempts,
        address=row.address,
        at=iso(row.at),
        error=row.error,
    )


def _rule_item(rule: Rule) -> RuleItem:
    return RuleItem(
        id=rule.id,
        kind=rule.kind,
        exchange=rule.instrument.exchange if rule.instrument else None,
        symbol=rule.instrument.symbol if rule.instrument else None,
        distance_pct=rule.distance_pct,
        min_strength=rule.min_strength,
    )


def _zone_detail(zone: Zone) -> ZoneDetail:
    return ZoneDetail(
        id=zone.id,
        exchange=zone.instrument.exchange,
        symbol=zone.instrument.symbol,
        liquidated=zone.liquidated,
        basis=zone.basis,
        low=zone.low,
        high=zone.high,
        strength=zone.strength,
        notional_usd=zone.notional_usd,
        count=zone.count,
        opened_at=iso(zone.opened_at),
        peak_at=iso(zone.peak_at),
        calibrated=zone.baseline.calibrated,
    )


def _transition_item(transition: Transition) -> TransitionItem:
    return TransitionItem(
        at=iso(transition.at),
        previous=transition.previous,
        state=transition.episode.state,
        reason=transition.reason,
        evidence=_evidence_item(transition.evidence),
    )
