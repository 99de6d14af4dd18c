"""LiveLiquidationHeatmap: clusters of liquidations as they form, for a script: in a thread, or in its loop."""

from __future__ import annotations

import asyncio
import atexit
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import NoReturn, Self

from liqalert.library.background import Background
from liqalert.library.errors import NotLiveError
from liqalert.library.view import HeatmapView

LOOK_S = 0.05
CONNECTS_WITHIN_S = 10.0
"""So long, and `update_interval` more, the first answer waits for a feed of which no problem is known."""


class LiveLiquidationHeatmap(HeatmapView):
    """Clusters of liquidations of Binance's futures, streamed by a thread of its own. Any thread may use it.

        heatmap = LiveLiquidationHeatmap()
        heatmap.start_stream(symbols=["BTCUSDT", "ETHUSDT"])
        heatmap.wait_until_live(timeout=30)
        clusters = heatmap.get_clusters("BTCUSDT")

    Prices are Binance's mark prices. Addresses and the number of connections (2) are those of the daemon's settings:
    settings.toml, `LIQALERT_BINANCE__WS_URL`, `LIQALERT_BINANCE__REST_URL`. There is no feed of past liquidations: what
    is shown fills while it watches. As a context manager it stops the stream at the end of the block; a stream that
    still runs when the program ends is stopped with it.

    The first question waits until the market has been seen for the first time, 15 s at most, and not inside a running
    asyncio loop. Every later one is answered at once.
    """

    _background: Background | None = None
    _waits_until = 0.0

    def start_stream(self, symbols: Sequence[str] | None = None) -> None:
        """Starts to listen, and returns at once. `symbols` in any spelling; None: all there are.

        What was seen before a stop is kept, and the time between is a gap; with symbols that were not streamed before
        the stop, watching begins anew. Raises UnknownSymbolError for what can be no symbol, ValueError for none at all,
        and RuntimeError when other symbols are being streamed already.
        """
        named = self._named(symbols)
        with self._life:
            if self._running():
                self._refuse_others(named)
                return
            self._symbols = named
            self._failure = None
            self._waits_until = math.inf
            self._callbacks.begin()
            self._background = Background(self._stream, self._failed)
            atexit.register(self.stop_stream)
            self._background.start()

    def stop_stream(self) -> None:
        """Stops listening, within some seconds. What is known can still be asked for, and grows old."""
        with self._life:
            atexit.unregister(self.stop_stream)
            if self._background is not None:
                self._background.stop()
            self._callbacks.end()

    def wait_until_live(self, timeout: float = 30.0) -> None:
        """Returns as soon as the feed is proven alive and clusters were built for the first time.

        Raises NotLiveError, with the reason, after `timeout` seconds, and at once when no stream is running.
        """
        ends_at = time.monotonic() + timeout
        while (problem := self._waiting_for()) is not None:
            if not self._running() or time.monotonic() >= ends_at:
                raise NotLiveError(f"not proven alive within {timeout:g} s: {problem}")
            time.sleep(LOOK_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_stream()

    def _running(self) -> bool:
        return self._background is not None and self._background.running

    def _began(self) -> None:
        self._waits_until = time.monotonic() + CONNECTS_WITHIN_S + self._options.update_s

    def _first_picture(self) -> None:
        while (
            self._waiting_for() is not None
            and self._running()
            and time.monotonic() < self._waits_until
            and not self._known_problem()
            and not _in_a_loop()
        ):
            time.sleep(LOOK_S)


class AsyncLiveLiquidationHeatmap(HeatmapView):
    """The same for a program that has an asyncio loop: streams in that loop, and only there it may be used.

        async with AsyncLiveLiquidationHeatmap() as heatmap:
            await heatmap.start_stream(symbols=["BTCUSDT", "ETHUSDT"])
            await heatmap.wait_until_live(timeout=30)
            clusters = heatmap.get_clusters("BTCUSDT")

    What is asked is answered at once, without await. Callbacks are called in the loop, and may be coroutine functions.
    """

    _task: asyncio.Task[None] | None = None
    _calling: asyncio.Task[NoReturn] | None = None
    """Beside the stream and not part of it: a callback may end the stream, and start another."""

    async def start_stream(self, symbols: Sequence[str] | None = None) -> None:
        """As in LiveLiquidationHeatmap."""
        named = self._named(symbols)
        if self._running():
            self._refuse_others(named)
            return
        self._symbols = named
        self._failure = None
        if self._calling is None or self._calling.done():
            self._calling = asyncio.create_task(self._callbacks.call_from_loop(), name="liqalert callbacks")
        self._task = asyncio.create_task(self._make_and_stream(), name="liqalert stream")
        self._task.add_done_callback(self._ended)

    async def stop_stream(self) -> None:
        """Stops listening. What is known can still be asked for, and grows old."""
        running = [each for each in (self._task, self._calling) if each is not None and not each.done()]
        ending = [each for each in running if each is not asyncio.current_task()]
        for each in ending:
            each.cancel()
        if ending:
            # No timeout: closing the connections has one.
            await asyncio.wait(ending)

    async def wait_until_live(self, timeout: float = 30.0) -> None:
        """As in LiveLiquidationHeatmap."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + timeout
        while (problem := self._waiting_for()) is not None:
            if not self._running() or loop.time() >= ends_at:
                raise NotLiveError(f"not proven alive within {timeout:g} s: {problem}")
            await asyncio.sleep(LOOK_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_stream()

    def _running(self) -> bool:
        return self._task is not None and not self._task.done()

    def _began(self) -> None:
        """Nobody waits."""

    def _first_picture(self) -> None:
        """Not here: the loop must not be held up, and the stream runs in it."""

    async def _make_and_stream(self) -> None:
        # What it imports takes a second the first time, for which the loop must not be held up.
        await asyncio.to_thread(self._make)
        await self._stream()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._failed(exc)


def _in_a_loop() -> bool:
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        return True
    return False
