"""What the second connection costs: CPU a message that comes twice, against one that comes once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import process_time

import aiohttp

from liqalert.board import Board
from liqalert.clock import SystemClock
from liqalert.core.engine import Engine, Verdict
from liqalert.core.terms import Terms
from liqalert.feeds.binance import BinanceParser, stream_url
from liqalert.feeds.intake import Feed, Timekeeping
from liqalert.feeds.runner import FeedRunner
from liqalert.pipeline import Pipeline
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from tests.benchmarks.harness import Figure, Question, Scale, compare, run
from tests.benchmarks.inputs import quotes
from tests.benchmarks.receive import PATIENCE_S, blast_server

FRAMES = 4_000
"""Fewer than are remembered: else one connection, a whole blast ahead of the other, would make everything new."""


def figures(scale: Scale) -> Iterator[Figure]:
    frames = scale.of(FRAMES, 100)
    with blast_server(frames) as base, TemporaryDirectory() as directory:
        yield compare(
            Question("receive and apply a forceOrder over two connections", "the same over one", "us CPU/message"),
            ours=lambda: run(_received(base, frames, Path(directory), connections=2)),
            peer=lambda: run(_received(base, frames, Path(directory), connections=1)),
            rounds=scale.rounds(9),
        )


class CountingRunner(FeedRunner):
    """Sets `done` when `awaited` frames have been taken, and knows the CPU from the first to the last."""

    awaited = 0
    began_s = 0.0
    cpu_s = 0.0
    done: asyncio.Event

    def took(self, frames: Sequence[bytes], *, behind: bool) -> bool:
        self.began_s = self.began_s or process_time()
        with_marks = super().took(frames, behind=behind)
        self.awaited -= len(frames)
        if self.awaited == 0:
            self.cpu_s = process_time() - self.began_s
            self.done.set()
        return with_marks


async def _received(base: str, frames: int, directory: Path, *, connections: int) -> float:
    # No tick comes in between: ticks are measured by themselves.
    engine = Engine(Terms(rebuild_s=86_400.0))
    async with aiohttp.ClientSession() as session, Database(f"sqlite:///{directory}/unused.db") as database:
        journal = BatchJournal(database)
        pipeline = Pipeline(engine, journal=journal, decide=lambda _: None, board=Board(engine.snapshot(0.0)))
        runner = CountingRunner(
            Feed("binance", stream_url(base), BinanceParser(quotes=quotes()), connections),
            session=session,
            sink=pipeline,
            recorder=None,
            time=Timekeeping(SystemClock()),
            random=Random(1),
        )
        runner.done, runner.awaited = asyncio.Event(), connections * (frames + 1)
        task = asyncio.create_task(runner.run(), name="runner")
        async with asyncio.timeout(PATIENCE_S):
            await runner.done.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert pipeline.verdicts.total() == pipeline.verdicts[Verdict.ACCEPTED] == frames, pipeline.verdicts
    return runner.cpu_s / frames * 1e6
