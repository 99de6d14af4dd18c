"""One engine over what was recorded, with the rules of a whole grid at once; then the fate of each alert."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Decision, alerts_in
from liqalert.core.evaluation import SILENCE_S, Collected, Figures, Level, Prices, controls, fate, figures
from liqalert.core.market import Instrument, Mark, UnixTime
from liqalert.core.rules import Rule, RuleKind, Thresholds, rule_of
from liqalert.core.zones import OPENS_AT_STRENGTH, Outside

SEED = 20_261_123
DAY_S = 86_400.0
STRONGEST = 0.95


@dataclass(frozen=True, slots=True)
class Grid:
    """The distances (per cent) and strengths to compare, ascending."""

    distances: tuple[float, ...]
    strengths: tuple[float, ...]

    def rules(self, instruments: Sequence[Instrument]) -> tuple[Rule, ...]:
        return tuple(
            rule_of(RuleKind.NEAR, instrument, Thresholds(distance, strength, 1.0))
            for instrument in instruments
            for distance in self.distances
            for strength in self.strengths
        )


def around(distance_pct: float, min_strength: float) -> Grid:
    """Half and double the distance; a tenth less and more of strength, within what a rule may ask for. The row that was
    asked for is among them, whatever it is."""
    less, more = round(max(min_strength - 0.1, OPENS_AT_STRENGTH), 4), round(min(min_strength + 0.1, STRONGEST), 4)
    strengths = {less, min_strength, max(min_strength, more)}
    return Grid((distance_pct / 2.0, distance_pct, distance_pct * 2.0), tuple(sorted(strengths)))


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a backtest has found."""

    figures: tuple[Figures, ...]
    days: float
    """Time that was watched and has prices, in days; gaps, and silences over 15 minutes, left out."""
    began: UnixTime | None
    """None: there are no prices of any of the instruments."""
    ended: UnixTime | None
    priceless: tuple[Instrument, ...] = ()
    """The instruments of which there are no prices."""
    guessed: tuple[Instrument, ...] = ()
    """The instruments with alerts of which the strength is a guess."""


class Collector:
    """Is shown prices and decisions; `evaluated` says what came of them."""

    def __init__(self, grid: Grid, *, rearm_ratio: float, memory_s: float) -> None:
        self._grid = grid
        self._rearm_ratio = rearm_ratio
        self._memory_s = memory_s
        self._series: dict[Instrument, tuple[array[float], array[float]]] = {}
        self._alerts: list[Alert] = []
        self._wanted: dict[Instrument, None] = {}
        """A set that keeps the order."""
        self._watched_s = 0.0
        self._watching = True
        self._unbroken = True
        """Whether it has been watching ever since the last price."""
        self._began: UnixTime | None = None
        self._seen_at: UnixTime | None = None

    def watch(self, instruments: Sequence[Instrument]) -> tuple[Rule, ...]:
        """The rules to run, on `instruments`, of which prices are kept."""
        self._wanted = dict.fromkeys(instruments)
        return self._grid.rules(instruments)

    def feed_changed(self, *, alive: bool) -> None:
        """Whether liquidations are seen from now on: prices may be known from elsewhere of other times too."""
        self._watching = alive
        self._unbroken &= alive

    def see(self, mark: Mark) -> None:
        if self._seen_at is None:
            self._began = mark.received_time
        elif self._unbroken and mark.received_time - self._seen_at <= SILENCE_S:
            self._watched_s += max(0.0, mark.received_time - self._seen_at)
        self._seen_at, self._unbroken = mark.received_time, self._watching
        if mark.instrument in self._wanted:
            times, values = self._series.setdefault(mark.instrument, (array("d"), array("d")))
            times.append(mark.received_time)
            values.append(mark.price)

    def decide(self, decisions: Sequence[Decision]) -> None:
        self._alerts += alerts_in(decisions)

    def evaluated(self) -> Evaluated:
        random = Random(SEED)
        prices = {instrument: _prices(*series) for instrument, series in self._series.items()}
        days = self._watched_s / DAY_S
        guessed = {alert.zone.instrument for alert in self._alerts if alert.zone is not None and not alert.calibrated}
        found = tuple(
            self._figures(distance, strength, prices, random, days=days)
            for distance in self._grid.distances
            for strength in self._grid.strengths
        )
        return Evaluated(
            found,
            days,
            self._began if prices else None,
            self._seen_at,
            priceless=tuple(each for each in self._wanted if each not in prices),
            guessed=tuple(each for each in self._wanted if each in guessed),
        )

    def _figures(
        self, distance: float, strength: float, prices: Mapping[Instrument, Prices], random: Random, *, days: float
    ) -> Figures:
        collected = Collected()
        for instrument, known in prices.items():
            rule_id = rule_of(RuleKind.NEAR, instrument, Thresholds(distance, strength, 1.0)).id
            alerts = [alert for alert in self._alerts if alert.rule is not None and alert.rule.id == rule_id]
            levels = [self._level(alert) for alert in alerts]
            collected.alerted += [fate(level, known) for level in levels]
            collected.random += [fate(level, known) for level in controls(levels, known, random.randrange)]
        return figures(collected, distance_pct=distance, min_strength=strength, days=days)

    def _level(self, alert: Alert) -> Level:
        zone, seen, rule = alert.zone, alert.evidence, alert.rule
        assert zone is not None
        assert seen is not None
        assert rule is not None
        assert seen.mark_price is not None
        return Level(
            at=alert.decided_at,
            price=seen.mark_price,
            side=zone.outside or (Outside.ABOVE if seen.mark_price > zone.high else Outside.BELOW),
            low=zone.low,
            high=zone.high,
            until=zone.peak_at + self._memory_s,
            rearm_pct=rule.distance_pct * self._rearm_ratio,
        )


def _prices(times: array[float], values: array[float]) -> Prices:
    return Prices(np.array(times), np.array(values))
