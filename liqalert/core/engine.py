"""The engine: liquidations and marks in, decisions and a snapshot out. Of what decides, the only mutable thing."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import compress

from liqalert.core.alerts import Alert
from liqalert.core.baselines import Baselines, Owner, utc_day
from liqalert.core.clusters import Cluster, SideClusters
from liqalert.core.episodes import Decision, Episode, TickFailed
from liqalert.core.lateness import comes_late
from liqalert.core.market import AHEAD_S, Instrument, Liquidation, Mark, OpenInterest, PositionSide, UnixTime
from liqalert.core.rulebook import RuleBook
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.sides import Rebuilt, Sides, top_magnitudes
from liqalert.core.strength import SAMPLE_S, DaySamples
from liqalert.core.surges import Surges
from liqalert.core.terms import Terms
from liqalert.core.views import NO_ZONES, ZoneViews
from liqalert.core.windows import Windows
from liqalert.core.zonebook import ZoneBook
from liqalert.core.zones import Zone

UNWATCHED_AFTER_S = 15.0
"""Blindness longer than this before a mark is stated in the alert that the mark causes."""
USUAL_PRICE_S = 600.0
"""A fill is measured by the newest mark, else by the last accepted fill, if it is not older than this."""
BELIEVED_AFTER = 3
"""So many fills in a row far off the mark are believed: then it is the mark that is off."""


class Verdict(StrEnum):
    """What became of a liquidation."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    OFF_MARKET = "off_market"
    """The fill lies outside half to double the usual price (`USUAL_PRICE_S`)."""
    AHEAD = "ahead_of_time"
    TOO_OLD = "too_old"

    # An enum's own hash is a function in Python, and every liquidation is counted by its verdict.
    __hash__ = str.__hash__


TAKEN_IN = (Verdict.ACCEPTED, Verdict.DUPLICATE)
"""The engine holds it: since now, or since before."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the engine knows, as of one tick. Immutable; clusters keep the values of their last change."""

    as_of: UnixTime
    decay_s: float
    """The time in which a weight falls to 1/e."""
    watching_since: UnixTime | None = None
    """Since when the feed has been watched without a gap worth mentioning; None while it is not proven alive."""
    sides: Mapping[Owner, SideClusters] = field(default_factory=dict)
    zones: ZoneViews = NO_ZONES
    marks: Mapping[Instrument, Mark] = field(default_factory=dict)

    def clusters(self, now: UnixTime, instrument: Instrument | None = None) -> tuple[Cluster, ...]:
        """All clusters (of `instrument`), decayed to `now`: a clock that was set back makes none of them heavier."""
        now = max(now, self.as_of)
        return tuple(
            cluster.decayed(math.exp((cluster.as_of - now) / self.decay_s), now)
            for (owner, _), clusters in self.sides.items()
            if instrument is None or owner == instrument
            for cluster in clusters
        )

    def strengths(self, now: UnixTime) -> dict[Owner, float]:
        """Of each side's strongest cluster, decayed to `now`."""
        tops = top_magnitudes(self.sides, max(now, self.as_of), self.decay_s)
        return {owner: self.sides[owner].baseline.strength(top) for owner, top in tops.items()}


