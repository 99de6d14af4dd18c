"""A PostgreSQL that others look after: a standby takes its place, limits are set, lines to it are cut.

Collected only where a server is installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text

from liqalert.storage.database import Database
from liqalert.storage.lock import exclusively
from tests.storage import postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[postgresql.Server]:
    with postgresql.running_server() as running:
        yield running


@pytest.fixture
async def database(server: postgresql.Server) -> AsyncIterator[Database]:
    async with Database(f"{server.url}/postgres") as opened:
        yield opened


async def test_end_does_not_wait_for_a_server_that_answers_nothing(server: postgresql.Server) -> None:
    """systemd would kill what takes longer than 30 s."""
    loop = asyncio.get_running_loop()
    try:
        async with Database(f"{server.url}/postgres") as database, exclusively(database):
            async with database.read("reading") as first, database.read("reading") as second:
                await first.scalar(text("SELECT 1"))
                await second.scalar(text("SELECT 1"))
            async with database.write("writing") as connection:
                await connection.scalar(text("SELECT 1"))
            server.freeze()
            began = loop.time()
        took_s = loop.time() - began
    finally:
        server.thaw()

    assert took_s < 5.0


async def test_the_lock_of_a_machine_that_lost_its_power_ends_within_a_minute(database: Database) -> None:
    """The server has to ask whether somebody is still there: only a network that is cut could show that it does."""
    async with database.write("looking") as connection:
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        idle_s, every_s, times = [int(await connection.scalar(text(f"SHOW {name}")) or 0) for name in names]

    assert 0 < idle_s + every_s * times < 60
