"""Keeps one exchange's feed connected, proves it alive by its marks, and passes on what its frames mean.

Several connections carry the same stream: whatever the first of them brings counts, and what another brings again is
left out. One of them may die, stall, lag or be replaced without a gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import NoReturn, Protocol

import aiohttp

from liqalert.clock import Clock
from liqalert.core.market import FeedStatus, Gap, UnixTime
from liqalert.feeds.connection import Connection, Patience
from liqalert.feeds.doubles import Doubles
from liqalert.feeds.liveness import Liveness, Outage
from liqalert.feeds.outages import silent
from liqalert.feeds.sparing import LEFT_OUT, Spared
from liqalert.ports import FeedSink, FrameRecorder, ParsedFrame

__all__ = ["FeedRunner", "FrameParser", "Patience"]

log = logging.getLogger(__name__)

LOOKED_AT_EVERY = 256
"""In one frame of so many, names that are not known are looked for: once in some minutes."""


class FrameParser(Protocol):
    """What a feed runner needs to know about an exchange."""

    def parse(self, frame: bytes, received_time: UnixTime) -> ParsedFrame: ...

    def can_be_spared(self, frame: bytes) -> bool:
        """Whether a glance shows no marks in it."""
        ...


class FeedRunner:
    """One exchange, for ever. `run` ends only by cancellation."""

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
        connections: int = 1,
        heard: Callable[[UnixTime], None] = lambda _: None,
        earlier_gaps: Iterable[Gap] = (),
        unknown_names: Callable[[bytes], Iterable[str]] = lambda _: (),
    ) -> None:
        """`watched_until`: when an earlier run last knew this feed alive; the time since then becomes a gap.

        `heard` is told when each frame of marks was sent, by the exchange's clock. `unknown_names` gives the fields and
        events in a frame that are not known; it is asked about some frames only.
        """
        self._exchange = exchange
        self._parser = parser
        self._sink = sink
        self._recorder = recorder
        self._clock = clock
        self._heard = heard
        self._unknown_names = unknown_names
        self._frames = 0
        self._patience = patience or Patience()
        self._liveness = Liveness(exchange, clock.now(), watched_until=watched_until, earlier=earlier_gaps)
        self._marked = 0.0
        """In the loop's time, which no change of the clock disturbs."""
        self._spared = Spared(exchange)
        self.latency_seen: Callable[[float], None] = lambda _: None
        """Is told the latency of each frame of marks, in seconds."""
        self._doubles = Doubles()
        same = partial(Connection, url, self, exchange=exchange, session=session, clock=clock, random=random)
        lives = enumerate(_first_lives(self._patience, connections), start=1)
        self._connections = [same(number=n, first_life_s=life_s, patience=self._patience) for n, life_s in lives]

    @property
    def status(self) -> FeedStatus:
        connected = sum(connection.is_open for connection in self._connections)
        return self._liveness.status(connected=connected, connections=len(self._connections))

    @property
    def progress_at(self) -> UnixTime:
        """When a frame was last received, or an attempt to connect begun or ended."""
        return max(connection.progress_at for connection in self._connections)

    @property
    def progress_due_at(self) -> UnixTime:
        """When, at the latest, some connection moves on unless all are stuck; far off while they wait to retry."""
        return max(connection.progress_due_at for connection in self._connections)

    def mute(self, since: UnixTime, cause: str) -> None:
        """No liquidation has come since then, and chance does not explain it: a gap in that stream until one comes."""
        self._liveness.mute(since, cause)
        self._publish(self._clock.now())

    async def run(self) -> NoReturn:
        """Connects, listens, reports, reconnects. Whatever goes wrong ends here: the feed's one supervisor."""
        task = asyncio.current_task()
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._report(), name=f"{self._exchange} status")
                    first, *others = self._connections
                    for connection in others:
                        group.create_task(connection.run(), name=f"{self._exchange} socket {connection.number}")
                    # Inside: Python 3.11 takes the failure of a task for a cancellation once the block has ended.
                    await first.run()
            except* Exception as errors:
                log.exception("feed failed", extra={"exchange": self._exchange})
                self._reject("internal_error")
                outage = Outage(f"an error in liqalert itself ({_names(errors)})", "please report it with the log")
                for connection in self._connections:
                    connection.leave_alone(outage)
                self._note(outage)
            if task is not None and task.cancelling():
                # Of a cancellation and an error in the same moment, TaskGroup raises the error alone.
                raise asyncio.CancelledError

    # ------------------------------------------------------------ from the connections

    def opened(self, connection: Connection) -> None:
        if connection.times > 1:
            self._liveness.reconnected()

    def took(self, frame: bytes, *, behind: bool) -> bool:
        if len(self._connections) == 1:
            return self._take_or_spare(frame) if behind else self._take(frame)
        key = hash(frame)
        known = self._doubles.find(key, asyncio.get_running_loop().time())
        if known is None:
            known = self._take_or_spare(frame) if behind else self._take(frame)
            self._doubles.keep(key, known)
        return known

    def too_large(self) -> None:
        self._reject("too_large")

    def lost(self, connection: Connection, outage: Outage) -> None:
        """The feed is lost with its last connection; else the others go on, and nothing is."""
        if any(other.proven for other in self._connections if other is not connection):
            extra = {"exchange": self._exchange, "socket": connection.number, "problem": outage.sentence}
            log.info("one connection lost", extra=extra)
        else:
            self._note(outage)
        self._publish(self._clock.now())

    # ------------------------------------------------------------ frames

    def _take_or_spare(self, frame: bytes) -> bool:
        """While more comes than is taken in."""
        if not self._parser.can_be_spared(frame):
            return self._take(frame)
        if self._spared.count(self._clock.now()):
            log.error("more comes than can be taken in, liquidations left out", extra={"exchange": self._exchange})
        self._liveness.rejected(LEFT_OUT)
        return False

    def _take(self, frame: bytes) -> bool:
        """Passes one frame on. The recording gets it where the sink does: after the news that its marks make."""
        now = self._clock.now()
        parsed = self._parser.parse(frame, now)
        if self._frames % LOOKED_AT_EVERY == 0 or "unknown_event" in parsed.rejected:
            self._liveness.unknown(self._unknown_names(frame))
        self._frames += 1
        for kind in parsed.rejected:
            self._reject(kind, frame)
        if parsed.sent_at is not None:
            self._heard(parsed.sent_at)
            self.latency_seen(now - parsed.sent_at)
        if parsed.marks:
            self._proven_alive(now, parsed.sent_at)
        if parsed.liquidations and (gap := self._liveness.liquidated(now)) is not None:
            self._sink.gap_ended(gap)
        if self._recorder is not None:
            self._recorder.write("frame", self._exchange, frame, now)
        self._sink.ingest(parsed, now)
        return bool(parsed.marks)

    def _proven_alive(self, now: UnixTime, sent_at: UnixTime | None) -> None:
        """Before the marks themselves are passed on, so that what they cause is not held back."""
        was_alive = self._liveness.alive
        self._marked = asyncio.get_running_loop().time()
        gap = self._liveness.marked(now, sent_at)
        if gap is not None:
            self._sink.gap_ended(gap)
        if not was_alive:
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
            self._caught_up(self._clock.now())
            self._publish(self._clock.now())

    def _caught_up(self, now: UnixTime) -> None:
        """The stretch in which liquidations were left out becomes a gap: what stands in it is a lower bound."""
        if self._spared.frames == 0 or any(connection.behind for connection in self._connections):
            return
        log.warning("caught up", extra={"exchange": self._exchange, "left_out": self._spared.frames})
        gap = self._liveness.missed(self._spared.end(now))
        self._sink.gap_ended(gap)

    def _note(self, outage: Outage) -> None:
        """Not alive from now on. A problem that persists is logged once."""
        told = self._liveness.problem == outage.sentence
        self._liveness.lost(self._clock.now(), outage)
        if not told:
            log.warning("feed not alive", extra={"exchange": self._exchange, "problem": outage.sentence})

    def _publish(self, now: UnixTime) -> None:
        self._sink.feed_changed(self.status, now)


def _names(errors: BaseExceptionGroup[BaseException]) -> str:
    return ", ".join(sorted({type(error).__name__ for error in errors.exceptions}))


def _first_lives(patience: Patience, connections: int) -> list[float]:
    """How many seconds each lives before it is replaced for the first time: the first of several half as long."""
    lives = [patience.lifetime_s] * connections
    if connections > 1:
        lives[0] = patience.first_lifetime_s
    return lives
