"""A bot that is thrown out of a forum and let in again, over a real socket and on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from liqalert.ports import Chat
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.schema import prepare
from tests.bot.conftest import running_bot
from tests.bot.test_commands import answer
from tests.bot_fakes import STANDARD, Office
from tests.round_market import ADDRESS, NOW
from tests.telegram_server import TelegramServer

GROUP = -1001234
TOPICS = [f"{GROUP}/45", f"{GROUP}/46"]
OTHER = f"{GROUP}5/45"


@pytest.fixture
async def chats(tmp_path: Path) -> AsyncIterator[ChatDirectory]:
    """Two topics of a forum that is not enrolled itself, and one of another forum."""
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db") as database:
        await prepare(database)
        allowed = [str(ADDRESS), *TOPICS, OTHER]
        await sync_defaults(database, "telegram", allowed, standard=STANDARD, now=NOW)
        yield ChatDirectory(database)


async def test_topics_go_and_come_with_their_chat(server: TelegramServer, office: Office, chats: ChatDirectory) -> None:
    office.desk = replace(office.desk, chats=chats)
    async with running_bot(server, office):
        await _becomes(server, "kicked")
        await answer(server, "/help")
        gone = [await _dead_since(chats, address) for address in (*TOPICS, OTHER)]
        await _becomes(server, "member")
        await answer(server, "/help")

    assert gone == [NOW, NOW, None]
    assert [await _dead_since(chats, address) for address in TOPICS] == [None, None]
    assert office.changes == 1


async def _becomes(server: TelegramServer, status: str) -> None:
    """What Telegram says when somebody has made the bot that in the forum."""
    me = {"user": {"id": 123456, "is_bot": True, "first_name": "B"}}
    await server._push(
        {
            "my_chat_member": {
                "chat": {"id": GROUP, "type": "supergroup", "title": "Forum", "is_forum": True},
                "from": {"id": ADDRESS, "is_bot": False, "first_name": "S"},
                "date": int(NOW),
                "old_chat_member": {"status": "left", **me},
                "new_chat_member": {"status": status, **me, **({"until_date": 0} if status == "kicked" else {})},
            }
        }
    )


async def _dead_since(chats: ChatDirectory, address: str) -> float | None:
    chat = await chats.chat("telegram", address)
    assert isinstance(chat, Chat)
    return chat.dead_since
