"""The runner against a real server on loopback: alive only when proven, and never given up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from liqalert.clock import SystemClock
from liqalert.core.market import Instrument, Stream
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.recording import Recording
from liqalert.feeds.recording_reader import RecordingReader, recording_files
from tests.binance_server import BinanceServer
from tests.feeds.frames import liquidation_frame, mark_frame
from tests.feeds.rig import Sink, running, until

BTC = Instrument("binance", "BTCUSDT")


async def test_marks_prove_the_feed_alive_and_liquidations_arrive(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink):
        await server.wait_connected()
        server.mark_every(0.05)
        await until(lambda: sink.alive)
        await server.liquidate("测试USDT", "SELL", price=2.0, quantity=5)
        await until(lambda: len(sink.liquidations) == 1)

    [liquidation] = sink.liquidations
    assert (liquidation.instrument.symbol, liquidation.liquidated, liquidation.notional_usd) == (
        "测试USDT",
        "long",
        10.0,
    )
    assert {mark.instrument.symbol for mark in sink.marks} == {"BTCUSDT", "ETHUSDT"}
    assert (sink.status.problem, sink.status.reconnects, sink.status.gaps) == (None, 0, ())
    assert sink.status.latency_s is not None
    assert -0.1 < sink.status.latency_s < 1.0
    assert sink.status.mark_at is not None


async def test_sink_hears_that_the_feed_is_alive_before_the_marks(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    """And so does the recording, which replays in the order in which it was written."""
    sink = Sink()
    async with running(server.ws_url, session, sink, recorder=sink, watched_until=1_790_000_000.0):
        await server.wait_connected()
        await server.mark({"BTCUSDT": 60000})
        await until(lambda: bool(sink.marks))

    first = sink.order.index("marks")
    assert sink.order[first - 3 : first] == ["gap", "alive", "recorded"]
    assert (sink.gaps[0].start, sink.gaps[0].cause) == (1_790_000_000.0, "liqalert was not running")


async def test_what_is_new_in_the_messages_is_named(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink):
        await server.wait_connected()
        await server.send_raw(b'{"e":"markPriceUpdate","s":"BTCUSDT","p":"60000","E":1790526547000,"x":1}')
        await server.send_raw(b'{"e":"forceOrders","new":1}')
        await until(lambda: bool(sink.statuses) and len(sink.status.unknown) == 2)

    assert {*sink.status.unknown} == {"markPriceUpdate.x", "event forceOrders"}


async def test_a_mute_stream_is_a_gap_of_its_own_until_a_liquidation_comes(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink, silence_s=2.0) as runner:
        server.mark_every(0.05)
        await until(lambda: sink.alive)
        since = SystemClock().now() - 900.0
        runner.mute(since, "no liquidation came, though 14 were likely")
        assert (sink.alive, sink.status.mute_since) == (True, since)
        await server.liquidate("BTCUSDT", "SELL", price=60_000, quantity=1)
        await until(lambda: bool(sink.gaps))

    [gap] = sink.gaps
    assert (gap.stream, gap.start, gap.cause) == (
        Stream.LIQUIDATIONS,
        since,
        "no liquidation came, though 14 were likely",
    )
    assert sink.status.reconnects == 0


async def test_quiet_liquidations_are_no_reason_to_reconnect(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink, silence_s=2.0):
        server.mark_every(0.05)
        await until(lambda: len(sink.marks) > 20)

    assert sink.liquidations == []
    assert server.connections == 1


async def test_silence_ends_the_life_of_a_connected_feed(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink):
        server.mark_every(0.05)
        await until(lambda: sink.alive)
        server.stalled = True
        await until(lambda: not sink.alive)
        last_mark = sink.status.mark_at

        assert sink.status.problem == "Binance sent no mark price for 0.3 s: liqalert keeps trying."
        [gap] = sink.status.gaps
        assert (gap.start, gap.end, gap.cause) == (last_mark, None, "Binance sent no mark price for 0.3 s")

        await until(lambda: server.connections >= 2)
        server.stalled = False
        await until(lambda: sink.alive)

    [ended] = sink.gaps
    assert ended.start == last_mark
    assert ended.end is not None
    assert ended.end - ended.start >= 0.3
    assert sink.status.gaps == (ended,)
    assert sink.status.problem is None


async def test_liquidations_alone_do_not_keep_the_feed_alive(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()

    async def liquidate() -> None:
        while True:
            await server.liquidate("BTCUSDT", "BUY", price=60000, quantity=1)
            await asyncio.sleep(0.02)

    async with running(server.ws_url, session, sink):
        await server.wait_connected()
        await server.mark({"BTCUSDT": 60000})
        await until(lambda: sink.alive)
        task = asyncio.create_task(liquidate(), name="liquidations")
        await until(lambda: not sink.alive)
        task.cancel()

    assert sink.liquidations


async def test_cut_connection_is_made_again_and_leaves_a_gap(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink):
        server.mark_every(0.05)
        await until(lambda: sink.alive)
        await server.drop()
        await until(lambda: bool(sink.gaps))
        await until(lambda: sink.alive)

    [gap] = sink.gaps
    assert gap.cause == "the connection broke"
    assert sink.status.reconnects == 1
    assert server.connections == 2


async def test_table_in_two_frames_is_passed_on_whole(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink):
        await server.wait_connected()
        await server.mark({"BTCUSDT": 1.0, "ETHUSDT": 2.0, "TSLAUSDT": 3.0}, frames=2)
        await until(lambda: len(sink.marks) == 3)

    assert [len(frame.marks) for frame in sink.frames] == [2, 1]


async def test_unrouted_address_connects_and_is_never_alive(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    server.mark_every(0.02)
    async with running(server.unrouted_ws_url, session, sink):
        await until(lambda: server.connections >= 2)

    assert not any(status.alive for status in sink.statuses)
    assert sink.status.problem == (
        "Binance accepted the connection but sent no mark price within 0.3 s: check that binance.ws_url names the "
        "route that carries market data; liqalert keeps trying."
    )


async def test_status_is_repeated_while_nothing_changes(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    server.refusal = 451
    async with running(server.ws_url, session, sink):
        await until(lambda: len(sink.statuses) >= 4)

    assert server.attempts == 1


async def test_progress_moves_with_every_frame(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink) as runner:
        await server.wait_connected()
        begun = runner.progress_at
        await asyncio.sleep(0.01)
        await server.mark({"BTCUSDT": 1.0})
        await until(lambda: bool(sink.marks))

        assert runner.progress_at > begun
        assert runner.progress_at < runner.progress_due_at


async def test_what_comes_at_once_is_passed_on_at_once_and_in_order(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    """Liquidations of known instruments together, but never past marks, nor past what is no plain liquidation."""
    sink = Sink()
    async with running(server.ws_url, session, sink, recorder=sink) as runner:
        runner.took([liquidation_frame(), mark_frame({})], behind=False)
        sink.order.clear()
        sink.frames.clear()
        quantities = iter("123456789")
        plain, odd = [liquidation_frame(q=q, z=q) for q in quantities], liquidation_frame(s="ETHUSDT")
        marked = runner.took([*plain[:3], mark_frame({}), *plain[3:5], odd, *plain[5:]], behind=False)
        unmarked = runner.took([plain[0]], behind=False)

    assert (marked, unmarked) == (True, False)
    assert [len(frame.liquidations) for frame in sink.frames] == [3, 0, 2, 1, 4, 1]
    assert [each.quantity for each in sink.liquidations] == [1.0, 2.0, 3.0, 4.0, 5.0, 2.0, 6.0, 7.0, 8.0, 9.0, 1.0]
    recorded = [at for at, what in enumerate(sink.order) if what == "recorded"]
    assert len(recorded) == len(plain) + 3
    assert sink.order.index("marks") == recorded[3] + 1


async def test_recording_of_a_live_feed_replays_to_the_same_events(
    server: BinanceServer, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    sink = Sink()
    recording = Recording(tmp_path)
    async with running(server.ws_url, session, sink, recorder=recording):
        server.mark_every(0.02)
        await until(lambda: sink.alive)
        await server.liquidate("BTCUSDT", "SELL", price=60000, quantity=2)
        await server.send_raw(b"\xff")
        await until(lambda: sink.rejected("malformed") == 1)
    recording.close()

    parser = BinanceParser()
    replayed = [
        parser.parse(record.payload, record.received_time) for record in RecordingReader(recording_files(tmp_path))
    ]
    assert replayed == sink.frames
    assert sink.liquidations
