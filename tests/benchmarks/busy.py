"""Everything at once: how late the event loop is, and how long the collector holds it up, against what is asked for.

The parts are the daemon's, on one loop: frames ten times as dense as any second ever recorded, ticks of 200,000 live
liquidations, pictures, and an alert that goes to ten thousand chats.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NoReturn

import aiohttp

from liqalert.app.memory import settle
from liqalert.board import Board
from liqalert.core.heatmap import HeatmapGrid, build_from
from liqalert.core.heatmap_cells import Reports
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.intake import Feed, Timekeeping
from liqalert.feeds.runner import FeedRunner
from liqalert.pipeline import Pipeline
from liqalert.render.picture import Around, heatmap_png
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from tests.benchmarks import crowd
from tests.benchmarks.harness import Figure, Question, Scale, run
from tests.benchmarks.heatmap import BARE, BTC, DAY, DECAY_S, one_day
from tests.benchmarks.heatmap import T0 as HEATMAP_T0
from tests.benchmarks.inputs import T0, force_order_frames, mark_frame, prices, quotes
from tests.benchmarks.ticks import loaded

FRAMES_A_SECOND = 640
BURST_S = 0.025
LAG_MS, PAUSE_MS = 10.0, 5.0
"""What is asked for."""


def figures(scale: Scale) -> Iterator[Figure]:
    live, chats, watched_s = scale.of(200_000, 500), scale.of(10_000, 50), scale.of(10, 1)
    lags, pauses = [], []
    for _ in range(scale.rounds(2)):
        lag_ms, pause_ms = run(_measured(live, chats, watched_s))
        lags.append(lag_ms)
        pauses.append(pause_ms)
    load = f"{FRAMES_A_SECOND} frames a second, ticks of {live:,} live, pictures and {chats:,} deliveries"
    yield Figure(
        Question(f"loop lag p99, {load}", f"{LAG_MS:.0f} ms", "ms", 1.0), tuple(lags), tuple(LAG_MS for _ in lags)
    )
    yield Figure(
        Question("the collector's longest pause meanwhile", f"{PAUSE_MS:.0f} ms", "ms", 1.0),
        tuple(pauses),
        tuple(PAUSE_MS for _ in pauses),
    )


async def _measured(live: int, chats: int, watched_s: float) -> tuple[float, float]:
    """The loop's lag, of which one beat in a hundred has more, and the longest pause of the collector, in ms."""
    engine = loaded(live)
    engine.tick(T0)
    with TemporaryDirectory() as directory:
        async with (
            aiohttp.ClientSession() as session,
            Database(f"sqlite+aiosqlite:///{Path(directory)}/liqalert.db") as database,
        ):
            await crowd.prepare(database, chats)
            journal = BatchJournal(database)
            pipeline = Pipeline(engine, journal=journal, decide=lambda _: None, board=Board(engine.snapshot(T0)))
            frames = force_order_frames(2 * math.ceil(watched_s) * FRAMES_A_SECOND, T0)
            grid = build_from(Reports.of(one_day(10_000)), DAY, BARE, instrument=BTC, as_of=HEATMAP_T0, decay_s=DECAY_S)
            feeding = _feed(_runner(session, pipeline), frames, time.monotonic())
            work = [asyncio.create_task(each) for each in (feeding, _draw(grid), journal.run())]
            thresholds = gc.get_threshold()
            # As the daemon does when it is ready.
            settle()
            try:
                with _collector_watched() as pauses:
                    lags = await crowd.lags_while_told(database, watched_s)
                for task in work:
                    assert not task.done(), task
            finally:
                gc.unfreeze()
                gc.set_threshold(*thresholds)
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
            assert pipeline.verdicts.total() > watched_s * FRAMES_A_SECOND / 2
            assert pipeline.failed_ticks == 0
    return sorted(lags)[int(len(lags) * 0.99)], max(pauses, default=0.0)


def _runner(session: aiohttp.ClientSession, pipeline: Pipeline) -> FeedRunner:
    return FeedRunner(
        Feed("binance", "ws://127.0.0.1/unused", BinanceParser(quotes=quotes())),
        session=session,
        sink=pipeline,
        recorder=None,
        time=Timekeeping(Since(time.monotonic())),
        random=Random(1),
    )


class Since:
    """The time of the benchmark's exchange: T0 was when it began."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s

    def now(self) -> float:
        return T0 + time.monotonic() - self._began_s


async def _feed(runner: FeedRunner, frames: Sequence[bytes], began_s: float) -> NoReturn:
    """Liquidations in bursts, and the marks of all instruments each second."""
    sent, marked = 0, -1
    while True:
        passed_s = time.monotonic() - began_s
        if passed_s >= marked + 1:
            marked += 1
            runner.took([mark_frame(prices(), T0 + marked)], behind=False)
        due = math.ceil(passed_s * FRAMES_A_SECOND)
        if due > sent:
            runner.took(frames[sent:due], behind=False)
            sent = due
        await asyncio.sleep(BURST_S)


async def _draw(grid: HeatmapGrid) -> NoReturn:
    """One picture a second."""
    while True:
        await asyncio.to_thread(heatmap_png, grid, Around())
        await asyncio.sleep(1.0)


@contextmanager
def _collector_watched() -> Iterator[list[float]]:
    """How long each collection took, in milliseconds of CPU."""
    pauses: list[float] = []
    began = 0.0

    def noted(phase: str, _: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.thread_time()
        else:
            pauses.append((time.thread_time() - began) * 1e3)

    gc.callbacks.append(noted)
    try:
        yield pauses
    finally:
        gc.callbacks.remove(noted)
