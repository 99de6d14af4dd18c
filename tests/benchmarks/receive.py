"""From the socket into the engine: CPU a frame while frames come as fast as they can be read."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import process_time

import aiohttp

from liqalert.app.candles import CandleDesk
from liqalert.app.heatmaps import HeatmapDesk, Sources, shown_to
from liqalert.board import Board
from liqalert.clock import SystemClock
from liqalert.core.engine import Engine, Verdict
from liqalert.core.market import FeedStatus, Gap, Liquidation, Mark, UnixTime
from liqalert.core.terms import Terms
from liqalert.feeds.binance import BinanceParser, stream_url
from liqalert.feeds.binance_rest import BinanceRest
from liqalert.feeds.intake import Feed, Timekeeping
from liqalert.feeds.runner import FeedRunner
from liqalert.pipeline import Pipeline
from liqalert.ports import ParsedFrame
from liqalert.storage.candles import CandleStore
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.liquidation_sums import LiquidationSums
from liqalert.web.events import Events
from tests.benchmarks import bare
from tests.benchmarks.harness import Figure, Question, Scale, compare, run
from tests.benchmarks.inputs import quotes

PATIENCE_S = 60.0


def figures(scale: Scale) -> Iterator[Figure]:
    # So many that it hardly counts that each instrument has to be seen for the first time.
    frames = scale.of(60_000, 200)
    with blast_server(frames) as base, TemporaryDirectory() as directory:
        yield compare(
            Question(
                "receive, decode and apply a forceOrder",
                "aiohttp receive and msgspec decode alone",
                "us CPU/frame",
                1.8,
            ),
            ours=lambda: run(_through_the_daemons_parts(base, frames, Path(directory))),
            peer=lambda: run(_received_and_decoded(base, frames)),
            rounds=scale.rounds(9),
        )


@contextmanager
def blast_server(frames: int) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.blast_server", str(frames)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"ws://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


class Stopwatch:
    """CPU from the first frame, which holds marks and is not counted, to the last."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._seen = -1
        self._began = 0.0
        self.cpu_us = 0.0
        self.done = asyncio.Event()

    def count(self, frames: int = 1) -> None:
        self._seen += frames
        if self._seen == 0:
            self._began = process_time()
        elif self._seen == self._frames:
            self.cpu_us = (process_time() - self._began) / self._frames * 1e6
            self.done.set()


class CountingSink:
    """The pipeline as a feed sees it, and a count of what went through."""

    def __init__(self, pipeline: Pipeline, stopwatch: Stopwatch) -> None:
        self._pipeline = pipeline
        self._stopwatch = stopwatch

    def ingest(self, frame: ParsedFrame, now: UnixTime) -> None:
        self._pipeline.ingest(frame, now)
        # Marks come in a frame of their own, each liquidation in one.
        self._stopwatch.count(len(frame.liquidations) or 1)

    def feed_changed(self, status: FeedStatus, now: UnixTime) -> None:
        self._pipeline.feed_changed(status, now)

    def gap_ended(self, gap: Gap) -> None:
        self._pipeline.gap_ended(gap)


async def _through_the_daemons_parts(base: str, frames: int, directory: Path) -> float:
    stopwatch = Stopwatch(frames)
    # No tick comes in between: ticks are measured by themselves.
    engine = Engine(Terms(rebuild_s=86_400.0))
    async with aiohttp.ClientSession() as session, Database(f"sqlite:///{directory}/unused.db") as database:
        journal, board = BatchJournal(database), Board(engine.snapshot(0.0))
        pipeline = Pipeline(engine, journal=journal, decide=lambda _: None, board=board)
        pipeline.shown = _shown_to_nobody(database, session, journal, board)
        runner = FeedRunner(
            Feed("binance", stream_url(base), BinanceParser(quotes=quotes())),
            session=session,
            sink=CountingSink(pipeline, stopwatch),
            recorder=None,
            time=Timekeeping(SystemClock()),
            random=Random(1),
        )
        task = asyncio.create_task(runner.run(), name="runner")
        async with asyncio.timeout(PATIENCE_S):
            await stopwatch.done.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert pipeline.verdicts.total() == pipeline.verdicts[Verdict.ACCEPTED] == frames, pipeline.verdicts
    return stopwatch.cpu_us


def _shown_to_nobody(
    database: Database, session: aiohttp.ClientSession, journal: BatchJournal, board: Board
) -> Callable[[Sequence[Mark], Sequence[Liquidation]], None]:
    """Candles, heatmaps and events, as the daemon has them while no page is open."""
    clock, store = SystemClock(), CandleStore(database)
    rest = BinanceRest(session, rest_url="", coin_rest_url="")
    candles = CandleDesk(store, rest, BinanceParser(), clock=clock, watched=tuple)
    sources = Sources(journal, LiquidationSums(database), store, candles, board)
    return shown_to(candles, HeatmapDesk(sources, clock, 3600.0), Events(board, clock))


async def _received_and_decoded(base: str, frames: int) -> float:
    stopwatch = Stopwatch(frames)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(stream_url(base), decode_text=False, max_msg_size=0) as socket,
        asyncio.timeout(PATIENCE_S),
    ):
        bare.decode_wrapped_marks((await socket.receive()).data)
        stopwatch.count()
        while not stopwatch.done.is_set():
            bare.decode_wrapped_force_order((await socket.receive()).data)
            stopwatch.count()
    return stopwatch.cpu_us
