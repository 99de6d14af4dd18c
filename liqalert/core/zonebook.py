"""The live zones, the episodes on them, and for each instrument the range of marks in which nothing can change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from liqalert.core.clusters import Cluster
from liqalert.core.episodes import (
    ADVANCEMENT,
    Decision,
    Episode,
    EpisodeMoved,
    EpisodeState,
    Evidence,
    Observation,
    Reason,
    ZoneEnded,
    ZoneOpened,
    ZoneRewritten,
    ZoneSeenFrom,
    advance,
    end,
    rearm_pct,
)
from liqalert.core.market import Instrument, Mark, UnixTime
from liqalert.core.rules import Quiet, Rule, critical_prices, quiet_range
from liqalert.core.sides import Rebuilt, Sides
from liqalert.core.terms import Terms
from liqalert.core.zones import (
    OPENS_AT_STRENGTH,
    Zone,
    ZoneEnd,
    open_zone,
    overlapping,
    position,
    qualifies,
    rewrite,
    still_covers,
    strength_of,
)

EVERYTHING_QUIET = Quiet(0.0, math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class ZoneView:
    """A zone as a reader wants it: with the most advanced state of any rule's episode on it."""

    zone: Zone
    state: EpisodeState
    strength_now: float
    """Strength, as of the snapshot, of the strongest live cluster that touches the zone's band; 0 without one."""


