"""Zones that come up to a strength: alerts of the kinds `formed` and `grown`. Pure; each step is told once a zone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.episodes import Raised
from liqalert.core.identity import short_id
from liqalert.core.market import UnixTime
from liqalert.core.rules import Rule
from liqalert.core.zones import Zone

STEPS = (0.6, 0.75, 0.9)
"""The strengths at which growth is told."""
REACHED = "zone_reached_strength"
PASSED = "zone_passed_strength_in_episode"


@dataclass(frozen=True, slots=True)
class Growth:
    """A zone before and after it opened (`before` 0) or was rewritten at `at`. A zone's strength never falls."""

    zone: Zone
    before: float
    at: UnixTime
    evidence: Callable[[Rule], Evidence]


def formed(rules: Iterable[tuple[str, Rule]], growth: Growth) -> Iterator[Raised]:
    """For rules of kind `formed`: the zone has reached their strength now."""
    for rule_id, rule in rules:
        if growth.before < rule.min_strength <= growth.zone.strength:
            yield _raised(rule_id, rule, growth, REACHED)


def grown(rules: Iterable[tuple[str, Rule]], growth: Growth) -> Iterator[Raised]:
    """For rules of kind `grown`, while an episode is open on the zone and the mark has not gone beyond their own re-arm
    distance: the highest step it has passed now."""
    passed = [step for step in STEPS if growth.before < step <= growth.zone.strength]
    if not passed:
        return
    for rule_id, rule in rules:
        if passed[-1] >= rule.min_strength and _is_near(growth.evidence(rule)):
            yield _raised(rule_id, rule, growth, PASSED, step=passed[-1])


def _is_near(evidence: Evidence) -> bool:
    """The episode may be one of another rule, whose distance is greater. Before the first mark after a restart nobody
    knows: then it is told."""
    return evidence.distance_pct is None or evidence.distance_pct <= evidence.rearm_pct


def _raised(rule_id: str, rule: Rule, growth: Growth, reason: str, step: float | None = None) -> Raised:
    alert = Alert(
        id=short_id("alert", rule_id, growth.zone.id, step),
        kind=rule.kind,
        decided_at=growth.at,
        reason=reason,
        rule=rule,
        zone=growth.zone,
        evidence=growth.evidence(rule),
        step=step,
        strength_before=growth.before if step is not None else None,
    )
    return Raised(alert, growth.at)
