"""A PostgreSQL that others look after: a standby takes its place, limits are set, lines to it are cut.

Collected only where a server is installed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text

from liqalert.storage.database import Database
from tests.storage import postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[postgresql.Server]:
    with postgresql.running_server() as running:
        yield running


@pytest.fixture
async def database(server: postgresql.Server) -> AsyncIterator[Database]:
    async with Database(f"{server.url}/postgres") as opened:
        yield opened


async def test_the_lock_of_a_machine_that_lost_its_power_ends_within_a_minute(database: Database) -> None:
    """The server has to ask whether somebody is still there: only a network that is cut could show that it does."""
    async with database.write("looking") as connection:
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        idle_s, every_s, times = [int(await connection.scalar(text(f"SHOW {name}")) or 0) for name in names]

    assert 0 < idle_s + every_s * times < 60
