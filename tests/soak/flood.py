"""The daemon as a process under a flood of liquidations: what is lost, what is late, and what is kept in memory."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiohttp
import msgspec

from tests.binance_messages import milliseconds
from tests.daemon import RUN, Daemon
from tests.soak.exchange import PROBE, FloodExchange
from tests.soak.process import Vitals, vitals
from tests.telegram_server import telegram_server

HIGHEST_RECORDED_S = 64.0
"""Liquidations in the busiest second of what was recorded, all instruments together."""
LOOK_EVERY_S = 1.0
SETTLED_WITHIN_S = 120.0


@dataclass(slots=True)
class Flooded:
    """What was seen."""

    sent: int = 0
    written: int = 0
    """Rows in the database."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    reconnects: int = 0
    vitals: list[Vitals] = field(default_factory=list)
    mark_latencies_s: list[float] = field(default_factory=list)
    """Median of the newest sixty frames of marks, from the exchange to the engine."""
    probe_delays_s: list[float] = field(default_factory=list)
    """From the trade to a client of the page, for each event of the probe."""
    log: list[str] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        return self.rejected.get("left_out", 0)


async def flood_daemon(rate_s: float, seconds: float, directory: Path, **extra: str) -> Flooded:
    """Floods a daemon that begins with an empty database, until it has written what it took in."""
    found = Flooded()
    extra = {"LIQALERT_CLUSTERS__REBUILD_SECONDS": "5", "LIQALERT_LOG__FORMAT": "json", **extra}
    async with FloodExchange() as exchange, telegram_server() as telegram:
        exchange.mark_every(1.0)
        async with Daemon(directory, binance=exchange, telegram=telegram, command=RUN, **extra) as daemon:
            await daemon.until("/readyz", lambda answer: answer["ready"], timeout=60)
            await daemon.until(f"/api/v1/clusters/{PROBE}", lambda answer: "error" not in answer)
            await exchange.stop_marking()
            async with asyncio.TaskGroup() as tasks:
                looking = [
                    tasks.create_task(_look(daemon, found), name="look"),
                    tasks.create_task(_probe(daemon, found), name="probe"),
                ]
                await exchange.flood(rate_s, seconds)
                found.sent = exchange.sent
                exchange.mark_every(1.0)
                await _settled(daemon, directory, found)
                for task in looking:
                    task.cancel()
            await daemon.terminate(timeout=30)
            found.written = _written(directory)
            found.log = daemon.log.read_text().splitlines()
    return found


async def _look(daemon: Daemon, found: Flooded) -> None:
    loop = asyncio.get_running_loop()
    while True:
        found.vitals.append(vitals(daemon.process.pid, loop.time()))
        await _ask_feed(daemon, found)
        await asyncio.sleep(LOOK_EVERY_S)


async def _ask_feed(daemon: Daemon, found: Flooded) -> None:
    [feed] = (await daemon.get("/api/v1/feeds"))["feeds"]
    found.mark_latencies_s.append(feed["latency_s"])
    found.rejected, found.reconnects = feed["rejected"], feed["reconnects"]


async def _probe(daemon: Daemon, found: Flooded) -> None:
    """Reads the events of the probe's instrument, as the page does."""
    url = f"http://127.0.0.1:{daemon.port}/api/v1/events?symbol={PROBE}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout()) as session, session.get(url) as answer:
        async for line in answer.content:
            if line.startswith(b'data: {"symbol"'):
                traded_at = datetime.fromisoformat(msgspec.json.decode(line[6:])["at"]).timestamp()
                found.probe_delays_s.append(milliseconds() / 1000.0 - traded_at)


async def _settled(daemon: Daemon, directory: Path, found: Flooded) -> None:
    """Until all that was sent is written or known to be left out; what is missing then is seen in `written`."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SETTLED_WITHIN_S
    while loop.time() < until:
        await _ask_feed(daemon, found)
        if await asyncio.to_thread(_written, directory) + found.left_out >= found.sent:
            return
        await asyncio.sleep(0.5)


def _written(directory: Path) -> int:
    connection = sqlite3.connect(f"file:{directory}/liqalert.db?mode=ro", uri=True)
    try:
        [[count]] = connection.execute("SELECT count(*) FROM liquidations").fetchall()
    finally:
        connection.close()
    return int(count)
