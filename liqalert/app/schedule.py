"""Every APScheduler job in one table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from liqalert.clock import Clock
from liqalert.core.market import UnixTime

log = logging.getLogger(__name__)

SLACK = timedelta(seconds=1)
RUNS_END_WITHIN_S = 5.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Job:
    """One thing that is done again and again. `every_s` None: daily at `daily_at` (hour, minute) UTC."""

    name: str
    run: Callable[[], Awaitable[None]]
    every_s: float | None = None
    daily_at: tuple[int, int] | None = None


class Runs:
    """The runs of jobs that have not ended: the library itself cuts them off when it stops."""

    def __init__(self) -> None:
        self._unfinished: set[asyncio.Task[object]] = set()

    def kept(self, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """`run`, known here for as long as it runs."""

        async def keep() -> None:
            if task := asyncio.current_task():
                self._unfinished.add(task)
                task.add_done_callback(self._unfinished.discard)
            await run()

        return keep

    async def stop(self, scheduler: AsyncIOScheduler, *, within_s: float = RUNS_END_WITHIN_S) -> None:
        """Begins no run any more, lets those end that have begun, and cuts them off after `within_s`."""
        scheduler.pause()
        if self._unfinished:
            await asyncio.wait(self._unfinished, timeout=within_s)
        scheduler.shutdown(wait=False)


def build_scheduler(jobs: tuple[Job, ...], runs: Runs) -> AsyncIOScheduler:
    """A scheduler for `jobs`. A run that is late is made up for once, within its interval; none runs beside itself."""
    scheduler = AsyncIOScheduler(timezone=UTC)
    for job in jobs:
        scheduler.add_job(
            runs.kept(job.run),
            _trigger(job),
            id=job.name,
            name=job.name,
            coalesce=True,
            max_instances=1,
            # The library's default of 1 s silently drops runs on a busy machine.
            misfire_grace_time=max(1, round(job.every_s or 3600)),
        )
    return scheduler


def _trigger(job: Job) -> BaseTrigger:
    if job.every_s is not None:
        # From the epoch, so that runs lie on a grid of the clock and not of the start.
        return IntervalTrigger(seconds=job.every_s, start_date=EPOCH, timezone=UTC)
    hour, minute = job.daily_at or (0, 0)
    return CronTrigger(hour=hour, minute=minute, timezone=UTC)


async def keep_timed(
    scheduler: AsyncIOScheduler,
    clock: Clock,
    *,
    every_s: float = 1.0,
    lagged: Callable[[float], None] = lambda _: None,
) -> NoReturn:
    """Looks every second, in the loop's own time, whether the clock was set back, and times the jobs anew.

    `lagged` is told how many seconds late the loop woke it.
    """
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every_s
        await asyncio.sleep(every_s)
        lagged(max(0.0, loop.time() - due))
        retime(scheduler, clock.now())


def retime(scheduler: AsyncIOScheduler, now: UnixTime) -> None:
    """Brings back the jobs whose next run lies further off than it can: the clock has been set back meanwhile.

    The library waits until the clock reaches the time it once noted, for an hour if that is what it went back.
    """
    for job in scheduler.get_jobs():
        due = job.trigger.get_next_fire_time(None, datetime.fromtimestamp(now, UTC))
        if due is not None and job.next_run_time is not None and job.next_run_time - due > SLACK:
            log.warning("the clock was set back, job timed anew", extra={"job": job.id})
            scheduler.modify_job(job.id, next_run_time=due)
