from __future__ import annotations

from liqalert.core.candles import Candle
from liqalert.storage.candles import CandleStore
from liqalert.storage.database import Database
from tests.storage.objects import BTC, CHINESE, ETH

T0 = 1_795_392_000.0


def candle(minute: int, close: float = 101.0) -> Candle:
    return Candle(T0 + minute * 60.0, 100.0, 102.0, 99.0, close)


async def test_candles_are_read_back_in_order_between_two_moments(database: Database) -> None:
    store = CandleStore(database)

    await store.save([(BTC, candle(3)), (BTC, candle(1)), (ETH, candle(2)), (BTC, candle(2)), (CHINESE, candle(2))])

    assert await store.read(BTC, T0 + 60.0, T0 + 180.0) == (candle(1), candle(2))
    assert await store.count(BTC, T0, T0 + 600.0) == 3


async def test_what_was_seen_takes_the_place_of_what_was_filled_up_and_not_the_other_way(database: Database) -> None:
    store = CandleStore(database)
    await store.fill_up([(BTC, candle(1, 50.0)), (BTC, candle(2, 50.0))])

    await store.save([(BTC, candle(1))])
    await store.fill_up([(BTC, candle(1, 70.0)), (BTC, candle(2, 70.0)), (BTC, candle(3, 70.0))])

    assert [each.close for each in await store.read(BTC, T0, T0 + 600.0)] == [101.0, 50.0, 70.0]


async def test_a_week_of_minutes_is_written_and_nothing_is_fine_too(database: Database) -> None:
    store = CandleStore(database)

    await store.fill_up([])
    await store.fill_up((BTC, candle(minute)) for minute in range(10_080))

    assert await store.count(BTC, T0, T0 + 7 * 86_400.0) == 10_080
