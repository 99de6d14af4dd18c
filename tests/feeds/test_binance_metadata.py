"""The instrument lists: fetched at the start and when something is wanted, and done without when they cannot be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from liqalert.clock import SystemClock
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_metadata import BinanceMetadata
from liqalert.feeds.binance_rest import BinanceRest
from liqalert.feeds.recording import Recording
from liqalert.feeds.recording_reader import RecordingReader, recording_files
from tests.binance_server import BinanceServer
from tests.feeds.frames import liquidation_frame
from tests.feeds.rig import until

WITHOUT_SIZE = liquidation_frame(s="NEWUSD_PERP", st=2)


@asynccontextmanager
async def keeping(
    server: BinanceServer,
    session: aiohttp.ClientSession,
    parser: BinanceParser,
    *,
    recorder: Recording | None = None,
    soonest_s: float = 0.2,
) -> AsyncIterator[BinanceMetadata]:
    rest = BinanceRest(session, rest_url=server.rest_url, coin_rest_url=server.rest_url, timeout_s=1.0)
    metadata = BinanceMetadata(rest, parser, recorder=recorder, clock=SystemClock(), soonest_s=soonest_s, look_s=0.01)
    task = asyncio.create_task(metadata.run(), name="metadata")
    try:
        yield metadata
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled(), task


async def test_contract_sizes_are_learned_at_the_start(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    parser = BinanceParser()
    async with keeping(server, session, parser) as metadata:
        await until(lambda: bool(parser.contracts))

        assert parser.contracts == {"BTCUSD_PERP": 100.0, "ETHUSD_PERP": 10.0}
        assert metadata.missing == ()


async def test_lists_that_were_fetched_first_are_not_fetched_again_at_once(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    rest = BinanceRest(session, rest_url=server.rest_url, coin_rest_url=server.rest_url, timeout_s=1.0)
    metadata = BinanceMetadata(rest, BinanceParser(), recorder=None, clock=SystemClock(), look_s=0.01)
    await metadata.fetch_first(1.0)
    assert len(server.rest_calls) == 2

    task = asyncio.create_task(metadata.run(), name="metadata")
    await asyncio.sleep(0.1)
    task.cancel()

    assert len(server.rest_calls) == 2


async def test_lists_that_do_not_come_soon_are_fetched_later(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    parser, server.rest_delay_s = BinanceParser(), 30.0
    rest = BinanceRest(session, rest_url=server.rest_url, coin_rest_url=server.rest_url, timeout_s=1.0)
    metadata = BinanceMetadata(rest, parser, recorder=None, clock=SystemClock())
    await metadata.fetch_first(0.05)

    server.rest_delay_s = 0.0
    task = asyncio.create_task(metadata.run(), name="metadata")
    await until(lambda: bool(parser.contracts))
    task.cancel()

    assert metadata.missing == ()


async def test_wanted_symbol_is_fetched_soon_but_not_at_once(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    parser = BinanceParser()
    async with keeping(server, session, parser):
        await until(lambda: bool(parser.contracts))
        row = {"symbol": "NEWUSD_PERP", "contractSize": 10, "quoteAsset": "USD"}
        server.coin_exchange_info = {"symbols": [row]}
        assert parser.parse(WITHOUT_SIZE, 1.0).rejected == ("contract_size_unknown",)
        await asyncio.sleep(0.1)
        assert len(server.rest_calls) == 2
        await until(lambda: parser.wanted == ())

    assert parser.parse(WITHOUT_SIZE, 1.0).liquidations


async def test_nothing_wanted_means_nothing_fetched(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    parser = BinanceParser()
    async with keeping(server, session, parser, soonest_s=0.02):
        await until(lambda: bool(parser.contracts))
        await asyncio.sleep(0.2)

    assert server.rest_calls == ["/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"]


async def test_unreachable_rest_is_said_once_and_made_up_for(
    server: BinanceServer, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    parser = BinanceParser()
    server.rest_status = 503
    async with keeping(server, session, parser, soonest_s=0.02) as metadata:
        await until(lambda: len(server.rest_calls) >= 6)
        assert metadata.missing == (
            "Binance's COIN-M contract sizes could not be read: COIN-M liquidations may be left out "
            "(/dapi/v1/exchangeInfo: HTTP 503: try again later).",
            "Binance's USD-M instruments could not be read: quote assets are taken from the symbols "
            "(/fapi/v1/exchangeInfo: HTTP 503: try again later).",
        )
        server.rest_status = None
        await until(lambda: metadata.missing == ())

    warnings = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert warnings == ["instruments not read", "instruments not read"]


async def test_ban_is_waited_out_as_told(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    server.rest_status, server.rest_headers = 418, {"Retry-After": "600"}
    async with keeping(server, session, BinanceParser(), soonest_s=0.02) as metadata:
        await until(lambda: len(metadata.missing) == 2)
        await asyncio.sleep(0.2)

    assert len(server.rest_calls) == 1


async def test_senseless_answer_is_as_good_as_none(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    server.coin_exchange_info = ["sorry"]
    parser = BinanceParser()
    async with keeping(server, session, parser) as metadata:
        await until(lambda: len(server.rest_calls) == 2)
        await until(lambda: len(metadata.missing) == 1)

    assert parser.contracts == {}


async def test_answers_are_recorded_and_teach_a_replay_the_same(
    server: BinanceServer, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    recording = Recording(tmp_path)
    parser, replaying = BinanceParser(), BinanceParser()
    async with keeping(server, session, parser, recorder=recording) as metadata:
        await until(lambda: bool(parser.contracts))
    recording.close()

    records = list(RecordingReader(recording_files(tmp_path)))
    for record in records:
        replaying.learn(record.kind, record.payload)

    assert [record.kind for record in records] == ["exchangeInfo", "coin_exchangeInfo"]
    assert replaying.contracts == parser.contracts
    assert metadata.answers == tuple(sorted((record.kind, record.exchange, record.payload) for record in records))
