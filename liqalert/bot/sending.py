"""Sends one answer to one chat: HTML, plain text at once where Telegram cannot parse it, long ones in parts."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from telegram import Bot, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest, NetworkError, TelegramError

from liqalert.render.text import Text, split

log = logging.getLogger(__name__)

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
SECOND_TRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer goes: a chat, or one topic of a forum."""

    chat_id: int
    thread_id: int | None = None


async def send(bot: Bot, place: Place, text: Text) -> None:
    """Sends `text`. An answer that cannot be sent is logged and not raised: the person asks again."""
    for part in split(text):
        try:
            await _tried_twice(bot, place, part)
        except TelegramError as exc:
            log.warning("answer not sent", extra={"chat": place.chat_id, "cause": str(exc)})
            return


async def _tried_twice(bot: Bot, place: Place, part: Text) -> None:
    """A broken connection may mean that the answer has arrived: seeing it twice is better than not at all."""
    try:
        await _send(bot, place, part)
    except BadRequest:
        raise
    except NetworkError:
        await asyncio.sleep(SECOND_TRY_S)
        await _send(bot, place, part)


async def _send(bot: Bot, place: Place, part: Text) -> None:
    try:
        await _message(bot, place, part.html, ParseMode.HTML)
    except BadRequest as exc:
        if "parse entities" not in str(exc).lower():
            raise
        log.error("HTML refused, sent as plain text", extra={"cause": str(exc)})
        await _message(bot, place, part.plain, None)


async def _message(bot: Bot, place: Place, text: str, parse_mode: ParseMode | None) -> None:
    await bot.send_message(
        place.chat_id,
        text,
        parse_mode=parse_mode,
        message_thread_id=place.thread_id,
        link_preview_options=NO_PREVIEW,
    )
