"""A Telegram bot for a moment, outside of the daemon."""

from __future__ import annotations

from telegram import Bot
from telegram.request import HTTPXRequest

WAIT_S = 10.0


def bot_of(token: str, api_url: str) -> Bot:
    """`async with bot_of(...) as bot:` asks Telegram whose token it is, which raises TelegramError; `bot.username`."""
    request = HTTPXRequest(connect_timeout=WAIT_S, read_timeout=WAIT_S)
    return Bot(token, base_url=f"{api_url}/bot", request=request, get_updates_request=HTTPXRequest())
