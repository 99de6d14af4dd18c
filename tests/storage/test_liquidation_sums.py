from __future__ import annotations

import pytest
from sqlalchemy import insert

from liqalert.core.market import Gap, Instrument, Liquidation, PositionSide
from liqalert.storage.database import Database
from liqalert.storage.journal import READ_AT_ONCE, BatchJournal
from liqalert.storage.liquidation_sums import LiquidationSums
from liqalert.storage.tables import FEED_GAPS

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
NOON = 1_795_003_200.0
BTC = Instrument("binance", "BTCUSDT")
ETH = Instrument("binance", "ETHUSDT")
BTC_ON_BYBIT = Instrument("bybit", "BTCUSDT")


def liquidated(at: float, usd: float, side: PositionSide = LONG, instrument: Instrument = BTC) -> Liquidation:
    return Liquidation(instrument, side, 100.0, usd / 100.0, usd, event_time=at, received_time=at + 0.25)


async def stored(database: Database, *liquidations: Liquidation) -> LiquidationSums:
    journal = BatchJournal(database)
    for liquidation in liquidations:
        journal.liquidated([liquidation])
    await journal.flush()
    return LiquidationSums(database)


async def test_sums_are_by_interval_and_position_side(database: Database) -> None:
    sums = await stored(
        database,
        liquidated(NOON, 100.0),
        liquidated(NOON + 59.999, 20.0),
        liquidated(NOON + 60.0, 3.0, SHORT),
        liquidated(NOON + 179.5, 7.0),
    )

    found = await sums.per_interval([BTC], since=NOON, until=NOON + 180.0, interval_s=60.0)

    assert found == {(0, LONG): 120.0, (1, SHORT): 3.0, (2, LONG): 7.0}


@pytest.mark.parametrize("second", [29.999, 30.0, 30.001, 59.5])
async def test_the_second_half_of_an_interval_is_not_rounded_up(second: float, database: Database) -> None:
    sums = await stored(database, liquidated(NOON + second, 1.0))

    found = await sums.per_interval([BTC], since=NOON, until=NOON + 120.0, interval_s=60.0)

    assert found == {(0, LONG): 1.0}


async def test_what_lies_outside_the_span_is_not_added(database: Database) -> None:
    sums = await stored(database, liquidated(NOON - 0.001, 1.0), liquidated(NOON, 2.0), liquidated(NOON + 60.0, 4.0))

    found = await sums.per_interval([BTC], since=NOON, until=NOON + 60.0, interval_s=60.0)

    assert found == {(0, LONG): 2.0}


async def test_only_the_instruments_asked_for_are_added(database: Database) -> None:
    sums = await stored(
        database,
        liquidated(NOON, 1.0),
        liquidated(NOON, 2.0, instrument=ETH),
        liquidated(NOON, 4.0, instrument=BTC_ON_BYBIT),
    )

    found = await sums.per_interval([BTC, ETH], since=NOON, until=NOON + 60.0, interval_s=60.0)

    assert found == {(0, LONG): 3.0}


async def test_no_instruments_have_no_sums(database: Database) -> None:
    sums = await stored(database, liquidated(NOON, 1.0))

    assert await sums.per_interval([], since=NOON, until=NOON + 60.0, interval_s=60.0) == {}


async def test_every_instrument_has_its_own_sum(database: Database) -> None:
    sums = await stored(
        database,
        liquidated(NOON - 1.0, 64.0),
        liquidated(NOON, 1.0),
        liquidated(NOON + 1.0, 2.0),
        liquidated(NOON + 1.0, 4.0, SHORT),
        liquidated(NOON + 1.0, 8.0, instrument=ETH),
        liquidated(NOON + 1.0, 16.0, instrument=BTC_ON_BYBIT),
        liquidated(NOON + 60.0, 32.0),
    )

    found = await sums.per_instrument(since=NOON, until=NOON + 60.0)

    assert found == {(BTC, LONG): 3.0, (BTC, SHORT): 4.0, (ETH, LONG): 8.0, (BTC_ON_BYBIT, LONG): 16.0}


