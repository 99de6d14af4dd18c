"""Open interest over a real connection: asked for once an hour, and again each day until it is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest

from liqalert.core.market import Instrument, OpenInterest
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_open_interest import OpenInterestDesk
from liqalert.feeds.binance_rest import BinanceRest
from tests.binance_server import BinanceServer
from tests.fakes import FakeClock

BTC = Instrument("binance", "BTCUSDT")
ETH = Instrument("binance", "ETHUSDT")


class Kept:
    def __init__(self) -> None:
        self.values: list[OpenInterest] = []

    async def save_open_interest(self, values: tuple[OpenInterest, ...]) -> None:
        self.values += values


@pytest.fixture
async def binance() -> AsyncIterator[BinanceServer]:
    async with BinanceServer() as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def desk(binance: BinanceServer, clock: FakeClock) -> AsyncIterator[OpenInterestDesk]:
    async with aiohttp.ClientSession() as session:
        rest = BinanceRest(session, rest_url=binance.rest_url, coin_rest_url=binance.rest_url)
        yield OpenInterestDesk(rest, BinanceParser(), store=Kept(), clock=clock, mark_price=lambda _: 60_000.0)


async def test_a_wanted_instrument_is_asked_for_once_an_hour(desk: OpenInterestDesk, clock: FakeClock) -> None:
    first = await desk.fetch_wanted([BTC])
    clock.at += 3599
    second = await desk.fetch_wanted([BTC])
    clock.at += 1
    third = await desk.fetch_wanted([BTC])

    assert [len(values) for values in (first, second, third)] == [1, 0, 1]


async def test_a_failure_of_binance_does_not_cost_an_hour(
    desk: OpenInterestDesk, binance: BinanceServer, clock: FakeClock
) -> None:
    binance.rest_status = 503
    failed = await desk.fetch_wanted([BTC])
    binance.rest_status = None
    clock.at += 59
    soon = await desk.fetch_wanted([BTC])
    clock.at += 1
    later = await desk.fetch_wanted([BTC])

    assert [len(values) for values in (failed, soon, later)] == [0, 0, 1]


async def test_a_symbol_that_binance_does_not_know_is_asked_for_once_an_hour(
    desk: OpenInterestDesk, binance: BinanceServer, clock: FakeClock
) -> None:
    unknown = Instrument("binance", "NOSUCHUSDT")
    await desk.fetch_wanted([unknown])
    clock.at += 3599
    await desk.fetch_wanted([unknown])

    assert len(binance.rest_calls) == 1


async def test_a_coin_margined_contract_is_not_asked_for_before_its_size_is_known(
    binance: BinanceServer, clock: FakeClock
) -> None:
    coin, parser = Instrument("binance", "BTCUSD_PERP"), BinanceParser()
    async with aiohttp.ClientSession() as session:
        rest = BinanceRest(session, rest_url=binance.rest_url, coin_rest_url=binance.rest_url)
        desk = OpenInterestDesk(rest, parser, store=Kept(), clock=clock, mark_price=lambda _: None)

        too_early = await desk.before_first_tick(["BTCUSD_PERP"])
        parser.learn("coin_exchangeInfo", msgspec.json.encode(binance.coin_exchange_info))
        [value] = await desk.fetch_wanted([coin])

    assert too_early == ()
    assert binance.rest_calls == ["/dapi/v1/openInterest?symbol=BTCUSD_PERP"]
    assert value.usd == 500_000_000.0


async def test_what_was_answered_before_the_first_tick_is_kept_and_the_rest_asked_for_soon(
    desk: OpenInterestDesk, binance: BinanceServer, clock: FakeClock
) -> None:
    binance.rest_delay_s = 3.0
    first = await desk.before_first_tick(["BTCUSDT", "ETHUSDT"])
    binance.rest_delay_s = 0.0
    clock.at += 60
    later = await desk.fetch_wanted([BTC, ETH])

    assert [value.instrument for value in first] == [BTC]
    assert [value.instrument for value in later] == [ETH]


async def test_a_new_day_is_asked_for_until_each_is_answered(
    desk: OpenInterestDesk, binance: BinanceServer, clock: FakeClock
) -> None:
    desk.renew([BTC, ETH])
    binance.rest_status = 503
    failed = await desk.fetch_wanted(())
    binance.rest_status = None
    clock.at += 3600
    answered = await desk.fetch_wanted(())
    clock.at += 3600

    assert failed == ()
    assert [value.instrument for value in answered] == [BTC, ETH]
    assert await desk.fetch_wanted(()) == ()


async def test_a_clock_that_was_set_back_does_not_stop_the_asking(desk: OpenInterestDesk, clock: FakeClock) -> None:
    await desk.fetch_wanted([BTC])
    clock.at += -86_400

    assert len(await desk.fetch_wanted([BTC])) == 1
