"""The dead man's switch, against a real HTTP server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from liqalert.app.dead_man import DeadMansSwitch


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
