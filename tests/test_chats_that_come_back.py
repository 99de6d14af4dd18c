"""A chat that blocked the bot and comes back, over a restart of the daemon in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from tests.binance_server import BinanceServer
from tests.daemon import OWNER, Daemon
from tests.telegram_server import telegram_server


async def test_a_chat_that_comes_back_is_told_again_and_until_then_readiness_says_that_nobody_is(
    tmp_path: Path,
) -> None:
    async with (
        BinanceServer() as binance,
        telegram_server() as telegram,
        Daemon(tmp_path, binance=binance, telegram=telegram) as daemon,
    ):
        binance.prices = {"BTCUSDT": 60_005.0}
        binance.open_interest = {"BTCUSDT": "16000"}
        binance.mark_every(0.1)
        await daemon.until("/readyz", lambda answer: answer["ready"])
        telegram.blocked.add(OWNER)
        await _test_alert(daemon)
        await telegram.wait_for("sendMessage")
        assert await daemon.terminate() == 0
        await daemon.start()
        await daemon.until(
            "/readyz", lambda answer: any("no chat can be reached" in each for each in answer["reasons"])
        )

        telegram.blocked.discard(OWNER)
        await telegram.push_text(OWNER, "/rules")
        await telegram.wait_for_texts(OWNER, 1)
        await daemon.until("/api/v1/feeds", lambda answer: answer["feeds"] and answer["feeds"][0]["alive"])
        for step in range(10):
            await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)
        await daemon.until("/api/v1/clusters", lambda answer: answer["zones"])
        binance.prices["BTCUSDT"] = 57_000.0
        await daemon.until("/api/v1/clusters", lambda answer: answer["zones"][0]["state"] == "armed")
        binance.prices["BTCUSDT"] = 59_700.0

        async with asyncio.timeout(60):
            while not any("cluster of liquidated longs" in text for text in telegram.texts(OWNER)):
                await asyncio.sleep(0.1)


async def _test_alert(daemon: Daemon) -> None:
    """Telegram refuses it, because the chat has blocked the bot."""
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{daemon.port}/api/v1/alerts/test"
        async with session.post(url, json={"chat": str(OWNER)}) as answer:
            assert answer.status == 200
