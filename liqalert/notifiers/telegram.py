"""Alerts over the Telegram Bot API."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

from telegram import Bot, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from liqalert.ports import DeliveryError, Message

log = logging.getLogger(__name__)

_CHAT_GONE = ("chat not found", "user not found", "peer_id_invalid", "chat_id is empty", "group chat was deactivated")
_CANNOT_PARSE = "can't parse entities"


class TelegramNotifier:
    """Sends over `bot`; addresses are chat ids as text. Pacing and retries are the sender's."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self.sent_as_plain = 0
        """Messages whose HTML Telegram could not parse, since the start."""

    async def send(self, address: str, message: Message) -> str:
        """Telegram's message id. Raises DeliveryError; its text never holds the token."""
        try:
            return await self._send_html(address, message)
        except TelegramError as exc:
            # Not chained: the errors of python-telegram-bot and httpx may hold the token, alone or in an address.
            raise delivery_error(exc, self._bot.token) from None

    async def _send_html(self, address: str, message: Message) -> str:
        try:
            return await self._send(address, message.html, silent=message.silent, parse_mode=ParseMode.HTML)
        except BadRequest as exc:
            if _CANNOT_PARSE not in str(exc).lower():
                raise
        self.sent_as_plain += 1
        log.error("telegram could not parse a message, sent as plain text", extra={"html": message.html})
        return await self._send(address, message.plain, silent=message.silent, parse_mode=None)

    async def _send(self, address: str, text: str, *, silent: bool, parse_mode: str | None) -> str:
        sent = await self._bot.send_message(
            int(address),
            text,
            parse_mode=parse_mode,
            disable_notification=silent,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )
        return str(sent.message_id)


def delivery_error(error: TelegramError, token: str) -> DeliveryError:
    """What an error of python-telegram-bot means for the delivery, most specific first."""
    # In any case: python-telegram-bot capitalises the texts of some errors, which makes the rest small letters.
    text = re.sub(re.escape(token), "***", f"Telegram: {error}", flags=re.IGNORECASE)
    match error:
        case RetryAfter():
            return DeliveryError(text, retry_after_s=_seconds(error))
        case ChatMigrated():
            return DeliveryError(text, moved_to=str(error.new_chat_id))
        case Forbidden():
            return DeliveryError(text, permanent=True, address_dead=True)
        case InvalidToken():
            # 401, and 404: that is how Telegram answers a token of the wrong shape.
            return DeliveryError("Telegram refuses the token: check telegram.token", permanent=True, channel_dead=True)
        case TimedOut():
            return DeliveryError(f"{text}: whether it arrived is unknown")
        case BadRequest():
            gone = any(sign in str(error).lower() for sign in _CHAT_GONE)
            return DeliveryError(text, permanent=True, address_dead=gone)
        case _:
            return DeliveryError(text)


def _seconds(error: RetryAfter) -> float:
    """python-telegram-bot gives a number or, where PTB_TIMEDELTA is set and in its next version, a timedelta."""
    value = error.retry_after
    return value.total_seconds() if isinstance(value, timedelta) else float(value)
