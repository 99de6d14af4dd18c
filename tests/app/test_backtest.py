"""A backtest over a real database in which every day the same thing happens."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from liqalert.app.backtest.collector import Collector, around
from liqalert.app.backtest.estimate import Estimator
from liqalert.app.backtest.stored import over_history, read_history
from liqalert.core.candles import Candle
from liqalert.core.evaluation import CONTROLS_PER_ALERT
from liqalert.core.market import Gap, Instrument, Liquidation, Mark, OpenInterest, PositionSide
from liqalert.core.rules import Thresholds
from liqalert.core.strength import DaySamples, bin_of, magnitude
from liqalert.core.terms import Terms
from liqalert.feeds.records import PriceSource
from liqalert.storage.baselines import BaselineStore
from liqalert.storage.candles import CandleStore
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.schema import prepare
from tests.fakes import FakeClock

BTC = Instrument("binance", "BTCUSDT")
T0 = 1_795_392_000.0
DAY_S, MINUTE_S = 86_400.0, 60.0
TERMS = Terms(rebuild_s=60.0)


def base(day: int) -> float:
    """A tenth lower each day, so that yesterday's zones are far away."""
    return float(60_000.0 * 0.9**day)


def price(day: int, minute: int) -> float:
    """Longs are liquidated; price falls by 5 %, comes back to within 0.8 %, and turns away."""
    if minute < 60:
        return base(day)
    return base(day) * (0.992 if 180 <= minute < 185 else 0.95)


def burst(day: int) -> list[Liquidation]:
    at = T0 + day * DAY_S + 30 * MINUTE_S
    return [
        Liquidation(BTC, PositionSide.LONG, base(day) + n, 8.0, 8.0 * (base(day) + n), at + n * 1.5, at + n * 1.5)
        for n in range(12)
    ]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db") as database:
        await prepare(database)
        yield database


async def lived(database: Database, days: int, *, candles: bool = True) -> None:
    journal = BatchJournal(database)
    journal.alive("binance", T0, T0)
    for day in range(days):
        for liquidation in burst(day):
            journal.liquidated([liquidation])
        minutes = [(day * 1440 + minute, price(day, minute)) for minute in range(1440)]
        if candles:
            made = ((BTC, Candle(T0 + minute * MINUTE_S, at, at, at, at)) for minute, at in minutes)
            await CandleStore(database).save(made)
    await journal.flush()
    await BaselineStore(database).save_open_interest([OpenInterest(BTC, 1e9, T0)])


async def test_every_day_gives_an_alert_that_is_held_untouched(database: Database) -> None:
    await lived(database, 3)
    collector = Collector(around(1.0, 0.6), rearm_ratio=1.4, memory_s=DAY_S)

    history = await read_history(database, [BTC], T0, T0 + 3 * DAY_S)
    over_history(history, [BTC], collector, TERMS)
    found = collector.evaluated()

    assert history.prices is PriceSource.MARKS
    assert found.days == pytest.approx(3.0, abs=0.01)
    by_row = {(each.distance_pct, each.min_strength): each for each in found.figures}
    assert len(by_row) == 9
    at_one = by_row[1.0, 0.6]
    assert (at_one.alerts, at_one.alerted.touched.count, at_one.alerted.held.count) == (3, 0, 3)
    assert at_one.per_day == pytest.approx(1.0, abs=0.01)
    assert at_one.random.held.of <= 3 * CONTROLS_PER_ALERT
    assert by_row[0.5, 0.6].alerts == 0


async def test_time_that_nobody_watched_does_not_count_though_its_prices_are_known(database: Database) -> None:
    """The day before the first start, and six hours of the day after it."""
    await lived(database, 2)
    before = ((BTC, Candle(T0 - minute * MINUTE_S, 100.0, 100.0, 100.0, 100.0)) for minute in range(1, 1440))
    await CandleStore(database).fill_up(before)
    journal = BatchJournal(database)
    journal.gap(Gap("binance", T0 + DAY_S + 6 * 3600.0, T0 + DAY_S + 12 * 3600.0, "liqalert was not running"))
    await journal.flush()
    collector = Collector(around(1.0, 0.6), rearm_ratio=1.4, memory_s=DAY_S)

    over_history(await read_history(database, [BTC], T0 - DAY_S, T0 + 2 * DAY_S), [BTC], collector, TERMS)

    assert collector.evaluated().days == pytest.approx(1.75, abs=0.01)


async def test_what_came_near_while_nobody_watched_is_no_alert(database: Database) -> None:
    """Its prices were filled up later; the daemon would have seen price far away again."""
    await lived(database, 2)
    journal = BatchJournal(database)
    journal.gap(Gap("binance", T0 + DAY_S + 7200.0, T0 + DAY_S + 14_400.0, "liqalert was not running"))
    await journal.flush()
    collector = Collector(around(1.0, 0.6), rearm_ratio=1.4, memory_s=DAY_S)

    over_history(await read_history(database, [BTC], T0, T0 + 2 * DAY_S), [BTC], collector, TERMS)

    assert [
        row.alerts for row in collector.evaluated().figures if (row.distance_pct, row.min_strength) == (1.0, 0.6)
    ] == [1]


