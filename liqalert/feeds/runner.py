"""Keeps one exchange's feed connected, proves it alive by its marks, and passes on what its frames mean."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from random import Random
from typing import NoReturn, Protocol

import aiohttp

from liqalert.clock import Clock
from liqalert.core.market import FeedStatus, UnixTime
from liqalert.feeds.backoff import Backoff
from liqalert.feeds.liveness import Liveness, Outage
from liqalert.feeds.outages import TRANSPORT_ERRORS, FeedLost, closed, explain, silent
from liqalert.ports import FeedSink, FrameRecorder, ParsedFrame

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 10_000_000
MESSAGE_TOO_BIG = 1009
"""The WebSocket close code for it."""


class FrameParser(Protocol):
    """What a feed runner needs to know about an exchange."""

    def parse(self, frame: bytes, received_time: UnixTime) -> ParsedFrame: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the runner waits for what, in seconds."""

    silence_s: float = 5.0
    """Without a mark for so long, the feed is not alive, whatever the socket says."""
    connect_s: float = 10.0
    heartbeat_s: float = 20.0
    """After so much silence a ping is sent, so that a half-open connection is noticed."""
    lifetime_s: float = 23 * 3600.0
    """Binance cuts a connection after 24 h: better a moment of our choosing."""
    settled_s: float = 60.0
    """A connection alive for so long has made up for the failures before it."""
    report_s: float = 1.0
    backoff: Backoff = field(default_factory=Backoff)


