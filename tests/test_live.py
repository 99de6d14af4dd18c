"""A script sees clusters as they form: by a thread in the background, or in its own loop, over a real socket."""

from __future__ import annotations

import asyncio
import re
import time
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from threading import current_thread
from typing import Any

import pytest

from liqalert import (
    AsyncLiveLiquidationHeatmap,
    Clusters,
    LiquidationHunter,
    LiveLiquidation,
    LiveLiquidationHeatmap,
    NotLiveError,
    StaleDataWarning,
    UnknownSymbolError,
)
from liqalert.clock import SystemClock
from liqalert.hunter import LiveSource
from tests.binance_server import BinanceServer

SOON_S = 40.0
FAST: dict[str, Any] = {"update_interval": 0.2}


@pytest.fixture
async def binance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[BinanceServer]:
    """A lively exchange, to which the settings of this process lead."""
    monkeypatch.chdir(tmp_path)
    async with BinanceServer() as server:
        monkeypatch.setenv("LIQALERT_BINANCE__WS_URL", server.ws_url)
        monkeypatch.setenv("LIQALERT_BINANCE__REST_URL", server.rest_url)
        server.mark_every(0.1)
        yield server


async def in_thread(work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """As a script does: not in a running loop."""
    return await asyncio.to_thread(work, *arguments, **options)


async def until(holds: Callable[[], Any]) -> Any:
    async with asyncio.timeout(SOON_S):
        while not (found := holds()):
            await asyncio.sleep(0.02)
    return found


async def burst(binance: BinanceServer, symbol: str = "BTCUSDT", side: str = "SELL", price: float = 59_000.0) -> None:
    """Eight liquidations of 100,000 USD."""
    for step in range(8):
        await binance.liquidate(symbol, side, price=price + step, quantity=round(100_000 / price, 3))


def live(**options: Any) -> LiveLiquidationHeatmap:
    """Says nothing when a busy machine makes it blind for a moment, unless the test is about that."""
    return LiveLiquidationHeatmap(**{**FAST, "when_blind": "ignore", **options})


@asynccontextmanager
async def streaming(
    symbols: Sequence[str] | None = None, heatmap: LiveLiquidationHeatmap | None = None
) -> AsyncIterator[LiveLiquidationHeatmap]:
    """A heatmap that is proven alive. Stopped apart from this loop, in which the exchange says goodbye."""
    heatmap = heatmap or live()
    heatmap.start_stream(symbols)
    try:
        await in_thread(heatmap.wait_until_live, SOON_S)
        yield heatmap
    finally:
        await in_thread(heatmap.stop_stream)


async def test_clusters_of_what_was_streamed(binance: BinanceServer) -> None:
    async with streaming(["BTCUSDT", "ETHUSDT"]) as heatmap:
        await burst(binance)
        clusters = await until(lambda: heatmap.get_clusters("BTC/USDT:USDT"))

        [cluster] = clusters
        assert (cluster.symbol, cluster.side, cluster.liquidation_count) == ("BTCUSDT", "long", 8)
        assert (cluster.price_low, cluster.price_high) == (59_000.0, 59_007.0)
        assert 59_000.0 < cluster.price_level < 59_007.0
        assert cluster.total_notional == pytest.approx(800_000, rel=0.01)
        assert cluster.distance_from_price == pytest.approx((60_000 - cluster.price_level) / 600)
        assert cluster.calibrated
        assert 0.0 < cluster.strength < 1.0
        assert (clusters.alive, clusters.problem, clusters.price) == (True, None, 60_000.0)
        assert clusters.as_of is not None
        assert abs(clusters.as_of.timestamp() - time.time()) < 5.0  # noqa: TID251 - what a script would compare it with
        assert heatmap.get_clusters("ethusdt") == []


async def test_a_cluster_keeps_its_id_as_it_grows_and_is_shown_from_its_least_size_on(
    binance: BinanceServer,
) -> None:
    async with streaming(["btc"], heatmap=live(min_cluster_size=9)) as heatmap:
        await burst(binance)
        before = await until(lambda: heatmap._watch and heatmap._watch.board.snapshot.sides)
        shown_too_early = heatmap.get_clusters("btc")
        await binance.liquidate("BTCUSDT", "SELL", price=59_100.0, quantity=1)
        [after] = await until(lambda: heatmap.get_clusters("btc"))

    [[engine_cluster]] = before.values()
    assert shown_too_early == []
    assert (after.cluster_id, after.liquidation_count) == (engine_cluster.id, 9)


async def test_only_what_was_named_is_streamed_and_the_rest_is_refused_in_a_sentence(binance: BinanceServer) -> None:
    async with streaming("BTCUSDT") as heatmap:
        await burst(binance, "ETHUSDT", price=3000.0)
        await burst(binance)
        await until(lambda: heatmap.get_clusters("BTCUSDT"))

        assert heatmap._watch is not None
        assert {instrument.symbol for instrument in heatmap._watch.board.snapshot.marks} == {"BTCUSDT"}
        with pytest.raises(UnknownSymbolError, match=r"ETHUSDT is not streamed: name it in start_stream"):
            heatmap.get_clusters("ETHUSDT")
        with pytest.raises(UnknownSymbolError, match=r"'BTCUSTD' is not known here: is it BTCUSDT"):
            heatmap.get_clusters("BTCUSTD")
        with pytest.raises(RuntimeError, match=r"BTCUSDT are being streamed already: call stop_stream\(\)"):
            heatmap.start_stream(["ETHUSDT"])


async def test_a_price_told_stands_until_a_newer_mark_arrives(binance: BinanceServer) -> None:
    async with streaming() as heatmap:
        await burst(binance)
        await until(lambda: heatmap.get_clusters("BTCUSDT"))
        binance.stalled = True
        await until(lambda: (heatmap.status().age or timedelta()) > timedelta(seconds=0.3))
        heatmap.update_price("BTC/USDT", 61_000.0)
        told = heatmap.get_clusters("BTCUSDT")
        binance.stalled = False
        await until(lambda: heatmap.get_clusters("BTCUSDT").price == 60_000.0)
        with pytest.raises(ValueError, match="price is -1: give a number above 0"):
            heatmap.update_price("BTCUSDT", -1)

    assert told.price == 61_000.0
    assert told[0].distance_from_price == pytest.approx((61_000 - told[0].price_level) / 610)


async def test_the_price_of_one_pepe_is_no_price_of_1000pepe(binance: BinanceServer) -> None:
    binance.prices["1000PEPEUSDT"] = 0.0123
    async with streaming(["PEPE/USDT"]) as heatmap:
        hunter = LiquidationHunter(min_cluster_strength=0.0)
        hunter.set_data_source(live_heatmap=heatmap)
        for ask in (
            lambda: hunter.generate_signal("PEPE/USDT", 0.0000123),
            lambda: heatmap.update_price("pepe", 0.0000123),
            lambda: heatmap.get_best_cluster("PEPEUSDT", 0.0000123),
        ):
            with pytest.raises(ValueError, match=r"1000PEPEUSDT is priced per 1,000 and is at 0\.0123: give 0\.0123"):
                ask()


async def test_the_best_cluster_is_one_that_price_can_move_toward(binance: BinanceServer) -> None:
    async with streaming() as heatmap:
        await burst(binance, side="SELL", price=58_000.0)
        await burst(binance, side="BUY", price=63_000.0)
        await until(lambda: len(heatmap.get_clusters("BTCUSDT")) == 2)
        below = heatmap.get_best_cluster("BTCUSDT", 59_000.0, min_strength=0.0)
        above = heatmap.get_best_cluster("BTCUSDT", current_price=57_000.0, min_strength=0.0)
        by_mark = heatmap.get_best_cluster("BTCUSDT", min_strength=0.0)
        none = heatmap.get_best_cluster("BTCUSDT", min_strength=0.999)

    assert below is not None
    assert above is not None
    assert by_mark is not None
    assert (below.side, above.side, by_mark.side, none) == ("long", "short", "long", None)
    assert by_mark.distance_from_price == pytest.approx((60_000 - by_mark.price_level) / 600)


async def test_callbacks_are_told_in_a_thread_of_their_own_and_may_fail(binance: BinanceServer) -> None:
    told: list[LiveLiquidation] = []
    shown: dict[str, Clusters] = {}
    threads = set()
    heatmap = live()

    @heatmap.on_liquidation
    def fail(liquidation: LiveLiquidation) -> None:
        raise KeyError(liquidation.symbol)

    @heatmap.on_liquidation
    def note(liquidation: LiveLiquidation) -> None:
        told.append(liquidation)
        threads.add(current_thread().name)

    @heatmap.on_clusters
    def show(symbol: str, clusters: Clusters) -> None:
        if clusters:
            shown[symbol] = clusters

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with streaming(heatmap=heatmap):
            await burst(binance)
            await until(lambda: len(told) == 8 and shown)
        notes = heatmap.status().notes

    assert (told[0].symbol, told[0].side, told[0].price) == ("BTCUSDT", "long", 59_000.0)
    assert told[0].notional_usd == pytest.approx(100_000, rel=0.01)
    assert threads == {"liqalert callbacks"}
    assert shown["BTCUSDT"][0].side == "long"
    assert notes == ("a callback raised KeyError 8 times",)
    assert [str(each.message) for each in warned] == [
        "a callback raised KeyError('BTCUSDT'): it is called again all the same; see status().notes"
    ]


async def test_a_callback_may_follow_another_symbol_and_is_called_for_that_one(binance: BinanceServer) -> None:
    told: list[str] = []
    heatmap = live()

    @heatmap.on_liquidation
    def follow(liquidation: LiveLiquidation) -> None:
        if liquidation.symbol not in told:
            told.append(liquidation.symbol)
        if liquidation.symbol == "BTCUSDT":
            heatmap.stop_stream()
            heatmap.start_stream(["ETHUSDT"])

    async with streaming(["BTCUSDT"], heatmap):
        await binance.liquidate("BTCUSDT", "SELL", price=59_000.0, quantity=1)
        await until(lambda: heatmap._symbols == ("ETHUSDT",) and heatmap._running())
        await in_thread(heatmap.wait_until_live, SOON_S)
        await burst(binance, "ETHUSDT", price=2_900.0)
        await until(lambda: told == ["BTCUSDT", "ETHUSDT"])


async def test_a_feed_that_falls_silent_is_told_once_for_each_outage(binance: BinanceServer) -> None:
    async with streaming(heatmap=live(when_blind="warn")) as heatmap:
        await burst(binance)
        await until(lambda: heatmap.get_clusters("BTCUSDT"))
        binance.stalled = True
        await until(lambda: not heatmap.status().alive)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            stale = heatmap.get_clusters("BTCUSDT")
            heatmap.get_clusters("BTCUSDT")
            heatmap.get_best_cluster("BTCUSDT")
        status = heatmap.status()
        binance.stalled = False
        await until(lambda: heatmap.status().problem is None)
        back = heatmap.get_clusters("BTCUSDT")

    assert [each.category for each in warned] == [StaleDataWarning]
    assert re.match(r"not proven alive, what is known is as of .* UTC: Binance sent no mark", str(warned[0].message))
    assert warned[0].filename == __file__
    assert (stale.alive, len(stale), back.alive, back.problem) == (False, 1, True, None)
    assert stale.problem is not None
    assert stale.problem == status.problem
    assert status.age is not None
    assert status.age.total_seconds() > 4.0
    assert [gap.end for gap in status.gaps] == [None]
    assert heatmap.status().gaps[0].end is not None


async def test_what_was_seen_before_a_stop_is_kept_and_the_time_between_is_a_gap(binance: BinanceServer) -> None:
    async with streaming() as heatmap:
        await burst(binance)
        [before] = await until(lambda: heatmap.get_clusters("BTCUSDT"))
        await in_thread(heatmap.stop_stream)
        stopped, status = heatmap.get_clusters("BTCUSDT"), heatmap.status()
        with pytest.raises(NotLiveError, match="The stream was stopped"):
            await in_thread(heatmap.wait_until_live, SOON_S)
        await in_thread(heatmap.start_stream)
        await in_thread(heatmap.wait_until_live, SOON_S)
        [after] = await until(lambda: heatmap.get_clusters("BTCUSDT"))
        gaps = heatmap.status().gaps

    assert (stopped.alive, status.alive, status.running) == (False, False, False)
    assert stopped[0].cluster_id == after.cluster_id == before.cluster_id
    assert [gap.cause for gap in gaps] == ["liqalert was not running"]


async def test_with_other_symbols_watching_begins_anew_and_what_was_seen_is_kept(binance: BinanceServer) -> None:
    async with streaming(["BTCUSDT"]) as heatmap:
        await burst(binance)
        [before] = await until(lambda: heatmap.get_clusters("BTCUSDT"))
        first = heatmap.status().watching_since
        await in_thread(heatmap.stop_stream)
        stopped_at = heatmap.status().as_of
        await in_thread(heatmap.start_stream, ["btc", "ETHUSDT"])
        await in_thread(heatmap.wait_until_live, SOON_S)
        [after] = heatmap.get_clusters("BTCUSDT")
        with_another = heatmap.status().watching_since
        await in_thread(heatmap.stop_stream)
        await in_thread(heatmap.start_stream, ["ETH/USDT"])
        await in_thread(heatmap.wait_until_live, SOON_S)
        with_fewer = heatmap.status().watching_since

    assert (before.cluster_id, before.calibrated) == (after.cluster_id, after.calibrated)
    assert first is not None
    assert with_another is not None
    assert stopped_at is not None
    assert first < stopped_at < with_another
    assert with_fewer == with_another


async def test_a_clock_that_jumps_ages_nothing_and_is_told_of(
    binance: BinanceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_s = 0.0
    monkeypatch.setattr(SystemClock, "now", lambda self: time.time() + ahead_s)  # noqa: TID251 - the machine's
    async with streaming() as heatmap:
        await burst(binance)
        [before] = await until(lambda: heatmap.get_clusters("BTCUSDT"))
        ahead_s = 13 * 3600.0
        [note] = await until(lambda: heatmap.status().notes)
        await until(lambda: heatmap.get_clusters("BTCUSDT").as_of > before.as_of)
        during = heatmap.get_clusters("BTCUSDT")
        ahead_s = 0.0
        await until(lambda: not heatmap.status().notes)
        after = heatmap.get_clusters("BTCUSDT")

    assert note == "this machine's clock is 46800 s ahead of what Binance says, and is not followed: set it right"
    for clusters in (during, after):
        assert [cluster.liquidation_count for cluster in clusters] == [8]
        assert clusters.alive
        assert clusters[0].total_notional == pytest.approx(before.total_notional, rel=0.02)


async def test_eight_threads_ask_and_tell_while_liquidations_come_in(binance: BinanceServer) -> None:
    heatmap = live()
    seen: list[int] = []

    def use(number: int) -> None:
        ends_at = time.monotonic() + 2.0
        while time.monotonic() < ends_at:
            heatmap.update_price("BTCUSDT", 60_000.0 + number)
            clusters = heatmap.get_clusters(("BTCUSDT", "btc", "BTC/USDT", "BTC/USDT:USDT")[number % 4])
            clusters.clear()
            seen.append(len(heatmap.get_clusters("BTCUSDT")))
            heatmap.get_best_cluster("BTCUSDT", min_strength=0.0)
            heatmap.status()
            heatmap.start_stream()

    async with streaming(heatmap=heatmap):
        with ThreadPoolExecutor(8) as threads:
            using = [asyncio.wrap_future(threads.submit(use, number)) for number in range(8)]
            while not all(one.done() for one in using):
                await burst(binance, price=59_000.0)
                await asyncio.sleep(0.05)
            await asyncio.gather(*using)
        [cluster] = heatmap.get_clusters("BTCUSDT")

    assert max(seen) == 1
    assert (cluster.side, heatmap.status().notes) == ("long", ())


async def test_in_a_running_loop_the_first_answer_does_not_wait(binance: BinanceServer) -> None:
    heatmap = live(when_blind="warn")
    heatmap.start_stream()
    with pytest.warns(StaleDataWarning, match="nothing is known yet"):
        clusters = heatmap.get_clusters("BTCUSDT")
    await until(lambda: heatmap.get_clusters("BTCUSDT").alive)
    await in_thread(heatmap.stop_stream)

    assert (clusters, clusters.alive, clusters.as_of) == ([], False, None)


async def test_elsewhere_the_first_answer_waits_for_the_first_picture(binance: BinanceServer) -> None:
    heatmap = live()
    heatmap.start_stream()
    clusters = await in_thread(heatmap.get_clusters, "BTCUSDT")
    await in_thread(heatmap.stop_stream)

    assert (clusters, clusters.alive) == ([], True)
    assert clusters.as_of is not None


async def test_the_async_twin_streams_in_the_loop_and_awaits_its_callbacks(binance: BinanceServer) -> None:
    told: list[str] = []
    async with AsyncLiveLiquidationHeatmap(**FAST) as heatmap:

        @heatmap.on_liquidation
        async def note(liquidation: LiveLiquidation) -> None:
            await asyncio.sleep(0)
            told.append(liquidation.symbol)

        await heatmap.start_stream(["BTCUSDT"])
        await heatmap.wait_until_live(SOON_S)
        await burst(binance)
        [cluster] = await until(lambda: heatmap.get_clusters("BTCUSDT"))
        await until(lambda: len(told) == 8)
        running = heatmap.status().running
    with pytest.warns(StaleDataWarning, match="stream was stopped"):
        heatmap.get_clusters("BTCUSDT")

    assert (cluster.liquidation_count, set(told), running) == (8, {"BTCUSDT"}, True)
    assert not heatmap.status().running


async def test_a_callback_of_the_async_twin_may_follow_another_symbol_too(binance: BinanceServer) -> None:
    told: list[str] = []
    async with AsyncLiveLiquidationHeatmap(**FAST) as heatmap:

        @heatmap.on_liquidation
        async def follow(liquidation: LiveLiquidation) -> None:
            told.append(liquidation.symbol)
            if liquidation.symbol == "BTCUSDT":
                await heatmap.stop_stream()
                await heatmap.start_stream(["ETHUSDT"])

        await heatmap.start_stream(["BTCUSDT"])
        await heatmap.wait_until_live(SOON_S)
        await binance.liquidate("BTCUSDT", "SELL", price=59_000.0, quantity=1)
        await until(lambda: heatmap._symbols == ("ETHUSDT",))
        await heatmap.wait_until_live(SOON_S)
        await binance.liquidate("ETHUSDT", "SELL", price=2_900.0, quantity=1)
        await until(lambda: told == ["BTCUSDT", "ETHUSDT"])

    left = {task.get_name() for task in asyncio.all_tasks()}
    assert not {name for name in left if name.startswith("liqalert")}


async def test_a_hunter_stops_the_stream_that_it_has_started(binance: BinanceServer) -> None:
    hunter = LiquidationHunter(min_cluster_strength=0.0)
    hunter.set_data_source("live_binance", symbols=["BTCUSDT"])
    source = hunter._source
    assert isinstance(source, LiveSource)
    first = await in_thread(hunter.generate_signal, "BTC/USDT:USDT", 60_000.0)
    await burst(binance, side="BUY", price=61_000.0)
    signal, strength, cluster = await until(lambda: _signal(hunter))
    running = source._heatmap.status().running
    await in_thread(hunter.close)

    assert first == (0, 0.0, None)
    assert (signal, cluster.side, running) == (1, "short", True)
    assert strength == pytest.approx(cluster.strength * (1 - cluster.distance_from_price / 10))
    assert not source._heatmap.status().running


def _signal(hunter: LiquidationHunter) -> Any:
    found = hunter.generate_signal("BTCUSDT", 60_000.0)
    return found if found[0] else None


# ---------------------------------------------------------------- where nothing can be seen


@pytest.fixture
def closed_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unused_tcp_port: int) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIQALERT_BINANCE__WS_URL", f"ws://127.0.0.1:{unused_tcp_port}/market")
    monkeypatch.setenv("LIQALERT_BINANCE__REST_URL", f"http://127.0.0.1:{unused_tcp_port}")


@pytest.mark.usefixtures("closed_network")
def test_a_closed_network_is_a_clear_error_and_never_a_quiet_market() -> None:
    with live(when_blind="warn") as heatmap:
        heatmap.start_stream()
        with pytest.raises(NotLiveError, match=r"not proven alive within 2 s: 127\.0\.0\.1:\d+ cannot be reached"):
            heatmap.wait_until_live(2)
        with pytest.warns(StaleDataWarning, match=r"nothing is known yet: 127\.0\.0\.1:\d+ cannot be reached"):
            clusters = heatmap.get_clusters("BTCUSDT")

    assert (clusters, clusters.alive, clusters.as_of) == ([], False, None)
    assert "not alive: 127.0.0.1" in repr(clusters)


@pytest.mark.usefixtures("closed_network")
async def test_the_async_twin_says_so_too() -> None:
    async with AsyncLiveLiquidationHeatmap(when_blind="raise") as heatmap:
        await heatmap.start_stream()
        with pytest.raises(NotLiveError, match="cannot be reached"):
            await heatmap.wait_until_live(2)
        with pytest.raises(NotLiveError, match="cannot be reached"):
            heatmap.get_clusters("BTCUSDT")


def test_a_mistake_in_the_settings_is_told_by_whoever_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIQALERT_BINANCE__WS_URL", "wss://fstream.binance.com/ws")
    with live() as heatmap:
        heatmap.start_stream()
        with pytest.raises(NotLiveError, match=r"binance\.ws_url .*environment variable LIQALERT_BINANCE__WS_URL"):
            heatmap.wait_until_live(SOON_S)
        assert not heatmap.status().running


def test_without_a_stream_the_answer_says_what_to_do() -> None:
    heatmap = live(when_blind="warn")

    with pytest.warns(StaleDataWarning, match=r"No stream was started: call start_stream\(\)"):
        assert heatmap.get_clusters("BTCUSDT") == []
    with pytest.raises(NotLiveError, match="No stream was started"):
        heatmap.wait_until_live(1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cluster_window_pct": 2.0}, "cluster_window_pct is 2.0: give 0.001 to 0.1 (it is a fraction, 0.02 for 2 %)"),
        ({"min_cluster_size": 0}, "min_cluster_size is 0: give 1 to 1000 (it is a number of liquidations)"),
        ({"time_decay_minutes": float("nan")}, "time_decay_minutes is nan: give 1 to 1440"),
        ({"update_interval": 0}, "update_interval is 0: give 0.1 to 60 (it is in seconds)"),
        ({"strength": "loud"}, "strength is 'loud': give one of 'absolute', 'relative'"),
        ({"when_blind": "shout"}, "when_blind is 'shout': give one of 'warn', 'raise', 'ignore'"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match="give") as refused:
        LiveLiquidationHeatmap(**options)

    assert sentence in str(refused.value)


def test_no_symbols_at_all_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="symbols is empty: name some, or leave it out for all there are"):
        live().start_stream([])
