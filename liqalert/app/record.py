"""`liqalert record`: raw frames with their receive times, Binance's instrument lists, and when the feed was alive."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from random import Random

import aiohttp
import msgspec

from liqalert.app.loop import stop_on_signals
from liqalert.app.parts import build_feed
from liqalert.clock import SteadyClock
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import FeedStatus, Gap, UnixTime
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_metadata import BinanceMetadata
from liqalert.feeds.binance_rest import BinanceRest
from liqalert.feeds.intake import Timekeeping
from liqalert.feeds.recording import Recording
from liqalert.feeds.runner import FeedRunner
from liqalert.ports import FrameRecorder, ParsedFrame
from liqalert.settings import Settings

log = logging.getLogger(__name__)


def record(settings: Settings, directory: Path) -> int:
    """Records until SIGTERM or SIGINT: 0; 1 when something could not be written."""
    return asyncio.run(_record(settings, directory))


async def _record(settings: Settings, directory: Path) -> int:
    states = FeedStates()
    recording = Recording(directory, opening=states.opening)
    states.recorder = recording
    clock, parser = SteadyClock(), BinanceParser()
    async with aiohttp.ClientSession() as session:
        rest = BinanceRest(session, rest_url=settings.binance.rest_url, coin_rest_url=settings.binance.coin_rest_url)
        metadata = BinanceMetadata(rest, parser, recorder=recording, clock=clock)
        states.answers = lambda: metadata.answers
        runner = FeedRunner(
            build_feed(settings, parser),
            session=session,
            sink=states,
            recorder=recording,
            time=Timekeeping(clock, clock.heard),
            random=Random(),
        )
        tasks = [
            asyncio.create_task(metadata.run(), name="binance metadata"),
            asyncio.create_task(runner.run(), name=BINANCE),
        ]
        log.info("recording", extra={"directory": str(directory)})
        # No timeout: this is the wait for the end.
        await stop_on_signals().wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5.0)
    recording.close()
    if recording.lost:
        log.error("recording incomplete", extra={"lost": recording.lost, "reason": recording.problem})
    return 1 if recording.lost else 0


class FeedStates:
    """Implements ports.FeedSink: keeps when the feed was alive, which a replay must know, and nothing of the frames."""

    def __init__(self) -> None:
        self.recorder: FrameRecorder | None = None
        self.answers: Callable[[], tuple[tuple[str, str, bytes], ...]] = tuple
        """The newest REST answers, without which contracts of COIN-M are not understood."""
        self._last: dict[str, FeedStatus] = {}

    def ingest(self, frame: ParsedFrame, now: UnixTime) -> None:
        pass

    def feed_changed(self, status: FeedStatus, now: UnixTime) -> None:
        before = self._last.get(status.exchange)
        self._last[status.exchange] = status
        if self.recorder is not None and (before is None or before.alive is not status.alive):
            self.recorder.write("feed", status.exchange, msgspec.json.encode(status), now)

    def gap_ended(self, gap: Gap) -> None:
        pass

    def opening(self, now: UnixTime) -> tuple[tuple[str, str, bytes], ...]:
        """The first file says that nothing is seen yet: it may follow on those of an earlier run in its directory, and
        says so first, so that a replay knows since when."""
        if not self._last:
            self._last[BINANCE] = FeedStatus(BINANCE, False, now)
        states = (("feed", exchange, msgspec.json.encode(status)) for exchange, status in self._last.items())
        return (*states, *self.answers())