async def test_what_was_usual_before_the_days_asked_about_counts(database: Database) -> None:
    """Nine days of far greater clusters: by them what happens on the three days asked about is nothing."""
    await lived(database, 12)
    days = [f"2026-11-{day}" for day in range(23, 31)]
    usual = bin_of(math.log(magnitude(3e8, 200.0)))
    samples = [DaySamples(BTC, PositionSide.LONG, day, ((usual, 288),)) for day in days]
    await BaselineStore(database).save(samples, T0)
    collector = Collector(around(1.0, 0.6), rearm_ratio=1.4, memory_s=DAY_S)

    over_history(await read_history(database, [BTC], T0 + 9 * DAY_S, T0 + 12 * DAY_S), [BTC], collector, TERMS)

    found = collector.evaluated()
    assert found.days == pytest.approx(3.0, abs=0.01)
    assert {row.alerts for row in found.figures} == {0}


async def test_two_gaps_at_once_end_with_the_one_that_lasts_longer(database: Database) -> None:
    await lived(database, 1)
    journal = BatchJournal(database)
    journal.gap(Gap("binance", T0 + 3 * 3600.0, T0 + 15 * 3600.0, "liqalert was not running"))
    journal.gap(Gap("binance", T0 + 4 * 3600.0, T0 + 5 * 3600.0, "the connection broke"))
    await journal.flush()
    collector = Collector(around(1.0, 0.6), rearm_ratio=1.4, memory_s=DAY_S)

    over_history(await read_history(database, [BTC], T0, T0 + DAY_S), [BTC], collector, TERMS)

    assert collector.evaluated().days == pytest.approx(0.5, abs=0.001)


async def test_without_candles_the_fills_are_the_prices(database: Database) -> None:
    await lived(database, 1, candles=False)

    history = await read_history(database, [BTC], T0, T0 + DAY_S)
    collector = Collector(around(1.0, 0.6), rearm_ratio=1.4, memory_s=DAY_S)
    over_history(history, [BTC], collector, TERMS)

    assert history.prices is PriceSource.FILLS
    assert collector.evaluated().began == burst(0)[0].received_time


async def test_an_empty_database_has_nothing_to_say(database: Database) -> None:
    collector = Collector(around(1.0, 0.6), rearm_ratio=1.4, memory_s=DAY_S)

    over_history(await read_history(database, [BTC], T0, T0 + DAY_S), [BTC], collector, TERMS)

    assert (collector.evaluated().began, collector.evaluated().days) == (None, 0.0)


async def test_the_menu_is_told_how_many_alerts_a_day(database: Database) -> None:
    await lived(database, 3)
    estimator = Estimator(database, Terms(), [BTC], FakeClock(T0 + 3 * DAY_S))

    at_one, at_half = [await estimator.estimate(Thresholds(distance, 0.6, 1e6)) for distance in (1.0, 0.5)]

    assert at_one is not None
    assert at_half is not None
    assert (at_one.per_day, at_half.per_day) == (pytest.approx(1.0, abs=0.01), 0.0)
    assert (at_one.days, at_one.symbols) == (pytest.approx(3.0, abs=0.1), ("BTCUSDT",))


async def test_less_than_a_day_gives_no_estimate(database: Database) -> None:
    estimator = Estimator(database, Terms(), [BTC], FakeClock(T0 + DAY_S))

    assert await estimator.estimate(Thresholds(1.0, 0.6, 1e6)) is None


def test_the_time_of_a_short_gap_was_not_watched() -> None:
    """Ten minutes in which no price is known either."""
    collector = Collector(around(1.0, 0.6), rearm_ratio=1.4, memory_s=DAY_S)

    for minute in range(61):
        collector.see(Mark(BTC, 60_000.0, T0 + minute * MINUTE_S, T0 + minute * MINUTE_S))
    collector.feed_changed(alive=False)
    collector.feed_changed(alive=True)
    for minute in range(70, 131):
        collector.see(Mark(BTC, 60_000.0, T0 + minute * MINUTE_S, T0 + minute * MINUTE_S))

    assert collector.evaluated().days * DAY_S == pytest.approx(7200.0)


def test_the_grid_stays_within_what_a_rule_may_ask_for() -> None:
    assert around(1.0, 0.3).strengths == (0.3, 0.4)
    assert around(2.0, 0.95).strengths == (0.85, 0.95)
    assert around(2.0, 0.6).distances == (1.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("asked", "strengths"), [(0.655, (0.555, 0.655, 0.755)), (0.97, (0.87, 0.97)), (0.9999, (0.8999, 0.9999))]
)
def test_the_grid_holds_the_strength_that_was_asked_for(asked: float, strengths: tuple[float, ...]) -> None:
    assert around(1.0, asked).strengths == strengths
