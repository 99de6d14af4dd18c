"""Everything that writes to a database, at work, with a channel that takes every message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from liqalert.clock import SystemClock
from liqalert.core.episodes import ZoneOpened
from liqalert.delivery.recorder import DecisionRecorder
from liqalert.delivery.remembered import RememberedAudience
from liqalert.delivery.sender import Sender
from liqalert.ports import DeliveryStatus
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.roster import ChatRoster
from tests.fakes import FakeNotifier, near_alert, near_transition

TOLD_ONCE = [(DeliveryStatus.SENT, 1)] * 2


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


async def until(holds: Callable[[], object], within_s: float = 60.0) -> None:
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
