"""Candles over a real database and a real REST interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from liqalert.app.candles import FILLED_BACK_S, CandleDesk
from liqalert.core.market import Instrument, Mark
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_klines import NoKlines, parse_klines
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


async def test_missing_minutes_are_filled_up_in_pages_and_what_was_seen_stays(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    server.klines["BTCUSDT"] = [(T0 - FILLED_BACK_S + 60.0 * n, 50.0) for n in range(1440)]
    keeper.take([])
    await keeper.keep()
    keeper.take([mark(BTC, 100.0, T0 - 600.0)])
    await keeper.keep()

    keeper.fill_all()
    for _ in range(3):
        await keeper.fill()

    candles = await store.read(BTC, T0 - FILLED_BACK_S, T0)
    assert len(candles) == 1438
    assert [each.close for each in candles if each.close != 50.0] == [100.0]
    assert keeper.missing is None
    asked = len(server.rest_calls)
    keeper.fill_all()
    await keeper.fill()
    assert len(server.rest_calls) == asked


async def test_who_looks_further_back_is_given_more(
    store: CandleStore, rest: BinanceRest, server: BinanceServer
) -> None:
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    server.klines["ETHUSDT"] = [(T0 - 7 * 86_400.0 + 60.0 * n, 50.0) for n in range(7 * 1440)]

    keeper.look_at(ETH, T0 - 7 * 86_400.0)
    for _ in range(8):
        await keeper.fill()

    assert await store.count(ETH, T0 - 7 * 86_400.0, T0) == 7 * 1440 - 2


@pytest.mark.parametrize("status", [429, 418, 451, 500])
async def test_a_refusal_is_said_and_waited_for(
    store: CandleStore, rest: BinanceRest, server: BinanceServer, status: int
) -> None:
    clock = FakeClock(T0)
    keeper = desk(store, rest, clock)
    server.rest_status, server.rest_headers = status, {"Retry-After": "120"}
    keeper.fill_all()

    await keeper.fill()
    await keeper.fill()

    assert keeper.missing is not None
    assert f"HTTP {status}" in keeper.missing
    assert len(server.rest_calls) == 1
    server.rest_status, clock.at = None, T0 + 121.0
    server.klines["BTCUSDT"] = [(T0 - 600.0, 50.0)]
    await keeper.fill()
    assert keeper.missing is None


def test_rows_that_make_no_sense_are_left_out() -> None:
    rest_of_row = [0, "0", 0, 0, "0", "0", "0"]
    good = [1_795_392_000_000, "100.5", "101", "99", "100", *rest_of_row]
    bad = [[1, "1", "0.5", "1", "1"], [1, "nan", "1", "1", "1"], [1, "-1", "1", "-2", "1"], [1, "x", "1", "1", "1"]]

    found = parse_klines(msgspec.json.encode([good, *([*row, *rest_of_row] for row in bad)]))

    assert [(each.open_time, each.open, each.close) for each in found] == [(T0, 100.5, 100.0)]


@pytest.mark.parametrize("payload", [b"", b"{}", b"[[1]]", b'{"code":-1121}', b"\xff"])
def test_an_answer_that_is_no_list_of_klines_is_refused(payload: bytes) -> None:
    with pytest.raises(NoKlines):
        parse_klines(payload)
