"""What an engine has decided, as far as one that takes its place has to know it: what the daemon's database holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeAlias

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
from liqalert.core.rules import RuleKind
from liqalert.core.start import Start
from liqalert.core.zones import Zone

OVER = (EpisodeState.SWEPT, EpisodeState.FADED)

Place: TypeAlias = tuple[str, str]
"""A zone's id and a rule's: of the episodes there only the newest counts."""


class Carried:
    """Is shown every decision, in order."""

    def __init__(self) -> None:
        self._zones: dict[str, Zone] = {}
        """By id, in the order in which they opened."""
        self._ended: dict[str, Zone] = {}
        self._episodes: dict[Place, Episode] = {}
        self._cascades: list[Alert] = []

    def take(self, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            match decision:
                case ZoneOpened(zone) | ZoneRewritten(zone) | ZoneSeenFrom(zone):
                    self._zones[zone.id] = zone
                case ZoneEnded(zone):
                    self._ended[zone.id] = self._zones.pop(zone.id, zone)
                case Transition(episode) | EpisodeMoved(episode):
                    self._episodes[episode.zone_id, episode.rule.id] = episode
                case Raised(alert) if alert.kind == RuleKind.CASCADE:
                    self._cascades.append(alert)

    def into(self, start: Start) -> Start:
        """`start`, with this in place of what it holds. What no longer counts by then is forgotten."""
        self._ended = {
            zone.id: zone for zone in self._ended.values() if start.at < zone.peak_at + start.terms.history_s
        }
        self._episodes = {place: each for place, each in self._episodes.items() if self._goes_on(each)}
        self._cascades = [alert for alert in self._cascades if start.at < alert.decided_at + start.terms.cooldown_s]
        return replace(
            start,
            zones=tuple(self._zones.values()),
            ended_zones=tuple(self._ended.values()),
            episodes=tuple(sorted(self._episodes.values(), key=lambda each: (each.since, each.id))),
            told=tuple(self._cascades),
        )

    def _goes_on(self, episode: Episode) -> bool:
        """Those that were told of and then interrupted by the rewriting of their zone are idle, and still go on."""
        interrupted = episode.alert_id is not None and episode.outcome is None
        going_on = interrupted if episode.state is EpisodeState.IDLE else episode.state not in OVER
        return going_on and episode.zone_id in self._zones
