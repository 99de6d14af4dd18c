"""The dead man's switch, against a real HTTP server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import NamedTuple, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import update

from liqalert.app.assembly import assemble
from liqalert.app.chores import Chores
from liqalert.app.dead_man import DeadMansSwitch, is_anybody_told
from liqalert.app.parts import Stores
from liqalert.app.read_start import read_start
from liqalert.app.world import World
from liqalert.bot.telegram_bot import TelegramBot
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import FeedStatus
from liqalert.settings import load_settings
from liqalert.storage.lock import exclusively
from liqalert.storage.tables import CHATS
from liqalert.web.metrics import Metrics
from tests.fakes import FakeClock

T0 = 1_790_000_000.0


class Listener:
    def __init__(self) -> None:
        self.asked = 0
        self.status = 200

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=self.status)


@pytest.fixture
async def listener() -> AsyncIterator[tuple[Listener, str]]:
    listener, application = Listener(), web.Application()
    application.router.add_get("/secret-4711", listener.answer)
    async with TestServer(application) as server:
        yield listener, str(server.make_url("/secret-4711"))


async def test_it_asks_and_says_when_it_was_not_heard(
    listener: tuple[Listener, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server, url = listener
    async with aiohttp.ClientSession() as session:
        switch = DeadMansSwitch(session, url)
        await switch.ping()
        assert (server.asked, switch.problem) == (1, None)

        server.status = 404
        await switch.ping()
        assert switch.problem == "owner.ping_url was not reached (HTTP 404): expect its alarm."

        server.status = 200
        await switch.ping()
        assert switch.problem is None
    assert "secret-4711" not in "".join(record.getMessage() for record in ours(caplog))


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Without the log of the server that is asked."""
    return [record for record in caplog.records if record.name != "aiohttp.access"]


async def test_an_address_that_cannot_be_reached_raises_nothing_and_is_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with aiohttp.ClientSession() as session:
        switch = DeadMansSwitch(session, "http://127.0.0.1:1/secret-4711")
        await switch.ping()

    assert "was not reached (ClientConnectorError)" in (switch.problem or "")
    assert "secret-4711" not in caplog.text + str(switch.problem)


class Deaf(NamedTuple):
    """A bot that Telegram does not answer."""

    cut_off_since: float
    polled_at: float | None = None
    problem: str | None = None


async def test_it_is_silent_while_nobody_can_be_told(stores: Stores, listener: tuple[Listener, str]) -> None:
    server, url = listener
    given = {
        "LIQALERT_OWNER__PING_URL": url,
        "LIQALERT_TELEGRAM__TOKEN": "1234:AAE-any_token",
        "LIQALERT_TELEGRAM__ALLOWED_CHATS": "[4242]",
    }
    settings, world = load_settings(None, given), World(clock=FakeClock(T0), environ={})
    start = await read_start(settings, stores, T0)
    async with aiohttp.ClientSession() as session, exclusively(stores.database) as hold:
        facts, _ = assemble(settings, world, start, stores=stores, session=session, hold=hold, damage=None)
        facts.watching.pipeline.feed_changed(FeedStatus(BINANCE, alive=True, since=T0, mark_at=T0), T0 + 7.0)
        jobs = {job.name: job.run for job in Chores(facts, Metrics(facts.metrics_sources()), world).jobs(None)}
        await jobs["recipients"]()
        await jobs["dead man's switch"]()
        notes = facts.readiness().notes
        facts.bot = cast(TelegramBot, Deaf(cut_off_since=T0 - 900.0))
        await jobs["dead man's switch"]()
        facts.bot = cast(TelegramBot, Deaf(cut_off_since=T0 - 899.0))
        await jobs["dead man's switch"]()

        async with stores.database.write("a chat that blocks the bot") as connection:
            await connection.execute(update(CHATS).values(dead_since=T0))
        await jobs["recipients"]()
        await jobs["dead man's switch"]()

        said = "Nobody can be told of an alert now: owner.ping_url is not asked for, so expect its alarm."
        assert server.asked == 2
        assert said not in notes
        assert said in facts.readiness().notes


@pytest.mark.parametrize(
    ("working", "told_over", "cut_off_s", "anybody"),
    [
        ({"telegram"}, {"telegram"}, 0.0, True),
        ({"telegram"}, {"telegram"}, 899.0, True),
        ({"telegram"}, {"telegram"}, 900.0, False),
        ({"telegram", "webhook"}, {"telegram", "webhook"}, 900.0, True),
        ({"telegram", "webhook"}, {"telegram"}, 900.0, False),
        ({"telegram"}, set(), 0.0, False),
        ({"telegram"}, None, 0.0, True),
        (set(), {"webhook"}, 0.0, False),
    ],
)
def test_anybody_is_told_who_stands_behind_a_channel_that_works(
    working: set[str], told_over: set[str] | None, cut_off_s: float, anybody: bool
) -> None:
    over = None if told_over is None else frozenset(told_over)

    assert is_anybody_told(frozenset(working), over, telegram_cut_off_s=cut_off_s) is anybody
