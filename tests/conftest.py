"""A skipped test proves nothing: where CI is set, a skip fails the run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from tests.binance_server import BinanceServer
from tests.telegram_server import TelegramServer, telegram_server

# Durations vary on a busy machine; a slow example is no failure.
settings.register_profile("liqalert", deadline=None, max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "60")))
settings.load_profile("liqalert")


@pytest.fixture
async def binance() -> AsyncIterator[BinanceServer]:
    """Marks ten times a second, BTC's inside the zone that the tests make."""
    async with BinanceServer() as server:
        server.prices = {"BTCUSDT": 60_005.0, "ETHUSDT": 3000.0}
        server.open_interest = {"BTCUSDT": "16000", "ETHUSDT": "300000"}
        server.mark_every(0.1)
        yield server


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with telegram_server() as server:
        yield server


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
