"""Restart is not an event: what a restarted engine decides is what an uninterrupted one decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqalert.core.carried import Carried
from liqalert.core.engine import Engine
from liqalert.core.episodes import (
    Decision,
    Raised,
    Transition,
    ZoneEnded,
    ZoneOpened,
    ZoneRewritten,
)
from liqalert.core.market import Liquidation, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.start import Start, begun
from liqalert.core.terms import Terms
from tests.core.events import BTC, T0, liquidation, mark

RULES = [
    Rule(RuleKind.NEAR, BTC, 0.5, 0.3),
    Rule(RuleKind.NEAR, None, 1.0, 0.5),
    Rule(RuleKind.FORMED, None, 0.0, 0.35),
    Rule(RuleKind.GROWN, BTC, 1.0, 0.3),
    Rule(RuleKind.CASCADE, BTC, 0.0, 0.1),
    Rule(RuleKind.LARGE, BTC, 0.0, 0.0, 250e3),
]
TERMS = Terms(cooldown_s=150.0, decay_s=600.0, min_events=2, min_notional_usd=1e4)


@dataclass
class Remembered:
    """What the database would hold."""

    carried: Carried = field(default_factory=Carried)
    liquidations: list[Liquidation] = field(default_factory=list)

    def restart(self, now: float) -> Engine:
        start = Start(now, TERMS, tuple(RULES), liquidations=tuple(self.liquidations), watched_until=now - 1.0)
        return begun(self.carried.into(start))


bursts = st.lists(
    st.tuples(st.integers(960, 1040), st.integers(1, 300), st.sampled_from(PositionSide)), min_size=0, max_size=5
)
minutes = st.lists(st.tuples(bursts, st.lists(st.integers(940, 1060), min_size=1, max_size=6)), min_size=2, max_size=25)


def picture(decisions: Iterable[Decision]) -> list[tuple[object, ...]]:
    """Transitions by rule and band: ids of zones that open later need not be the same."""
    bands: dict[str, tuple[float, float]] = {}
    found: list[tuple[object, ...]] = []
    for decision in decisions:
        if isinstance(decision, ZoneOpened | ZoneRewritten):
            bands[decision.zone.id] = (decision.zone.low, decision.zone.high)
            found.append((type(decision).__name__, *bands[decision.zone.id], decision.at))
        elif isinstance(decision, ZoneEnded):
            found.append(("ended", decision.reason, decision.zone.low, decision.zone.high, decision.at))
        elif isinstance(decision, Transition):
            found.append((decision.episode.rule.id, decision.previous, decision.episode.state, decision.at))
        elif isinstance(decision, Raised):
            found.append((decision.alert.rule, decision.alert.step, decision.alert.flow and decision.alert.flow.count))
    return found


def lived(story: list[tuple[list[tuple[int, int, PositionSide]], list[int]]], restart_at: int | None) -> list[Decision]:
    engine, remembered, decisions = Remembered().restart(T0), Remembered(), []
    for minute, (burst, marks) in enumerate(story):
        at = T0 + 60.0 * minute
        if minute == restart_at:
            engine = remembered.restart(at)
        for step, (price, thousands, liquidated) in enumerate(burst):
            one = liquidation(float(price), thousands * 1e3, at + step / 10, liquidated=liquidated)
            engine.add(one, one.received_time)
            remembered.liquidations.append(one)
        made = list(engine.tick(at + 5)[1])
        for step, price in enumerate(marks):
            made += engine.mark(mark(float(price), at + 10 + step * 5))
        made += engine.tick(at + 55)[1]
        remembered.carried.take(made)
        decisions += made
    return decisions


@pytest.mark.timeout(240)  # eight seconds of computing, on a machine that does other things
@settings(max_examples=150)
@given(minutes, st.integers(1, 24))
def test_a_restarted_engine_decides_what_an_uninterrupted_one_decides(
    story: list[tuple[list[tuple[int, int, PositionSide]], list[int]]], restart_at: int
) -> None:
    assert picture(lived(story, restart_at)) == picture(lived(story, None))
