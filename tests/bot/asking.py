"""A chat writes, and waits for the answer."""

from __future__ import annotations

from tests.round_market import ADDRESS
from tests.telegram_server import TelegramServer


async def answer(server: TelegramServer, text: str, chat_id: int = ADDRESS) -> str:
    """The next message that `chat_id` receives after writing `text`."""
    before = len(server.texts(chat_id))
    await server.push_text(chat_id, text)
    return (await server.wait_for_texts(chat_id, before + 1))[before]
