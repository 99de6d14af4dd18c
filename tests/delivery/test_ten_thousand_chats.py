"""Ten thousand chats on one rule, on the real database: one evaluation, the allowed pace, and a free loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from liqalert.clock import SystemClock
from liqalert.core.engine import Engine
from liqalert.core.episodes import Decision, ZoneOpened, alerts_in
from liqalert.core.rules import RuleKind, Thresholds
from liqalert.core.terms import Terms
from liqalert.ports import DeliveryStatus, Standard
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.schema import prepare
from tests.core.events import T0, mark, zone
from tests.database_sender import sender_on
from tests.fakes import BTCUSDT, FakeNotifier, near_alert, near_transition

CHATS = 10_000
STANDARD = Standard((BTCUSDT,), (RuleKind.NEAR,), Thresholds(1.0, 0.6, 1e6))
LONGEST_TURN_S = 0.5
"""In processor time, whatever else the machine does: a mark waits no longer for the loop, and hardly ever a tenth."""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db") as database:
        await prepare(database)
        addresses = [str(number) for number in range(1, CHATS + 1)]
        await sync_defaults(database, "telegram", addresses, standard=STANDARD, now=SystemClock().now())
        yield database


async def test_one_rule_is_evaluated_and_one_alert_decided(database: Database) -> None:
    rules = await ChatDirectory(database).rules()
    engine = Engine(Terms())
    engine.set_rules(rules, T0)
    engine.restore(zones=[zone()], ended_zones=[], episodes=[], liquidations=[], now=T0, watched_until=None)

    decisions = [*engine.mark(mark(95.0, T0 + 1)), *engine.mark(mark(99.1, T0 + 2))]

    assert [rule.id for rule in rules] == ["near:binance:BTCUSDT:1:0.6"]
    assert len(list(alerts_in(decisions))) == 1


async def test_the_outbox_drains_at_the_allowed_pace_and_never_holds_up_the_loop(database: Database) -> None:
    notifier, outbox = FakeNotifier(latency_s=0.05), DeliveryOutbox(database)
    await AlertStore(database).record(decided())
    sender = sender_on(database, notifier)
    task = asyncio.create_task(sender.run(), name="sender")
    turns: list[float] = []
    longest_pause_s = 0.0
    counts = await outbox.counts()
    async with asyncio.timeout(50):
        while len(notifier.sent) < 90 or sum(counts.values()) < CHATS:
            began, began_at = time.thread_time(), time.monotonic()
            await asyncio.sleep(0.005)
            turns.append(time.thread_time() - began)
            longest_pause_s = max(longest_pause_s, time.monotonic() - began_at)
            if len(turns) % 100 == 0:
                counts = await outbox.counts()
    await sender.stop()
    await task

    times = [at for at, _, _ in notifier.sent]
    # A machine that stops for a second lets the places run out that messages have taken and not used: thirty at most.
    in_a_second = 30 if longest_pause_s < 0.2 else 60
    assert all(times[n + in_a_second] - times[n] >= 0.999 for n in range(len(times) - in_a_second))
    assert sum((await outbox.counts()).values()) == CHATS
    assert (await outbox.counts())[DeliveryStatus.DEAD] == 0
    assert max(turns) < LONGEST_TURN_S
    assert sorted(turns)[int(len(turns) * 0.99)] < LONGEST_TURN_S / 10


def decided() -> list[Decision]:
    now = SystemClock().now()
    alert = near_alert("one", now)
    assert alert.zone is not None
    return [ZoneOpened(replace(alert.zone, opened_at=now, peak_at=now), now), near_transition(alert)]
