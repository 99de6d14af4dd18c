"""Properties P10 and P11: duplicates, late events, pruning and the landmark."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import liqalert.core.window
import liqalert.core.windows
from liqalert.core.columns import Floats
from liqalert.core.engine import Engine, Snapshot, Verdict
from liqalert.core.episodes import TickFailed
from liqalert.core.manywindows import put_together
from liqalert.core.market import Instrument, Liquidation
from liqalert.core.spans import reach
from liqalert.core.terms import Terms
from liqalert.core.window import Window
from liqalert.core.windows import LANDMARK_DECAYS, Windows
from tests.core.events import T0, TERMS, liquidation, prices

LANDMARK_S = LANDMARK_DECAYS * TERMS.decay_s
arrivals = st.lists(
    st.builds(
        liquidation,
        price=st.integers(950, 1050).map(float),
        usd=st.integers(1, 10**6).map(float),
        at=st.integers(-3000, 0).map(lambda age: T0 + age),
    ),
    min_size=1,
    max_size=30,
)


@given(st.lists(st.integers(0, 300), max_size=200), st.integers(1, 100), st.sampled_from([0, 10**9]))
def test_a_window_holds_each_liquidation_once_in_order_whenever_it_is_asked(
    numbers: list[int], every: int, row_by_row: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(liqalert.core.window, "ROW_BY_ROW", row_by_row)
        check_order(numbers, every)


def check_order(numbers: list[int], every: int) -> None:
    windows, kept = Windows(TERMS), set[tuple[float, float, float]]()
    for came, number in enumerate(numbers):
        # Few prices and times, so that many are equal in one of them.
        one = liquidation(100.0 + number % 7, usd=1000.0 * (1 + number % 5), at=T0 - number % 3)
        key = (one.price, one.event_time, one.quantity)

        assert windows.add(one, T0) is (key not in kept)
        kept.add(key)
        if came % every == 0:
            assert held(windows) == sorted(kept)
    assert not kept or held(windows) == sorted(kept)


@given(st.lists(st.tuples(prices, st.integers(0, 9), st.booleans()), max_size=60))
def test_spans_are_found_again_by_every_addition_and_removal(arrivals: list[tuple[float, int, bool]]) -> None:
    """As if each price were searched for among all; so they are after the first rebuild, and after too many."""
    windows = Windows(TERMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(liqalert.core.window, "FEW", 2)
        for number, (price, age, rebuilds) in enumerate(arrivals):
            windows.add(liquidation(price, usd=1000.0 + number, at=T0 + number - age), T0)
            asked = only(windows)
            asked.prune(T0 + number - 7)
            if rebuilds:
                columns = asked.spanned(TERMS.window_width)
                expected = reach(columns.prices, TERMS.window_width) - np.arange(len(columns))
                assert columns.spans.tolist() == expected.tolist()


def test_spans_of_many_at_one_price_on_the_edge_of_a_window() -> None:
    windows = Windows(TERMS)
    for number in range(600):
        windows.add(liquidation(1000.0, usd=1000.0 + number, at=T0), T0)
    only(windows).spanned(TERMS.window_width)
    windows.add(liquidation(1020.0, usd=1000.0, at=T0), T0)
    windows.add(liquidation(1020.1, usd=1000.0, at=T0), T0)

    spans = only(windows).spanned(TERMS.window_width).spans.tolist()

    assert spans == [*range(601, 1, -1), 2, 1]


def only(windows: Windows) -> Window:
    """Of the only side there is, with all that it has been given."""
    [owner] = windows.owners()
    side = windows.get(owner, T0)
    assert side is not None
    return side.window


def held(windows: Windows) -> list[tuple[float, ...]]:
    columns = only(windows).columns()
    rows = np.stack((columns.prices, columns.times, columns.quantities), axis=1)
    return [tuple(row) for row in rows.tolist()]


def clusters_of(engine: Engine, now: float = T0) -> list[tuple[float, ...]]:
    snapshot, _ = engine.tick(now)
    return picture(snapshot, now)


def picture(snapshot: Snapshot, now: float) -> list[tuple[float, ...]]:
    return [
        (c.price_low, c.price_high, c.count, round(c.notional_usd, 6), round(c.weighted_count, 9))
        for c in snapshot.clusters(now)
    ]


def filled(liquidations: list[Liquidation], now: float = T0) -> Engine:
    engine = Engine(TERMS)
    for one in liquidations:
        engine.add(one, now)
    return engine


@given(arrivals, st.randoms())
def test_p11_order_and_duplicates_do_not_matter(liquidations: list[Liquidation], random: object) -> None:
    again = liquidations * 2
    random.shuffle(again)  # type: ignore[attr-defined]

    assert clusters_of(filled(again)) == clusters_of(filled(liquidations))


@given(arrivals, st.integers(1, 5))
def test_p10_incremental_rebuilds_equal_one_from_scratch(liquidations: list[Liquidation], chunk: int) -> None:
    engine = Engine(TERMS)
    for step, one in enumerate(liquidations):
        engine.add(one, T0 + 5 * step)
        if step % chunk == 0:
            engine.tick(T0 + 5 * step)

    end = T0 + 5 * len(liquidations)
    assert clusters_of(engine, end) == clusters_of(filled(liquidations), end)


@given(arrivals, st.integers(1, 5))
def test_how_much_is_kept_apart_does_not_matter(liquidations: list[Liquidation], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(liqalert.core.windows, "MOST_FRESH", most * 48)
        sooner = filled(liquidations * 2)

    assert clusters_of(sooner) == clusters_of(filled(liquidations))


@pytest.mark.parametrize("later", [40 * 86_400.0, -40 * 86_400.0])
def test_what_was_kept_apart_for_weeks_or_while_the_clock_was_set_back_weighs_what_it_should(later: float) -> None:
    """While no feed is alive there are no ticks, and `exp` of 40 days in hours is beyond every number."""
    now = T0 + later
    engine = filled([liquidation(100.0, 1000.0, T0)])
    engine.tick(T0)
    engine.add(liquidation(101.0, 500.0, now), now)

    found = engine.tick(now)[0].clusters(now)

    # A clock that is behind by weeks makes nothing weigh more than it did.
    assert sum(cluster.notional_usd for cluster in found) == pytest.approx(500.0 if later > 0 else 1500.0)


@pytest.mark.parametrize("begun", [T0, (T0 // LANDMARK_S + 0.5) * LANDMARK_S, (T0 // LANDMARK_S) * LANDMARK_S + 600.0])
@pytest.mark.parametrize("back_s", [600.0, 3600.0, 6.5 * 3600.0, 40 * 86_400.0])
def test_a_clock_that_is_set_back_and_returns_costs_no_weight(begun: float, back_s: float) -> None:
    """Inside the time of one landmark, and across them."""
    engine = Engine(TERMS)
    for number in range(6):
        at = begun - 50.0 + 10.0 * number
        engine.add(liquidation(100.0 + number / 10, 1000.0, at, received=at), at)
    before = engine.tick(begun)[0].clusters(begun + 60.0)
    away = begun - back_s
    meanwhile = engine.tick(away)[0].clusters(away)
    later = engine.tick(away + 5.0)[0].clusters(away + 5.0)
    after = engine.tick(begun + 60.0)[0].clusters(begun + 60.0)

    assert [cluster.id for cluster in after] == [cluster.id for cluster in before]
    assert sum(cluster.notional_usd for cluster in meanwhile) == pytest.approx(6000.0, rel=0.02)
    assert sum(cluster.notional_usd for cluster in later) == pytest.approx(6000.0, rel=0.02)
    for left, right in zip(after, before, strict=True):
        assert left.notional_usd == pytest.approx(right.notional_usd, rel=1e-9)
        assert left.weighted_count == pytest.approx(right.weighted_count, rel=1e-9)


def test_what_an_error_kept_from_its_window_gets_there_with_the_next_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    def held(now: float) -> list[int]:
        return [sum(each.count for each in clusters) for clusters in engine.tick(now)[0].sides.values()]

    engine, put = Engine(TERMS), Window.put
    for number in range(4):
        for symbol in ("AUSDT", "BUSDT", "CUSDT"):
            engine.add(liquidation(100.0 + number, 1000.0, T0, instrument=Instrument("binance", symbol)), T0)

    def failing(window: Window, columns: Floats) -> None:
        puts.append(len(window))
        if len(puts) == 2:
            raise MemoryError
        put(window, columns)

    puts: list[int] = []
    monkeypatch.setattr(Window, "put", failing)
    with pytest.raises(TickFailed):
        engine.tick(T0)

    assert (
        engine.add(liquidation(103.0, 1000.0, T0, instrument=Instrument("binance", "CUSDT")), T0) is Verdict.DUPLICATE
    )
    assert held(T0 + 5.0) == [4, 4, 4]


def test_of_many_windows_at_once_an_error_keeps_all_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are new or great are put into by themselves."""

    def come(number: int) -> None:
        for symbol in range(20 if number else 10):
            instrument = Instrument("binance", f"S{symbol}")
            engine.add(liquidation(100.0 + number, 1000.0, T0, instrument=instrument), T0)

    def failing(*given: Any) -> None:
        tried.append(len(given[0]))
        if len(tried) == 1:
            raise MemoryError
        put_together(*given)

    engine, tried = Engine(TERMS), list[int]()
    monkeypatch.setattr(liqalert.core.windows, "put_together", failing)
    come(0)
    engine.tick(T0)
    come(1)
    with pytest.raises(TickFailed):
        engine.tick(T0 + 5.0)
    come(1)  # all are known
    come(2)

    snapshot, _ = engine.tick(T0 + 10.0)

    assert tried == [10, 10]
    assert sorted(sum(each.count for each in side) for side in snapshot.sides.values()) == [2] * 10 + [3] * 10


