"""What is told at once: cascades and single great liquidations."""

from __future__ import annotations

import pytest

from liqalert.core.alerts import Alert
from liqalert.core.engine import Engine
from liqalert.core.episodes import Raised
from liqalert.core.flow import at_least_usd, saturated
from liqalert.core.market import Liquidation, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.strength import DaySamples
from liqalert.core.terms import Terms
from tests.core.events import BTC, ETH, T0, liquidation, mark

CASCADE = Rule(RuleKind.CASCADE, BTC, 0.0, 0.6)
LARGE = Rule(RuleKind.LARGE, BTC, 0.0, 0.0, 1e6)


def engine_with(*rules: Rule) -> Engine:
    engine = Engine(Terms())
    engine.set_rules(rules, T0)
    return engine


def pour(engine: Engine, usd: float, at: float, *, count: int = 10, price: float = 1000.0) -> None:
    """`count` liquidations within a second, together `usd`."""
    for step in range(count):
        engine.add(liquidation(price - step, usd / count, at + step / 10), at + 1)


def told(engine: Engine, at: float) -> list[Alert]:
    return [decision.alert for decision in engine.tick(at)[1] if isinstance(decision, Raised)]


def test_an_unusual_minute_is_a_cascade() -> None:
    engine = engine_with(CASCADE)
    engine.mark(mark(1010.0, T0))
    pour(engine, 1e6, T0 + 1)
    engine.mark(mark(989.8, T0 + 3))

    [alert] = told(engine, T0 + 5)

    flow = alert.flow
    assert (alert.kind, alert.reason, alert.decided_at) == ("cascade", "flow_unusual_for_this_side", T0 + 5)
    assert flow is not None
    assert (flow.notional_usd, flow.count, flow.largest_usd) == (pytest.approx(1e6), 10, 1e5)
    assert (flow.price_from, flow.price_to) == (1010.0, 989.8)
    assert flow.moved_pct == pytest.approx(-2.0)
    # Twice the 500,000 USD in ten that strength 0.5 stands for without open interest: 1 / (1 + 2 ** -0.84).
    assert flow.strength == pytest.approx(0.6416, abs=1e-4)
    assert flow.calibrated is False


@pytest.mark.parametrize(("usd", "count"), [(6e5, 10), (5e6, 4)], ids=["usual", "a few great ones are no cascade"])
def test_what_is_usual_or_too_few_is_none(usd: float, count: int) -> None:
    engine = engine_with(CASCADE)
    pour(engine, usd, T0 + 1, count=count)

    assert told(engine, T0 + 5) == []


def test_what_is_spread_over_more_than_a_minute_is_none() -> None:
    engine = engine_with(CASCADE)
    pour(engine, 5e5, T0 + 1)
    first = told(engine, T0 + 5)
    pour(engine, 5e5, T0 + 62)

    assert first == told(engine, T0 + 65) == []


def test_both_sides_are_judged_apart() -> None:
    engine = engine_with(CASCADE)
    pour(engine, 5e5, T0 + 1)
    for step in range(10):
        engine.add(liquidation(1000.0 + step, 5e4, T0 + 1, liquidated=PositionSide.SHORT), T0 + 2)

    assert told(engine, T0 + 5) == []


def test_a_cascade_that_goes_on_is_told_again_only_after_the_cooldown() -> None:
    engine = engine_with(CASCADE)
    count = 0
    for second in range(0, 1900, 5):
        pour(engine, 2e5, T0 + second)
        count += len(told(engine, T0 + second + 5))

    assert count == 2


def test_the_cooldown_of_a_cascade_goes_on_while_what_is_usual_is_learned() -> None:
    """Which is every five minutes, once the feed has been watched for an hour."""
    engine = engine_with(CASCADE)
    engine.watch(T0 - 3600, T0)

    count = 0
    for second in range(0, 1500, 5):
        pour(engine, 2e5, T0 + second)
        count += len(told(engine, T0 + second + 5))

    assert count == 1


