import asyncio
import os
import signal
import sys
from pathlib import Path

from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.housekeeping import quick_check
from liqalert.storage.outbox import DeliveryOutbox
from tests.storage.crash_writer import numbered
from tests.storage.objects import BTC_RULE, T0, standard

ROOT = Path(__file__).parents[2]


async def _write_until_killed(url: str, lines: int) -> int:
    """How many alerts the killed process had reported as committed."""
    command = [sys.executable, "-m", "tests.storage.crash_writer", url]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env=environment)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        for _ in range(lines):
            await process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = await process.stdout.read()
        await process.wait()
    return lines + rest.count(b"\n")


async def test_after_kill_9_no_alert_is_lost_and_none_is_told_twice(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE), now=T0)

    committed = await _write_until_killed(sqlite_url, 40)

    async with Database(sqlite_url) as database:
        alerts, outbox = AlertStore(database), DeliveryOutbox(database)
        assert await quick_check(database) == ()
        stored = len(await alerts.recent(1_000))
        assert stored in (committed, committed + 1)

        await alerts.record([numbered(number) for number in range(stored)])
        for alert in await outbox.unfinished():
            await outbox.fan_out(alert, T0)

        assert len(await alerts.recent(1_000)) == stored
        told = [delivery.alert.id for delivery in await outbox.due(T0, 1_000)]
        assert sorted(told) == sorted(f"a{number}" for number in range(stored))
