"""Keeps one exchange's feed connected, proves it alive by its marks, and passes on what its frames mean.

Several connections carry the same stream: whatever the first of them brings counts, and what another brings again is
left out. One of them may die, stall, lag or be replaced without a gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import NoReturn

import aiohttp

from liqalert.core.market import FeedStatus, UnixTime
from liqalert.feeds.connection import Connection
from liqalert.feeds.doubles import Doubles
from liqalert.feeds.intake import Feed, Intake, Timekeeping
from liqalert.feeds.liveness import NO_PAST, Liveness, Outage, Past
from liqalert.feeds.outages import silent, slept
from liqalert.feeds.patience import Patience
from liqalert.ports import FeedSink, FrameRecorder

log = logging.getLogger(__name__)

TOGETHER_S = 0.0005
"""Frames that come within this belong together: for a single one, most of the work is to find the way to it all."""


class FeedRunner:
    """One exchange, for ever. `run` ends only by cancellation."""

    def __init__(
        self,
        feed: Feed,
        *,
        session: aiohttp.ClientSession,
        sink: FeedSink,
        recorder: FrameRecorder | None,
        time: Timekeeping,
        random: Random,
        patience: Patience | None = None,
        past: Past = NO_PAST,
    ) -> None:
        self._exchange = feed.exchange
        self._sink = sink
        self._clock = time.clock
        self._came = asyncio.Event()
        """There are frames to be taken in."""
        self._took_s = 0.0
        """When some were last, in the loop's time."""
        self._asleep, self._asleep_s = time.asleep, time.asleep()
        self._doubles = Doubles()
        self._patience = patience or Patience()
        self._liveness = Liveness(feed.exchange, time.clock.now(), past, late_s=self._patience.late_s)
        self.intake = Intake(
            feed, sink=sink, recorder=recorder, time=time, liveness=self._liveness, revived=self._publish
        )
        same = partial(
            Connection, feed.url, self, exchange=feed.exchange, session=session, clock=time.clock, random=random
        )
        lives = enumerate(_first_lives(self._patience, feed.connections), start=1)
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
                    group.create_task(self._take_in_all(), name=f"{self._exchange} frames")
                    first, *others = self._connections
                    for connection in others:
                        group.create_task(connection.run(), name=f"{self._exchange} socket {connection.number}")
                    # Inside: Python 3.11 takes the failure of a task for a cancellation once the block has ended.
                    await first.run()
            except* Exception as errors:
                log.exception("feed failed", extra={"exchange": self._exchange})
                self.intake.reject("internal_error")
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

    def came(self) -> None:
        """At once where nothing was taken in just before, as in nearly every second; what comes with it or right after
        is taken in together."""
        if asyncio.get_running_loop().time() - self._took_s >= TOGETHER_S:
            self.take_in()
        else:
            self._came.set()

    def take_in(self) -> None:
        self._took_s = asyncio.get_running_loop().time()
        self._came.clear()
        self._notice_sleep()
        # Taken from all of them first: should taking in fail, nothing waits that nobody knows of.
        for connection, frames in [(each, each.take()) for each in self._connections]:
            if frames and self.took(frames, behind=connection.behind):
                connection.brought_marks()

    def too_large(self) -> None:
        self.intake.reject("too_large")

    def lost(self, connection: Connection, outage: Outage) -> None:
        """The feed is lost with its last connection; else the others go on, and nothing is."""
        self.take_in()
        if any(other.proven for other in self._connections if other is not connection):
            extra = {"exchange": self._exchange, "socket": connection.number, "problem": outage.sentence}
            log.info("one connection lost", extra=extra)
        else:
            self._note(outage)
        self._publish(self._clock.now())

    # ------------------------------------------------------------ frames

    async def _take_in_all(self) -> NoReturn:
        """What comes in one turn of the loop together."""
        while True:
            await self._came.wait()
            self.take_in()

    def took(self, frames: Sequence[bytes], *, behind: bool) -> bool:
        """Takes in frames of one connection; whether marks among them prove it alive, of which another may have brought
        them first."""
        if len(self._connections) == 1:
            return bool(self.intake.take(frames, behind=behind))
        new, marked = self._doubles.new(frames, asyncio.get_running_loop().time())
        for frame in self.intake.take(new, behind=behind):
            self._doubles.note_marks(frame)
            marked = True
        return marked

    # ------------------------------------------------------------ state

    async def _report(self) -> NoReturn:
        """Tells the sink the state every second, and notices a silence that no connection is there to notice."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._patience.report_s)
            self._notice_sleep()
            if self._liveness.alive and loop.time() - self.intake.marked_s > self._patience.silence_s:
                self._note(silent(self._exchange, self._patience.silence_s, heard_before=True))
            self._caught_up(self._clock.now())
            self.intake.look_for_names()
            self._publish(self._clock.now())

    def _notice_sleep(self) -> None:
        """Before anything is taken in after it: no timer has counted the time, and what was sent meanwhile is lost."""
        slept_s = self._asleep() - self._asleep_s
        self._asleep_s += slept_s
        if slept_s > self._patience.silence_s and self._liveness.alive:
            self._note(slept(slept_s))
            self._publish(self._clock.now())

    def _caught_up(self, now: UnixTime) -> None:
        """The stretch in which liquidations were left out becomes a gap: what stands in it is a lower bound."""
        if self.intake.spared.frames == 0 or any(connection.behind for connection in self._connections):
            return
        log.warning("caught up", extra={"exchange": self._exchange, "left_out": self.intake.spared.frames})
        gap = self._liveness.missed(self.intake.spared.end(now))
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
