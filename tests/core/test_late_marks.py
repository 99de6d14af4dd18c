"""Marks that are older than the last known one: late by one of several connections, or after one that was ahead."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.candles import CandleBook
from liqalert.core.engine import Engine
from liqalert.core.episodes import alerts_in
from liqalert.core.market import Mark, OpenInterest, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.terms import Terms
from tests.core.events import BTC, T0, liquidation, mark

arrivals = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.2, 1.0, 1.0, 1.0, 4.0, 6.0]),
        st.sampled_from([0.0, 0.0, 0.1, 3.0, 30.0, 200.0, -0.5, -50.0, -3600.0]),
        st.sampled_from([100.0, 100.5, 99.0, 101.0]),
    ),
    max_size=60,
)
"""How long after the one before each is received, how old it is then (below 0: ahead), and its price."""


def received(found: list[tuple[float, float, float]]) -> list[Mark]:
    marks, now = [], T0
    for wait_s, old_s, price in found:
        now += wait_s
        marks.append(Mark(BTC, price, now - old_s, now))
    return marks


def newest(marks: list[Mark]) -> Mark:
    """What is to be known after all of them, by the plainest rule."""
    known = marks[0]
    for each in marks[1:]:
        if each.event_time >= known.event_time or each.received_time - known.received_time > 5.0:
            known = each
    return known


@given(arrivals.filter(bool))
def test_engine_and_candles_know_the_mark_that_the_plainest_rule_gives(found: list[tuple[float, float, float]]) -> None:
    engine, candles, marks = Engine(Terms()), CandleBook(), received(found)

    for number, each in enumerate(marks, start=1):
        engine.mark(each)
        candles.marks((each,), (each.instrument,))

        known = engine.snapshot(each.received_time).marks[BTC]
        assert known == newest(marks[:number])
        assert candles.unwritten(BTC)[-1].close == known.price
        assert each.received_time - known.received_time <= 5.0


def test_a_mark_stamped_ahead_holds_back_no_alert_for_longer_than_a_late_one_may_come() -> None:
    """Price falls to the zone in second 20. In second 15 the exchange's time is 50 s ahead, once."""
    engine, told = _with_a_zone_below(), []

    for second in range(6, 90):
        price, ahead_s = 103.0 if second < 20 else 100.5, 50.0 if second == 15 else 0.0
        now = T0 + second
        told += [(second, alert.kind) for alert in alerts_in(engine.mark(Mark(BTC, price, now + ahead_s, now)))]

    assert told == [(21, "near")]


def test_one_of_two_connections_that_lags_by_minutes_brings_no_alert_of_the_past() -> None:
    """The price was at the zone three minutes ago, and rose; one connection still brings what was then."""
    engine, told = _with_a_zone_below(), []

    for second in range(6, 60):
        for price, old_s in ((103.0, 0.1), (100.5, 180.0)):
            now = T0 + second + old_s / 1000.0
            told += alerts_in(engine.mark(Mark(BTC, price, now - old_s, now)))

    assert told == []


def _with_a_zone_below() -> Engine:
    """At 100, with the mark at 103; the rule is within 1 %."""
    engine = Engine(Terms())
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.3)], T0)
    engine.learn(OpenInterest(BTC, 1e8, T0), T0)
    engine.mark(mark(103.0, T0))
    for number in range(20):
        engine.add(liquidation(100.0 + number / 1000.0, 3e6, T0 + number / 10, liquidated=PositionSide.LONG), T0 + 3)
    engine.tick(T0 + 5)
    return engine
