"""Jobs keep running though the machine's clock is changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from liqalert.app.schedule import Job, build_scheduler, keep_timed
from liqalert.app.schedule import Runs as Unfinished
from liqalert.clock import SystemClock


class Runs:
    def __init__(self) -> None:
        self.count = 0

    async def once_more(self) -> None:
        self.count += 1

    async def more_than(self, count: int) -> None:
        async with asyncio.timeout(5):
            while self.count <= count:
                await asyncio.sleep(0.01)


@pytest.fixture
def runs() -> Runs:
    return Runs()


@asynccontextmanager
async def running(*jobs: Job) -> AsyncIterator[AsyncIOScheduler]:
    scheduler = build_scheduler(jobs, Unfinished())
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.shutdown(wait=False)
        await asyncio.sleep(0)


def next_run(scheduler: AsyncIOScheduler, name: str) -> datetime:
    at: datetime = scheduler.get_job(name).next_run_time
    return at


def as_if_set_back(scheduler: AsyncIOScheduler, name: str, by: timedelta) -> None:
    """What a job looks like after the clock was set back: its next run lies that much further off."""
    scheduler.modify_job(name, next_run_time=next_run(scheduler, name) + by)


async def test_jobs_run_on_soon_after_the_clock_was_set_back(runs: Runs) -> None:
    async with running(Job("tick", runs.once_more, every_s=0.1)) as scheduler:
        await runs.more_than(0)
        as_if_set_back(scheduler, "tick", timedelta(hours=1))
        watching = asyncio.create_task(keep_timed(scheduler, SystemClock(), every_s=0.2), name="schedule watch")

        await runs.more_than(runs.count + 2)

        watching.cancel()
        await asyncio.wait({watching}, timeout=1)


async def test_without_the_watch_they_would_stand_still(runs: Runs) -> None:
    """The reason for `keep_timed`: should the library learn to notice by itself, this fails and it can go."""
    async with running(Job("tick", runs.once_more, every_s=0.1)) as scheduler:
        await runs.more_than(0)
        as_if_set_back(scheduler, "tick", timedelta(hours=1))
        before = runs.count
        await asyncio.sleep(0.5)

        assert runs.count <= before + 1


async def test_a_run_that_has_begun_ends_before_the_schedule_does(caplog: pytest.LogCaptureFixture) -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def write() -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    unfinished = Unfinished()
    scheduler = build_scheduler((Job("write", write, every_s=0.05),), unfinished)
    scheduler.start()
    await asyncio.wait_for(begun.wait(), 5)
    stopping = asyncio.create_task(unfinished.stop(scheduler), name="stop")
    await asyncio.sleep(0.05)
    assert not stopping.done()
    may_end.set()
    await asyncio.wait_for(stopping, 5)

    assert ended.is_set()
    assert caplog.records == []


async def test_a_run_that_does_not_end_is_cut_off() -> None:
    begun, cut_off = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    unfinished = Unfinished()
    scheduler = build_scheduler((Job("hang", hang, every_s=0.05),), unfinished)
    scheduler.start()
    await asyncio.wait_for(begun.wait(), 5)
    await unfinished.stop(scheduler, within_s=0.05)

    await asyncio.wait_for(cut_off.wait(), 5)
