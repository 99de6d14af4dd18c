"""The live zones, the episodes on them, and for each instrument the range of marks in which nothing can change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from liqalert.core.alerts import Evidence
from liqalert.core.baselines import Owner
from liqalert.core.clusters import Cluster
from liqalert.core.episodes import (
    ADVANCEMENT,
    Decision,
    Episode,
    EpisodeMoved,
    EpisodeState,
    Observation,
    Reason,
    ZoneEnded,
    ZoneOpened,
    ZoneRewritten,
    ZoneSeenFrom,
    ZoneView,
    advance,
    end,
    rearm_pct,
)
from liqalert.core.market import Instrument, Mark, PositionSide, UnixTime
from liqalert.core.rules import Quiet, Rule, critical_prices, quiet_range
from liqalert.core.sides import Rebuilt, Sides
from liqalert.core.terms import Terms
from liqalert.core.zones import (
    OPENS_AT_STRENGTH,
    Zone,
    ZoneEnd,
    is_old,
    open_zone,
    overlapping,
    position,
    qualifies,
    rewrite,
    still_covers,
    strength_of,
)

EVERYTHING_QUIET = Quiet(0.0, math.inf, math.inf)
WHY_ENDED = {ZoneEnd.EXPIRED: Reason.ZONE_EXPIRED, ZoneEnd.OVERLAPPED: Reason.ZONE_OVERLAPPED}


class ZoneBook:
    """Zones and episodes. Ticks change zones, marks change episodes. Part of the engine; touched by nothing else."""

    def __init__(self, terms: Terms, sides: Sides) -> None:
        self._terms = terms
        self._sides = sides
        self._rules: tuple[Rule, ...] = ()
        self._covering: dict[Instrument, tuple[tuple[str, Rule], ...]] = {}
        """The rules of each instrument by id, as far as they have been asked for."""
        self._zones: dict[Instrument, dict[str, Zone]] = {}
        self._ended: dict[Owner, list[Zone]] = {}
        """Recently ended zones: they keep what is left of their clusters from opening the same zone again."""
        self._episodes: dict[str, dict[str, Episode]] = {}
        """By zone id, then rule id; a rule without an entry is idle on that zone."""
        self._marks: dict[Instrument, Mark] = {}
        self._quiet: dict[Instrument, Quiet] = {}

    # ------------------------------------------------------------ what it is told

    def set_rules(self, rules: Iterable[Rule], now: UnixTime) -> Iterator[Decision]:
        """Evaluates `rules` from now on. A rule that is new begins idle; episodes of one that is gone end idle."""
        self._rules = tuple(sorted(set(rules), key=lambda rule: rule.id))
        self._covering.clear()
        self._quiet.clear()
        kept = {rule.id for rule in self._rules}
        for zone in self._every_zone():
            episodes = self._episodes.get(zone.id, {})
            for rule_id in [rule_id for rule_id in episodes if rule_id not in kept]:
                yield from self._end_episode(episodes.pop(rule_id), Reason.RULE_GONE, zone, now)

    def restore(self, live: Iterable[Zone], ended: Iterable[Zone], episodes: Iterable[Episode]) -> None:
        """Takes up what an earlier run stored."""
        for zone in ended:
            self._ended.setdefault((zone.instrument, zone.liquidated), []).append(zone)
        for zone in live:
            self._zones.setdefault(zone.instrument, {})[zone.id] = zone
        kept = {rule.id for rule in self._rules}
        for episode in episodes:
            if episode.rule.id in kept:
                self._episodes.setdefault(episode.zone_id, {})[episode.rule.id] = episode
        self._quiet.clear()

    def follow(self, rebuilt: Rebuilt, now: UnixTime) -> Iterator[Decision]:
        """Opens and rewrites zones after a side's clusters were built anew, the strongest cluster first.

        What it does depends on clusters and remembered zones alone, and doing it again without news does nothing: so
        a restart, after which everything is built anew, is not an event.
        """
        for cluster in sorted(rebuilt.clusters, key=lambda cluster: (-cluster.strength, cluster.id)):
            yield from self._follow(cluster, now)

    def expire(self, now: UnixTime) -> Iterator[Decision]:
        """Ends the zones whose peak is `memory_s` ago, and forgets ended ones of which nothing is left."""
        for instrument in tuple(self._zones):
            yield from self._expire(instrument, now)
        for owner, ended in tuple(self._ended.items()):
            self._ended[owner] = [zone for zone in ended if now < zone.peak_at + self._terms.history_s]
            if not self._ended[owner]:
                del self._ended[owner]

    def see(self, mark: Mark, now: UnixTime, unwatched_s: float) -> tuple[Decision, ...]:
        """What a mark changes. One comparison while it stays where nothing can change."""
        self._marks[mark.instrument] = mark
        quiet = self._quiet.get(mark.instrument)
        if quiet is not None and quiet.holds(mark.price, now):
            return ()
        decisions = list(self._expire(mark.instrument, now) if mark.instrument in self._zones else ())
        for zone in tuple(self._zones.get(mark.instrument, {}).values()):
            decisions += self._see(zone, mark, now, unwatched_s)
        self._quiet[mark.instrument] = self._next_quiet(mark)
        return tuple(decisions)

    # ------------------------------------------------------------ what it tells

    def mark(self, instrument: Instrument) -> Mark | None:
        return self._marks.get(instrument)

    def marks(self) -> dict[Instrument, Mark]:
        return dict(self._marks)

    def views(self, now: UnixTime) -> tuple[ZoneView, ...]:
        return tuple(
            ZoneView(zone, self._most_advanced(zone), self._sides.strength_now(zone, now))
            for zone in self._every_zone()
        )

    # ------------------------------------------------------------ zones

    def _follow(self, cluster: Cluster, now: UnixTime) -> Iterator[Decision]:
        """Rewrites the strongest zone that the cluster still covers, or opens one where it covers none."""
        if not qualifies(cluster, self._terms):
            return
        covered = [zone for zone in self._living(cluster.instrument, cluster.liquidated) if still_covers(cluster, zone)]
        if covered:
            zone = max(covered, key=lambda zone: (zone.strength, zone.id))
            if strength_of(cluster, zone.baseline) > zone.strength:
                yield from self._rewrite(zone, cluster, now)
        elif cluster.strength >= OPENS_AT_STRENGTH:
            yield from self._open(cluster, now)

    def _open(self, cluster: Cluster, now: UnixTime) -> Iterator[Decision]:
        """A new zone, unless a stronger one stands for most of it, or one that has ended stood for it."""
        zone = open_zone(cluster, now)
        rivals = overlapping(zone, self._living(zone.instrument, zone.liquidated))
        ended = self._ended.get((zone.instrument, zone.liquidated), ())
        if any(rival.strength >= zone.strength for rival in rivals):
            return
        if is_old(cluster, ended, now, self._terms.decay_s):
            return
        self._keep(zone)
        yield ZoneOpened(zone, now)
        yield from self._absorb(zone, now)

    def _rewrite(self, zone: Zone, cluster: Cluster, now: UnixTime) -> Iterator[Decision]:
        renewed = rewrite(zone, cluster, now)
        self._keep(renewed)
        yield ZoneRewritten(renewed, now)
        for episode in self._episodes.pop(zone.id, {}).values():
            yield from self._end_episode(episode, Reason.ZONE_REWRITTEN, zone, now)
        rivals = [renewed, *overlapping(renewed, self._living(zone.instrument, zone.liquidated))]
        yield from self._absorb(max(rivals, key=lambda rival: (rival.strength, rival.id)), now)

    def _keep(self, zone: Zone) -> None:
        self._zones.setdefault(zone.instrument, {})[zone.id] = zone
        self._quiet.pop(zone.instrument, None)

    def _absorb(self, survivor: Zone, now: UnixTime) -> Iterator[Decision]:
        """Ends the weaker zones that overlap `survivor`, which takes the further advanced episode of each rule."""
        for weaker in overlapping(survivor, self._living(survivor.instrument, survivor.liquidated)):
            if weaker.strength > survivor.strength:
                continue
            moved = self._take_over(weaker, survivor)
            if moved and survivor.outside is None and weaker.outside is not None:
                # An episode that came from there is swept on the other side, though it is now the survivor's.
                survivor = replace(survivor, outside=weaker.outside)
                self._keep(survivor)
                yield ZoneSeenFrom(survivor, now)
            for episode in moved:
                yield EpisodeMoved(episode, now)
            yield from self._end(weaker, ZoneEnd.OVERLAPPED, now, survivor_id=survivor.id)

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

    def _expire(self, instrument: Instrument, now: UnixTime) -> Iterator[Decision]:
        due = [zone for zone in self._zones[instrument].values() if now >= zone.peak_at + self._terms.memory_s]
        for zone in sorted(due, key=lambda zone: zone.id):
            yield from self._end(zone, ZoneEnd.EXPIRED, now)

    def _end(self, zone: Zone, how: ZoneEnd, now: UnixTime, *, survivor_id: str | None = None) -> Iterator[Decision]:
        """Ends a zone by no mark: its told and armed episodes fade."""
        for episode in self._episodes.pop(zone.id, {}).values():
            yield from self._end_episode(episode, WHY_ENDED[how], zone, now)
        self._forget(zone)
        yield ZoneEnded(zone, now, how, survivor_id)

    def _end_episode(self, episode: Episode, why: Reason, zone: Zone, now: UnixTime) -> Iterator[Decision]:
        if episode.state is not EpisodeState.IDLE:
            yield end(episode, why, now, self._evidence(episode.rule, zone, now))

    def _forget(self, zone: Zone) -> None:
        """The zone is no more. Its side is looked at again, because other clusters may have stood in its shadow."""
        owner = (zone.instrument, zone.liquidated)
        del self._zones[zone.instrument][zone.id]
        self._ended.setdefault(owner, []).append(zone)
        self._quiet.pop(zone.instrument, None)
        self._sides.touch(owner)

    def _every_zone(self) -> tuple[Zone, ...]:
        return tuple(zone for zones in self._zones.values() for zone in zones.values())

    def _living(self, instrument: Instrument, liquidated: PositionSide) -> tuple[Zone, ...]:
        zones = self._zones.get(instrument, {})
        return tuple(zone for zone in zones.values() if zone.liquidated is liquidated)

    # ------------------------------------------------------------ marks and episodes

    def _see(self, zone: Zone, mark: Mark, now: UnixTime, unwatched_s: float) -> Iterator[Decision]:
        where = position(zone, mark.price)
        swept = zone.outside is not None and where.outside is not None and where.outside is not zone.outside
        if where.outside is not None and zone.outside is None:
            zone = replace(zone, outside=where.outside)
            self._zones[zone.instrument][zone.id] = zone
            yield ZoneSeenFrom(zone, now)
        episodes = self._episodes.setdefault(zone.id, {})
        for rule_id, rule in self._rules_on(zone, episodes):
            seen = Observation(zone, where, swept, now, partial(self._evidence, rule, zone, now, unwatched_s))
            transitions = advance(episodes.get(rule_id), rule, seen, self._terms)
            if transitions:
                episodes[rule_id] = transitions[-1].episode
                yield from transitions
        if swept:
            del self._episodes[zone.id]
            self._forget(zone)
            yield ZoneEnded(zone, now, ZoneEnd.SWEPT)

    def _rules_on(self, zone: Zone, episodes: dict[str, Episode]) -> Iterator[tuple[str, Rule]]:
        """The rules that a mark could advance on this zone, with their ids."""
        covering = self._covering.get(zone.instrument)
        if covering is None:
            covering = tuple((rule.id, rule) for rule in self._rules if rule.covers(zone.instrument))
            self._covering[zone.instrument] = covering
        for rule_id, rule in covering:
            if rule.min_strength <= zone.strength or rule_id in episodes:
                yield rule_id, rule

    def _next_quiet(self, mark: Mark) -> Quiet:
        zones = self._zones.get(mark.instrument, {})
        if not zones:
            return EVERYTHING_QUIET
        prices: list[float] = []
        until = min(zone.peak_at for zone in zones.values()) + self._terms.memory_s
        for zone in zones.values():
            episodes = self._episodes.get(zone.id, {})
            distances = set()
            for rule_id, rule in self._rules_on(zone, episodes):
                distances |= {rule.distance_pct, rearm_pct(rule, self._terms)}
                until = min(until, self._cools_until(episodes.get(rule_id), mark.received_time))
            prices += critical_prices(zone.low, zone.high, distances)
        return quiet_range(prices, mark.price, until)

    def _cools_until(self, episode: Episode | None, now: UnixTime) -> UnixTime:
        """When time alone can change an episode: the end of its cooling, if that is still to come."""
        if episode is None or episode.state is not EpisodeState.COOLING:
            return math.inf
        over = episode.since + self._terms.cooldown_s
        return over if over > now else math.inf

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
