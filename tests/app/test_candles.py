"""Candles over a real database and a real REST interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from liqalert.app.candles import FILLED_BACK_S, MOST_WAITING, CandleDesk
from liqalert.core.market import Gap, Instrument, Mark
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_rest import BinanceRest
from liqalert.storage.candles import CandleStore
from liqalert.storage.database import Database
from liqalert.storage.schema import prepare
from tests.binance_server import BinanceServer
from tests.fakes import FakeClock

BTC, ETH = Instrument("binance", "BTCUSDT"), Instrument("binance", "ETHUSDT")
T0 = 1_795_392_000.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[CandleStore]:
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db", busy_timeout_s=0.1) as database:
        await prepare(database)
        yield CandleStore(database)


@pytest.fixture
async def server() -> AsyncIterator[BinanceServer]:
    async with BinanceServer() as server:
        yield server


@pytest.fixture
async def rest(server: BinanceServer) -> AsyncIterator[BinanceRest]:
    async with aiohttp.ClientSession() as session:
        yield BinanceRest(session, rest_url=server.rest_url, coin_rest_url=server.rest_url)


def desk(store: CandleStore, rest: BinanceRest, clock: FakeClock) -> CandleDesk:
    return CandleDesk(store, rest, BinanceParser(), clock=clock, watched=lambda: [BTC])


def mark(instrument: Instrument, price: float, at: float) -> Mark:
    return Mark(instrument, price, at, at)


def see(keeper: CandleDesk, opened: float, *, price: float = 100.0, seconds: range = range(0, 60, 10)) -> None:
    """Marks of BTC in the minute that opens at `opened`."""
    keeper.take([mark(BTC, price, opened + second) for second in seconds])


async def closes(store: CandleStore, since: float, until: float) -> list[float]:
    return [candle.close for candle in await store.read(BTC, since, until)]


async def test_minutes_of_watched_instruments_are_kept(store: CandleStore, rest: BinanceRest) -> None:
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    await keeper.keep()
    for second, price in ((0, 100.0), (20, 103.0), (40, 99.0), (59, 101.0), (61, 102.0)):
        keeper.take([mark(BTC, price, T0 + second), mark(ETH, price, T0 + second)])

    clock.at = T0 + 65.0
    await keeper.keep()

    [candle] = await store.read(BTC, T0, T0 + 600.0)
    assert (candle.open, candle.high, candle.low, candle.close) == (100.0, 103.0, 99.0, 101.0)
    assert await store.count(ETH, T0, T0 + 600.0) == 0


async def test_what_the_database_refuses_is_kept_in_memory_and_shown(rest: BinanceRest, tmp_path: Path) -> None:
    clock = FakeClock(T0)
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/refusing.db", busy_timeout_s=0.1) as database:
        store = CandleStore(database)
        keeper = desk(store, rest, clock)
        await keeper.keep()
        see(keeper, T0)
        clock.at = T0 + 60.0
        await keeper.keep()
        kept = keeper.book.unwritten(BTC)
        await prepare(database)

        await keeper.keep()

        assert [candle.open_time for candle in kept] == [T0]
        assert await closes(store, T0, T0 + 60.0) == [100.0]
        assert keeper.book.unwritten(BTC) == ()


async def test_minutes_beyond_the_bound_are_counted_and_asked_for_once_the_database_writes(
    rest: BinanceRest, server: BinanceServer, tmp_path: Path
) -> None:
    clock = FakeClock(T0)
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/refusing.db", busy_timeout_s=0.1) as database:
        store = CandleStore(database)
        keeper = desk(store, rest, clock)
        await keeper.keep()
        for minute in range(MOST_WAITING + 2):
            see(keeper, T0 + 60.0 * minute, seconds=range(0, 60, 59))
        clock.at = T0 + 60.0 * (MOST_WAITING + 2)
        await keeper.keep()
        counted = keeper.waiting, keeper.dropped
        await prepare(database)
        server.klines["BTCUSDT"] = [(T0, 7.0), (T0 + 60.0, 8.0)]

        await keeper.keep()
        await keeper.fill()

        assert counted == (MOST_WAITING, 2)
        assert keeper.waiting == 0
        assert (await closes(store, T0, T0 + 180.0))[:2] == [7.0, 8.0]


async def test_missing_minutes_are_filled_up_and_what_was_seen_stays(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    server.klines["BTCUSDT"] = [(T0 - FILLED_BACK_S + 60.0 * n, 50.0) for n in range(1440)]
    await keeper.keep()
    see(keeper, T0 - 600.0)
    await keeper.keep()

    keeper.fill_all()
    await keeper.fill()

    candles = await closes(store, T0 - FILLED_BACK_S, T0)
    assert len(candles) == 1439
    assert [close for close in candles if close != 50.0] == [100.0]
    assert keeper.missing is None
    asked = len(server.rest_calls)
    keeper.fill_all()
    await keeper.fill()
    assert len(server.rest_calls) == asked


async def test_the_minute_of_the_start_is_filled_up_once_it_has_ended(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    clock = FakeClock(T0 + 40.0)
    keeper = desk(store, rest, clock)
    server.klines["BTCUSDT"] = [(T0 - 120.0 + 60.0 * n, 50.0) for n in range(10)]
    keeper.fill_all()
    see(keeper, T0, seconds=range(40, 60, 5))
    see(keeper, T0 + 60.0)

    for now in (T0 + 40.0, T0 + 65.0, T0 + 125.0, T0 + 185.0):
        clock.at = now
        await keeper.keep()
        await keeper.fill()

    assert await closes(store, T0 - 120.0, T0 + 300.0) == [50.0, 50.0, 50.0, 100.0]


async def test_a_minute_that_was_not_seen_whole_is_replaced_by_the_exchange_s_own(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    """Marks stopped for half a minute, which no gap of the feed has told."""
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    server.klines["BTCUSDT"] = [(T0 + 60.0 * n, 50.0) for n in range(3)]
    await keeper.keep()
    see(keeper, T0)
    see(keeper, T0 + 60.0, seconds=range(0, 30, 10))
    see(keeper, T0 + 120.0)

    clock.at = T0 + 180.0
    await keeper.keep()
    before = await closes(store, T0, T0 + 180.0)
    await keeper.fill()

    assert before == [100.0, 100.0, 100.0]
    assert await closes(store, T0, T0 + 180.0) == [100.0, 50.0, 100.0]


async def test_a_minute_that_an_earlier_run_has_seen_in_part_is_replaced_after_a_restart(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    """The network was gone, and whoever saw that started liqalert again."""
    clock = FakeClock(T0)
    earlier = desk(store, rest, clock)
    await earlier.keep()
    see(earlier, T0)
    see(earlier, T0 + 60.0, seconds=range(0, 30, 10))
    clock.at = T0 + 130.0
    await earlier.keep()
    server.klines["BTCUSDT"] = [(T0 + 60.0 * n, 50.0) for n in range(10)]
    clock.at = T0 + 300.0
    keeper = desk(store, rest, clock)

    keeper.fill_all([Gap("binance", T0 + 80.0, T0 + 299.0, "liqalert was not running")])
    await keeper.fill()

    assert await closes(store, T0, T0 + 240.0) == [100.0, 50.0, 50.0, 50.0]


async def test_who_looks_further_back_is_given_more_however_often_they_look(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    server.klines["ETHUSDT"] = [(T0 - 7 * 86_400.0 + 60.0 * n, 50.0) for n in range(7 * 1440)]

    for round_number in range(10):
        keeper.look_at(ETH, T0 - 7 * 86_400.0 + 60.0 * round_number)
        await keeper.fill()

    assert await store.count(ETH, T0 - 7 * 86_400.0, T0) == 7 * 1440 - 1
    assert len(server.rest_calls) == 7


async def test_what_the_exchange_does_not_have_is_asked_for_once(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    """An instrument that was listed an hour ago has no candles before."""
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    server.klines["ETHUSDT"] = [(T0 - 3600.0 + 60.0 * n, 50.0) for n in range(60)]

    for _ in range(5):
        keeper.look_at(ETH, T0 - 86_400.0)
        await keeper.fill()

    assert await store.count(ETH, T0 - 86_400.0, T0) == 59
    assert len(server.rest_calls) == 1


async def test_an_instrument_that_the_exchange_does_not_know_holds_up_no_other(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    server.klines["BTCUSDT"] = [(T0 - 600.0, 50.0)]
    server.rest_status = 400
    keeper.look_at(ETH, T0 - 3600.0)
    await keeper.fill()
    server.rest_status = None

    keeper.look_at(BTC, T0 - 3600.0)
    await keeper.fill()

    assert keeper.missing is None
    assert await closes(store, T0 - 3600.0, T0) == [50.0]


async def test_after_a_refusal_another_instrument_comes_first(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    keeper.look_at(ETH, T0 - 3600.0)
    keeper.look_at(BTC, T0 - 3600.0)
    server.rest_status = 503
    await keeper.fill()
    server.rest_status, clock.at = None, T0 + 61.0

    await keeper.fill()

    asked = ["ETHUSDT" if "ETHUSDT" in str(call) else "BTCUSDT" for call in server.rest_calls]
    assert asked == ["ETHUSDT", "BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize("status", [429, 418, 451, 500])
async def test_a_refusal_is_said_and_waited_for(
    store: CandleStore, rest: BinanceRest, server: BinanceServer, status: int
) -> None:
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    server.rest_status, server.rest_headers = status, {"Retry-After": "1"}
    keeper.fill_all()

    await keeper.fill()
    await keeper.fill()

    assert keeper.missing is not None
    assert f"HTTP {status}" in keeper.missing
    assert len(server.rest_calls) == 1
    server.rest_status = None
    server.klines["BTCUSDT"] = [(T0 - 600.0, 50.0)]
    async with asyncio.timeout(60):
        # The second that was asked for passes in the machine's time, the desk's own pause in that of its clock.
        while keeper.missing is not None:
            await asyncio.sleep(0.05)
            clock.at += 61.0
            await keeper.fill()
