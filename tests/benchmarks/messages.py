"""A message to Telegram: CPU of our side, beside a bare POST of the same size."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import process_time

import aiohttp
from aiohttp import web

from liqalert.bot.telegram_bot import build_application
from liqalert.notifiers.telegram import TelegramNotifier
from liqalert.ports import Message
from tests.benchmarks.harness import Figure, Question, Scale, compare, run

TOKEN = "123456789:AAbenchmarkbenchmarkbenchmarkbenchm"
TEXT = "BTCUSDT long 60,000 " * 20
"""About as long as an alert."""
AT_ONCE = 5


def figures(scale: Scale) -> Iterator[Figure]:
    count = scale.of(400, 5)
    with stand_in() as url:
        yield compare(
            Question("a message through the Telegram notifier", "aiohttp POST alone", "us CPU/message", 4.0),
            ours=lambda: run(_through_the_notifier(url, count)),
            peer=lambda: run(_posted(url, count)),
            rounds=scale.rounds(9),
        )


async def _through_the_notifier(url: str, count: int) -> float:
    application = build_application(TOKEN, url)
    async with application.bot:
        notifier = TelegramNotifier(application.bot)
        return await _cpu_us(lambda: notifier.send("42", Message(TEXT, TEXT)), count)


async def _posted(url: str, count: int) -> float:
    async with aiohttp.ClientSession() as session:

        async def post() -> None:
            content = {"chat_id": 42, "text": TEXT, "parse_mode": "HTML"}
            async with session.post(f"{url}/bot{TOKEN}/sendMessage", json=content) as answer:
                await answer.read()

        return await _cpu_us(post, count)


async def _cpu_us(send: Callable[[], Awaitable[object]], count: int) -> float:
    """Of each message: a few are under way at a time, as where chats are many."""
    waiting = iter(range(count))

    async def one_after_the_other() -> None:
        for _ in waiting:
            await send()

    await send()
    began = process_time()
    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    return (process_time() - began) / count * 1e6


# ---------------------------------------------------------------- the other end, a process of its own


@contextmanager
def stand_in() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    chat = {"id": 42, "type": "private"}
    user = {"id": 1, "is_bot": True, "first_name": "b", "username": "b_bot"}
    message = {"message_id": 7, "date": 1_790_000_000, "chat": chat, "from": user, "text": TEXT}
    result = user if request.path.endswith("getMe") else message
    return web.json_response({"ok": True, "result": result})


async def _serve() -> None:
    app = web.Application()
    app.add_routes([web.post("/{path:.*}", _answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    # Until the process that measures ends this one.
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
