"""Marks prove the feed alive, and what is watched is not seen all the same. The daemon runs in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from liqalert.app.lifecycle import serve
from liqalert.app.world import World
from liqalert.clock import SystemClock
from liqalert.settings import Settings
from liqalert.sim.clock import ScaledClock
from tests.binance_server import BinanceServer
from tests.daemon import free_port
from tests.telegram_server import TelegramServer

OWNER, USER = 4242, 4343


@asynccontextmanager
async def served(
    directory: Path,
    binance: BinanceServer,
    telegram: TelegramServer,
    *symbols: str,
    world: World | None = None,
    recording: Path | None = None,
) -> AsyncIterator[int]:
    """The daemon's port. Without `world` time is ten times as fast."""
    stopping, port = asyncio.Event(), free_port()
    settings = Settings.model_validate(
        {
            "binance": {"ws_url": binance.ws_url, "rest_url": binance.rest_url, "symbols": list(symbols)},
            "alerts": {"kinds": ["near"]},
            "database": {"url": f"sqlite+aiosqlite:///{directory}/liqalert.db"},
            "telegram": {"token": telegram.token, "api_url": telegram.api_url, "allowed_chats": [OWNER, USER]},
            "web": {"port": port},
            "recording": {"directory": recording},
        }
    )
    quick = World(clock=ScaledClock(SystemClock().now(), 10.0), environ={}, speed=10.0)
    daemon = asyncio.create_task(serve(settings, world or quick, lambda: stopping), name="daemon")
    try:
        yield port
    finally:
        stopping.set()
        await asyncio.wait([daemon], timeout=20)


async def until_ready_says(port: int, holds: Callable[[int, list[str]], bool]) -> list[str]:
    """The reasons, once status and reasons are as they should be."""
    seen: Any = None
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        seen = answer.status, (await answer.json())["reasons"]
                        if holds(*seen):
                            return list(seen[1])
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"/readyz last answered {seen}") from None


async def until_told(telegram: TelegramServer, chat_id: int, words: str) -> str:
    async with asyncio.timeout(60):
        while not (found := [text for text in telegram.texts(chat_id) if words in text]):
            await asyncio.sleep(0.05)
    [text] = found
    return text


async def test_the_daemon_is_not_ready_and_everyone_is_told_when_marks_of_nothing_watched_come(
    tmp_path: Path, telegram: TelegramServer
) -> None:
    async with BinanceServer() as binance:
        binance.prices["XAUUSDT"] = 4100.0
        binance.mark_every(0.1)
        async with served(tmp_path, binance, telegram, "BTCUSDT") as port:
            await until_ready_says(port, lambda status, _: status == 200)

            del binance.prices["BTCUSDT"], binance.prices["ETHUSDT"]
            reasons = await until_ready_says(port, lambda status, _: status == 503)
            told = await until_told(telegram, OWNER, "No marks of BTCUSDT")
            await until_told(telegram, USER, "No marks of BTCUSDT")
            await telegram.push_text(OWNER, "/status")
            status = await until_told(telegram, OWNER, "Problem: No marks of BTCUSDT")

            binance.prices["BTCUSDT"] = 60_000.0
            await until_told(telegram, USER, "Marks of BTCUSDT come again")
            assert await until_ready_says(port, lambda status, _: status == 200) == []

    assert [reason.partition(" (")[0] for reason in reasons] == ["No marks of BTCUSDT"]
    assert "You will be told when they are back" in told
    assert "binance: alive" in status


async def test_one_contract_of_several_is_a_note(tmp_path: Path, telegram: TelegramServer) -> None:
    async with BinanceServer() as binance:
        binance.mark_every(0.1)
        async with served(tmp_path, binance, telegram, "BTCUSDT", "ETHUSDT", "BTCUSD_PERP") as port:
            await until_ready_says(port, lambda status, _: status == 200)

            del binance.prices["ETHUSDT"]
            noted = await until_ready_says(port, lambda _, reasons: len(reasons) == 2)
            await until_ready_says(port, lambda status, _: status == 200)
            await until_told(telegram, OWNER, "no marks of BTCUSD_PERP")

    assert noted[0].startswith("No marks of ETHUSDT (for ")
    assert noted[1] == "There are no marks of BTCUSD_PERP in the stream: alerts that rest on them cannot come."
    assert not any("ETHUSDT" in text for text in telegram.texts(USER))


@pytest.mark.parametrize(
    ("clock_s", "about", "reason"),
    [
        (
            -90.0,
            "liquidations are left out as not having happened yet",
            "This machine's clock is 90 s behind Binance's: liquidations are left out as not having happened yet. "
            "Switch on time synchronisation (timedatectl).",
        ),
        (
            180.0,
            "prices are older than they look",
            "What Binance sends arrives 180 s late, or this machine's clock is that far ahead (timedatectl): prices "
            "are older than they look, alerts come late, and cascades not at all.",
        ),
    ],
    ids=["liquidations are refused", "all that comes is minutes old"],
)
async def test_the_daemon_is_not_ready_while_by_its_clock(
    tmp_path: Path, telegram: TelegramServer, clock_s: float, about: str, reason: str
) -> None:
    world = World(clock=ScaledClock(SystemClock().now() + clock_s), environ={})
    async with BinanceServer() as binance:
        binance.mark_every(0.1)
        async with served(tmp_path, binance, telegram, "BTCUSDT", world=world) as port:
            [said] = await until_ready_says(port, lambda _, reasons: about in "".join(reasons))
            await until_ready_says(port, lambda status, _: status == 503)
            await telegram.push_text(USER, "/clusters")
            answer = await until_told(telegram, USER, about)

    assert said == reason
    assert answer.startswith(reason)


async def test_a_chosen_symbol_that_is_not_listed_is_said_once_and_a_note(
    tmp_path: Path, telegram: TelegramServer
) -> None:
    quicker = World(clock=ScaledClock(SystemClock().now(), 40.0), environ={}, speed=40.0)
    async with BinanceServer() as binance:
        binance.mark_every(0.05)
        async with served(tmp_path, binance, telegram, "BTCUSTD", "ETHUSDT", world=quicker) as port:
            reasons = await until_ready_says(port, lambda _, reasons: "does not list" in "".join(reasons))
            told = await until_told(telegram, OWNER, "does not list BTCUSTD")
            # Longer than a contract without marks is given: of this one everything has been said.
            await asyncio.sleep(2.0)
            later = await until_ready_says(port, lambda status, _: status == 200)

    assert "Binance does not list BTCUSTD: is it BTCUSDT?" in told
    assert (
        reasons[0]
        == later[0]
        == ("Binance does not list BTCUSTD: is it BTCUSDT? Rules for it can tell nothing (/unwatch).")
    )
    assert not any("no marks" in text for text in (*later, *telegram.texts(OWNER)))


async def test_open_interest_of_a_coin_margined_contract_is_asked_for_where_it_is(
    tmp_path: Path, telegram: TelegramServer
) -> None:
    async with BinanceServer() as binance:
        binance.mark_every(0.1)
        async with served(tmp_path, binance, telegram, "BTCUSD_PERP") as port:
            await until_ready_says(port, lambda status, _: status == 200)

    assert binance.rest_calls[:3] == [
        "/fapi/v1/exchangeInfo",
        "/dapi/v1/exchangeInfo",
        "/dapi/v1/openInterest?symbol=BTCUSD_PERP",
    ]
