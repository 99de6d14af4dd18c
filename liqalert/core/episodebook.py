"""The episodes on the live zones: by zone, then by rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from liqalert.core.alerts import Evidence
from liqalert.core.episodes import (
    ADVANCEMENT,
    TOLD,
    Episode,
    EpisodeState,
    Observation,
    Reason,
    Transition,
    advance,
    end,
    rearm_pct,
)
from liqalert.core.market import Mark, UnixTime
from liqalert.core.rulebook import RuleBook
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.sides import Sides
from liqalert.core.terms import Terms
from liqalert.core.zones import Position, Zone, position


@dataclass(frozen=True, slots=True)
class Sight:
    """One mark as it falls on one zone."""

    mark: Mark
    where: Position
    swept: bool
    now: UnixTime
    unwatched_s: float


class EpisodeBook:
    """Advances episodes. A rule without an entry is idle on that zone. Part of the engine; touched by nothing else."""

    def __init__(self, terms: Terms, sides: Sides, rules: RuleBook) -> None:
        self._terms = terms
        self._sides = sides
        self._rules = rules
        self._episodes: dict[str, dict[str, Episode]] = {}
        self._interrupted: dict[str, set[str]] = {}
        """By zone: rules that told of it and whose episode was ended by rewriting, as long as the mark has stayed near.

        For whoever was told, that episode is still open."""

    # ------------------------------------------------------------ what it is told

    def restore(self, episodes: Iterable[Episode]) -> None:
        """Takes up what an earlier run stored, the newest of each zone and rule last."""
        kept = self._rules.ids()
        for episode in episodes:
            if episode.rule.id not in kept:
                continue
            if episode.state is EpisodeState.IDLE:
                self._interrupted.setdefault(episode.zone_id, set()).add(episode.rule.id)
            else:
                self._episodes.setdefault(episode.zone_id, {})[episode.rule.id] = episode
                self._interrupted.get(episode.zone_id, set()).discard(episode.rule.id)

    def drop_rules(self, zone: Zone, mark: Mark | None, now: UnixTime) -> Iterator[Transition]:
        """Ends the episodes of rules that are no more."""
        kept = self._rules.ids()
        episodes = self._episodes.get(zone.id, {})
        for rule_id in [rule_id for rule_id in episodes if rule_id not in kept]:
            yield from self._end(episodes.pop(rule_id), Reason.RULE_GONE, zone, mark, now)

    def see(self, zone: Zone, sight: Sight) -> Iterator[Transition]:
        """What one mark changes."""
        episodes = self._episodes.setdefault(zone.id, {})
        for rule_id, rule in self._concerned(zone, episodes):
            evidence = partial(self.evidence, rule, zone, sight.mark, sight.now, sight.unwatched_s)
            seen = Observation(zone, sight.where, sight.swept, sight.now, evidence)
            transitions = advance(episodes.get(rule_id), rule, seen, self._terms)
            if transitions:
                episodes[rule_id] = transitions[-1].episode
                self._interrupted.get(zone.id, set()).discard(rule_id)
                yield from transitions

    def interrupt(self, zone: Zone, mark: Mark | None, now: UnixTime) -> Iterator[Transition]:
        """The zone is rewritten: every episode on it is idle again."""
        for rule_id, episode in self._episodes.pop(zone.id, {}).items():
            if episode.state in TOLD:
                self._interrupted.setdefault(zone.id, set()).add(rule_id)
            yield from self._end(episode, Reason.ZONE_REWRITTEN, zone, mark, now)

    def fade(self, zone: Zone, why: Reason, mark: Mark | None, now: UnixTime) -> Iterator[Transition]:
        """The zone is no more, by no mark: its told and armed episodes fade."""
        for episode in self._episodes.pop(zone.id, {}).values():
            yield from self._end(episode, why, zone, mark, now)
        self._interrupted.pop(zone.id, None)

    def forget(self, zone: Zone) -> None:
        """The zone was swept: each of its episodes has ended by that mark."""
        self._episodes.pop(zone.id, None)
        self._interrupted.pop(zone.id, None)

    def take_over(self, weaker: Zone, survivor: Zone) -> tuple[Episode, ...]:
        """The episodes that change hands. What the survivor gives up for them stays behind and ends with `weaker`."""
        mine = self._episodes.setdefault(survivor.id, {})
        theirs = self._episodes.get(weaker.id, {})
        if weaker.id in self._interrupted:
            self._interrupted.setdefault(survivor.id, set()).update(self._interrupted.pop(weaker.id))
        moved = []
        for rule_id, episode in tuple(theirs.items()):
            own = mine.get(rule_id)
            if own is not None and ADVANCEMENT[own.state] >= ADVANCEMENT[episode.state]:
                continue
            mine[rule_id] = replace(episode, zone_id=survivor.id)
            moved.append(mine[rule_id])
            del theirs[rule_id]
            if own is not None:
                theirs[rule_id] = own
        return tuple(moved)

    # ------------------------------------------------------------ what it tells

    def is_open(self, zone: Zone) -> bool:
        """Whether someone has been told of the zone and the mark has not left it since."""
        told = any(episode.state in TOLD for episode in self._episodes.get(zone.id, {}).values())
        return told or bool(self._interrupted.get(zone.id))

    def most_advanced(self, zone: Zone) -> EpisodeState:
        states = [episode.state for episode in self._episodes.get(zone.id, {}).values()]
        return max(states, key=lambda state: ADVANCEMENT[state], default=EpisodeState.IDLE)

    def thresholds(self, zone: Zone, now: UnixTime) -> tuple[set[float], UnixTime]:
        """The distances at which something changes on `zone`, and until when time alone changes nothing."""
        episodes = self._episodes.get(zone.id, {})
        distances: set[float] = set()
        until = math.inf
        for rule_id, rule in self._concerned(zone, episodes):
            distances |= {rule.distance_pct, rearm_pct(rule, self._terms)}
            until = min(until, self._cools_until(episodes.get(rule_id), now))
        return distances, until

    def evidence(self, rule: Rule, zone: Zone, mark: Mark | None, now: UnixTime, unwatched_s: float = 0.0) -> Evidence:
        return Evidence(
            mark_price=mark.price if mark else None,
            mark_at=mark.event_time if mark else None,
            distance_pct=position(zone, mark.price).distance_pct if mark else None,
            rule_distance_pct=rule.distance_pct,
            rearm_pct=rearm_pct(rule, self._terms),
            zone_strength=zone.strength,
            strength_now=self._sides.strength_now(zone, now),
            min_strength=rule.min_strength,
            unwatched_s=unwatched_s,
        )

    # ------------------------------------------------------------ details

    def _concerned(self, zone: Zone, episodes: dict[str, Episode]) -> Iterator[tuple[str, Rule]]:
        """The rules that a mark could advance on this zone, with their ids."""
        for rule_id, rule in self._rules.covering(RuleKind.NEAR, zone.instrument):
            if rule.min_strength <= zone.strength or rule_id in episodes:
                yield rule_id, rule

    def _end(self, episode: Episode, why: Reason, zone: Zone, mark: Mark | None, now: UnixTime) -> Iterator[Transition]:
        if episode.state is not EpisodeState.IDLE:
            yield end(episode, why, now, self.evidence(episode.rule, zone, mark, now))

    def _cools_until(self, episode: Episode | None, now: UnixTime) -> UnixTime:
        """When time alone can change an episode: the end of its cooling, if that is still to come."""
        if episode is None or episode.state is not EpisodeState.COOLING:
            return math.inf
        over = episode.since + self._terms.cooldown_s
        return over if over > now else math.inf