def test_a_minute_is_judged_by_the_history_of_its_own_flow() -> None:
    # Every five minutes of two days held a minute of exp(18): far more than this one.
    busy = tuple(DaySamples(BTC, PositionSide.LONG, day, ((360, 288),), "flow") for day in ("2026-09-19", "2026-09-20"))
    engine = engine_with(CASCADE)
    engine.load_baselines(busy, ())
    pour(engine, 1e6, T0 + 1)

    assert told(engine, T0 + 5) == []


def test_a_restart_does_not_tell_a_cascade_again() -> None:
    engine = engine_with(CASCADE)
    pour(engine, 2e6, T0 + 1)
    [alert] = told(engine, T0 + 5)
    poured = [liquidation(1000.0 - step, 2e5, T0 + 1 + step / 10, received=T0 + 2) for step in range(10)]

    again = restarted(CASCADE, poured, alerts=(alert,))

    assert told(again, T0 + 10) == []


def test_what_an_earlier_run_took_in_but_did_not_look_at_is_told() -> None:
    poured = [liquidation(1000.0 - step, 2e5, T0 + 1 + step / 10, received=T0 + 2) for step in range(10)]

    again = restarted(CASCADE, poured, alerts=())

    assert [alert.kind for alert in told(again, T0 + 10)] == ["cascade"]


def test_one_liquidation_of_at_least_the_amount_is_told() -> None:
    engine = engine_with(LARGE, Rule(RuleKind.LARGE, ETH, 0.0, 0.0, 1.0))
    engine.add(liquidation(1000.0, 999_999.0, T0 + 1), T0 + 1)
    engine.add(liquidation(1001.0, 1e6, T0 + 2), T0 + 2)

    [alert] = told(engine, T0 + 5)

    assert (alert.kind, alert.reason) == ("large", "liquidation_at_least")
    assert alert.rule == LARGE
    assert alert.liquidation == liquidation(1001.0, 1e6, T0 + 2)
    assert told(engine, T0 + 10) == []


def test_a_restart_gives_the_same_large_one_the_same_id() -> None:
    engine = engine_with(LARGE)
    great = liquidation(1001.0, 1e6, T0 + 2)
    engine.add(great, T0 + 2)
    [before] = told(engine, T0 + 5)

    [after] = told(restarted(LARGE, [great], alerts=()), T0 + 10)

    assert after.id == before.id


def test_what_was_looked_at_long_before_a_restart_is_not_told() -> None:
    great = liquidation(1001.0, 1e6, T0 - 60, received=T0 - 60)

    assert told(restarted(LARGE, [great], alerts=()), T0 + 10) == []


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((), 0),
        ((1, 2, 3, 4), 0),
        ((1, 2, 3, 4, 5), 5),
        ((1.2, 1.9, 2.0, 3.0, 4.0, 5.9, 6.0), 6),
        ((1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 15, 16), 11),
    ],
)
def test_saturated_seconds_are_those_in_runs_of_five(seconds: tuple[float, ...], expected: int) -> None:
    assert saturated(seconds) == expected


@pytest.mark.parametrize(
    ("count", "occupied_s", "expected"),
    [(1, 1, 1.008), (30, 30, 1.386), (59, 59, 4.164), (60, 60, 4.787), (90, 60, 3.192), (120, 30, 1.0)],
)
def test_what_was_liquidated_at_least_grows_with_the_share_of_seconds_with_a_report(
    count: int, occupied_s: int, expected: float
) -> None:
    assert at_least_usd(1.0, count, occupied_s) == pytest.approx(expected, abs=0.001)


def restarted(rule: Rule, liquidations: list[Liquidation], *, alerts: tuple[Alert, ...]) -> Engine:
    """The next run: the earlier one watched until T0 + 5."""
    engine = engine_with(rule)
    engine.restore(
        zones=(),
        ended_zones=(),
        episodes=(),
        liquidations=liquidations,
        told=alerts,
        now=T0 + 8,
        watched_until=T0 + 5,
    )
    return engine
