"""A PostgreSQL that others look after: a standby takes its place, limits are set, lines to it are cut.

Collected only where a server is installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from liqalert.app.check import check_database
from liqalert.ports import DatabaseAway, StorageError
from liqalert.settings import load_settings
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.lock import exclusively
from liqalert.storage.schema import migrate
from tests.faults.proxy import Proxy
from tests.storage import postgresql
from tests.storage.objects import T0, liquidation
from tests.storage.reading import stored_liquidations

SLOW_ROWS = text("SELECT pg_sleep(0.01) FROM generate_series(1, 100)")


@pytest.fixture
async def database(server: postgresql.Server) -> AsyncIterator[Database]:
    async with Database(f"{server.url}/postgres") as opened:
        yield opened


@asynccontextmanager
async def standby_behind(proxy: Proxy) -> AsyncIterator[postgresql.Server]:
    """A standby with liqalert's tables, to which `proxy` leads for now."""
    with postgresql.running_server() as server:
        async with Database(f"{server.url}/postgres") as database:
            await migrate(database)
        await asyncio.to_thread(server.demote)
        await proxy.start()
        try:
            yield server
        finally:
            await proxy.stop()


async def test_a_standby_is_left_for_the_server_in_its_place(server: postgresql.Server, database: Database) -> None:
    """The connection to it stays, and so would everything that it refuses."""
    await migrate(database)
    proxy = Proxy(lambda: leads_to.port)
    async with (
        standby_behind(proxy) as standby,
        Database(f"postgresql+asyncpg://postgres@127.0.0.1:{proxy.port}/postgres") as behind,
    ):
        leads_to = standby
        journal = BatchJournal(behind)
        async with exclusively(behind) as hold:
            journal.liquidated([liquidation(0)])
            await journal.flush()
            refused = journal.problem
            leads_to = server
            await journal.flush()
            await hold.renew()

            assert refused is not None
            assert "read-only" in refused
            assert journal.problem is None
            assert await stored_liquidations(database, T0) == (liquidation(0),)
            assert hold.problem is None
            with pytest.raises(StorageError, match="another liqalert uses"):
                async with exclusively(database):
                    pass
    await migrate(database, "base")


async def test_check_names_a_server_that_only_reads() -> None:
    with postgresql.running_server() as standby:
        url = f"{standby.url}/postgres"
        async with Database(url) as database:
            await migrate(database)
        await asyncio.to_thread(standby.demote)
        settings = load_settings(None, {"LIQALERT_DATABASE__URL": url})
        problems = [finding.text async for finding in check_database(settings) if not finding.ok]

    assert problems == ["is a server that only reads, as a standby does: give the address of the one that writes"]


async def test_rows_that_take_longer_than_they_may_are_a_refusal(database: Database) -> None:
    """In the middle of them, where no SQLAlchemy stands before the driver."""

    async def read() -> None:
        async with database.read("reading") as connection:
            await connection.execute(text("SET LOCAL statement_timeout = '100ms'"))
            async for _ in (await connection.stream(SLOW_ROWS.execution_options(yield_per=50))).partitions():
                pass

    with pytest.raises(DatabaseAway, match="canceling statement due to statement timeout"):
        await read()


@pytest.mark.parametrize("state", ["08006", "25006", "25P03", "40001", "40P01", "53300", "55000", "57P03", "58030"])
async def test_what_passes_is_waited_for_at_the_start(database: Database, state: str) -> None:
    with pytest.raises(DatabaseAway, match="refused for now"):
        await refuse(database, state)


@pytest.mark.parametrize("state", ["28P01", "3D000", "42501", "XX001"])
async def test_what_a_person_must_mend_is_not_waited_for(database: Database, state: str) -> None:
    with pytest.raises(StorageError, match="refused for now") as refusal:
        await refuse(database, state)

    assert not isinstance(refusal.value, DatabaseAway)


async def refuse(database: Database, state: str) -> None:
    async with database.write("writing") as connection:
        await connection.execute(text(f"DO $$ BEGIN RAISE 'refused for now' USING ERRCODE = '{state}'; END $$"))


async def test_a_connection_cut_in_the_middle_of_a_transaction_is_a_server_that_is_away(
    server: postgresql.Server, database: Database
) -> None:
    ours = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'liqalert'"

    async def write(meanwhile: str) -> None:
        async with database.write("writing") as connection:
            await connection.execute(text("CREATE TABLE cut (number integer)"))
            await postgresql.execute(server.url, meanwhile)
            await connection.execute(text("DROP TABLE cut"))

    with pytest.raises(DatabaseAway, match="writing failed"):
        await write(ours)
    await write("SELECT 1")


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


async def test_no_answer_is_said_in_words(database: Database) -> None:
    said = str(database.refusal("reading alerts", TimeoutError()))

    assert said.endswith("/postgres: it does not answer")