async def test_the_newest_come_first_and_no_more_than_asked_for(database: Database) -> None:
    rows = [liquidated(NOON + number, 10.0 + number) for number in range(4)]
    sums = await stored(database, *rows, liquidated(NOON + 9.0, 50.0, instrument=BTC_ON_BYBIT))

    found = await sums.newest([BTC], since=NOON, until=NOON + 60.0, min_usd=0.0, limit=2)

    assert found == (rows[3], rows[2])


async def test_the_newest_are_within_the_span_and_of_the_size_asked_for(database: Database) -> None:
    rows = [
        liquidated(NOON - 0.001, 100.0),
        liquidated(NOON, 100.0),
        liquidated(NOON + 1.0, 99.99),
        liquidated(NOON + 2.0, 200.0, SHORT),
        liquidated(NOON + 60.0, 100.0),
    ]
    sums = await stored(database, *rows)

    found = await sums.newest([BTC], since=NOON, until=NOON + 60.0, min_usd=100.0, limit=9)

    assert found == (rows[3], rows[1])


async def test_all_of_a_span_come_in_order_of_time(database: Database) -> None:
    rows = [
        liquidated(NOON + 30.0, 1.0),
        liquidated(NOON, 2.0),
        liquidated(NOON + 15.0, 4.0, instrument=ETH),
        liquidated(NOON + 59.999, 8.0),
    ]
    outside = [liquidated(NOON - 0.001, 1.0), liquidated(NOON + 60.0, 1.0)]
    sums = await stored(database, *rows, *outside, liquidated(NOON, 1.0, instrument=BTC_ON_BYBIT))

    found = await sums.all_between([BTC, ETH], since=NOON, until=NOON + 60.0)

    assert found == (rows[1], rows[2], rows[0], rows[3])


async def test_recording_began_with_the_first_liquidation_or_the_watch_whichever_came_first(database: Database) -> None:
    sums = await stored(
        database,
        liquidated(NOON, 1.0),
        liquidated(NOON + 5.0, 1.0),
        liquidated(NOON - 50.0, 1.0, instrument=BTC_ON_BYBIT),
    )
    before_watching = await sums.recorded_since("binance")
    journal = BatchJournal(database)
    journal.alive("binance", NOON - 30.0, NOON + 9.0)
    await journal.flush()

    assert (before_watching, await sums.recorded_since("binance")) == (NOON, NOON - 30.0)


async def test_of_an_exchange_never_watched_nothing_is_recorded(database: Database) -> None:
    sums = await stored(database, liquidated(NOON, 1.0))

    assert await sums.recorded_since("bybit") is None


async def test_gaps_that_reach_into_the_span_are_found(database: Database) -> None:
    over = Gap("binance", NOON - 20.0, NOON, "no marks for 5 s")
    reaching = Gap("binance", NOON - 10.0, NOON + 1.0, "no marks for 5 s")
    within = Gap("binance", NOON + 3.0, NOON + 4.0, "closed")
    journal = BatchJournal(database)
    for gap in (within, reaching, over, Gap("bybit", NOON, NOON + 9.0, "closed")):
        journal.gap(gap)
    await journal.flush()

    assert await LiquidationSums(database).gaps_since("binance", NOON) == (reaching, within)


async def test_a_gap_without_an_end_reaches_into_every_span(database: Database) -> None:
    async with database.write("a gap that lasts") as connection:
        row = {"exchange": "binance", "start_at": NOON, "end_at": None, "cause": "closed"}
        await connection.execute(insert(FEED_GAPS), [row])

    assert await LiquidationSums(database).gaps_since("binance", NOON + 900.0) == (
        Gap("binance", NOON, None, "closed"),
    )


async def test_what_is_read_in_several_goes_is_whole_and_in_order(database: Database) -> None:
    kept = [liquidated(NOON + number, 1.0) for number in range(2 * READ_AT_ONCE + 1)]
    sums = await stored(database, *kept)

    assert await sums.all_between([BTC], since=NOON, until=NOON + 86_400.0) == tuple(kept)
