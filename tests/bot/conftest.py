"""A running bot over fakes, and the Bot API stand-in it talks to over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from liqalert.bot.telegram_bot import TelegramBot, build_application
from tests.bot_fakes import Office
from tests.telegram_server import TelegramServer, telegram_server


@asynccontextmanager
async def running_bot(server: TelegramServer, office: Office, token: str | None = None) -> AsyncIterator[TelegramBot]:
    """Started; not necessarily introduced. Pauses after errors are a hundredth of the real ones."""
    bot = TelegramBot(build_application(token or server.token, server.api_url), office.desk, poll_s=1, pace=0.01)
    await bot.start()
    try:
        yield bot
    finally:
        await bot.stop()


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with telegram_server() as server:
        yield server


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def bot(server: TelegramServer, office: Office) -> AsyncIterator[TelegramBot]:
    async with running_bot(server, office) as bot:
        yield bot