class FeedRunner:
    """One connection to one exchange, for ever. `run` ends only by cancellation."""

    def __init__(
        self,
        exchange: str,
        url: str,
        *,
        session: aiohttp.ClientSession,
        parser: FrameParser,
        sink: FeedSink,
        recorder: FrameRecorder | None,
        clock: Clock,
        random: Random,
        patience: Patience | None = None,
        watched_until: UnixTime | None = None,
    ) -> None:
        """`watched_until`: when an earlier run last knew this feed alive; the time since then becomes a gap."""
        self._exchange = exchange
        self._url = url
        self._session = session
        self._parser = parser
        self._sink = sink
        self._recorder = recorder
        self._clock = clock
        self._random = random
        self._patience = patience or Patience()
        now = clock.now()
        self._liveness = Liveness(exchange, now, watched_until=watched_until)
        self._progress_at = now
        self._wait_s = 0.0
        self._failures = 0
        self._refusals = 0
        self._connections = 0
        self._alive_since = 0.0
        self._marked = 0.0
        # The two above are in the loop's time, which no change of the clock disturbs.

    @property
    def status(self) -> FeedStatus:
        return self._liveness.status()

    @property
    def progress_at(self) -> UnixTime:
        """When a frame was last received, or a connection attempt begun or ended."""
        return self._progress_at

    @property
    def progress_due_at(self) -> UnixTime:
        """When, at the latest, `progress_at` moves on unless the runner is stuck; far off while it waits to retry."""
        return self._progress_at + max(self._wait_s, self._patience.connect_s, self._patience.silence_s)

    async def run(self) -> NoReturn:
        """Connects, listens, reports, reconnects. Whatever goes wrong ends here: the feed's one supervisor."""
        task = asyncio.current_task()
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._report(), name=f"{self._exchange} status")
                    await self._stay_connected()
            except* Exception as errors:
                log.exception("feed failed", extra={"exchange": self._exchange})
                self._reject("internal_error")
                self._lose(Outage(f"an error in liqalert itself ({_names(errors)})", "please report it with the log"))
            if task is not None and task.cancelling():
                # Of a cancellation and an error in the same moment, TaskGroup raises the error alone.
                raise asyncio.CancelledError

    # ------------------------------------------------------------ connecting

    async def _stay_connected(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._wait_s)
            self._progress()
            try:
                await self._connect_and_listen()
            except FeedLost as exc:
                self._lose(exc.outage)
                self._publish(self._clock.now())
            self._progress()

    async def _connect_and_listen(self) -> None:
        """Returns when the connection has lived its life. Raises FeedLost."""
        socket = await self._connect()
        try:
            self._connected()
            await self._listen(socket)
        finally:
            await socket.close()

    async def _connect(self) -> aiohttp.ClientWebSocketResponse[bool]:
        try:
            async with asyncio.timeout(self._patience.connect_s):
                return await self._session.ws_connect(
                    self._url,
                    max_msg_size=MAX_MESSAGE_BYTES,
                    decode_text=False,
                    heartbeat=self._patience.heartbeat_s,
                    # Who is silent does not answer a goodbye either; the next attempt must not wait for that.
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )
        except TRANSPORT_ERRORS as exc:
            raise FeedLost(explain(exc, self._exchange, connect_s=self._patience.connect_s)) from exc

    def _connected(self) -> None:
        self._progress()
        self._wait_s = 0.0
        self._connections += 1
        if self._connections > 1:
            self._liveness.reconnected()
        log.info("connected", extra={"exchange": self._exchange, "connection": self._connections})

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        """Takes in frames until the connection is old; every frame with marks puts off the moment of giving up."""
        loop = asyncio.get_running_loop()
        born = loop.time()
        marked = self._marked
        try:
            async with asyncio.timeout(self._patience.silence_s) as patience:
                while loop.time() < born + self._patience.lifetime_s:
                    self._take(await self._next_frame(socket))
                    if self._marked != marked:
                        marked = self._marked
                        patience.reschedule(marked + self._patience.silence_s)
        except TimeoutError as exc:
            if not patience.expired():
                raise  # not ours: a defect in what takes the frames
            heard_before = self._marked > born
            raise FeedLost(silent(self._exchange, self._patience.silence_s, heard_before=heard_before)) from exc

    async def _next_frame(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> bytes:
        """The next frame's bytes. Waits no longer than the timeout around it. Raises FeedLost at the end."""
        try:
            message = await socket.receive()
        except TRANSPORT_ERRORS as exc:
            raise FeedLost(closed(self._exchange, None)) from exc
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return message.data if isinstance(message.data, bytes) else message.data.encode()
        if socket.close_code == MESSAGE_TOO_BIG:
            self._reject("too_large")
        raise FeedLost(closed(self._exchange, socket.close_code))

    # ------------------------------------------------------------ frames

    def _take(self, frame: bytes) -> None:
        """Passes one frame on. The recording gets it where the sink does: after the news that its marks make."""
        now = self._progress()
        parsed = self._parser.parse(frame, now)
        for kind in parsed.rejected:
            self._reject(kind, frame)
        if parsed.marks:
            self._proven_alive(now, parsed.sent_at)
        if self._recorder is not None:
            self._recorder.write("frame", self._exchange, frame, now)
        self._sink.ingest(parsed, now)

    def _proven_alive(self, now: UnixTime, sent_at: UnixTime | None) -> None:
        """Before the marks themselves are passed on, so that what they cause is not held back."""
        was_alive = self._liveness.alive
        self._marked = asyncio.get_running_loop().time()
        gap = self._liveness.marked(now, sent_at)
        if gap is not None:
            self._sink.gap_ended(gap)
        if not was_alive:
            self._alive_since = self._marked
            self._refusals = 0
            log.info("feed alive", extra={"exchange": self._exchange})
            self._publish(now)

    def _reject(self, kind: str, frame: bytes = b"") -> None:
        if self._liveness.rejected(kind):
            sample = frame[:200].decode("utf-8", "backslashreplace")
            log.warning(
                "refused, from now on only counted", extra={"exchange": self._exchange, "kind": kind, "sample": sample}
            )

    # ------------------------------------------------------------ state

    async def _report(self) -> NoReturn:
        """Tells the sink the state every second, and notices a silence that no connection is there to notice."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._patience.report_s)
            if self._liveness.alive and loop.time() - self._marked > self._patience.silence_s:
                self._note(silent(self._exchange, self._patience.silence_s, heard_before=True))
            self._publish(self._clock.now())

    def _lose(self, outage: Outage) -> None:
        """Not alive from now on; decides how long to leave the exchange alone."""
        now_s = asyncio.get_running_loop().time()
        if self._liveness.alive and now_s - self._alive_since >= self._patience.settled_s:
            self._failures = 0
        if outage.refused:
            self._wait_s = self._patience.backoff.refused_delay_s(self._refusals)
            self._refusals += 1
        else:
            delay_s = self._patience.backoff.delay_s(self._failures, self._random)
            self._wait_s = max(delay_s, outage.retry_after_s)
            self._failures += 1
        self._note(outage)

    def _note(self, outage: Outage) -> None:
        """Not alive from now on. A problem that persists is logged once."""
        told = self._liveness.problem == outage.sentence
        self._liveness.lost(self._clock.now(), outage)
        if not told:
            log.warning("feed not alive", extra={"exchange": self._exchange, "problem": outage.sentence})

    def _publish(self, now: UnixTime) -> None:
        self._sink.feed_changed(self._liveness.status(), now)

    def _progress(self) -> UnixTime:
        self._progress_at = self._clock.now()
        return self._progress_at


def _names(errors: BaseExceptionGroup[BaseException]) -> str:
    return ", ".join(sorted({type(error).__name__ for error in errors.exceptions}))
