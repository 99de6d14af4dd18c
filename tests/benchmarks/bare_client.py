"""A process of its own: aiohttp socket in, aiohttp POST out, nothing between, or one commit, or decoded marks.

python -m tests.benchmarks.bare_client WEBSOCKET_URL POST_URL CHAT_ID [--decode] [--commit DATABASE]: posts the same
message for each frame; with DATABASE, once a row with it is committed there, by a thread, as SQLite is reached from a
loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor

import aiohttp

from tests.benchmarks import bare
from tests.benchmarks.harness import run

TEXT = "BTCUSDT " * 50
"""About as long as an alert."""


class Committing:
    """One connection in one thread, with the settings of the daemon's."""

    def __init__(self, path: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = WAL", "synchronous = NORMAL", "journal_size_limit = 67108864"):
            self._connection.execute(f"PRAGMA {setting}")
        self._connection.execute("CREATE TABLE alerts (id INTEGER PRIMARY KEY, content TEXT NOT NULL)")

    async def commit(self, content: str) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, content)

    def _insert(self, content: str) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("INSERT INTO alerts (content) VALUES (?)", (content,))
        self._connection.execute("COMMIT")


async def pass_on(socket_url: str, post_url: str, chat_id: str, path: str | None, *, decodes: bool) -> None:
    content = {"chat_id": chat_id, "text": TEXT}
    database = Committing(path) if path else None
    async with aiohttp.ClientSession() as session, session.ws_connect(socket_url, decode_text=False) as socket:
        async for message in socket:
            if decodes:
                bare.decode_wrapped_marks(message.data)
            if database is not None:
                await database.commit(TEXT)
            async with session.post(post_url, json=content) as answer:
                await answer.read()


if __name__ == "__main__":
    parser = ArgumentParser()
    for name in ("socket_url", "post_url", "chat_id"):
        parser.add_argument(name)
    parser.add_argument("--decode", action="store_true")
    parser.add_argument("--commit")
    wanted = parser.parse_args()
    run(pass_on(wanted.socket_url, wanted.post_url, wanted.chat_id, wanted.commit, decodes=wanted.decode))
