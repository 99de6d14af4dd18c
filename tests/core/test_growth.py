"""Zones that come up to a strength: `formed` and `grown`."""

from __future__ import annotations

import pytest

from liqalert.core.alerts import Alert
from liqalert.core.engine import Engine
from liqalert.core.episodes import Decision, Raised
from liqalert.core.rules import Rule, RuleKind, Thresholds, rule_of
from liqalert.core.terms import Terms
from tests.core.events import BTC, ETH, T0, mark
from tests.core.test_zones import burst

NEAR = Rule(RuleKind.NEAR, BTC, 1.0, 0.3)
GROWN = rule_of(RuleKind.GROWN, BTC, Thresholds(1.0, 0.6, 1e6))
# Without open interest strength 0.5 is 500,000 USD in ten liquidations, so these bursts of six are 0.51, 0.66 and 0.8.
WEAK, FAIR, STRONG = 7e5, 1.4e6, 2.6e6


def engine_with(*rules: Rule) -> Engine:
    engine = Engine(Terms())
    engine.set_rules(rules, T0)
    return engine


def raised(decisions: tuple[Decision, ...]) -> list[Alert]:
    return [decision.alert for decision in decisions if isinstance(decision, Raised)]


def come_near(engine: Engine, at: float) -> None:
    """The mark leaves the zone at 1000 to 1005, and comes back to within 1 %."""
    engine.mark(mark(950.0, at))
    assert any(getattr(decision, "alert", None) for decision in engine.mark(mark(995.0, at + 1)))


def test_a_zone_that_opens_strong_enough_has_formed() -> None:
    engine = engine_with(Rule(RuleKind.FORMED, BTC, 0.0, 0.6))

    [alert] = raised(burst(engine, 1000.0, FAIR, T0))

    assert (alert.kind, alert.reason) == ("formed", "zone_reached_strength")
    assert alert.zone is not None
    assert alert.zone.strength > 0.6
    assert alert.evidence is not None
    assert (alert.evidence.min_strength, alert.evidence.mark_price) == (0.6, None)


def test_a_zone_forms_once_when_it_comes_up_to_the_strength() -> None:
    engine = engine_with(Rule(RuleKind.FORMED, BTC, 0.0, 0.6))

    told = [raised(burst(engine, 1000.0, usd, T0 + 20 * step)) for step, usd in enumerate((WEAK, WEAK, STRONG))]

    assert [len(alerts) for alerts in told] == [0, 1, 0]


def test_a_rule_made_later_is_not_told_of_zones_that_stand() -> None:
    engine = engine_with()
    burst(engine, 1000.0, FAIR, T0)

    engine.set_rules([Rule(RuleKind.FORMED, BTC, 0.0, 0.6)], T0 + 6)

    assert raised(engine.tick(T0 + 10)[1]) == []


def test_other_instruments_are_not_told() -> None:
    assert raised(burst(engine_with(Rule(RuleKind.FORMED, ETH, 0.0, 0.3)), 1000.0, STRONG, T0)) == []


def test_growth_in_an_open_episode_is_told_step_by_step() -> None:
    engine = engine_with(NEAR, GROWN)
    burst(engine, 1000.0, WEAK, T0)
    come_near(engine, T0 + 6)

    [first] = raised(burst(engine, 1000.0, WEAK, T0 + 10))
    [second] = raised(burst(engine, 1000.0, FAIR, T0 + 20))

    assert (first.step, second.step) == (0.6, 0.75)
    assert first.strength_before is not None
    assert 0.5 < first.strength_before < 0.6
    assert first.evidence is not None
    assert first.evidence.mark_price == 995.0


def test_growth_while_no_episode_is_open_is_not_told() -> None:
    engine = engine_with(NEAR, GROWN)
    engine.mark(mark(1002.0, T0))
    burst(engine, 1000.0, WEAK, T0)

    assert raised(burst(engine, 1000.0, STRONG, T0 + 10)) == []


def test_growth_after_the_mark_has_left_is_not_told() -> None:
    engine = engine_with(NEAR, GROWN)
    burst(engine, 1000.0, WEAK, T0)
    come_near(engine, T0 + 6)
    engine.mark(mark(950.0, T0 + 8))

    assert raised(burst(engine, 1000.0, STRONG, T0 + 10)) == []


def test_growth_is_not_told_to_a_rule_from_whose_distance_price_is_far() -> None:
    """Another rule, whose distance is greater, has told of the zone."""
    engine = engine_with(Rule(RuleKind.NEAR, BTC, 5.0, 0.3), GROWN)
    burst(engine, 1000.0, WEAK, T0)
    engine.mark(mark(900.0, T0 + 6))
    assert any(getattr(decision, "alert", None) for decision in engine.mark(mark(955.0, T0 + 7)))

    assert raised(burst(engine, 1000.0, FAIR, T0 + 10)) == []


def test_growth_is_not_told_once_the_rule_that_told_of_the_zone_is_no_more() -> None:
    engine = engine_with(NEAR, GROWN)
    burst(engine, 1000.0, WEAK, T0)
    come_near(engine, T0 + 6)
    burst(engine, 1000.0, 3e5, T0 + 10)

    engine.set_rules([GROWN], T0 + 16)

    assert raised(burst(engine, 1000.0, STRONG, T0 + 20)) == []


def test_several_steps_at_once_are_told_as_the_highest() -> None:
    engine = engine_with(NEAR, GROWN)
    burst(engine, 1000.0, WEAK, T0)
    come_near(engine, T0 + 6)

    [alert] = raised(burst(engine, 1000.0, STRONG, T0 + 10))

    assert alert.step == 0.75


@pytest.mark.parametrize("marked", [True, False])
def test_an_episode_that_growth_has_interrupted_is_still_open_after_a_restart(marked: bool) -> None:
    """Also before its first mark, when nobody knows how far away price is."""
    engine = engine_with(NEAR, GROWN)
    burst(engine, 1000.0, WEAK, T0)
    come_near(engine, T0 + 6)
    decisions = burst(engine, 1000.0, WEAK, T0 + 10)
    ended = [decision.episode for decision in decisions if getattr(decision, "episode", None)]
    zones = [view.zone for view in engine.snapshot(T0 + 15).zones]

    again = engine_with(NEAR, GROWN)
    again.restore(zones=zones, ended_zones=(), episodes=ended, liquidations=(), now=T0 + 16, watched_until=T0 + 15)
    if marked:
        again.mark(mark(995.0, T0 + 17))

    assert [alert.step for alert in raised(burst(again, 1000.0, 4e6, T0 + 20))] == [0.75]
