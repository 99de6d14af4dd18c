"""Every secret set, every channel but one failing, the log as talkative as can be: nothing says one of them."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.binance_server import BinanceServer
from tests.daemon import OWNER, Daemon, free_port
from tests.telegram_server import TOKEN, telegram_server

SECRETS = {
    "LIQALERT_WEB__TOKEN": "web-geheim-1",
    "LIQALERT_WEBHOOK__URL": "http://127.0.0.1:9/hook-geheim-2",
    "LIQALERT_WEBHOOK__SECRET": "sign-geheim-3",
    "LIQALERT_APPRISE__URLS": "json://user:apprise-geheim-4@127.0.0.1:9/",
}
PATHS = ("/healthz", "/readyz", "/metrics", "/api/v1/feeds", "/api/v1/alerts", "/api/v1/clusters", "/openapi.json", "/")


FAILING = {"webhook", "apprise"}


def _failed(log: Path) -> set[str]:
    """The channels that could not deliver."""
    return {found[1] for found in re.finditer(r" not delivered .*channel=(\w+)", log.read_text())}


async def _asked(port: int) -> str:
    """Everything that the web side says, to one who may ask and to one who may not."""
    said = []
    for headers in ({}, {"Authorization": f"Bearer {SECRETS['LIQALERT_WEB__TOKEN']}"}):
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
            for path in PATHS:
                async with session.get(path) as answer:
                    said.append(f"{answer.status} {answer.headers} {await answer.text()}")
    return "\n".join(said)


def _checked(directory: Path, environ: dict[str, str]) -> str:
    command = [sys.executable, "-m", "liqalert", "check", "--online"]
    ended = subprocess.run(
        command, cwd=directory, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
    )
    return ended.stdout.decode()


@pytest.mark.timeout(180)  # one life, one alert, two channels in vain, on a machine that does other things
async def test_nobody_is_told_a_secret(tmp_path: Path) -> None:
    async with BinanceServer() as binance, telegram_server() as telegram:
        binance.prices = {"BTCUSDT": 60_005.0}
        binance.open_interest = {"BTCUSDT": "16000"}
        binance.mark_every(0.1)
        addresses = {
            "LIQALERT_BINANCE__WS_URL": binance.ws_url,
            "LIQALERT_BINANCE__REST_URL": binance.rest_url,
            "LIQALERT_TELEGRAM__TOKEN": TOKEN,
            "LIQALERT_TELEGRAM__API_URL": telegram.api_url,
            "LIQALERT_WEB__PORT": str(free_port()),
        }
        extra = {**SECRETS, "LIQALERT_LOG__LEVEL": "debug"}
        async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
            await daemon.until("/readyz", lambda answer: answer["ready"])
            for step in range(10):
                await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)
            await daemon.until_zone("idle")
            binance.prices["BTCUSDT"] = 57_000.0
            await daemon.until_zone("armed")
            binance.prices["BTCUSDT"] = 59_700.0
            await telegram.wait_for_texts(OWNER)
            async with asyncio.timeout(60):
                while _failed(daemon.log) != FAILING:
                    await asyncio.sleep(0.1)
            await telegram.push_text(OWNER, "/status")
            answered = "\n".join(await telegram.wait_for_texts(OWNER, 2))
            said = await _asked(daemon.port)
            await daemon.terminate(timeout=40)
            logged = daemon.log.read_text()
        checked = await asyncio.to_thread(_checked, tmp_path, {**os.environ, **SECRETS, **addresses})

    assert "telegram.token" in checked
    assert "up " in answered
    for where, text in {"log": logged, "chat": answered, "web": said, "check": checked}.items():
        assert text, where
        found = [word for word in ("geheim", TOKEN, TOKEN.partition(":")[2]) if word.lower() in text.lower()]
        assert found == [], where
