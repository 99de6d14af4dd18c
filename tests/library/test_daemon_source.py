"""A hunter asks a liqalert that runs: what it answers, and what it cannot."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest

from liqalert import DataSourceError, LiquidationHunter, NotLiveError, StaleDataWarning
from liqalert.clock import SystemClock
from liqalert.core.market import FeedStatus, Gap, Instrument, Stream
from liqalert.web.access import Access
from tests.web.rig import BTC, NOW, FixedClock, Rig, cluster, mark, serving, snapshot


def rig(*, alive: bool = True) -> Rig:
    """Of now: a daemon answers with the date of its machine, by which it is judged."""
    now = SystemClock().now()
    made = Rig(clock=FixedClock(now))
    big = cluster(low=95.0, high=96.0, as_of=now, newest_at=now)
    small = cluster("c-2", low=97.0, high=97.5, count=3, as_of=now, newest_at=now)
    made.board.snapshot = replace(snapshot(big, small, marks=[mark(BTC, 100.0)], watching_since=NOW), as_of=now)
    made.board.feed_changed(FeedStatus("binance", alive, NOW - 60.0, mark_at=now - 1.0))
    return made


async def asked(hunter: LiquidationHunter, symbol: str = "BTC/USDT:USDT") -> Any:
    return await asyncio.to_thread(hunter.generate_signal, symbol, 100.0)


async def test_the_daemons_clusters_and_strength_are_taken_as_they_are() -> None:
    daemon = rig()
    async with serving(daemon) as client:
        hunter = LiquidationHunter(min_cluster_strength=0.3)
        hunter.set_data_source("liqalert", url=f"http://127.0.0.1:{client.port}/")
        signal, strength, best = await asked(hunter)

    assert (signal, best.cluster_id, best.liquidation_count, best.calibrated) == (-1, "c-1", 12, True)
    assert best.strength == pytest.approx(0.5)
    assert strength == pytest.approx(0.5 * (1 - 4.5 / 10))
    assert best.as_of.timestamp() == pytest.approx(daemon.clock.at, abs=0.002)


async def test_the_price_of_one_coin_of_a_thousand_is_refused() -> None:
    by_the_thousand = rig()
    pepe = Instrument("binance", "1000PEPEUSDT")
    by_the_thousand.board.snapshot = replace(by_the_thousand.board.snapshot, marks={pepe: mark(pepe, 0.0125)})
    async with serving(by_the_thousand) as client:
        hunter = LiquidationHunter()
        hunter.set_data_source("liqalert", url=f"http://127.0.0.1:{client.port}")
        with pytest.raises(ValueError, match=r"1000PEPEUSDT is priced per 1,000 and is at 0\.0125: give 0\.0123"):
            await asyncio.to_thread(hunter.generate_signal, "pepe", 0.0000123)


async def test_a_daemon_that_is_blind_is_told_of_once() -> None:
    async with serving(rig(alive=False)) as client:
        url = f"http://127.0.0.1:{client.port}"
        hunter, strict = LiquidationHunter(), LiquidationHunter(when_blind="raise")
        for each in (hunter, strict):
            each.set_data_source("liqalert", url=url)
        with pytest.warns(
            StaleDataWarning, match=r"feed of binance is not alive since 2023-11-14 22:12:20 UTC"
        ) as warned:
            await asked(hunter)
        await asked(hunter)
        with pytest.raises(NotLiveError, match="feed of binance is not alive since"):
            await asked(strict)

    assert len(warned) == 1


async def test_a_daemon_whose_stream_is_mute_is_told_of() -> None:
    mute = rig()
    gap = Gap("binance", NOW - 9000.0, None, "no liquidation came, though 14 were likely", Stream.LIQUIDATIONS)
    mute.board.feed_changed(FeedStatus("binance", True, NOW - 9999.0, mark_at=mute.clock.at, gaps=(gap,)))
    async with serving(mute) as client:
        hunter = LiquidationHunter(when_blind="raise")
        hunter.set_data_source("liqalert", url=f"http://127.0.0.1:{client.port}")
        with pytest.raises(NotLiveError, match=r"binance sends prices, but since .* no liquidation came, though 14"):
            await asked(hunter)


async def test_a_daemon_to_which_everything_comes_late_is_told_of() -> None:
    late = rig()
    late.board.feed_changed(FeedStatus("binance", True, NOW - 9999.0, mark_at=late.clock.at, late_s=180.0))
    async with serving(late) as client:
        hunter = LiquidationHunter(when_blind="raise")
        hunter.set_data_source("liqalert", url=f"http://127.0.0.1:{client.port}")
        with pytest.raises(NotLiveError, match="What Binance sends arrives 180 s late"):
            await asked(hunter)


async def test_a_daemon_that_builds_no_clusters_any_more_is_told_of_although_its_feed_is_alive() -> None:
    late = rig()
    late.board.snapshot = replace(late.board.snapshot, as_of=late.clock.at - 180.0)
    async with serving(late) as client:
        hunter = LiquidationHunter(when_blind="raise")
        hunter.set_data_source("liqalert", url=f"http://127.0.0.1:{client.port}")
        with pytest.raises(
            NotLiveError, match=r"clusters were last built at .* UTC, though that is due at least every minute"
        ):
            await asked(hunter)


async def test_a_token_is_sent_and_a_missing_one_is_told_in_the_daemons_words() -> None:
    async with serving(rig(), Access("127.0.0.1", "t-0-k-e-n")) as client:
        url = f"http://127.0.0.1:{client.port}"
        hunter = LiquidationHunter(min_cluster_strength=0.3)
        hunter.set_data_source("liqalert", url=url, token="t-0-k-e-n")
        signal, _, _ = await asked(hunter)
        hunter.set_data_source("liqalert", url=url)
        with pytest.raises(DataSourceError, match="HTTP 401"):
            await asked(hunter)

    assert signal == -1


async def test_a_token_may_end_as_its_file_does_and_a_proxy_is_not_told_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon on this machine is asked directly, as `liqalert clusters` does."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(rig(), Access("127.0.0.1", "t-0-k-e-n")) as client:
        hunter = LiquidationHunter(min_cluster_strength=0.3)
        hunter.set_data_source("liqalert", url=f"http://127.0.0.1:{client.port}", token="t-0-k-e-n\n")
        signal, _, _ = await asked(hunter)

    assert signal == -1


@pytest.mark.parametrize("token", ["t-0-k\ne-n", "t-0-k-€-n"])
def test_a_token_that_no_header_can_carry_is_told_without_it(token: str) -> None:
    hunter = LiquidationHunter()
    hunter.set_data_source("liqalert", url="http://127.0.0.1:9", token=token)

    with pytest.raises(DataSourceError, match="cannot be asked") as refused:
        hunter.generate_signal("BTCUSDT", 100.0)

    assert "t-0-k" not in str(refused.value)


def test_no_daemon_is_an_error_and_no_quiet_market(unused_tcp_port: int) -> None:
    hunter = LiquidationHunter()
    hunter.set_data_source("liqalert", url=f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(DataSourceError, match=rf"http://127\.0\.0\.1:{unused_tcp_port} does not answer"):
        hunter.generate_signal("BTCUSDT", 100.0)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:8787", "localhost:8787", "http://[::1:8787"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    hunter = LiquidationHunter()
    hunter.set_data_source("liqalert", url=url)

    with pytest.raises(DataSourceError, match=rf"^'{re.escape(url)}.* is no address: give one like"):
        hunter.generate_signal("BTCUSDT", 100.0)
