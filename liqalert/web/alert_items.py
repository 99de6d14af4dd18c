"""The shapes of an alert in JSON: short in a list, and with everything that led to it when asked why."""

from __future__ import annotations

import msgspec

from liqalert.core.alerts import Evidence, FlowEvidence
from liqalert.core.engine import Snapshot
from liqalert.core.episodes import Episode, Transition
from liqalert.core.market import Liquidation, UnixTime
from liqalert.core.outcomes import Members
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.zones import Zone
from liqalert.ports import AlertRow, DeliveryRow
from liqalert.render.answers import View
from liqalert.render.why import why
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


class AttemptItem(msgspec.Struct, frozen=True):
    at: str
    error: str | None
    """Null: it arrived."""


class DeliveryDetail(DeliveryItem, frozen=True):
    address: str
    at: str
    error: str | None
    history: tuple[AttemptItem, ...]
    """Oldest first."""


class FlowItem(msgspec.Struct, frozen=True):
    """The liquidations of the last `window_s` seconds that a cascade is made of."""

    window_s: float
    notional_usd: float
    count: int
    largest_usd: float
    strength: float
    min_strength: float
    calibrated: bool
    price_from: float
    price_to: float
    moved_pct: float
    first_at: str
    last_at: str
    saturated_s: int
    """Seconds in which the exchange may have left liquidations out."""


class MemberItem(msgspec.Struct, frozen=True):
    """One liquidation that an alert rests on."""

    at: str
    price: float
    quantity: float
    notional_usd: float


class MembersItem(msgspec.Struct, frozen=True):
    exchange: str
    count: int
    notional_usd: float
    """Unweighted."""
    first: MemberItem
    last: MemberItem
    largest: MemberItem


class GapItem(msgspec.Struct, frozen=True):
    start: str
    end: str | None
    cause: str


class RuleItem(msgspec.Struct, frozen=True):
    id: str
    kind: str
    exchange: str | None
    symbol: str | None
    """Null: every instrument."""
    distance_pct: float
    min_strength: float
    min_usd: float | None
    """For `large` only."""


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
    """Beside a zone: `near`, `formed`, `grown`."""
    flow: FlowItem | None
    """For `cascade`."""
    liquidation: MemberItem | None
    """For `large`."""
    step: float | None
    """For `grown`: the strength that was passed."""
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
    members: MembersItem | None
    """Null where the journal no longer has them."""
    gaps: tuple[GapItem, ...]
    """Those of the exchange that touch the two hours before, oldest first."""
    explained: tuple[str, ...]
    """All of it in sentences, times in UTC."""


def alert_item(row: AlertRow) -> AlertItem:
    alert = row.alert
    return AlertItem(
        id=alert.id,
        kind=alert.kind,
        symbol=alert.instrument.symbol if alert.instrument else None,
        liquidated=alert.liquidated,
        cluster_id=alert.zone.cluster_id if alert.zone else None,
        reason=alert.reason,
        evidence=_evidence_item(alert.evidence) if alert.evidence else None,
        flow=_flow_item(alert.flow) if alert.flow else None,
        liquidation=_member_item(alert.liquidation) if alert.liquidation else None,
        step=alert.step,
        decided_at=iso(alert.decided_at),
        episode=EpisodeItem(row.episode.state, row.episode.outcome) if row.episode else None,
        deliveries=tuple(DeliveryItem(found.channel, found.status, found.attempts) for found in row.deliveries),
    )


def alert_detail(row: AlertRow, now: UnixTime) -> AlertDetail:
    alert, short = row.alert, alert_item(row)
    return AlertDetail(
        id=short.id,
        kind=short.kind,
        symbol=short.symbol,
        liquidated=short.liquidated,
        cluster_id=short.cluster_id,
        reason=short.reason,
        evidence=short.evidence,
        flow=short.flow,
        liquidation=short.liquidation,
        step=short.step,
        decided_at=short.decided_at,
        episode=_episode_detail(row.episode) if row.episode else None,
        deliveries=tuple(_delivery_detail(delivery) for delivery in row.deliveries),
        text=alert.text,
        rule=_rule_item(alert.rule) if alert.rule else None,
        zone=_zone_detail(alert.zone) if alert.zone else None,
        transitions=tuple(_transition_item(transition) for transition in row.transitions),
        members=_members_item(row.members) if row.members else None,
        gaps=tuple(GapItem(iso(gap.start), iso_or_none(gap.end), gap.cause) for gap in row.gaps),
        explained=_explained(row, now),
    )


def _explained(row: AlertRow, now: UnixTime) -> tuple[str, ...]:
    # Nothing of the present market is in it: an alert is explained from what was written down then.
    view = View(Snapshot(now, decay_s=0.0), (), now, "UTC")
    return tuple(why(view, row, address="", addresses_shown=True).plain.split("\n"))


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


def _flow_item(flow: FlowEvidence) -> FlowItem:
    return FlowItem(
        window_s=flow.window_s,
        notional_usd=flow.notional_usd,
        count=flow.count,
        largest_usd=flow.largest_usd,
        strength=flow.strength,
        min_strength=flow.min_strength,
        calibrated=flow.calibrated,
        price_from=flow.price_from,
        price_to=flow.price_to,
        moved_pct=flow.moved_pct,
        first_at=iso(flow.first_at),
        last_at=iso(flow.last_at),
        saturated_s=flow.saturated_s,
    )


def _member_item(one: Liquidation) -> MemberItem:
    return MemberItem(iso(one.event_time), one.price, one.quantity, one.notional_usd)


def _members_item(members: Members) -> MembersItem:
    return MembersItem(
        exchange=members.first.instrument.exchange,
        count=members.count,
        notional_usd=members.notional_usd,
        first=_member_item(members.first),
        last=_member_item(members.last),
        largest=_member_item(members.largest),
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
        history=tuple(AttemptItem(iso(attempt.at), attempt.error) for attempt in row.history),
    )


def _rule_item(rule: Rule) -> RuleItem:
    return RuleItem(
        id=rule.id,
        kind=rule.kind,
        exchange=rule.instrument.exchange if rule.instrument else None,
        symbol=rule.instrument.symbol if rule.instrument else None,
        distance_pct=rule.distance_pct,
        min_strength=rule.min_strength,
        min_usd=rule.min_usd if rule.kind is RuleKind.LARGE else None,
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
