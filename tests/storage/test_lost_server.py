"""A PostgreSQL that is killed, frozen and started again under everything that writes to it.

Collected only where a server is installed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from liqalert.core.market import Gap
from liqalert.ports import StorageError
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.journal import JournalReader
from liqalert.storage.lock import exclusively
from liqalert.storage.schema import migrate
from tests.delivery.rig import alert_ids
from tests.fakes import NEAR_BTC
from tests.storage import postgresql
from tests.storage.at_work import TOLD_ONCE, at_work, settled, until
from tests.storage.objects import T0, liquidation, standard
from tests.storage.reading import stored_liquidations


@pytest.fixture
async def database(server: postgresql.Server) -> AsyncIterator[Database]:
    async with Database(f"{server.url}/postgres") as opened:
        await migrate(opened)
        await sync_defaults(opened, "telegram", ["1", "2"], standard=standard(NEAR_BTC), now=T0)
        yield opened
        await migrate(opened, "base")


async def test_a_server_that_is_killed_and_started_again_costs_nothing_that_is_owed(
    server: postgresql.Server, database: Database
) -> None:
    async with at_work(database) as store:
        store.decide("before")
        await until(lambda: len(store.notifier.sent) == 2)
        await asyncio.to_thread(server.kill)
        store.decide("meanwhile")
        store.journal.liquidated([liquidation(0)])
        store.journal.gap(Gap("binance", T0, T0 + 1, "no marks"))
        await until(lambda: len(store.notifier.sent) == 4 and store.recorder.problem and store.journal.problem)
        await asyncio.to_thread(server.start)
        await until(lambda: not store.recorder.problem and not store.journal.problem and not store.journal.waiting)
        store.decide("after")
        await until(lambda: len(store.notifier.sent) == 6)

        assert await settled(database, "before") == TOLD_ONCE
        assert await settled(database, "meanwhile") == TOLD_ONCE
        assert await settled(database, "after") == TOLD_ONCE
        texts = store.notifier.texts("1")
        assert alert_ids(texts) == ["before", "meanwhile", "after"]
        assert ["not recorded" in text for text in texts] == [False, True, False]
    assert await stored_liquidations(database, T0) == (liquidation(0),)
    assert len(await JournalReader(database).gaps("binance", 9)) == 1


async def test_a_server_that_answers_nothing_holds_up_no_alert(server: postgresql.Server, database: Database) -> None:
    async with at_work(database) as store:
        server.freeze()
        try:
            began = asyncio.get_running_loop().time()
            store.decide("meanwhile")
            await until(lambda: len(store.notifier.sent) == 2)
            took_s = asyncio.get_running_loop().time() - began
        finally:
            server.thaw()

        assert await settled(database, "meanwhile") == TOLD_ONCE
        assert len(store.notifier.sent) == 2
        # About 10 s: 1 s of patience, 2 s for the recipients, 3 s for what else may be due, and the driver takes 2 s to
        # give up a connection each time.
        assert took_s < 25


async def test_the_lock_is_taken_again_after_the_server_was_killed(
    server: postgresql.Server, database: Database
) -> None:
    async with exclusively(database) as hold, Database(f"{server.url}/postgres") as second:
        await asyncio.to_thread(server.kill)
        await hold.renew()
        problem = hold.problem
        await asyncio.to_thread(server.start)
        await hold.renew()

        assert problem is not None
        assert "locking the database failed" in problem
        assert hold.problem is None
        with pytest.raises(StorageError, match="another liqalert uses"):
            async with exclusively(second):
                pass


async def test_who_took_the_lock_meanwhile_keeps_it(server: postgresql.Server, database: Database) -> None:
    """What this one knows is old by then."""
    lost: list[str] = []
    async with (
        exclusively(database, lost=lambda: lost.append("once")) as hold,
        Database(f"{server.url}/postgres") as second,
    ):
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        async with exclusively(second):
            await hold.renew()
        await hold.renew()

        assert lost == ["once"]
        assert "another liqalert uses" in str(hold.lost_to)
        assert hold.problem is None
        async with exclusively(second):
            pass


async def test_our_own_connection_that_will_not_end_is_no_other_liqalert(
    server: postgresql.Server, database: Database
) -> None:
    holder = text("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
    async with exclusively(database) as hold:
        async with database.read("test") as connection:
            backend = await connection.scalar(holder) or 0
        os.kill(backend, signal.SIGSTOP)
        try:
            await hold.renew()
            silent = hold.problem
            await hold.renew()
            lingering = hold.problem
        finally:
            os.kill(backend, signal.SIGCONT)
        await until(lambda: not Path(f"/proc/{backend}").exists())
        await hold.renew()

        assert silent is not None
        assert "does not answer within 4 s" in silent
        assert lingering is not None
        assert "the connection that held it before lives on" in lingering
        assert hold.lost_to is None
        assert hold.problem is None
