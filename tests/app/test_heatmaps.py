"""The desk over a real database: what it gives live is what the database gives later."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp
import numpy as np
import pytest

from liqalert.app.candles import CandleDesk
from liqalert.app.heatmaps import FORGOTTEN_AFTER_S, FRESH_S, MOST_WARM, HeatmapDesk, Sources
from liqalert.board import Board
from liqalert.core.candles import Candle
from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Gap, Instrument, Liquidation, Mark, PositionSide
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_rest import BinanceRest
from liqalert.ports import StorageError
from liqalert.storage.candles import CandleStore
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.liquidation_sums import LiquidationSums
from liqalert.storage.schema import prepare
from tests.fakes import FakeClock
from tests.web.rig import Rig, mark, serving, snapshot

BTC = Instrument("binance", "BTCUSDT")
T0 = 1_789_999_800.0
NOTHING_LISTENS = "http://127.0.0.1:1"


@dataclass
class Place:
    """A desk, and what happens around it."""

    desk: HeatmapDesk
    clock: FakeClock
    journal: BatchJournal
    candles: CandleDesk
    store: CandleStore
    board: Board
    sums: LiquidationSums

    def liquidated(self, price: float, at: float) -> None:
        """As the pipeline would say."""
        self.clock.at = at
        one = Liquidation(BTC, PositionSide.LONG, price, 10.0, 1e6, at, at)
        self.journal.liquidated([one])
        self.desk.take([one])


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with (
        Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db", busy_timeout_s=0.1) as database,
        aiohttp.ClientSession() as session,
    ):
        await prepare(database)
        clock, board = FakeClock(T0), Board(Snapshot(T0, 3600.0))
        board.feed_changed(FeedStatus("binance", alive=True, since=T0 - 1e6))
        journal, store, sums = BatchJournal(database), CandleStore(database), LiquidationSums(database)
        journal.alive("binance", T0 - 1e6, T0)
        rest = BinanceRest(session, rest_url=NOTHING_LISTENS, coin_rest_url=NOTHING_LISTENS)
        candles = CandleDesk(store, rest, BinanceParser(), clock=clock, watched=lambda: [BTC])
        desk = HeatmapDesk(Sources(journal, sums, store, candles, board), clock, 3600.0)
        yield Place(desk, clock, journal, candles, store, board, sums)


async def test_what_comes_in_is_shown_and_equals_what_the_database_says_later(place: Place) -> None:
    place.liquidated(1000.0, T0 - 5000.0)
    place.clock.at = T0
    await place.desk.grid(BTC, "24h")
    for number in range(40):
        place.liquidated(1000.0 + number, T0 + 30.0 * number)

    live = await place.desk.grid(BTC, "24h")
    place.clock.at = live.as_of + 7200.0
    past = await place.desk.grid(BTC, "24h", live.as_of)

    assert live.count[-1].sum() == 41
    assert (live.start, live.first_row, live.rows) == (past.start, past.first_row, past.rows)
    assert live.long_usd == pytest.approx(past.long_usd, rel=1e-9, abs=1e-6)
    assert np.array_equal(live.count, past.count)
    assert np.array_equal(live.saturated_s, past.saturated_s)


async def test_after_the_clock_was_set_back_each_column_shows_its_own_time(place: Place) -> None:
    """It was an hour ahead for a while."""
    place.liquidated(1000.0, T0 - 1800.0)
    place.clock.at = T0 + 3600.0
    await place.desk.grid(BTC, "4h")
    place.liquidated(1001.0, T0 + 10.0)

    live = await place.desk.grid(BTC, "4h")
    place.clock.at = T0 + 7200.0
    past = await place.desk.grid(BTC, "4h", live.as_of)

    assert live.count.sum(axis=1).tolist() == past.count.sum(axis=1).tolist()
    assert live.long_usd == pytest.approx(past.long_usd, rel=1e-9, abs=1e-6)


async def test_a_thousand_askers_cost_one_reading(place: Place) -> None:
    readings = 0
    read = place.sums.all_between

    async def counted(*args, **kwargs):  # type: ignore[no-untyped-def]
        nonlocal readings
        readings += 1
        return await read(*args, **kwargs)

    place.sums.all_between = counted  # type: ignore[method-assign]

    grids = await asyncio.gather(*(place.desk.grid(BTC, "24h") for _ in range(1000)))

    assert readings == 1
    assert len({id(grid) for grid in grids}) == 1


async def test_what_arrives_while_it_is_being_read_is_in_it_once(place: Place) -> None:
    place.liquidated(1000.0, T0)
    read = place.sums.all_between

    async def slow(*args, **kwargs):  # type: ignore[no-untyped-def]
        place.liquidated(1001.0, T0 + 1.0)
        await place.journal.flush()
        found = await read(*args, **kwargs)
        place.liquidated(1002.0, T0 + 2.0)
        return found

    place.sums.all_between = slow  # type: ignore[method-assign]

    assert (await place.desk.grid(BTC, "1h")).count[-1].sum() == 3


async def test_candles_of_the_store_and_the_running_minute_are_shown(place: Place) -> None:
    await place.store.save([(BTC, Candle(T0 - 60.0, 100.0, 102.0, 99.0, 101.0))])
    await place.candles.keep()
    place.candles.take([Mark(BTC, 105.0, T0 + 1.0, T0 + 1.0)])
    place.clock.at = T0 + 2.0

    grid = await place.desk.grid(BTC, "1h")

    assert [candle.close for candle in grid.candles if candle is not None] == [101.0, 105.0]


async def test_gaps_outages_and_the_time_before_the_first_record_are_unwatched(place: Place) -> None:
    place.journal.alive("binance", T0 - 1800.0, T0)
    place.journal.gap(Gap("binance", T0 - 900.0, T0 - 600.0, "no marks"))
    place.board.feed_changed(FeedStatus("binance", alive=False, since=T0 - 55.0, mark_at=T0 - 60.0))

    grid = await place.desk.grid(BTC, "1h")

    assert grid.watched[:30].tolist() == [0.0] * 30
    assert grid.watched[30:45].tolist() == [1.0] * 15
    assert grid.watched[45:50].tolist() == [0.0] * 5
    assert grid.watched[50:].tolist() == [1.0] * 9 + [0.0]
    assert [gap.cause for gap in grid.gaps] == ["no marks"]


async def test_the_time_in_which_liqalert_did_not_run_is_unwatched_before_the_first_mark_too(place: Place) -> None:
    not_running = Gap("binance", T0 - 1200.0, None, "liqalert was not running")
    place.board.feed_changed(FeedStatus("binance", alive=False, since=T0 - 2.0, gaps=(not_running,)))

    grid = await place.desk.grid(BTC, "1h")

    assert grid.watched.tolist() == [1.0] * 40 + [0.0] * 20
    assert grid.gaps == (not_running,)


async def test_the_past_knows_of_an_outage_that_still_lasts(place: Place) -> None:
    place.board.feed_changed(FeedStatus("binance", alive=False, since=T0 - 1795.0, mark_at=T0 - 1800.0))

    amid, before = [await place.desk.grid(BTC, "1h", T0 - ago_s) for ago_s in (600.0, 2400.0)]

    assert amid.watched.tolist() == [1.0] * 40 + [0.0] * 20
    assert before.watched.tolist() == [1.0] * 60


async def test_the_past_does_not_know_what_came_after(place: Place) -> None:
    place.liquidated(1000.0, T0 - 100.0)
    place.clock.at = T0
    candles = [Candle(T0 - age_s, price, price, price, price) for age_s, price in ((120.0, 1000.0), (60.0, 1009.0))]
    await place.store.save((BTC, candle) for candle in candles)
    place.journal.gap(Gap("binance", T0 - 200.0, T0 - 10.0, "no marks"))
    before = await place.desk.grid(BTC, "1h", T0 - 30.0)
    place.liquidated(1000.0, T0 - 20.0)
    await place.journal.flush()

    assert before.count[-1].sum() == 1
    assert [candle.close for candle in before.candles if candle is not None] == [1000.0]
    assert before.gaps[-1].end is None
    assert (await place.desk.grid(BTC, "1h", T0 - 30.0)) is before


async def test_what_nobody_asks_for_is_forgotten(place: Place) -> None:
    for name in ("1h", "24h"):
        await place.desk.grid(BTC, name)
    place.clock.at = T0 + FORGOTTEN_AFTER_S + 1.0
    await place.desk.grid(BTC, "24h")

    place.desk.forget()

    assert list(place.desk._warm) == [(BTC, "24h")]


async def test_memory_is_bounded(place: Place) -> None:
    for number in range(MOST_WARM + 5):
        await place.desk.grid(Instrument("binance", f"COIN{number}USDT"), "1h")

    place.desk.forget()

    assert len(place.desk._warm) == MOST_WARM


async def test_a_database_that_does_not_answer_is_raised_and_the_next_asker_is_served(place: Place) -> None:
    read = place.sums.all_between

    async def broken(*args, **kwargs):  # type: ignore[no-untyped-def]
        raise StorageError("disk I/O error")

    place.sums.all_between = broken  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        await place.desk.grid(BTC, "1h")
    place.sums.all_between = read  # type: ignore[method-assign]

    assert (await place.desk.grid(BTC, "1h")).columns == 60


async def test_a_day_is_answered_by_a_warm_daemon_in_less_than_50_ms(place: Place) -> None:
    random = Random(7)
    for number in range(5000):
        place.liquidated(random.uniform(950.0, 1050.0), T0 - 86_400.0 + number * 17.28)
    minutes = (Candle(T0 - 86_400.0 + minute * 60.0, 1000.0, 1010.0, 990.0, 1001.0) for minute in range(1440))
    await place.store.save((BTC, candle) for candle in minutes)
    place.clock.at = T0
    place.board.snapshot = snapshot(marks=[mark()])
    rig = Rig(board=place.board, clock=place.clock)
    rig.grids.grid = place.desk.grid
    took_s, beside_s = [], []
    async with serving(rig) as client:
        for _ in range(12):
            # Older than a grid may be: this one is computed, encoded and zipped anew.
            place.clock.at += FRESH_S
            began = time.process_time()
            async with client.session.get("/api/v1/heatmap/BTCUSDT?range=24h", auto_decompress=False) as response:
                zipped = await response.read()
            took_s.append(time.process_time() - began)
            body = gzip.decompress(zipped)
            began = time.process_time()
            json.loads(body)  # noqa: TID251 - as a measure of the machine only
            beside_s.append(time.process_time() - began)

    assert body.count(b"],[") > 10_000
    # 50 ms on a machine that takes 12.5 to read the answer; time of the processor, that of the client with it. It is
    # 1.6 to 2.9 times as much, by what the machine's neighbours leave of the shared cache.
    assert min(took_s) < 4.0 * min(beside_s), (took_s, beside_s)
