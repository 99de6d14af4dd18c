"""The shape of an alert in JSON when somebody asks why: with everything that led to it and came of it."""

from __future__ import annotations

import msgspec

from liqalert.core.engine import Snapshot
from liqalert.core.episodes import Episode, Transition
from liqalert.core.market import UnixTime
from liqalert.core.outcomes import Members, closest_pct
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.zones import Zone
from liqalert.ports import AlertRow, DeliveryRow
from liqalert.render.answers import View
from liqalert.render.why import why
from liqalert.web.alert_items import (
    AlertItem,
    DeliveryItem,
    EpisodeItem,
    EvidenceItem,
    MemberItem,
    alert_item,
    evidence_item,
    member_item,
)
from liqalert.web.answers import iso, iso_or_none


class EpisodeDetail(EpisodeItem, frozen=True):
    id: str
    since: str
    touched: bool
    closest_pct: float | None
    """From the zone as it was told of; 0 once the mark was inside."""
    furthest: float | None


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
    stream: str
    """`all`, or the only stream that was mute: `liquidations`."""


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
        episode=_episode_detail(row.episode, row.alert.zone) if row.episode else None,
        deliveries=tuple(_delivery_detail(delivery) for delivery in row.deliveries),
        more_deliveries=short.more_deliveries,
        text=alert.text,
        rule=_rule_item(alert.rule) if alert.rule else None,
        zone=_zone_detail(alert.zone) if alert.zone else None,
        transitions=tuple(_transition_item(transition) for transition in row.transitions),
        members=_members_item(row.members) if row.members else None,
        gaps=tuple(GapItem(iso(gap.start), iso_or_none(gap.end), gap.cause, gap.stream) for gap in row.gaps),
        explained=_explained(row, now),
    )


def _explained(row: AlertRow, now: UnixTime) -> tuple[str, ...]:
    # Nothing of the present market is in it: an alert is explained from what was written down then.
    view = View(Snapshot(now, decay_s=0.0), (), now, "UTC")
    return tuple(why(view, row, address="", addresses_shown=True).plain.split("\n"))


def _members_item(members: Members) -> MembersItem:
    return MembersItem(
        exchange=members.first.instrument.exchange,
        count=members.count,
        notional_usd=members.notional_usd,
        first=member_item(members.first),
        last=member_item(members.last),
        largest=member_item(members.largest),
    )


def _episode_detail(episode: Episode, zone: Zone | None) -> EpisodeDetail:
    """`zone` as it was told of."""
    return EpisodeDetail(
        state=episode.state,
        outcome=episode.outcome,
        id=episode.id,
        since=iso(episode.since),
        touched=episode.touched,
        closest_pct=closest_pct(episode, zone),
        furthest=episode.furthest,
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
        evidence=evidence_item(transition.evidence),
    )
