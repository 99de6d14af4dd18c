"""The daemon's own table of jobs keeps the database, and SQLite's write-ahead log, small."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import insert, select

from liqalert.app.assembly import assemble
from liqalert.app.chores import Chores
from liqalert.app.parts import build_stores
from liqalert.app.read_start import read_start
from liqalert.app.schedule import Job
from liqalert.app.world import World
from liqalert.settings import Settings
from liqalert.storage.database import Database
from liqalert.storage.lock import exclusively
from liqalert.storage.schema import prepare
from liqalert.storage.tables import FEED_GAPS, FEED_HEARTBEATS
from liqalert.web.metrics import Metrics

MARKER = "an exchange of this name"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite:///{tmp_path}/liqalert.db") as opened:
        await prepare(opened)
        yield opened


@pytest.fixture
async def jobs(database: Database) -> AsyncIterator[dict[str, Job]]:
    """By name, of a daemon in which nothing else runs."""
    settings, world, stores = Settings(), World(environ={}), build_stores(database)
    start = await read_start(settings, stores, world.clock.now())
    async with aiohttp.ClientSession() as session, exclusively(database) as hold:
        facts, _ = assemble(settings, world, start, stores=stores, session=session, hold=hold, damage=None)
        yield {job.name: job for job in Chores(facts, Metrics(facts.metrics_sources()), world).jobs(None)}


async def test_every_minute_the_log_moves_into_the_file_and_every_day_it_is_emptied(
    database: Database, jobs: dict[str, Job]
) -> None:
    assert database.path is not None
    log = database.path.with_name("liqalert.db-wal")
    async with database.write("test") as connection:
        row = {"exchange": MARKER, "watching_since": 1.0, "alive_at": 2.0}
        await connection.execute(insert(FEED_HEARTBEATS), [row])
    assert MARKER.encode() not in database.path.read_bytes()

    assert jobs["write-ahead log"].every_s == 60.0
    await jobs["write-ahead log"].run()

    assert MARKER.encode() in database.path.read_bytes()
    assert log.stat().st_size > 0

    await jobs["checkpoint"].run()

    assert log.stat().st_size == 0


async def test_old_rows_go_within_an_hour_of_a_start(database: Database, jobs: dict[str, Job]) -> None:
    """Also on a machine that is off at the same time of every day."""
    async with database.write("test") as connection:
        row = {"exchange": MARKER, "start_at": 1.0, "end_at": 2.0, "cause": "x"}
        await connection.execute(insert(FEED_GAPS), [row])

    assert jobs["pruning"].every_s == 3600.0
    await jobs["pruning"].run()

    async with database.read("test") as connection:
        assert (await connection.execute(select(FEED_GAPS))).all() == []
