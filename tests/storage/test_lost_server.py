"""A PostgreSQL that is killed, frozen and started again under everything that writes to it.

Collected only where a server is installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest

from liqalert.clock import SystemClock
from liqalert.core.episodes import ZoneOpened
from liqalert.core.market import Gap
from liqalert.delivery.recorder import DecisionRecorder
from liqalert.delivery.remembered import RememberedAudience
from liqalert.delivery.sender import Sender
from liqalert.ports import DeliveryStatus, StorageError
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.journal import BatchJournal, JournalReader
from liqalert.storage.lock import exclusively
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.roster import ChatRoster
from liqalert.storage.schema import migrate
from tests.delivery.rig import alert_ids
from tests.fakes import NEAR_BTC, FakeNotifier, near_alert, near_transition
from tests.storage import postgresql
from tests.storage.objects import T0, liquidation, standard


@pytest.fixture(scope="module")
def server() -> Iterator[postgresql.Server]:
    with postgresql.running_server() as running:
        yield running


@pytest.fixture
async def database(server: postgresql.Server) -> AsyncIterator[Database]:
    async with Database(f"{server.url}/postgres") as opened:
        await migrate(opened)
        await sync_defaults(opened, "telegram", ["1", "2"], standard=standard(NEAR_BTC), now=T0)
        yield opened
        await migrate(opened, "base")


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that writes, at work."""

    journal: BatchJournal
    recorder: DecisionRecorder
    notifier: FakeNotifier

    def decide(self, name: str) -> None:
        alert = near_alert(name, SystemClock().now())
        assert alert.zone is not None
        self.recorder.put([ZoneOpened(alert.zone, alert.decided_at), near_transition(alert)])


@asynccontextmanager
async def at_work(database: Database) -> AsyncIterator[Store]:
    outbox, alerts, clock, notifier = DeliveryOutbox(database), AlertStore(database), SystemClock(), FakeNotifier()
    remembered = RememberedAudience(ChatRoster(database))
    await remembered.refresh()
    sender = Sender(
        outbox,
        {"telegram": notifier},
        chats=ChatDirectory(database),
        history=alerts,
        amendments=MessageAmendments(database),
        clock=clock,
        random=Random(1),
    )
    recorder = DecisionRecorder(alerts, sender, audience=outbox, clock=clock, remembered=remembered.recipients)
    journal = BatchJournal(database)
    tasks = [asyncio.create_task(part.run()) for part in (journal, sender, recorder)]
    try:
        yield Store(journal, recorder, notifier)
    finally:
        await sender.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Callable[[], object], within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.02)


async def settled(database: Database, alert_id: str) -> list[tuple[DeliveryStatus, int]]:
    """Status and attempts of each delivery, as soon as there are two that are not due any more."""
    async with asyncio.timeout(30.0):
        while True:
            row = await AlertStore(database).why(alert_id)
            found = [(each.status, each.attempts) for each in row.deliveries] if row else []
            if len(found) == 2 and DeliveryStatus.DUE not in dict(found):
                return found
            await asyncio.sleep(0.05)


TOLD_ONCE = [(DeliveryStatus.SENT, 1)] * 2


async def test_a_server_that_is_killed_and_started_again_costs_nothing_that_is_owed(
    server: postgresql.Server, database: Database
) -> None:
    async with at_work(database) as store:
        store.decide("before")
        await until(lambda: len(store.notifier.sent) == 2)
        await asyncio.to_thread(server.kill)
        store.decide("meanwhile")
        store.journal.liquidation(liquidation(0))
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
    reader = JournalReader(database)
    assert await reader.liquidations_since(T0) == (liquidation(0),)
    assert len(await reader.gaps("binance", 9)) == 1


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


async def test_who_took_the_lock_meanwhile_is_noticed(server: postgresql.Server, database: Database) -> None:
    async with exclusively(database) as hold, Database(f"{server.url}/postgres") as second:
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        async with exclusively(second):
            await hold.renew()
            problem = hold.problem
        await hold.renew()

        assert problem is not None
        assert "another liqalert uses" in problem
        assert hold.problem is None
