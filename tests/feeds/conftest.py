from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.binance_server import BinanceServer


@pytest.fixture
async def server() -> AsyncIterator[BinanceServer]:
    async with BinanceServer() as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
