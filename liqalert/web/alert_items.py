"""The shape of an alert in JSON, as it stands in a list."""

from __future__ import annotations

import msgspec

from liqalert.core.alerts import Evidence, FlowEvidence
from liqalert.core.market import Liquidation
from liqalert.ports import AlertRow
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


class DeliveryItem(msgspec.Struct, frozen=True):
    channel: str
    status: str
    attempts: int


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
    at_least_usd: float | None
    """With an estimate of what it left out; still a lower bound, and no part of a strength."""


class MemberItem(msgspec.Struct, frozen=True):
    """One liquidation that an alert rests on."""

    at: str
    price: float
    quantity: float
    notional_usd: float


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
    """For `near`; null where its rule was given up before the episode had ended."""
    deliveries: tuple[DeliveryItem, ...]
    """The first hundred; all of them where one alert is asked for."""
    more_deliveries: dict[str, int]
    """How many there are beyond those, by status."""


def alert_item(row: AlertRow) -> AlertItem:
    alert = row.alert
    return AlertItem(
        id=alert.id,
        kind=alert.kind,
        symbol=alert.instrument.symbol if alert.instrument else None,
        liquidated=alert.liquidated,
        cluster_id=alert.zone.cluster_id if alert.zone else None,
        reason=alert.reason,
        evidence=evidence_item(alert.evidence) if alert.evidence else None,
        flow=_flow_item(alert.flow) if alert.flow else None,
        liquidation=member_item(alert.liquidation) if alert.liquidation else None,
        step=alert.step,
        decided_at=iso(alert.decided_at),
        episode=EpisodeItem(row.episode.state, row.episode.outcome) if row.episode else None,
        deliveries=tuple(DeliveryItem(found.channel, found.status, found.attempts) for found in row.deliveries),
        more_deliveries={str(status): count for status, count in row.more.items()},
    )


def evidence_item(evidence: Evidence) -> EvidenceItem:
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
        at_least_usd=flow.at_least_usd,
    )


def member_item(one: Liquidation) -> MemberItem:
    return MemberItem(iso(one.event_time), one.price, one.quantity, one.notional_usd)
