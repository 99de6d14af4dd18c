"""The rules on one zone in the order in which a mark reaches them, so that only those that it reaches are looked at.

Whatever a mark can do to a rule begins when its distance from the band passes one number. Which one, the state of the
rule's episode says: an armed rule waits for the mark to come within its distance; an idle one, and one that has told,
for the mark to go beyond its re-arm distance; one that cools waits for the time first. Lists sorted by these numbers
give the rules that a mark has reached without a look at the others, and the next number on either side of the mark.

The lists may name a rule too many that is not idle, on which `episodes.advance` finds nothing to do, but never one too
few. Of the idle ones there are just those that the zone is strong enough for: they are armed without another look.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Collection, Mapping
from typing import TypeAlias

from msgspec import Struct

from liqalert.core.episodes import TOLD, Episode, EpisodeState
from liqalert.core.market import UnixTime
from liqalert.core.rules import Quiet, Rule, critical_prices, quiet_range
from liqalert.core.terms import Terms
from liqalert.core.zones import Position, Zone

Place: TypeAlias = tuple[float, str]
"""A distance in per cent of the mark, or a time, and the rule's id."""


class Reach(Struct, frozen=True, gc=False):
    """A rule with its two distances, each as it stands in a list: made once a rule, shared by all zones."""

    rule_id: str
    rule: Rule
    near: Place
    leaving: Place

    @staticmethod
    def of(rule_id: str, rule: Rule, rearm_pct: float) -> Reach:
        return Reach(rule_id, rule, (rule.distance_pct, rule_id), (rearm_pct, rule_id))


class Seen(Struct, frozen=True, gc=False):
    """One mark as it falls on one zone."""

    where: Position
    swept: bool
    now: UnixTime


class Approach:
    """Of one zone, as long as its band and strength stay the same."""

    __slots__ = (
        "_armed",
        "_cooling",
        "_cooling_s",
        "_idle",
        "_leaving",
        "_near",
        "_strength",
        "most_advanced",
        "quiet",
        "told",
    )

    def __init__(self, zone: Zone, reaches: tuple[Reach, ...], episodes: Mapping[str, Episode], terms: Terms) -> None:
        self._strength = zone.strength
        self._cooling_s = terms.cooldown_s
        self._armed: list[Place] = []
        """By distance: these alert when the mark comes so near."""
        self._idle: list[Place] = []
        """By re-arm distance: these are armed when the mark goes further away than that."""
        self._leaving: list[Place] = []
        """By re-arm distance: something else happens to these when the mark goes further away than that."""
        self._cooling: list[Place] = []
        """By the time from which on they are `leaving`."""
        self._near: set[str] = set()
        """These notice when the mark is inside the band."""
        self.told: set[str] = set()
        """The rules whose episodes have been told of and are not over: they notice when the zone is swept, as do the
        armed ones. Changed here alone."""
        self.quiet: Quiet | None = None
        """Where nothing can change on this zone; None: the next mark must be looked at."""
        self.most_advanced: EpisodeState | None = None
        """The most advanced state of its episodes; None when they have changed since it was known."""
        for reach in reaches:
            if reach.rule.min_strength <= zone.strength or reach.rule_id in episodes:
                self.put(reach, episodes.get(reach.rule_id))

    def put(self, reach: Reach, episode: Episode | None) -> None:
        """A rule that is in no list, where the state of its episode wants it."""
        self.most_advanced = None
        state = episode.state if episode else EpisodeState.IDLE
        if episode is None or state is EpisodeState.IDLE:
            if self._strength >= reach.rule.min_strength:
                insort(self._idle, reach.leaving)
        elif state is EpisodeState.ARMED:
            insort(self._armed, reach.near)
        elif state in TOLD:
            insort(self._leaving, reach.leaving)
            self.told.add(reach.rule_id)
            if state is EpisodeState.NEAR:
                self._near.add(reach.rule_id)
        elif state in (EpisodeState.COOLING, EpisodeState.HELD):
            insort(self._cooling, (episode.since + self._cooling_s, reach.rule_id))

    def take(self, reach: Reach) -> None:
        """A rule that is not idle out of whichever lists it is in."""
        _remove(self._armed, reach.near)
        _remove(self._leaving, reach.leaving)
        if self._cooling:
            self._cooling = [place for place in self._cooling if place[1] != reach.rule_id]
        for ids in (self._near, self.told):
            ids.discard(reach.rule_id)

    def arm(self, seen: Seen, reaches: Mapping[str, Reach]) -> Collection[str]:
        """Has the idle rules armed that this mark arms: their ids. Many at once, where price moves far."""
        count = 0 if seen.swept else bisect_left(self._idle, (seen.where.distance_pct,))
        if not count:
            return ()
        ids = [rule_id for _, rule_id in self._idle[:count]]
        del self._idle[:count]
        self._armed += [reaches[rule_id].near for rule_id in ids]
        self._armed.sort()
        self.most_advanced = None
        return ids

    def due(self, seen: Seen, reaches: Mapping[str, Reach]) -> set[str]:
        """The ids of the rules that are not idle on which this mark may do something."""
        self._warm_up(seen.now, reaches)
        found: set[str] = set()
        if seen.swept:
            found |= self.told
            found.update([rule_id for _, rule_id in self._armed])
            return found
        distance = seen.where.distance_pct
        found.update([rule_id for _, rule_id in self._armed[bisect_left(self._armed, (distance,)) :]])
        found.update([rule_id for _, rule_id in self._leaving[: bisect_left(self._leaving, (distance,))]])
        if seen.where.outside is None:
            found |= self._near
        return found

    def settle(self, zone: Zone, price: float, until: UnixTime) -> None:
        """Notes where nothing can change before `until`, now that what the mark at `price` does has been done."""
        until = min(until, self._cooling[0][0] if self._cooling else math.inf)
        self.quiet = quiet_range(critical_prices(zone.low, zone.high, self._next_distances()), price, until)

    def _next_distances(self) -> list[float]:
        """Those that the mark would pass first, on its way to the band and on its way from it."""
        nearer = [distance for distance, _ in self._armed[-1:]]
        return nearer + [places[0][0] for places in (self._idle, self._leaving) if places]

    def _warm_up(self, now: UnixTime, reaches: Mapping[str, Reach]) -> None:
        """Those whose cooling is over."""
        while self._cooling and self._cooling[0][0] <= now:
            _, rule_id = self._cooling.pop(0)
            insort(self._leaving, reaches[rule_id].leaving)


def _remove(places: list[Place], place: Place) -> None:
    where = bisect_left(places, place)
    if where < len(places) and places[where] == place:
        del places[where]
