"""Recorder and sender on the real database: the two halves of a delivery agree about what has happened."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random

import pytest

from liqalert.clock import SystemClock
from liqalert.core.episodes import ZoneOpened
from liqalert.core.rules import RuleKind, Thresholds
from liqalert.delivery.recorder import DecisionRecorder
from liqalert.delivery.sender import Sender
from liqalert.notifiers.telegram import TelegramNotifier
from liqalert.ports import DeliveryStatus, Notifier, Standard
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.schema import prepare
from tests.delivery.rig import alert_ids
from tests.fakes import BTCUSDT, FakeNotifier, near_alert, near_transition
from tests.notifiers.test_telegram import bot_of
from tests.telegram_server import Fault, telegram_server

STANDARD = Standard((BTCUSDT,), (RuleKind.NEAR,), Thresholds(1.0, 0.6, 1e6))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db", busy_timeout_s=0.1) as database:
        await prepare(database)
        await sync_defaults(database, "telegram", ["1", "2"], standard=STANDARD, now=SystemClock().now())
        yield database


@asynccontextmanager
async def running(database: Database, notifier: Notifier) -> AsyncIterator[tuple[DecisionRecorder, Sender]]:
    outbox, alerts = DeliveryOutbox(database), AlertStore(database)
    clock = SystemClock()
    sender = Sender(
        outbox,
        {"telegram": notifier},
        chats=ChatDirectory(database),
        history=alerts,
        amendments=MessageAmendments(database),
        clock=clock,
        random=Random(1),
    )
    recorder = DecisionRecorder(alerts, sender, audience=outbox, clock=clock)
    tasks = [asyncio.create_task(sender.run(), name="sender"), asyncio.create_task(recorder.run(), name="recorder")]
    try:
        yield recorder, sender
    finally:
        await recorder.drain()
        tasks[1].cancel()
        await sender.stop()
        await asyncio.gather(*tasks, return_exceptions=True)


def decided(name: str) -> list:
    alert = near_alert(name, SystemClock().now())
    assert alert.zone is not None
    return [ZoneOpened(alert.zone, alert.decided_at), near_transition(alert)]


async def until_sent(notifier: FakeNotifier, count: int) -> None:
    async with asyncio.timeout(5.0):
        while len(notifier.sent) < count:
            await asyncio.sleep(0.01)


async def test_alert_is_told_to_both_chats_and_stored_as_sent(database: Database) -> None:
    notifier = FakeNotifier()

    async with running(database, notifier) as (recorder, _):
        recorder.put(decided("one"))
        await until_sent(notifier, 2)

    row = await AlertStore(database).why("one")
    assert row is not None
    assert [(each.status, each.attempts) for each in row.deliveries] == [(DeliveryStatus.SENT, 1)] * 2


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("-1001234/45", "TOPIC_CLOSED"),
        ("-1001234", "not enough rights to send text messages to the chat"),
    ],
)
async def test_a_chat_that_is_closed_for_a_moment_is_told_there_and_keeps_its_row(
    database: Database, address: str, reason: str
) -> None:
    await sync_defaults(database, "telegram", [address], standard=STANDARD, now=SystemClock().now())
    async with telegram_server() as server, bot_of(server, server.token) as bot:
        server.fail("sendMessage", Fault.refuse(400, f"Bad Request: {reason}"))
        async with running(database, TelegramNotifier(bot)) as (recorder, sender):
            recorder.put(decided("one"))
            await server.wait_for("sendMessage", 1)
            async with asyncio.timeout(5.0):
                while not sender.problems:
                    await asyncio.sleep(0.01)
            [problem] = sender.problems
            await server.wait_for_texts(-1001234)

        sent = server.calls_of("sendMessage")[-1]
        assert (sent.chat_id, sent.params.get("message_thread_id", "")) == (-1001234, address.partition("/")[2])
    assert problem.startswith(f"alerts for telegram {address} wait until liqalert may write there again")
    assert await ChatDirectory(database).chat("telegram", address) is not None
    row = await AlertStore(database).why("one")
    assert row is not None
    assert [(each.address, each.status, each.attempts) for each in row.deliveries] == [
        (address, DeliveryStatus.SENT, 2)
    ]


async def test_restart_repeats_nothing(database: Database) -> None:
    before, after = FakeNotifier(), FakeNotifier()
    async with running(database, before) as (recorder, _):
        recorder.put(decided("one"))
        await until_sent(before, 2)

    async with running(database, after):
        await asyncio.sleep(0.2)

    assert after.attempts == []


async def test_locked_database_delays_no_alert_and_takes_it_over_later(database: Database) -> None:
    notifier = FakeNotifier()
    async with running(database, notifier) as (recorder, sender):
        with closing(sqlite3.connect(str(database.path))) as other:
            other.execute("BEGIN IMMEDIATE")
            recorder.put(decided("one"))
            await until_sent(notifier, 2)
            assert recorder.problem is not None
            other.rollback()
        recorder.put(decided("two"))
        await until_sent(notifier, 4)
        assert recorder.problem is None
        assert sender.problems == ()

    row = await AlertStore(database).why("one")
    assert row is not None
    assert [(each.status, each.attempts) for each in row.deliveries] == [(DeliveryStatus.SENT, 1)] * 2
    first, second = notifier.texts("1")
    assert alert_ids([first, second]) == ["one", "two"]
    assert "not recorded: database unwritable" in first
    assert "not recorded" not in second
