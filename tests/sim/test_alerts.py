"""The daemon's engine with its default terms, run straight over the simulated market: does anything happen?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

from liqalert.core.engine import Engine
from liqalert.core.episodes import Decision, EpisodeState, Transition
from liqalert.core.market import Instrument, OpenInterest
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.terms import Terms
from liqalert.feeds.binance import BinanceParser
from liqalert.sim import DEFAULT_SEED
from liqalert.sim.sources import MarketSource, seeded_source
from tests.sim.rig import START

WATCHED = ("BTCUSDT", "ETHUSDT")


@dataclass
class Hour:
    """What an engine made of the first hour."""

    alerts: list[float] = field(default_factory=list)
    """Seconds since the start."""
    strengths: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    rejected: list[str] = field(default_factory=list)

    def note(self, decision: Decision) -> None:
        if not isinstance(decision, Transition):
            return
        if decision.alert is not None and decision.alert.zone is not None:
            self.alerts.append(decision.at - START)
            self.strengths.append(decision.alert.zone.strength)
        if decision.episode.alert_id and decision.episode.state in (EpisodeState.HELD, EpisodeState.SWEPT):
            self.outcomes[decision.episode.state] += 1


def _engine(source: MarketSource) -> Engine:
    engine = Engine(Terms())
    instruments = [Instrument("binance", symbol) for symbol in WATCHED]
    engine.set_rules((Rule(RuleKind.NEAR, one, 1.0, 0.6) for one in instruments), START)
    for one in instruments:
        usd = source.market.open_interest(one.symbol) * source.market.mark_price(one.symbol)
        engine.learn(OpenInterest(one, usd, START), START)
    engine.watch(START, START)
    return engine


@pytest.fixture(scope="module")
def hour() -> Hour:
    source, parser, seen = seeded_source(DEFAULT_SEED, START), BinanceParser(), Hour()
    engine = _engine(source)
    for second in range(1, 3_601):
        now = START + second
        for frame in source.take():
            parsed = parser.parse(frame.content, now) if frame.streams[0].startswith("!") else None
            for liquidation in parsed.liquidations if parsed else ():
                engine.add(liquidation, now)
            for mark in parsed.marks if parsed else ():
                for decision in engine.mark(mark):
                    seen.note(decision)
            seen.rejected += [kind for kind in (parsed.rejected if parsed else ()) if kind != "contract_size_unknown"]
        if second % 5 == 0:
            for decision in engine.tick(now)[1]:
                seen.note(decision)
    return seen


def test_first_alert_comes_within_ten_simulated_minutes(hour: Hour) -> None:
    assert 60 < hour.alerts[0] < 600


def test_alerts_go_on_every_few_minutes(hour: Hour) -> None:
    assert 6 <= len(hour.alerts) <= 20
    assert min(hour.strengths) >= 0.6


def test_zones_are_held_as_well_as_swept(hour: Hour) -> None:
    assert min(hour.outcomes[EpisodeState.HELD], hour.outcomes[EpisodeState.SWEPT]) >= 2


def test_our_parser_understands_every_frame(hour: Hour) -> None:
    assert hour.rejected == []