class Engine:
    """Give it liquidations, marks and ticks in the order of their receive times; it gives back what they mean.

    Deterministic: the same calls give the same decisions. It reads no clock; `now` is receive time, and for `tick` a
    multiple of `terms.rebuild_s`. Not thread-safe: one thread owns it.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.baselines = Baselines()
        self._windows = Windows(terms)
        self._sides = Sides(terms, self._windows, self.baselines)
        self.rules = RuleBook()
        self._book = ZoneBook(terms, self._sides, self.rules)
        self.surges = Surges(terms, self.rules)
        self._fills: dict[Instrument, Liquidation] = {}
        self._off_market: dict[Instrument, list[Liquidation]] = {}
        """The fills far off the mark, as long as no other has come between them; each once."""
        self._resumed_from: UnixTime | None = None
        self._watching_since: UnixTime | None = None
        self._sighted_at: UnixTime = -math.inf
        """When a feed was last proven alive after it had not been."""
        self._last_tick: UnixTime = -math.inf
        self._wanted: set[Instrument] = set()

    # ------------------------------------------------------------ what it is given

    def set_rules(self, rules: Iterable[Rule], now: UnixTime) -> tuple[Decision, ...]:
        """Evaluates `rules` from now on; equal rules are evaluated once. Ends the episodes of rules that are gone."""
        self.rules.replace(rules)
        return tuple(self._book.rules_changed(now))

    def load_baselines(self, samples: Iterable[DaySamples], open_interest: Iterable[OpenInterest]) -> None:
        """Takes up what is usual, as an earlier run saved it."""
        samples, open_interest = tuple(samples), tuple(open_interest)
        self.baselines.load(samples, open_interest)
        self.surges.baselines.load(samples, open_interest)

    def restore(
        self,
        *,
        zones: Iterable[Zone],
        ended_zones: Iterable[Zone],
        episodes: Iterable[Episode],
        liquidations: Iterable[Liquidation],
        told: Iterable[Alert] = (),
        now: UnixTime,
        watched_until: UnixTime | None,
    ) -> None:
        """Takes up an earlier run: nothing in it is an event. Rules must be set before."""
        zones, ended_zones = tuple(zones), tuple(ended_zones)
        fresh = [each for each in liquidations if now - self.terms.history_s <= each.event_time <= now + AHEAD_S]
        for liquidation in fresh:
            self._windows.add(liquidation, now)
            self._fills[liquidation.instrument] = liquidation
        # What came in just before the end may not have been looked at: the next tick does.
        unseen_from = math.inf if watched_until is None else watched_until - 2.0 * self.terms.rebuild_s
        self.surges.restore(fresh, told, unseen_from)
        self._sides.adopt((*ended_zones, *zones), now)
        self._book.restore(zones, ended_zones, episodes)
        self._resumed_from = watched_until

    def learn(self, value: OpenInterest, now: UnixTime) -> None:
        """Open interest calibrates strength; zones that are open keep the strength they have."""
        self.baselines.learn(value)
        self.surges.baselines.learn(value)
        self._sides.renew_baselines(now, [(value.instrument, side) for side in PositionSide])
        self._wanted.discard(value.instrument)

    def watch(self, since: UnixTime, now: UnixTime) -> None:
        """A feed is proven alive from `now` on; `since` is when watching began, short gaps not counted."""
        self._watching_since, self._sighted_at = since, now

    def lose_sight(self) -> None:
        """No feed is proven alive."""
        self._watching_since = None

    def add(self, liquidation: Liquidation, now: UnixTime) -> Verdict:
        """Takes in one liquidation received at `now`."""
        [verdict] = self.add_all((liquidation,), now)
        return verdict

    def add_all(self, liquidations: Sequence[Liquidation], now: UnixTime) -> list[Verdict]:
        """What becomes of each of those received at `now`, one after the other."""
        marks = self._book.marks_beside(liquidations)
        accepted, add, fills = Verdict.ACCEPTED, self._windows.add, self._fills
        oldest, newest, recent = now - self.terms.history_s, now + AHEAD_S, now - USUAL_PRICE_S
        verdicts: list[Verdict] = []
        for liquidation, mark in zip(liquidations, marks, strict=True):
            verdict = accepted
            usual = mark if mark is not None and mark.received_time >= recent else fills.get(liquidation.instrument)
            far = (
                usual is not None
                and usual.received_time >= recent
                and not usual.price / 2.0 <= liquidation.price <= usual.price * 2.0
            )
            if not oldest <= liquidation.event_time <= newest:
                verdict = Verdict.TOO_OLD if liquidation.event_time < oldest else Verdict.AHEAD
            elif far and not self._is_believed(liquidation):
                verdict = Verdict.OFF_MARKET
            elif add(liquidation, now):
                fills[liquidation.instrument] = liquidation
            else:
                verdict = Verdict.DUPLICATE
            if self._off_market and not far and verdict in TAKEN_IN:
                self._off_market.pop(liquidation.instrument, None)
            verdicts.append(verdict)
        if verdicts.count(accepted) == len(verdicts):
            self.surges.add(liquidations, marks)
        else:
            taken = [verdict is accepted for verdict in verdicts]
            self.surges.add(compress(liquidations, taken), compress(marks, taken))
        return verdicts

    def marks(self, marks: Sequence[Mark]) -> list[Decision]:
        """Takes in marks, in order: one comparison each, unless one crosses a price that matters. Those of a whole
        frame are taken at once if they are `framed`."""
        return [decision for mark in self._book.sift(marks) for decision in self._look(mark)]

    def mark(self, mark: Mark) -> tuple[Decision, ...]:
        return tuple(self.marks((mark,)))

    def tick(self, now: UnixTime) -> tuple[Snapshot, tuple[Decision, ...]]:
        """Rebuilds what changed. `now` is a multiple of `terms.rebuild_s`, later than the tick before unless the clock
        was set back. Raises TickFailed."""
        decisions: list[Decision] = []
        try:
            if utc_day(now) != utc_day(max(self._last_tick, 0.0)):
                self._sides.renew_baselines(now)
            for rebuilt in self._sides.rebuild(now):
                self._want_open_interest(rebuilt)
                decisions += self._book.follow(rebuilt, now)
            decisions += self._book.expire(now)
            decisions += self.surges.look(self._book.mark_price, now)
            self._sample(now)
            self._last_tick = now
            return self.snapshot(now), tuple(decisions)
        except Exception as exc:
            raise TickFailed(tuple(decisions)) from exc

    # ------------------------------------------------------------ what it is asked

    def snapshot(self, now: UnixTime) -> Snapshot:
        """What is known at `now`, without changing anything."""
        sides = self._sides.clusters()
        return Snapshot(
            as_of=now,
            decay_s=self.terms.decay_s,
            watching_since=self._watching_since,
            sides=sides,
            zones=self._book.views(sides, now),
            marks=self._book.marks(),
        )

    def ruled(self, kinds: Collection[RuleKind] = tuple(RuleKind)) -> frozenset[Instrument]:
        """The instruments that rules of these kinds name."""
        return self.rules.instruments(kinds)

    def wanted_open_interest(self) -> frozenset[Instrument]:
        """Instruments that may soon have a zone and whose open interest is not known."""
        return frozenset(self._wanted)

    def take_samples(self) -> tuple[DaySamples, ...]:
        """Histograms that changed since the last call, to be saved."""
        return self.baselines.take_unsaved() + self.surges.baselines.take_unsaved()

    def samples_unsaved(self, samples: Iterable[DaySamples]) -> None:
        """What `take_samples` gave could not be saved: it is given again."""
        samples = tuple(samples)
        self.baselines.unsaved(samples)
        self.surges.baselines.unsaved(samples)

    # ------------------------------------------------------------ details

    def _look(self, mark: Mark) -> tuple[Decision, ...]:
        known = self._book.mark(mark.instrument)
        if known is not None and comes_late(mark, known):
            return ()
        blind_s = self._blind_before(mark, known)
        return self._book.see(mark, mark.received_time, blind_s if blind_s > UNWATCHED_AFTER_S else 0.0)

    def _blind_before(self, mark: Mark, before: Mark | None) -> float:
        """How long nobody watched before this mark: 0 unless the feed came back since the instrument's last one."""
        seen_until = before.received_time if before else self._resumed_from
        if seen_until is None or seen_until >= self._sighted_at:
            return 0.0
        return mark.received_time - seen_until

    def _is_believed(self, far: Liquidation) -> bool:
        """Whether so many in a row lie far off what is usual that it is the market that is there."""
        in_a_row = self._off_market.setdefault(far.instrument, [])
        if len(in_a_row) < BELIEVED_AFTER and not any(_same(far, before) for before in in_a_row):
            in_a_row.append(far)
        return len(in_a_row) >= BELIEVED_AFTER

    def _want_open_interest(self, rebuilt: Rebuilt) -> None:
        """Asks early, at a quarter of what a zone needs, so that the answer is there when the zone opens."""
        lacking = self.baselines.without_open_interest({instrument for instrument, _ in rebuilt.owners} - self._wanted)
        if lacking:
            for (instrument, _), clusters in zip(rebuilt.owners, rebuilt.clusters, strict=True):
                if instrument in lacking and clusters.largest_notional_usd >= self.terms.min_notional_usd / 4.0:
                    self._wanted.add(instrument)

    def _sample(self, now: UnixTime) -> None:
        """Every five minutes, once it has been watched for a whole decay constant: before, clusters look too weak."""
        watched = self._watching_since is not None and now - self._watching_since >= self.terms.decay_s
        if watched and now // SAMPLE_S > self._last_tick // SAMPLE_S:
            owners = {(instrument, side) for instrument in self._book.marks() for side in PositionSide}
            tops = self._sides.top_magnitudes(now)
            self.baselines.sample(sorted(owners | tops.keys()), tops, now)
            self.surges.sample(owners, now)


def _same(one: Liquidation, other: Liquidation) -> bool:
    """Whether these are two reports of one liquidation."""
    return (one.event_time, one.price, one.quantity) == (other.event_time, other.price, other.quantity)
