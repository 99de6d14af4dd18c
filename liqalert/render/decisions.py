"""Decisions as JSON, one line each: what a replay prints, byte for byte what the live engine decided."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.episodes import (
    Decision,
    EpisodeMoved,
    Raised,
    Transition,
    ZoneEnded,
    ZoneOpened,
    ZoneRewritten,
    ZoneSeenFrom,
)
from liqalert.core.market import UnixTime
from liqalert.core.zones import Zone


def decision_line(decision: Decision) -> str:
    """One JSON object without a line end. Times ISO 8601 UTC, prices quote per base, notional in US dollars."""
    return msgspec.json.encode({"at": iso(decision.at), **_fields(decision)}).decode()


def iso(at: UnixTime) -> str:
    """Like 2026-11-23T03:00:00.000Z."""
    return datetime.fromtimestamp(round(at, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(decision: Decision) -> dict[str, object]:
    match decision:
        case Transition():
            return _transition(decision)
        case EpisodeMoved(episode):
            return {"decision": "episode_moved", "episode": episode.id, "zone": episode.zone_id}
        case Raised(alert):
            return _raised(alert)
        case ZoneOpened(zone):
            return {"decision": "zone_opened", **_zone(zone)}
        case ZoneRewritten(zone):
            return {"decision": "zone_rewritten", **_zone(zone)}
        case ZoneSeenFrom(zone):
            return {"decision": "zone_seen_from", "zone": zone.id, "outside": zone.outside}
        case ZoneEnded(zone, _, reason, survivor_id):
            return {"decision": "zone_ended", "zone": zone.id, "reason": reason, "survivor": survivor_id}


def _raised(alert: Alert) -> dict[str, object]:
    return {
        "decision": "raised",
        "alert": alert.id,
        "kind": alert.kind,
        "rule": alert.rule.id if alert.rule else None,
        "symbol": alert.instrument.symbol if alert.instrument else None,
        "liquidated": alert.liquidated,
        "reason": alert.reason,
        "zone": alert.zone.id if alert.zone else None,
        "step": alert.step,
        "flow": {"notional_usd": alert.flow.notional_usd, "count": alert.flow.count} if alert.flow else None,
        "strength": alert.strength,
    }


def _transition(transition: Transition) -> dict[str, object]:
    episode = transition.episode
    return {
        "decision": "transition",
        "rule": episode.rule.id,
        "zone": episode.zone_id,
        "episode": episode.id,
        "from": transition.previous,
        "to": episode.state,
        "reason": transition.reason,
        "alert": transition.alert.id if transition.alert else None,
        "evidence": _evidence(transition.evidence),
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {**msgspec.structs.asdict(evidence), "mark_at": None if evidence.mark_at is None else iso(evidence.mark_at)}


def _zone(zone: Zone) -> dict[str, object]:
    return {
        "zone": zone.id,
        "cluster": zone.cluster_id,
        "exchange": zone.instrument.exchange,
        "symbol": zone.instrument.symbol,
        "liquidated": zone.liquidated,
        "low": zone.low,
        "high": zone.high,
        "strength": zone.strength,
        "notional_usd": zone.notional_usd,
        "count": zone.count,
        "calibrated": zone.baseline.calibrated,
        "peak_at": iso(zone.peak_at),
    }
