"""How much memory a daemon takes that has begun with what an earlier run had left, and how much its libraries alone.

python -m tests.benchmarks.resident: imports them and prints MiB.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import liqalert.app.lifecycle  # noqa: F401 - everything that the daemon imports
from liqalert.clock import SystemClock
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.schema import migrate
from tests.benchmarks.inputs import liquidations, prices
from tests.binance_server import BinanceServer
from tests.daemon import RUN, Daemon
from tests.telegram_server import telegram_server

REBUILD_S = 0.5
SETTLED_S = 5.0
"""After some ticks it gives back what only its beginning took."""


def resident_mib(process_id: int | str = "self") -> float:
    [line] = [line for line in Path(f"/proc/{process_id}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return float(line.split()[1]) / 1024.0


async def restarted_mib(live: int) -> float:
    """Of a daemon on a database with so many liquidations, all of them live."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        await _journalled(f"sqlite+aiosqlite:///{directory}/liqalert.db", live)
        async with BinanceServer() as binance, telegram_server() as telegram:
            binance.prices = dict(prices())
            settings = {"LIQALERT_CLUSTERS__REBUILD_SECONDS": str(REBUILD_S)}
            async with Daemon(directory, binance=binance, telegram=telegram, command=RUN, **settings) as daemon:
                binance.mark_every(REBUILD_S)
                await daemon.until("/readyz", lambda answer: answer["ready"])
                await asyncio.sleep(SETTLED_S)
                found = resident_mib(daemon.process.pid)
                # Only now: to answer that takes memory, too.
                held = await daemon.get("/api/v1/clusters")
                assert sum(cluster["count"] for cluster in held["clusters"]) == live
                return found


async def _journalled(url: str, live: int) -> None:
    now = SystemClock().now()
    async with Database(url) as database:
        await migrate(database)
        journal = BatchJournal(database, bound=live)
        journal.liquidated([*liquidations(live, now)])
        await journal.flush()


if __name__ == "__main__":
    print(resident_mib())