@given(arrivals)
def test_p10_a_tick_without_news_changes_nothing(liquidations: list[Liquidation]) -> None:
    engine = filled(liquidations)
    first, _ = engine.tick(T0)
    second, decisions = engine.tick(T0 + 5)

    assert decisions == ()
    assert second.sides == first.sides


@given(arrivals)
def test_p10_moving_the_landmark_has_no_effect(liquidations: list[Liquidation]) -> None:
    """The landmark moves every six hours; clusters seen across the move equal clusters built after it."""
    later = T0 + 7 * 3600
    moved = filled(liquidations)
    moved.tick(T0)
    moved.add(liquidation(500.0, 1.0, later), later)
    fresh = Engine(TERMS)
    for one in [*liquidations, liquidation(500.0, 1.0, later)]:
        fresh.add(one, later)

    for left, right in zip(moved.tick(later)[0].clusters(later), fresh.tick(later)[0].clusters(later), strict=True):
        assert left.notional_usd == pytest.approx(right.notional_usd, rel=1e-9)
        assert left.weighted_count == pytest.approx(right.weighted_count, rel=1e-9)


def test_an_event_slightly_ahead_of_now_has_age_zero() -> None:
    engine = filled([liquidation(100.0, 1000.0, T0 + 59, received=T0)])

    (cluster,) = engine.tick(T0)[0].clusters(T0)

    assert cluster.notional_usd == pytest.approx(1000.0)


def test_liquidations_are_dropped_after_twelve_decay_constants() -> None:
    engine = filled([liquidation(100.0, 1000.0, T0)])

    assert len(engine.tick(T0 + 12 * 3600)[0].clusters(T0)) == 1
    assert engine.tick(T0 + 12 * 3600 + 5)[0].clusters(T0) == ()


def test_a_short_decay_does_not_overflow() -> None:
    engine = Engine(Terms(decay_s=60.0))
    engine.add(liquidation(100.0, 1e12, T0), T0)
    snapshot, _ = engine.tick(T0 + 360)

    assert snapshot.clusters(T0 + 360)[0].notional_usd == pytest.approx(1e12 * np.exp(-6.0))


def test_same_price_and_time_with_another_quantity_is_another_liquidation() -> None:
    windows = Windows(TERMS)

    assert windows.add(liquidation(100.0, 1000.0, T0), T0)
    assert windows.add(liquidation(100.0, 2000.0, T0), T0)
    assert not windows.add(liquidation(100.0, 1000.0, T0), T0)
    assert list(only(windows).columns().notionals) == [1000.0, 2000.0]
