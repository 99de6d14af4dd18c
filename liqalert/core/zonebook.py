"""The live zones, the episodes on them, and for each instrument the range of marks in which nothing can change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from liqalert.core.baselines import Owner
from liqalert.core.candidates import News
from liqalert.core.clusters import Cluster, SideClusters
from liqalert.core.episodebook import EpisodeBook
from liqalert.core.episodes import (
    WHY_ENDED,
    Decision,
    Episode,
    EpisodeMoved,
    EpisodeState,
    ZoneEnded,
    ZoneOpened,
    ZoneRewritten,
    ZoneSeenFrom,
)
from liqalert.core.growth import Growth, formed, grown
from liqalert.core.livingzones import EndedZones, LivingZones
from liqalert.core.markbook import MarkBook
from liqalert.core.market import Instrument, Liquidation, Mark, UnixTime
from liqalert.core.rulebook import RuleBook
from liqalert.core.rules import RuleKind
from liqalert.core.sides import Rebuilt, Sides
from liqalert.core.terms import Terms
from liqalert.core.views import Kept, ZoneViews
from liqalert.core.witness import Sight
from liqalert.core.zones import (
    OPENS_AT_STRENGTH,
    Zone,
    ZoneEnd,
    covered_by,
    is_old,
    open_zone,
    overlapping,
    position,
    rewrite,
    strength_of,
)


class ZoneBook:
    """Zones and episodes. Ticks change zones, marks change episodes. Part of the engine; touched by nothing else."""

    def __init__(self, terms: Terms, sides: Sides, rules: RuleBook) -> None:
        self._terms = terms
        self._sides = sides
        self._rules = rules
        self._episodes = EpisodeBook(terms, sides, rules)
        self._zones, self._ended = LivingZones(), EndedZones(terms.history_s)
        self._marks = MarkBook()
        self._views: dict[Instrument, tuple[Kept, ...]] = {}
        """As of the last snapshot."""
        self._stale: set[Instrument] = set()
        """Instruments with zones or episodes that have changed since."""
        self._settled: dict[Owner, SideClusters] = {}
        """Of great sides the clusters that did nothing when they were looked at. Those that have only aged since do
        nothing now either, as long as the side's zones stay as they are, living and ended ones."""
        self._expires_at: UnixTime = -math.inf
        """No zone ends by time alone before."""

    # ------------------------------------------------------------ what it is told

    def rules_changed(self, now: UnixTime) -> Iterator[Decision]:
        """A rule that is new begins idle; episodes of one that is gone end idle."""
        self._marks.wake_all()
        self._stale.update(self._zones.instruments())
        for zone in self._zones:
            self._reach(zone.instrument)
            yield from self._episodes.drop_rules(zone, self.mark(zone.instrument), now)
        self._episodes.forget_rules()

    def restore(self, live: Iterable[Zone], ended: Iterable[Zone], episodes: Iterable[Episode]) -> None:
        """Takes up what an earlier run stored."""
        for zone in ended:
            self._ended.put(zone)
        for zone in live:
            self._zones.put(zone)
        self._episodes.restore(episodes)
        self._marks.wake_all()
        self._stale.update(self._zones.instruments())
        self._expires_at = -math.inf

    def follow(self, rebuilt: Rebuilt, now: UnixTime) -> Iterator[Decision]:
        """Opens and rewrites zones after the clusters of sides were built anew, of each the strongest cluster first.

        What it does depends on clusters and remembered zones alone, and doing it again without news does nothing: so
        a restart, after which everything is built anew, is not an event.
        """
        anew = {
            side: places
            for side, (before, places) in rebuilt.anew.items()
            if self._settled.get(rebuilt.owners[side]) is before
        }
        settled = {rebuilt.owners[side]: rebuilt.clusters[side] for side in rebuilt.anew}
        for news in rebuilt.candidates.news(map(self._zones.rows, rebuilt.owners), anew):
            owner = rebuilt.owners[news.side]
            for decision in self._follow_each(owner, rebuilt.clusters[news.side], news, now):
                settled.pop(owner, None)
                yield decision
        self._settled |= settled

    def expire(self, now: UnixTime) -> Iterator[Decision]:
        """Ends the zones whose peak is `memory_s` ago, and forgets ended ones of which nothing is left."""
        if now >= self._expires_at:
            for instrument in tuple(self._zones.instruments()):
                yield from self._expire(instrument, now)
            peaks = (zone.peak_at for zone in self._zones)
            self._expires_at = min(peaks, default=math.inf) + self._terms.memory_s
        if self._ended.forget(now):
            self._settled.clear()

    def sift(self, marks: Sequence[Mark]) -> Iterable[Mark]:
        """Takes in the marks that change nothing and are no older than the last, and gives the others, in their order.

        What is given is to be looked at before the next is asked for.
        """
        return self._marks.sift(marks)

    def see(self, mark: Mark, now: UnixTime, unwatched_s: float) -> tuple[Decision, ...]:
        """What a mark changes. One comparison while it stays where nothing can change."""
        if self._marks.take(mark):
            return ()
        self._reach(mark.instrument)
        decisions = list(self._expire(mark.instrument, now) if now >= self._expires_at else ())
        for zone in self._episodes.not_quiet(self._zones.of(mark.instrument), mark.price, now):
            decisions += self._see(zone, mark, now, unwatched_s)
        self._rest(mark)
        return tuple(decisions)

    # ------------------------------------------------------------ what it tells

    def mark(self, instrument: Instrument) -> Mark | None:
        return self._marks.get(instrument)

    def marks_beside(self, liquidations: Sequence[Liquidation]) -> list[Mark | None]:
        """The newest mark of each one's instrument."""
        return self._marks.beside(liquidations)

    def mark_price(self, instrument: Instrument) -> float | None:
        return mark.price if (mark := self.mark(instrument)) else None

    def marks(self) -> dict[Instrument, Mark]:
        return self._marks.all()

    def views(self, sides: Mapping[Owner, SideClusters], now: UnixTime) -> ZoneViews:
        """Beside the clusters at `now`. Only of instruments whose zones have changed are they collected anew."""
        if not self._stale <= self._views.keys():
            # In the order in which the instruments first had zones, whatever the order of the set.
            self._views |= {each: () for each in self._zones.instruments() if each not in self._views}
        for instrument in self._stale & self._views.keys():
            zones = self._zones.of(instrument)
            self._views[instrument] = tuple(zip(zones, self._episodes.most_advanced(zones), strict=True))
        self._stale.clear()
        return ZoneViews(dict(self._views), sides, now, self._terms.decay_s)

    # ------------------------------------------------------------ zones

    def _follow_each(self, owner: Owner, clusters: SideClusters, news: News, now: UnixTime) -> Iterator[Decision]:
        """Rewrites the strongest zone that a cluster still covers, or opens one where it covers none."""
        stirred = False
        for place in news.places:
            cluster = news.made.get(place)
            if cluster is None:
                if not stirred:
                    continue
                cluster = clusters[place]
            covered = covered_by(cluster, self._zones.of_side(owner))
            if covered:
                zone = covered[0] if len(covered) == 1 else max(covered, key=lambda zone: (zone.strength, zone.id))
                strength = strength_of(cluster, zone.baseline)
                done = self._rewrite(zone, cluster, strength, now) if strength > zone.strength else ()
            else:
                strength = cluster.strength
                done = self._open(cluster, strength, now) if strength >= OPENS_AT_STRENGTH else ()
            for decision in done:
                stirred = stirred or news.aged or isinstance(decision, ZoneEnded)
                yield decision

    def _open(self, cluster: Cluster, strength: float, now: UnixTime) -> Iterator[Decision]:
        """A new zone, unless a stronger one stands for most of it, or one that has ended stood for it."""
        if is_old(cluster, self._ended.beside(cluster), now, self._terms.decay_s):
            return
        zone = open_zone(cluster, strength, now)
        rivals = overlapping(zone, self._zones.beside(zone))
        if any(rival.strength >= zone.strength for rival in rivals):
            return
        self._keep(zone)
        yield ZoneOpened(zone, now)
        yield from self._growth(zone, 0.0, now)
        yield from self._absorb(zone, now)

    def _rewrite(self, zone: Zone, cluster: Cluster, strength: float, now: UnixTime) -> Iterator[Decision]:
        self._reach(zone.instrument)
        renewed = rewrite(zone, cluster, strength, now)
        self._keep(renewed)
        yield ZoneRewritten(renewed, now)
        if self._episodes.are_on(zone):
            yield from self._episodes.interrupt(zone, self.mark(zone.instrument), now)
        if self._rules.tell_of_growth:
            yield from self._growth(renewed, zone.strength, now)
        rivals = overlapping(renewed, self._zones.beside(zone))
        if rivals:
            yield from self._absorb(max((renewed, *rivals), key=lambda rival: (rival.strength, rival.id)), now)

    def _keep(self, zone: Zone) -> None:
        self._zones.put(zone)
        self._episodes.look_again(zone)
        self._stale.add(zone.instrument)
        self._marks.wake(zone.instrument)
        self._expires_at = min(self._expires_at, zone.peak_at + self._terms.memory_s)

    def _absorb(self, survivor: Zone, now: UnixTime) -> Iterator[Decision]:
        """Ends the weaker zones that overlap `survivor`, which takes the further advanced episode of each rule."""
        self._reach(survivor.instrument)
        for weaker in overlapping(survivor, self._zones.beside(survivor)):
            if weaker.strength > survivor.strength:
                continue
            moved = self._episodes.take_over(weaker, survivor)
            live = any(episode.state is not EpisodeState.IDLE for episode in moved)
            if live and survivor.outside is None and weaker.outside is not None:
                # An episode that came from there is swept on the other side, though it is now the survivor's.
                survivor = replace(survivor, outside=weaker.outside)
                self._keep(survivor)
                yield ZoneSeenFrom(survivor, now)
            for episode in moved:
                yield EpisodeMoved(episode, now)
            yield from self._end(weaker, ZoneEnd.OVERLAPPED, now, survivor_id=survivor.id)

    def _expire(self, instrument: Instrument, now: UnixTime) -> Iterator[Decision]:
        due = [zone for zone in self._zones.of(instrument) if now >= zone.peak_at + self._terms.memory_s]
        for zone in sorted(due, key=lambda zone: zone.id):
            yield from self._end(zone, ZoneEnd.EXPIRED, now)

    def _end(self, zone: Zone, how: ZoneEnd, now: UnixTime, *, survivor_id: str | None = None) -> Iterator[Decision]:
        """Ends a zone by no mark: its told and armed episodes fade."""
        self._reach(zone.instrument)
        yield from self._episodes.fade(zone, WHY_ENDED[how], self.mark(zone.instrument), now)
        self._forget(zone)
        yield ZoneEnded(zone, now, how, survivor_id)

    def _forget(self, zone: Zone) -> None:
        """The zone is no more. Its side is looked at again, because other clusters may have stood in its shadow."""
        owner = (zone.instrument, zone.liquidated)
        self._zones.remove(zone)
        self._ended.put(zone)
        self._settled.pop(owner, None)
        self._stale.add(zone.instrument)
        self._marks.wake(zone.instrument)
        self._sides.touch(owner)

    def _growth(self, zone: Zone, before: float, now: UnixTime) -> Iterator[Decision]:
        """What is told of a zone that is stronger than it was."""
        forming = self._rules.covering(RuleKind.FORMED, zone.instrument)
        growing = self._rules.covering(RuleKind.GROWN, zone.instrument)
        if forming or growing:
            evidence = partial(self._episodes.evidence, zone=zone, mark=self.mark(zone.instrument), now=now)
            growth = Growth(zone, before, now, evidence)
            yield from formed(forming, growth)
            if self._episodes.is_open(zone):
                yield from grown(growing, growth)

    # ------------------------------------------------------------ marks

    def _see(self, zone: Zone, mark: Mark, now: UnixTime, unwatched_s: float) -> Iterator[Decision]:
        self._stale.add(zone.instrument)
        where = position(zone, mark.price)
        swept = zone.outside is not None and where.outside is not None and where.outside is not zone.outside
        if where.outside is not None and zone.outside is None:
            zone = replace(zone, outside=where.outside)
            self._zones.put(zone)
            yield ZoneSeenFrom(zone, now)
        yield from self._episodes.see(zone, Sight(where, swept, now, mark, unwatched_s))
        if swept:
            self._episodes.forget(zone)
            self._forget(zone)
            yield ZoneEnded(zone, now, ZoneEnd.SWEPT)
        else:
            self._episodes.settle(zone, mark)

    def _reach(self, instrument: Instrument) -> None:
        """Lets the episodes know how far the mark has moved since they were last looked at."""
        seen = self._marks.extremes(instrument)
        if seen is not None:
            for zone in self._zones.of(instrument):
                self._episodes.note(zone, *seen)

    def _rest(self, mark: Mark) -> None:
        """All that `mark` changes has been done. Those told of a zone wait to hear how far price moves."""
        zones = self._zones.of(mark.instrument)
        quiet, has_told = self._episodes.rest(zones)
        self._marks.rest(mark, quiet, awaited=has_told)
