"""Two connections to the same stream: either may die, stall, lag or be replaced, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import aiohttp

from tests.binance_messages import MARKS, force_order, mark_rows, milliseconds
from tests.binance_server import BinanceServer, Client
from tests.feeds.rig import Sink, running, until


async def both(server: BinanceServer, sink: Sink) -> tuple[Client, Client]:
    server.mark_every(0.05)
    await until(lambda: sink.alive and sink.status.connected == 2)
    first, second = server.clients
    return first, second


async def test_both_are_open_and_every_message_counts_once(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink, connections=2):
        await both(server, sink)
        for number in range(20):
            await server.liquidate("BTCUSDT", "SELL", price=60_000 + number, quantity=1)
        await until(lambda: len(sink.liquidations) >= 20)
        await asyncio.sleep(0.1)

    assert sorted(item.price for item in sink.liquidations) == [60_000.0 + number for number in range(20)]
    assert (sink.status.connected, sink.status.connections) == (2, 2)


async def test_one_that_is_cut_leaves_no_gap_and_loses_nothing(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    # A machine that is busy for a moment is no silence.
    async with running(server.ws_url, session, sink, connections=2, silence_s=2.0) as runner:
        await both(server, sink)
        sent = 0
        for round_ in range(10):
            await server.clients[round_ % 2].socket.close()
            for _ in range(5):
                await server.liquidate("BTCUSDT", "SELL", price=60_000 + sent, quantity=1)
                sent += 1
            await until(lambda made=round_ + 1: runner.status.reconnects == made and runner.status.connected == 2)  # type: ignore[misc]
            # The new one has to prove itself before the other may go.
            await asyncio.sleep(0.15)
        await until(lambda: len({item.price for item in sink.liquidations}) == sent)

    assert sink.gaps == []
    assert all(status.alive for status in sink.statuses[sink.statuses.index(sink.status) :])
    assert not any(status.gaps for status in sink.statuses)
    assert sink.status.reconnects >= 10


async def test_one_that_falls_silent_is_replaced_and_the_feed_stays_alive(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink, connections=2, silence_s=2.0):
        first, _ = await both(server, sink)
        server.clients.remove(first)  # the stand-in no longer sends to it; the socket stays open
        await until(lambda: sink.status.reconnects == 1)
        await until(lambda: sink.status.connected == 2)

    assert sink.gaps == []
    alive_from = next(number for number, status in enumerate(sink.statuses) if status.alive)
    assert all(status.alive for status in sink.statuses[alive_from:])


async def test_when_both_are_gone_there_is_one_gap(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink, connections=2):
        await both(server, sink)
        await server.drop()
        await until(lambda: not sink.alive)
        await until(lambda: sink.alive and sink.status.connected == 2)

    assert len(sink.gaps) == 1


async def test_their_ends_never_coincide(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    """The first is replaced after about half of its life, and both after a whole one from then on."""
    sink = Sink()
    replaced_at: list[float] = []
    async with running(
        server.ws_url, session, sink, connections=2, lifetime_s=2.0, first_lifetime_s=1.0, silence_s=4.0
    ):
        await both(server, sink)
        async with asyncio.timeout(20):
            while len(replaced_at) < 3:
                if sink.status.reconnects > len(replaced_at):
                    replaced_at += [asyncio.get_running_loop().time()] * (sink.status.reconnects - len(replaced_at))
                await asyncio.sleep(0.005)

    assert all(later - earlier > 0.4 for earlier, later in pairwise(replaced_at))
    assert sink.gaps == []


async def test_what_a_lagging_connection_brings_late_changes_nothing(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink, connections=2):
        first, second = await both(server, sink)
        order = force_order("BTCUSDT", "SELL", price=60_000, quantity=1)
        server.clients.remove(second)
        await server.send_liquidation([order])
        await until(lambda: len(sink.liquidations) == 1)
        server.clients[:] = [second]
        await server.send_liquidation([order])
        await asyncio.sleep(0.1)
        server.clients[:] = [first, second]

    assert len(sink.liquidations) == 1


async def test_one_that_lags_by_minutes_is_replaced_and_no_latency_is_taken_from_it(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink, connections=2, silence_s=2.0):
        _, second = await both(server, sink)
        server.clients.remove(second)  # only what is below comes to it
        for _ in range(80):
            await second.send(MARKS[0], mark_rows(server.prices, milliseconds() - 90_000))
            if sink.status.reconnects:
                break
            await asyncio.sleep(0.05)

        await until(lambda: sink.status.reconnects == 1 and sink.status.connected == 2)

    assert sink.gaps == []
    assert all((status.latency_s or 0.0) < 10.0 for status in sink.statuses)
