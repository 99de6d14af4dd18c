"""While nothing is watched, nothing is alerted, and everyone knows; afterwards the present mark decides.

The daemon runs in this process on a clock that is ten times as fast, so that a minute of blindness takes seconds.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from liqalert.app.lifecycle import serve
from liqalert.app.world import World
from liqalert.clock import SystemClock
from liqalert.settings import Settings
from liqalert.sim.clock import ScaledClock
from tests.binance_server import BinanceServer
from tests.telegram_server import TelegramServer

OWNER, USER = 4242, 4343
SPEED = 10.0


@pytest.fixture
async def binance() -> AsyncIterator[BinanceServer]:
    async with BinanceServer() as server:
        server.prices = {"BTCUSDT": 57_000.0}
        server.open_interest = {"BTCUSDT": "16000", "ETHUSDT": "300000"}
        server.mark_every(0.1)
        yield server


def settings(directory: Path, binance: BinanceServer, telegram: TelegramServer) -> Settings:
    return Settings.model_validate(
        {
            "binance": {"ws_url": binance.ws_url, "rest_url": binance.rest_url, "symbols": ["BTCUSDT"]},
            "alerts": {"kinds": ["near"]},
            "database": {"url": f"sqlite+aiosqlite:///{directory}/liqalert.db"},
            "telegram": {"token": telegram.token, "api_url": telegram.api_url, "allowed_chats": [OWNER, USER]},
            "web": {"enabled": False},
        }
    )


async def test_an_approach_while_blind_is_held_everyone_is_told_and_the_present_mark_decides(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    stopping, armed = asyncio.Event(), asyncio.Event()
    world = World(
        clock=ScaledClock(SystemClock().now(), SPEED),
        environ={},
        speed=SPEED,
        observe=lambda decisions: armed.set() if "armed" in str(decisions) else None,
    )
    daemon = asyncio.create_task(serve(settings(tmp_path, binance, telegram), world, lambda: stopping), name="daemon")
    try:
        await binance.wait_connected(2, timeout_s=20)
        for step in range(10):
            await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)
        async with asyncio.timeout(60):
            await armed.wait()

        binance.refusal = 503
        await binance.drop()
        binance.prices["BTCUSDT"] = 59_700.0
        [not_watched] = await told(telegram, USER, lambda texts: len(texts) == 1)
        owner = await told(telegram, OWNER, lambda texts: bool(texts))

        binance.refusal = None
        everything = await told(telegram, USER, lambda texts: len(texts) == 3)
    finally:
        stopping.set()
        await asyncio.wait([daemon], timeout=20)

    assert "Binance is not being watched, for" in not_watched
    assert "Binance is not being watched:" in owner[0]
    again = next(text for text in everything if "is being watched again" in text)
    assert "Meanwhile BTCUSDT went from 57,000 to 59,700" in again
    alert = next(text for text in everything if "from a cluster" in text)
    assert re.search(r"Happened while liqalert was not watching \(down [1-9] min\)", alert)


async def test_who_was_told_that_nothing_is_watched_is_told_of_the_return_after_a_restart(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    world = World(clock=ScaledClock(SystemClock().now(), SPEED), environ={}, speed=SPEED)

    def start() -> tuple[asyncio.Event, asyncio.Task[None]]:
        stopping = asyncio.Event()
        serving = serve(settings(tmp_path, binance, telegram), world, lambda: stopping)
        return stopping, asyncio.create_task(serving, name="daemon")

    stopping, daemon = start()
    try:
        await binance.wait_connected(2, timeout_s=20)
        await asyncio.sleep(1.2)  # the journal writes once a second until when was watched
        binance.refusal = 503
        await binance.drop()
        await told(telegram, USER, lambda texts: len(texts) == 1)
        await told(telegram, OWNER, lambda texts: len(texts) == 1)
        stopping.set()
        await asyncio.wait([daemon], timeout=20)

        binance.refusal = None
        stopping, daemon = start()
        [_, to_chats] = await told(telegram, USER, lambda texts: len(texts) == 2)
        [_, to_owner] = await told(telegram, OWNER, lambda texts: len(texts) == 2)
    finally:
        stopping.set()
        await asyncio.wait([daemon], timeout=20)

    again = r"Binance is being watched again, after [1-9] min in which nothing was seen\.\n"
    assert re.search(again, to_chats)
    assert re.search(again, to_owner)


async def told(telegram: TelegramServer, chat_id: int, holds: Callable[[list[str]], bool]) -> list[str]:
    async with asyncio.timeout(60):
        while not holds(telegram.texts(chat_id)):
            await asyncio.sleep(0.05)
    return telegram.texts(chat_id)
