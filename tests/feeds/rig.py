"""A feed runner on a real socket, with a sink that remembers and short patience."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import aiohttp

from liqalert.clock import SteadyClock, asleep_s
from liqalert.core.market import FeedStatus, Gap, Liquidation, Mark, UnixTime
from liqalert.feeds.backoff import Backoff
from liqalert.feeds.binance import BinanceParser, stream_url
from liqalert.feeds.binance_names import unknown_names
from liqalert.feeds.intake import Feed, FrameParser, Timekeeping
from liqalert.feeds.liveness import Past
from liqalert.feeds.patience import Patience
from liqalert.feeds.runner import FeedRunner
from liqalert.ports import FrameRecorder, ParsedFrame

SHORT = Patience(
    silence_s=0.3,
    connect_s=1.0,
    settled_s=60.0,
    report_s=0.05,
    backoff=Backoff(first_s=0.01, cap_s=0.05, refused_first_s=0.2, refused_cap_s=0.4),
)


class Sink:
    """A FeedSink, and where wanted a FrameRecorder, that remembers everything in order."""

    def __init__(self) -> None:
        self.frames: list[ParsedFrame] = []
        self.statuses: list[FeedStatus] = []
        self.gaps: list[Gap] = []
        self.order: list[str] = []
        self.defects: list[Exception] = []
        """What the next calls of `ingest` raise."""
        self.status_defects: list[Exception] = []
        """What the next calls of `feed_changed` raise."""

    def ingest(self, frame: ParsedFrame, now: UnixTime) -> None:
        if self.defects:
            raise self.defects.pop()
        self.frames.append(frame)
        self.order.append("marks" if frame.marks else "frame")

    def feed_changed(self, status: FeedStatus, now: UnixTime) -> None:
        if self.status_defects:
            raise self.status_defects.pop()
        self.statuses.append(status)
        self.order.append("alive" if status.alive else "not alive")

    def gap_ended(self, gap: Gap) -> None:
        self.gaps.append(gap)
        self.order.append("gap")

    def write(self, kind: str, exchange: str, payload: bytes, received_time: UnixTime) -> None:
        self.order.append("recorded")

    @property
    def status(self) -> FeedStatus:
        return self.statuses[-1]

    @property
    def alive(self) -> bool:
        return bool(self.statuses) and self.status.alive

    @property
    def marks(self) -> list[Mark]:
        return [mark for frame in self.frames for mark in frame.marks]

    @property
    def liquidations(self) -> list[Liquidation]:
        return [item for frame in self.frames for item in frame.liquidations]

    def rejected(self, kind: str) -> int:
        return dict(self.status.rejected).get(kind, 0) if self.statuses else 0


@asynccontextmanager
async def running(
    base: str,
    session: aiohttp.ClientSession,
    sink: Sink,
    *,
    parser: FrameParser | None = None,
    recorder: FrameRecorder | None = None,
    watched_until: UnixTime | None = None,
    random: Random | None = None,
    connections: int = 1,
    clock: SteadyClock | None = None,
    asleep: Callable[[], float] = asleep_s,
    **patience: float,
) -> AsyncIterator[FeedRunner]:
    clock = clock or SteadyClock()
    runner = FeedRunner(
        Feed("binance", stream_url(base), parser or BinanceParser(), connections, unknown_names),
        session=session,
        sink=sink,
        recorder=recorder,
        time=Timekeeping(clock, clock.heard, asleep),
        random=random or Random(1),
        patience=replace(SHORT, **patience),
        past=Past(watched_until),
    )
    task = asyncio.create_task(runner.run(), name="runner")
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled(), task


async def until(fact: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Returns as soon as `fact` holds; looks often, because what is awaited comes over a socket."""
    async with asyncio.timeout(timeout_s):
        while not fact():
            await asyncio.sleep(0.005)
