"""Fifty times kill -9 at random moments: no alert is lost, none is another, and hardly any is told twice."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import aiohttp
import pytest
from sqlalchemy import create_engine, text

from tests.binance_messages import force_order
from tests.binance_server import BinanceServer
from tests.daemon import OWNER, Daemon
from tests.telegram_server import telegram_server
from tests.test_living_with_alerts import all_sent

SYMBOLS = [f"COIN{number}USDT" for number in range(40)]
LIVES, KILLS = 5, 10
"""At the same time, because most of a life is waiting; and in each."""


@dataclass
class Life:
    """What one daemon has lived through, from its first start to its end."""

    rounds: int = 0
    alerts: list[tuple[str, ...]] = field(default_factory=list)
    """By rule, kind and the zone's band, oldest first."""
    told: list[Counter[str]] = field(default_factory=list)
    """How often each alert stood in the chat's messages by the time of each kill, and in the end."""

    @property
    def repeats(self) -> list[int]:
        """How many of its tellings were repeats: before the first kill, and after each."""
        so_far = [told.total() - len(told) for told in self.told]
        return [later - earlier for earlier, later in pairwise([0, *so_far])]


class Scenario:
    """One zone after the other, each on an instrument of its own. A step is repeated until the daemon shows it."""

    def __init__(self, daemon: Daemon, binance: BinanceServer) -> None:
        self._daemon = daemon
        self._binance = binance

    async def round(self, symbol: str) -> None:
        burst = [force_order(symbol, "SELL", price=100.0 + step / 100, quantity=4_000) for step in range(6)]
        self._binance.prices[symbol] = 100.02
        while await self._stored(symbol) < len(burst):
            # A liquidation that was received and not yet written is gone with the process: the feed never repeats.
            await self._binance.send_liquidation(burst)
            await asyncio.sleep(0.2)
        for price, state in ((100.02, "idle"), (95.0, "armed"), (99.5, "near"), (100.03, "touched"), (102.0, None)):
            self._binance.prices[symbol] = price
            await self._until(symbol, state)

    async def _stored(self, symbol: str) -> int:
        try:
            return len((await self._daemon.get(f"/api/v1/liquidations?symbol={symbol}"))["liquidations"])
        except (aiohttp.ClientError, KeyError):
            return 0

    async def _until(self, symbol: str, state: str | None) -> None:
        async with asyncio.timeout(60):
            while await self._state(symbol) != state:
                await asyncio.sleep(0.1)

    async def _state(self, symbol: str) -> str | None:
        """The most advanced state on the symbol's zone; None where it has none; `down` while nobody answers."""
        try:
            answer = await self._daemon.get("/api/v1/clusters")
        except aiohttp.ClientError:
            return "down"
        # Just after a start, before the first tick, nothing is known.
        if not answer["feeds"] or not answer["feeds"][0]["alive"]:
            return "down"
        return next((zone["state"] for zone in answer["zones"] if zone["symbol"] == symbol), None)


async def lived(directory: Path, *, random: Random, kills: int, enough: Callable[[int], bool]) -> Life:
    """A life with `kills` at random moments, and then until so many rounds are `enough`."""
    directory.mkdir()
    life, symbols = Life(), iter(SYMBOLS)
    async with BinanceServer() as binance, telegram_server() as telegram:
        binance.prices = {"BTCUSDT": 60_000.0, "ETHUSDT": 3000.0, **dict.fromkeys(SYMBOLS, 100.02)}
        binance.mark_every(0.15)
        # One connection: what two are for is tried elsewhere, and marks for six daemons keep this process busy.
        extra = {"LIQALERT_BINANCE__SYMBOLS": ",".join(SYMBOLS), "LIQALERT_BINANCE__CONNECTIONS": "1"}
        async with Daemon(directory, binance=binance, telegram=telegram, **extra) as daemon:

            async def kill() -> None:
                for _ in range(kills):
                    await asyncio.sleep(random.uniform(0.6, 2.6))
                    await daemon.kill()
                    # What the stand-in has received by now, it has by then taken in.
                    await asyncio.sleep(0.1)
                    life.told.append(tellings(telegram.texts(OWNER)))
                    await daemon.start()

            killing = asyncio.create_task(kill())
            while not killing.done() or not enough(life.rounds):
                await Scenario(daemon, binance).round(next(symbols))
                life.rounds += 1
            await killing
            await daemon.until(
                "/api/v1/alerts?limit=500",
                lambda answer: len(answer["alerts"]) >= life.rounds and all_sent(answer["alerts"]),
                timeout=60,
            )
            # How quickly it ends is another test: here six of them end while tests beside them begin.
            await daemon.terminate(timeout=60.0)
        life.told.append(tellings(telegram.texts(OWNER)))
    life.alerts = stored_alerts(directory)
    return life


def stored_alerts(directory: Path) -> list[tuple[str, ...]]:
    engine = create_engine(f"sqlite:///{directory}/liqalert.db")
    query = text(
        "SELECT a.rule_id, a.kind, c.low, c.high FROM alerts a LEFT JOIN clusters c ON c.id = a.zone_id "
        "WHERE a.kind <> 'notice' ORDER BY a.decided_at"
    )
    with engine.connect() as connection:
        found = [tuple(map(str, row)) for row in connection.execute(query)]
    engine.dispose()
    return found


def tellings(messages: Sequence[str]) -> Counter[str]:
    """How often each alert stands in messages, alone or as a line of a digest, by its symbol."""
    return Counter(re.findall(r"(COIN\d+USDT): [\d.]+ % from", "\n".join(messages)))


def some(rounds: int) -> bool:
    return rounds >= 5


@pytest.mark.timeout(300)
async def test_fifty_kills_change_no_alert_and_each_repeats_at_most_one(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        killed = [
            group.create_task(lived(tmp_path / f"killed-{number}", random=Random(number), kills=KILLS, enough=some))
            for number in range(LIVES)
        ]

        def as_many(rounds: int) -> bool:
            return all(task.done() and rounds >= task.result().rounds for task in killed)

        undisturbed = group.create_task(lived(tmp_path / "whole", random=Random(0), kills=0, enough=as_many))
    whole = undisturbed.result()

    assert whole.told == [dict.fromkeys(SYMBOLS[: whole.rounds], 1)]
    assert len(whole.alerts) == whole.rounds
    for life in (task.result() for task in killed):
        assert life.alerts == whole.alerts[: life.rounds]
        assert set(life.told[-1]) == set(SYMBOLS[: life.rounds])
        before, *after_each = life.repeats
        assert (before, len(after_each), max(after_each)) in ((0, KILLS, 0), (0, KILLS, 1))
