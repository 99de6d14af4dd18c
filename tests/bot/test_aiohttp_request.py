"""How python-telegram-bot's requests go over aiohttp: fields, files, and failures that never show the token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from telegram import Bot
from telegram.error import NetworkError, TimedOut

from liqalert.bot.aiohttp_request import AiohttpRequest
from tests.telegram_server import TOKEN, telegram_server


@asynccontextmanager
async def bot_at(url: str, read_timeout_s: float = 10.0) -> AsyncIterator[Bot]:
    async with Bot(
        TOKEN, f"{url}/bot", request=AiohttpRequest(read_timeout_s), get_updates_request=AiohttpRequest(5.0)
    ) as bot:
        yield bot


@asynccontextmanager
async def telegram_request() -> AsyncIterator[AiohttpRequest]:
    request = AiohttpRequest(5.0)
    await request.initialize()
    try:
        yield request
    finally:
        await request.shutdown()


@asynccontextmanager
async def server_that(handler: web.RequestHandler) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.post("/{path:.*}", handler)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_fields_arrive_in_any_script() -> None:
    async with telegram_server() as server:
        requests = AiohttpRequest(10.0), AiohttpRequest(5.0)
        async with Bot(TOKEN, f"{server.api_url}/bot", request=requests[0], get_updates_request=requests[1]) as bot:
            await bot.send_message(7, '<b>我踏马来了USDT</b> & +1 %; a=b?\n"c" 😀')

        [call] = server.calls_of("sendMessage")
    assert call.params["text"] == '<b>我踏马来了USDT</b> & +1 %; a=b?\n"c" 😀'


async def test_what_is_sent_before_the_bot_has_begun_arrives() -> None:
    """A restart sends at once what an earlier run left due, while the page is still being opened."""
    async with telegram_server() as server:
        requests = AiohttpRequest(10.0), AiohttpRequest(5.0)
        bot = Bot(TOKEN, f"{server.api_url}/bot", request=requests[0], get_updates_request=requests[1])
        await bot.send_message(7, "due")
        await requests[0].shutdown()

        assert [call.text for call in server.calls_of("sendMessage")] == ["due"]


async def test_a_proxy_that_the_environment_names_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def forward(request: web.Request) -> web.Response:
        asked.append(str(request.url))
        return web.json_response({"ok": True, "result": True})

    async with server_that(forward) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "")
        async with telegram_request() as request:
            await request.do_request("http://api.telegram.invalid/bot1/getMe", "POST")

    assert asked == ["http://api.telegram.invalid/bot1/getMe"]


async def test_no_proxy_is_used_for_a_host_that_the_environment_excepts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=204)

    async with server_that(answer) as url:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with telegram_request() as request:
            status, _ = await request.do_request(f"{url}/bot1/getMe", "POST")

    assert status == 204


async def test_a_file_arrives_whole() -> None:
    got: dict[str, bytes | str] = {}

    async def take(request: web.Request) -> web.Response:
        form = await request.post()
        for name, value in form.items():
            got[name] = value.file.read() if isinstance(value, web.FileField) else value
        return web.json_response({"ok": True, "result": True})

    async with server_that(take) as url:
        request = AiohttpRequest(10.0)
        bot = Bot(TOKEN, f"{url}/bot", request=request, get_updates_request=AiohttpRequest(5.0))
        await request.initialize()
        await bot.set_chat_photo(7, bytes(range(256)) * 100)
        await request.shutdown()

    assert got["chat_id"] == "7"
    assert got["photo"] == bytes(range(256)) * 100


async def test_silence_is_a_timeout() -> None:
    async def wait(_: web.Request) -> web.Response:
        await asyncio.sleep(30.0)
        return web.Response()

    async with server_that(wait) as url:
        request = AiohttpRequest(0.2)
        await request.initialize()
        with pytest.raises(TimedOut):
            await request.do_request(f"{url}/bot{TOKEN}/sendMessage", "POST")
        await request.shutdown()


async def test_no_connection_is_an_error_that_does_not_show_the_token() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async with server_that(answer) as url:
        pass  # from now on nobody listens there
    request = AiohttpRequest(5.0)
    await request.initialize()

    with pytest.raises(NetworkError) as caught:
        await request.do_request(f"{url}/bot{TOKEN}/sendMessage", "POST")
    await request.shutdown()

    assert TOKEN not in repr(caught.value)
    assert caught.value.__suppress_context__


async def test_a_redirect_is_not_followed() -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"})

    async with server_that(elsewhere) as url:
        request = AiohttpRequest(5.0)
        await request.initialize()
        status, _ = await request.do_request(f"{url}/bot{TOKEN}/sendMessage", "POST")
        await request.shutdown()

    assert status == 302
