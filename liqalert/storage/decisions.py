"""Decisions as rows, and rows as zones, episodes and transitions. Pure: no database here."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import TypeAlias

import msgspec
from msgspec.structs import replace
from sqlalchemy import RowMapping

from liqalert.core.alerts import Alert
from liqalert.core.episodes import (
    Decision,
    Episode,
    EpisodeMoved,
    EpisodeState,
    Raised,
    Transition,
    ZoneEnded,
    ZoneOpened,
    ZoneRewritten,
    ZoneSeenFrom,
)
from liqalert.core.market import Instrument, PositionSide
from liqalert.core.rules import Rule
from liqalert.core.strength import Baseline
from liqalert.core.zones import Outside, Zone

Values: TypeAlias = dict[str, object]


class Write(Enum):
    """What is to be done with a row."""

    ZONE_OPENED = auto()
    ZONE_REWRITTEN = auto()
    ZONE_SEEN = auto()
    ZONE_ENDED = auto()
    EPISODE = auto()
    EPISODE_MOVED = auto()
    ALERT = auto()
    TRANSITION = auto()

    # An enum's own hash is a function in Python.
    __hash__ = object.__hash__


def writes(decision: Decision) -> Iterator[tuple[Write, Values]]:
    """The rows that record `decision`, in the order in which they must be written."""
    match decision:
        case ZoneOpened(zone=zone):
            yield Write.ZONE_OPENED, zone_row(zone)
        case ZoneRewritten(zone=zone):
            yield Write.ZONE_REWRITTEN, zone_row(zone)
        case ZoneSeenFrom(zone=zone):
            yield Write.ZONE_SEEN, zone_row(zone)
        case ZoneEnded(zone=zone, at=at, reason=reason, survivor_id=survivor_id):
            end = {"ended_at": at, "end_reason": reason, "survivor_id": survivor_id}
            yield Write.ZONE_ENDED, zone_row(zone) | end
        case EpisodeMoved(episode=episode):
            yield Write.EPISODE_MOVED, episode_row(episode)
        case Raised(alert=alert):
            yield Write.ALERT, alert_row(alert)
        case Transition(episode=episode, alert=alert):
            yield Write.EPISODE, episode_row(episode)
            if alert is not None:
                yield Write.ALERT, alert_row(alert)
            yield Write.TRANSITION, transition_row(decision)


def zone_row(zone: Zone) -> Values:
    return {
        "id": zone.id,
        "cluster_id": zone.cluster_id,
        "exchange": zone.instrument.exchange,
        "symbol": zone.instrument.symbol,
        "liquidated": zone.liquidated,
        "basis": zone.basis,
        "low": zone.low,
        "high": zone.high,
        "strength": zone.strength,
        "notional_usd": zone.notional_usd,
        "count": zone.count,
        "opened_at": zone.opened_at,
        "peak_at": zone.peak_at,
        "baseline": encode(zone.baseline),
        "outside": zone.outside,
    }


def zone_from(row: RowMapping) -> Zone:
    return Zone(
        id=row["id"],
        cluster_id=row["cluster_id"],
        instrument=Instrument(row["exchange"], row["symbol"]),
        liquidated=PositionSide(row["liquidated"]),
        low=row["low"],
        high=row["high"],
        strength=row["strength"],
        notional_usd=row["notional_usd"],
        count=row["count"],
        opened_at=row["opened_at"],
        peak_at=row["peak_at"],
        baseline=msgspec.json.decode(row["baseline"], type=Baseline),
        outside=Outside(row["outside"]) if row["outside"] else None,
        basis=row["basis"],
    )


def episode_row(episode: Episode) -> Values:
    return {
        "id": episode.id,
        "rule_id": episode.rule.id,
        "rule": encode(episode.rule),
        "zone_id": episode.zone_id,
        "state": episode.state,
        "since": episode.since,
        "alert_id": episode.alert_id,
        "outcome": episode.outcome,
        "touched": episode.touched,
        "furthest": episode.furthest,
    }


def episode_from(row: RowMapping) -> Episode:
    return Episode(
        id=row["id"],
        rule=msgspec.json.decode(row["rule"], type=Rule),
        zone_id=row["zone_id"],
        state=EpisodeState(row["state"]),
        since=row["since"],
        alert_id=row["alert_id"],
        outcome=EpisodeState(row["outcome"]) if row["outcome"] else None,
        touched=row["touched"],
        furthest=row["furthest"],
    )


def alert_row(alert: Alert) -> Values:
    zone, rule, instrument = alert.zone, alert.rule, alert.instrument
    return {
        "id": alert.id,
        "kind": alert.kind,
        "decided_at": alert.decided_at,
        "reason": alert.reason,
        "exchange": instrument.exchange if instrument else None,
        "symbol": instrument.symbol if instrument else None,
        "liquidated": alert.liquidated,
        "rule_id": rule.id if rule else None,
        "zone_id": zone.id if zone else None,
        "episode_id": alert.episode_id,
        "only_chat": alert.only_chat,
        "content": encode(alert),
    }


def alert_from(content: str) -> Alert:
    return msgspec.json.decode(content, type=Alert)


def readable_alert(content: str) -> Alert | None:
    """The alert, or None where the row cannot be read."""
    try:
        return alert_from(content)
    except msgspec.DecodeError:
        return None


def transition_row(transition: Transition) -> Values:
    return {
        "episode_id": transition.episode.id,
        "previous": transition.previous,
        "state": transition.episode.state,
        "at": transition.at,
        "reason": transition.reason,
        "alert_id": transition.alert.id if transition.alert else None,
        # The alert has a row of its own.
        "content": encode(replace(transition, alert=None)),
    }


def transition_from(content: str, alert: str | None) -> Transition:
    return replace(msgspec.json.decode(content, type=Transition), alert=alert_from(alert) if alert else None)


def encode(value: Baseline | Rule | Alert | Transition) -> str:
    """JSON that gives back an equal object: floats are written so that they read back exactly."""
    return msgspec.json.encode(value).decode()
