"""What the engine refuses, and that the same input gives the same output."""

from __future__ import annotations

import pytest

from liqalert.core.engine import Engine, Verdict
from liqalert.core.market import OpenInterest, PositionSide
from liqalert.core.strength import DaySamples, baseline
from liqalert.core.terms import Terms
from tests.core.events import BTC, ETH, T0, liquidation, mark


def test_an_event_more_than_a_minute_ahead_is_refused() -> None:
    engine = Engine(Terms())

    assert engine.add(liquidation(100.0, 1.0, T0 + 60), T0) is Verdict.ACCEPTED
    assert engine.add(liquidation(100.0, 1.0, T0 + 60.001), T0) is Verdict.AHEAD


def test_an_event_older_than_the_window_is_refused() -> None:
    assert Engine(Terms()).add(liquidation(100.0, 1.0, T0 - 43_201), T0) is Verdict.TOO_OLD


def test_a_second_report_of_the_same_liquidation_is_a_duplicate() -> None:
    engine = Engine(Terms())

    assert engine.add(liquidation(100.0, 1.0, T0), T0) is Verdict.ACCEPTED
    assert engine.add(liquidation(100.0, 1.0, T0, received=T0 + 9), T0 + 9) is Verdict.DUPLICATE


@pytest.mark.parametrize("price", [49.9, 200.1])
def test_a_fill_far_off_the_mark_is_refused_until_three_in_a_row_agree(price: float) -> None:
    engine = Engine(Terms())
    engine.mark(mark(100.0, T0))

    verdicts = [engine.add(liquidation(price, 1.0 + step, T0 + step), T0 + step) for step in range(4)]

    assert verdicts == [Verdict.OFF_MARKET, Verdict.OFF_MARKET, Verdict.ACCEPTED, Verdict.ACCEPTED]


def test_one_bad_fill_reported_three_times_is_not_believed() -> None:
    engine = Engine(Terms())
    engine.mark(mark(100.0, T0))

    verdicts = [engine.add(liquidation(900.0, 1.0, T0), T0 + step) for step in range(4)]

    assert verdicts == [Verdict.OFF_MARKET] * 4


def test_a_clock_that_was_a_year_ahead_and_is_corrected_stops_nothing() -> None:
    engine = Engine(Terms(decay_s=600.0))
    year = 365 * 86_400.0
    engine.add(liquidation(100.0, 1e5, T0 + year, received=T0 + year), T0 + year)
    engine.tick(T0 + year)
    engine.add(liquidation(100.0, 1e5, T0, received=T0), T0)

    assert [cluster.count for cluster in engine.tick(T0 + 5)[0].clusters(T0 + 5)] == [2]


def test_a_fill_on_the_market_breaks_the_row() -> None:
    engine = Engine(Terms())
    engine.mark(mark(100.0, T0))
    prices = [900.0, 900.0, 100.0, 900.0]

    verdicts = [engine.add(liquidation(price, 1.0 + step, T0), T0) for step, price in enumerate(prices)]

    assert verdicts == [Verdict.OFF_MARKET, Verdict.OFF_MARKET, Verdict.ACCEPTED, Verdict.OFF_MARKET]


def test_without_marks_the_last_fill_of_ten_minutes_is_the_measure() -> None:
    engine = Engine(Terms())
    engine.add(liquidation(100.0, 1.0, T0), T0)

    assert engine.add(liquidation(800.0, 1.0, T0 + 599), T0 + 599) is Verdict.OFF_MARKET
    assert engine.add(liquidation(800.0, 1.0, T0 + 700), T0 + 700) is Verdict.ACCEPTED


def test_instruments_do_not_influence_each_other() -> None:
    alone, together = Engine(Terms()), Engine(Terms())
    for engine in (alone, together):
        for step in range(6):
            engine.add(liquidation(100.0 + step / 10, 1e5, T0 + step), T0 + 6)
    for step in range(60):
        together.add(liquidation(5.0 + step / 100, 1e8, T0 + step / 20, instrument=ETH), T0 + 6)

    assert together.tick(T0 + 10)[0].clusters(T0 + 10, BTC) == alone.tick(T0 + 10)[0].clusters(T0 + 10, BTC)


def test_open_interest_is_asked_for_before_a_zone_can_open() -> None:
    engine = Engine(Terms())
    engine.add(liquidation(100.0, 26_000.0, T0), T0)
    engine.tick(T0)

    assert engine.wanted_open_interest() == {BTC}
    engine.learn(OpenInterest(BTC, 1e9, T0), T0)
    assert engine.wanted_open_interest() == frozenset()


def test_samples_are_taken_every_five_minutes_once_the_window_has_filled() -> None:
    engine = Engine(Terms())
    engine.mark(mark(100.0, T0))
    engine.watch(T0, T0)
    for step in range(4500 // 5):
        engine.tick(T0 + 5 * step)

    sampled = [(row.measure, sum(count for _, count in row.bins)) for row in engine.take_samples()]
    assert sampled == [("clusters", 3), ("clusters", 3), ("flow", 3), ("flow", 3)]


def test_a_restarted_engine_knows_what_is_usual() -> None:
    """Or the strength of all there is would change with every restart."""
    samples = DaySamples(BTC, PositionSide.LONG, "2026-09-20", ((240, 288),))
    engine = Engine(Terms())

    engine.load_baselines([samples], [OpenInterest(BTC, 2e10, T0 - 60.0)])
    engine.add(liquidation(1000.0, 1e6, T0), T0 + 1)

    [found] = engine.tick(T0 + 5)[0].clusters(T0 + 5)
    assert found.baseline == baseline([{240: 288}], 2e10, "2026-09-21")


def test_no_samples_are_taken_while_the_feed_is_not_alive() -> None:
    engine = Engine(Terms())
    engine.mark(mark(100.0, T0))
    engine.lose_sight()
    for step in range(9000 // 5):
        engine.tick(T0 + 5 * step)

    assert engine.take_samples() == ()


def test_clusters_are_no_heavier_for_a_clock_that_was_set_back() -> None:
    engine = Engine(Terms())
    engine.add(liquidation(1000.0, 1e6, T0), T0)
    snapshot = engine.tick(T0 + 5)[0]

    assert snapshot.clusters(T0 - 3600.0) == snapshot.clusters(T0 + 5)