class ZoneBook:
    """Zones and episodes. Ticks change zones, marks change episodes. Part of the engine; touched by nothing else."""

    def __init__(self, terms: Terms, sides: Sides) -> None:
        self._terms = terms
        self._sides = sides
        self._rules: tuple[Rule, ...] = ()
        self._zones: dict[Instrument, dict[str, Zone]] = {}
        self._zone_of_cluster: dict[str, Zone] = {}
        """The last zone each living cluster had, ended ones too: they keep it from opening the same zone again."""
        self._episodes: dict[str, dict[str, Episode]] = {}
        """By zone id, then rule id; a rule without an entry is idle on that zone."""
        self._marks: dict[Instrument, Mark] = {}
        self._quiet: dict[Instrument, Quiet] = {}

    # ------------------------------------------------------------ what it is told

    def set_rules(self, rules: Iterable[Rule]) -> None:
        """Evaluates `rules` from now on. A rule that is new begins idle; episodes of one that is gone are forgotten."""
        self._rules = tuple(sorted(set(rules), key=lambda rule: rule.id))
        kept = {rule.id for rule in self._rules}
        for episodes in self._episodes.values():
            for rule_id in [rule_id for rule_id in episodes if rule_id not in kept]:
                del episodes[rule_id]
        self._quiet.clear()

    def restore(self, live: Iterable[Zone], ended: Iterable[Zone], episodes: Iterable[Episode]) -> None:
        """Takes up what an earlier run stored. `ended` are the recent ones whose cluster may still be living."""
        for zone in sorted(ended, key=lambda zone: zone.peak_at):
            self._zone_of_cluster[zone.cluster_id] = zone
        for zone in sorted(live, key=lambda zone: zone.peak_at):
            self._zones.setdefault(zone.instrument, {})[zone.id] = zone
            self._zone_of_cluster[zone.cluster_id] = zone
        kept = {rule.id for rule in self._rules}
        for episode in episodes:
            if episode.rule.id in kept:
                self._episodes.setdefault(episode.zone_id, {})[episode.rule.id] = episode
        self._quiet.clear()

    def follow(self, rebuilt: Rebuilt, now: UnixTime) -> Iterator[Decision]:
        """Opens and rewrites zones after a side's clusters were built anew, the strongest cluster first."""
        for cluster in sorted(rebuilt.clusters, key=lambda cluster: (-cluster.strength, cluster.id)):
            yield from self._follow(cluster, now)
        for gone in rebuilt.ended:
            self._zone_of_cluster.pop(gone.id, None)

    def expire(self, now: UnixTime) -> Iterator[Decision]:
        """Ends the zones whose peak is `memory_s` ago."""
        every = (zone for zones in self._zones.values() for zone in zones.values())
        due = [zone for zone in every if now >= zone.peak_at + self._terms.memory_s]
        for zone in sorted(due, key=lambda zone: zone.id):
            yield from self._end(zone, ZoneEnd.EXPIRED, Reason.ZONE_EXPIRED, now)

    def see(self, mark: Mark, now: UnixTime, unwatched_s: float) -> tuple[Decision, ...]:
        """What a mark changes. One comparison while it stays where nothing can change."""
        self._marks[mark.instrument] = mark
        quiet = self._quiet.get(mark.instrument)
        if quiet is not None and quiet.holds(mark.price, now):
            return ()
        decisions = tuple(
            decision
            for zone in tuple(self._zones.get(mark.instrument, {}).values())
            for decision in self._see(zone, mark, now, unwatched_s)
        )
        self._quiet[mark.instrument] = self._next_quiet(mark)
        return decisions

    # ------------------------------------------------------------ what it tells

    def mark(self, instrument: Instrument) -> Mark | None:
        return self._marks.get(instrument)

    def marks(self) -> dict[Instrument, Mark]:
        return dict(self._marks)

    def views(self, now: UnixTime) -> tuple[ZoneView, ...]:
        return tuple(
            ZoneView(zone, self._most_advanced(zone), self._sides.strength_now(zone, now))
            for zones in self._zones.values()
            for zone in zones.values()
        )

    # ------------------------------------------------------------ zones

    def _follow(self, cluster: Cluster, now: UnixTime) -> Iterator[Decision]:
        if not qualifies(cluster, self._terms):
            return
        last = self._zone_of_cluster.get(cluster.id)
        if last is not None and still_covers(cluster, last):
            if strength_of(cluster, last.baseline) <= last.strength:
                return
            if last.id in self._zones.get(last.instrument, {}):
                yield from self._rewrite(last, cluster, now)
                return
        if cluster.strength >= OPENS_AT_STRENGTH:
            yield from self._open(cluster, now)

    def _open(self, cluster: Cluster, now: UnixTime) -> Iterator[Decision]:
        """A new zone, unless a stronger one already stands for most of it: that one is then the cluster's zone."""
        zone = open_zone(cluster, now)
        stronger = [other for other in overlapping(zone, self._same_side(zone)) if other.strength >= zone.strength]
        if stronger:
            self._zone_of_cluster[cluster.id] = max(stronger, key=lambda other: (other.strength, other.id))
            return
        self._keep(zone)
        yield ZoneOpened(zone, now)
        yield from self._absorb(zone, now)

    def _rewrite(self, zone: Zone, cluster: Cluster, now: UnixTime) -> Iterator[Decision]:
        renewed = rewrite(zone, cluster, now)
        self._keep(renewed)
        yield ZoneRewritten(renewed, now)
        for episode in self._take_episodes(zone.id):
            if episode.state is not EpisodeState.IDLE:
                yield end(episode, Reason.ZONE_REWRITTEN, now, self._evidence(episode.rule, zone, now))
        rivals = [renewed, *overlapping(renewed, self._same_side(renewed))]
        yield from self._absorb(max(rivals, key=lambda rival: (rival.strength, rival.id)), now)

    def _keep(self, zone: Zone) -> None:
        self._zones.setdefault(zone.instrument, {})[zone.id] = zone
        self._zone_of_cluster[zone.cluster_id] = zone
        self._quiet.pop(zone.instrument, None)

    def _absorb(self, survivor: Zone, now: UnixTime) -> Iterator[Decision]:
        """Ends the weaker zones that overlap `survivor`, which takes the further advanced episode of each rule."""
        for weaker in overlapping(survivor, self._same_side(survivor)):
            if weaker.strength <= survivor.strength:
                for episode in self._take_over(weaker, survivor):
                    yield EpisodeMoved(episode, now)
                yield from self._end(weaker, ZoneEnd.OVERLAPPED, Reason.ZONE_OVERLAPPED, now, survivor.id)
                for cluster_id, zone in self._zone_of_cluster.items():
                    if zone.id == weaker.id:
                        self._zone_of_cluster[cluster_id] = survivor

    def _take_over(self, weaker: Zone, survivor: Zone) -> tuple[Episode, ...]:
        """The episodes that change hands. What the survivor gives up for them stays behind and ends with `weaker`."""
        mine = self._episodes.setdefault(survivor.id, {})
        theirs = self._episodes.get(weaker.id, {})
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

    def _end(
        self, zone: Zone, how: ZoneEnd, why: Reason, now: UnixTime, survivor_id: str | None = None
    ) -> Iterator[Decision]:
        """Forgets a zone by no mark: its told and armed episodes fade."""
        del self._zones[zone.instrument][zone.id]
        self._quiet.pop(zone.instrument, None)
        for episode in self._take_episodes(zone.id):
            if ADVANCEMENT[episode.state] > 0:
                yield end(episode, why, now, self._evidence(episode.rule, zone, now))
        yield ZoneEnded(zone, now, how, survivor_id)

    def _same_side(self, zone: Zone) -> tuple[Zone, ...]:
        zones = self._zones.get(zone.instrument, {})
        return tuple(other for other in zones.values() if other.liquidated is zone.liquidated)

    # ------------------------------------------------------------ marks and episodes

    def _see(self, zone: Zone, mark: Mark, now: UnixTime, unwatched_s: float) -> Iterator[Decision]:
        where = position(zone, mark.price)
        swept = zone.outside is not None and where.outside is not None and where.outside is not zone.outside
        if where.outside is not None and zone.outside is None:
            zone = replace(zone, outside=where.outside)
            self._zones[zone.instrument][zone.id] = zone
            self._refer(zone)
            yield ZoneSeenFrom(zone, now)
        episodes = self._episodes.setdefault(zone.id, {})
        for rule in self._rules_on(zone, episodes):
            evidence = self._evidence(rule, zone, now, unwatched_s)
            seen = Observation(zone, where, swept, now, evidence)
            transitions = advance(episodes.get(rule.id), rule, seen, self._terms)
            if transitions:
                episodes[rule.id] = transitions[-1].episode
                yield from transitions
        if swept:
            del self._zones[zone.instrument][zone.id]
            del self._episodes[zone.id]
            yield ZoneEnded(zone, now, ZoneEnd.SWEPT)

    def _refer(self, zone: Zone) -> None:
        if self._zone_of_cluster.get(zone.cluster_id, zone).id == zone.id:
            self._zone_of_cluster[zone.cluster_id] = zone

    def _rules_on(self, zone: Zone, episodes: dict[str, Episode]) -> Sequence[Rule]:
        return [
            rule
            for rule in self._rules
            if rule.covers(zone.instrument) and (rule.min_strength <= zone.strength or rule.id in episodes)
        ]

    def _next_quiet(self, mark: Mark) -> Quiet:
        zones = self._zones.get(mark.instrument, {})
        if not zones:
            return EVERYTHING_QUIET
        prices: list[float] = []
        until = math.inf
        for zone in zones.values():
            episodes = self._episodes.get(zone.id, {})
            distances = set()
            for rule in self._rules_on(zone, episodes):
                distances |= {rule.distance_pct, rearm_pct(rule, self._terms)}
                until = min(until, self._cools_until(episodes.get(rule.id), mark.received_time))
            prices += critical_prices(zone.low, zone.high, distances)
        return quiet_range(prices, mark.price, until)

    def _cools_until(self, episode: Episode | None, now: UnixTime) -> UnixTime:
        """When time alone can change an episode: the end of its cooling, if that is still to come."""
        if episode is None or episode.state is not EpisodeState.COOLING:
            return math.inf
        over = episode.since + self._terms.cooldown_s
        return over if over > now else math.inf

    def _take_episodes(self, zone_id: str) -> tuple[Episode, ...]:
        return tuple(self._episodes.pop(zone_id, {}).values())

    def _most_advanced(self, zone: Zone) -> EpisodeState:
        states = [episode.state for episode in self._episodes.get(zone.id, {}).values()]
        return max(states, key=lambda state: ADVANCEMENT[state], default=EpisodeState.IDLE)

    def _evidence(self, rule: Rule, zone: Zone, now: UnixTime, unwatched_s: float = 0.0) -> Evidence:
        mark = self._marks.get(zone.instrument)
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
