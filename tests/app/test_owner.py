"""What the owner is told of a day, and what is read for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from sqlalchemy import text

from liqalert.app.assembly import assemble
from liqalert.app.owner import Owner
from liqalert.app.parts import Stores
from liqalert.app.read_start import read_start
from liqalert.app.world import World
from liqalert.board import Board
from liqalert.core.market import FeedStatus, Gap
from liqalert.settings import Settings
from liqalert.storage.lock import Hold
from tests.fakes import FakeClock
from tests.storage.objects import alert, notice

MORNING = 1_795_413_600.0
"""2026-11-23 06:00 UTC."""
HOUR = 3600.0


@asynccontextmanager
async def looking_after(stores: Stores, clock: FakeClock) -> AsyncIterator[tuple[Owner, Board]]:
    """The owner of a daemon in which only notices are recorded."""
    settings, world = Settings.model_validate({"owner": {"summary_at": "08:00"}}), World(clock=clock, environ={})
    start = await read_start(settings, stores, clock.now())
    async with aiohttp.ClientSession() as session:
        facts, _ = assemble(settings, world, start, stores=stores, session=session, hold=Hold(), damage=None)
        recorder = facts.delivering.recorder
        recording = asyncio.create_task(recorder.run(), name="recorder")
        try:
            yield Owner(facts, world), facts.watching.board
            await recorder.drain()
        finally:
            recording.cancel()
            await asyncio.wait([recording])


@pytest.mark.parametrize(("days_ago", "reasons"), [(6, ["watched_again"]), (8, [])])
async def test_a_promise_of_an_earlier_run_is_kept_if_it_is_not_ancient(
    stores: Stores, days_ago: int, reasons: list[str]
) -> None:
    promised = notice(
        kind="watching",
        decided_at=MORNING - days_ago * 24 * HOUR,
        reason="not_watched",
        text="Binance is not being watched, for 1 min now. No alert can come until it is back; you will be told.",
    )
    await stores.alerts.record_notice(promised)

    async with looking_after(stores, FakeClock(MORNING)) as (owner, board):
        await owner.began()
        board.feed_changed(FeedStatus("binance", alive=True, since=MORNING - 61.0))
        await owner.look()

    assert [row.alert.reason for row in await stores.alerts.recent(9, kind="watching")][:-1] == reasons


async def test_the_summary_counts_the_alerts_of_a_day_and_reads_nobody_who_was_told(stores: Stores) -> None:
    for number, hours_ago in enumerate((1, 23, 25)):
        decided_at = MORNING + 2 * HOUR - hours_ago * HOUR
        await stores.alerts.record_notice(alert(f"a{number}", decided_at=decided_at, episode_id=None))
    clock = FakeClock(MORNING)

    async with looking_after(stores, clock) as (owner, _):
        await owner.look()
        async with stores.database.write("test") as connection:
            for table in ("attempts", "deliveries"):
                await connection.execute(text(f"ALTER TABLE {table} RENAME TO {table}_not_to_be_read"))
        clock.at = MORNING + 2 * HOUR
        await owner.look()

    [said] = await summaries(stores)
    assert "2 alerts in the last 24 h" in said


async def test_the_summary_counts_every_gap_of_a_day(stores: Stores) -> None:
    """A feed's status has the newest twenty alone."""
    gaps = [Gap("binance", MORNING - hour * HOUR, MORNING - hour * HOUR + 180.0, "closed") for hour in range(22)]
    stores.journal.alive("binance", MORNING - 99 * HOUR, MORNING)
    for gap in gaps:
        stores.journal.gap(gap)
    await stores.journal.flush()
    clock = FakeClock(MORNING)

    async with looking_after(stores, clock) as (owner, board):
        await owner.look()
        clock.at = MORNING + 2 * HOUR
        board.feed_changed(FeedStatus("binance", alive=True, since=MORNING, gaps=tuple(gaps[:20])))
        await owner.look()

    [said] = await summaries(stores)
    assert "95.42 % of the last 24 h seen, 22 gaps, 66 min unseen" in said


async def summaries(stores: Stores) -> list[str]:
    async with stores.database.read("test") as connection:
        found = await connection.scalars(text("SELECT content FROM alerts WHERE reason = 'daily_summary'"))
        return list(found.all())
