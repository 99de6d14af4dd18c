"""A connection that is replaced before the exchange cuts it."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.binance_server import BinanceServer
from tests.feeds.rig import Sink, running, until


async def test_planned_reconnect_is_no_gap(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    server.mark_every(0.02)
    async with running(server.ws_url, session, sink, lifetime_s=0.2, silence_s=2.0):
        await until(lambda: bool(sink.statuses) and sink.status.reconnects >= 2)

    assert all(status.alive for status in sink.statuses[1:])
    assert sink.gaps == []


async def test_planned_reconnect_of_the_only_connection_loses_nothing(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink, sent = Sink(), 0
    server.mark_every(0.02)
    server.handshake_s = 0.1
    async with running(server.ws_url, session, sink, lifetime_s=0.2, silence_s=2.0):
        await until(lambda: sink.alive)
        while sink.status.reconnects < 3:
            sent += 1
            await server.liquidate("BTCUSDT", "SELL", price=60_000 + sent, quantity=1)
            await asyncio.sleep(0.002)
        await until(lambda: len({item.price for item in sink.liquidations}) == sent)

    assert sink.gaps == []


@pytest.mark.parametrize("refusal", [502, 451])
async def test_planned_reconnect_that_is_refused_leaves_the_old_connection_at_work(
    server: BinanceServer, session: aiohttp.ClientSession, refusal: int
) -> None:
    sink = Sink()
    server.mark_every(0.02)
    async with running(server.ws_url, session, sink, lifetime_s=0.2, silence_s=2.0) as runner:
        await until(lambda: sink.alive)
        server.refusal = refusal
        await until(lambda: server.attempts >= 4)
        old_one = (server.connections, runner.status.connected, runner.status.alive)
        server.refusal = None
        await until(lambda: sink.status.reconnects >= 1)
        await until(lambda: sink.status.connected == 1)

    assert old_one == (1, 1, True)
    assert (sink.gaps, sink.status.gaps) == ([], ())


async def test_the_old_connection_may_end_while_the_next_is_refused(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    server.mark_every(0.02)
    async with running(server.ws_url, session, sink, lifetime_s=0.2, silence_s=2.0):
        await until(lambda: sink.alive)
        server.refusal = 502
        await until(lambda: server.attempts >= 3)
        await server.drop()
        await until(lambda: not sink.alive)
        server.refusal = None
        await until(lambda: sink.alive)

    assert len(sink.gaps) == 1


async def test_planned_reconnect_that_misses_marks_is_a_gap(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    server.mark_every(0.02)
    async with running(server.ws_url, session, sink, lifetime_s=0.2, silence_s=0.4):
        await until(lambda: sink.alive)
        server.stalled = True
        server.refusal = 502
        await server.liquidate("BTCUSDT", "BUY", price=1, quantity=1)
        await until(lambda: not sink.alive)
        server.stalled, server.refusal = False, None
        await until(lambda: bool(sink.gaps))

    assert sink.gaps[0].end is not None
