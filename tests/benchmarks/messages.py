"""A message to Telegram: CPU of our side, beside a bare POST of about the same size."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from time import process_time

import aiohttp
from aiohttp import web

from liqalert.bot.telegram_bot import build_application
from liqalert.notifiers.telegram import TelegramNotifier
from liqalert.ports import Message
from liqalert.ports.channels import WEBHOOK
from liqalert.storage.database import Database
from tests.benchmarks.crowd import prepare
from tests.benchmarks.harness import Figure, Question, Scale, compare, run
from tests.database_sender import sender_on

TOKEN = "123456789:AAbenchmarkbenchmarkbenchmarkbenchm"
TEXT = "BTCUSDT long 60,000 " * 20
"""About as long as an alert."""
AT_ONCE = 5
UNPACED = WEBHOOK
"""The outbox takes the chats for those of a channel that allows any pace: how fast Telegram wants messages costs no
CPU."""


def figures(scale: Scale) -> Iterator[Figure]:
    count, chats = scale.of(400, 5), scale.of(1000, 5)
    with stand_in() as url:
        yield compare(
            Question("a message out of the outbox to Telegram", "aiohttp POST alone", "us CPU/message", 4.0),
            ours=lambda: run(_out_of_the_outbox(url, chats)),
            peer=lambda: run(_posted(url, count)),
            rounds=scale.rounds(5),
        )
        yield compare(
            Question("of it the Telegram notifier", "aiohttp POST alone", "us CPU/message"),
            ours=lambda: run(_through_the_notifier(url, count)),
            peer=lambda: run(_posted(url, count)),
            rounds=scale.rounds(5),
        )


async def _out_of_the_outbox(url: str, chats: int) -> float:
    """An alert for so many chats: from its fan-out until every outcome is written."""
    application = build_application(TOKEN, url)
    with TemporaryDirectory() as directory:
        async with Database(f"sqlite+aiosqlite:///{directory}/liqalert.db") as database, application.bot:
            await prepare(database, chats, UNPACED)
            sender = sender_on(database, TelegramNotifier(application.bot), UNPACED)
            began = process_time()
            task = asyncio.create_task(sender.run(), name="sender")
            while sender.counts[UNPACED, "sent"] < chats:
                await asyncio.sleep(0.01)
            # It writes what is not written yet.
            await sender.stop()
            await task
            return (process_time() - began) / chats * 1e6


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
