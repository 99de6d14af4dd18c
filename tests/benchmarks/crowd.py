"""One alert for ten thousand chats: how late the event loop is meanwhile, while marks go on being taken in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from msgspec.structs import replace

from liqalert.clock import SystemClock
from liqalert.core.episodes import ZoneOpened
from liqalert.core.rules import RuleKind, Thresholds
from liqalert.ports import Standard
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.schema import migrate
from tests.benchmarks.harness import Figure, Question, Scale, run
from tests.database_sender import sender_on
from tests.fakes import BTCUSDT, FakeNotifier, near_alert, near_transition

BEAT_S = 0.005
"""A quarter of what would delay a mark noticeably."""
MARK_WORK = 20_000
"""Additions a beat, in place of a frame of marks."""


def figures(scale: Scale) -> Iterator[Figure]:
    chats, watched_s = scale.of(10_000, 50), scale.of(5, 1)
    alone, crowded = [], []
    for _ in range(scale.rounds(2)):
        alone.append(run(_lag_p99_ms(1, watched_s)))
        crowded.append(run(_lag_p99_ms(chats, watched_s)))
    question = Question(f"loop lag p99 while {chats:,} chats are told", "while one chat is told", "ms")
    yield Figure(question, tuple(crowded), tuple(alone))


async def _lag_p99_ms(chats: int, watched_s: float) -> float:
    with TemporaryDirectory() as directory:
        async with Database(f"sqlite+aiosqlite:///{Path(directory)}/liqalert.db") as database:
            await prepare(database, chats)
            lags = await lags_while_told(database, watched_s)
    return sorted(lags)[int(len(lags) * 0.99)]


async def lags_while_told(database: Database, watched_s: float) -> list[float]:
    """By how many milliseconds each beat comes late while the sender tells the chats."""
    notifier = FakeNotifier(latency_s=0.05)
    sender = sender_on(database, notifier)
    task = asyncio.create_task(sender.run(), name="sender")
    lags = await _lags_ms(watched_s)
    await sender.stop(1.0)
    await asyncio.gather(task, return_exceptions=True)
    assert notifier.sent
    return lags


async def prepare(database: Database, chats: int, channel: str = "telegram") -> None:
    """An alert that all of so many chats are to be told."""
    now = SystemClock().now()
    standard = Standard((BTCUSDT,), (RuleKind.NEAR,), Thresholds(1.0, 0.6, 1e6))
    await migrate(database)
    await sync_defaults(database, channel, [str(number) for number in range(1, chats + 1)], standard=standard, now=now)
    alert = near_alert("one", now)
    assert alert.zone is not None
    transition = near_transition(alert)
    opened = ZoneOpened(replace(alert.zone, opened_at=now, peak_at=now), now)
    await AlertStore(database).record([opened, transition])


async def _lags_ms(watched_s: float) -> list[float]:
    """By how much each beat came late."""
    lags, end = [], perf_counter() + watched_s
    while perf_counter() < end:
        due = perf_counter() + BEAT_S
        await asyncio.sleep(BEAT_S)
        lags.append((perf_counter() - due) * 1e3)
        sum(range(MARK_WORK))
    return lags
