"""Sends one answer to one chat: HTML, plain text at once where Telegram cannot parse it, long ones in parts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError

from liqalert.ports import Place
from liqalert.render.buttons import Rows
from liqalert.render.captions import Photo
from liqalert.render.menu import Menu
from liqalert.render.text import CAPTION_LIMIT, Text, joined, line, split

log = logging.getLogger(__name__)

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
SECOND_TRY_S = 1.0
LONGEST_WAIT_S = 5.0
"""Chats are answered one after the other: what Telegram wants later than this is not waited for."""
NO_PICTURES = ("not enough rights to send photos", "chat_send_photos_forbidden", "chat_send_media_forbidden")
IN_WORDS = "This chat does not let liqalert send pictures. The caption alone:"


async def send(bot: Bot, place: Place, answer: Text | Menu | Photo) -> int:
    """Sends `answer`; in how many messages. What cannot be sent is logged and not raised: the person asks again."""
    if isinstance(answer, Photo):
        return await _send_photo(bot, place, answer)
    text, rows = (answer.text, answer.rows) if isinstance(answer, Menu) else (answer, ())
    parts = split(text)
    for part in parts:
        try:
            await _send_part(bot, place, part, keyboard(rows))
        except TelegramError as exc:
            log.warning("answer not sent", extra={"chat": place.chat_id, "cause": str(exc)})
            break
    return len(parts)


async def _send_photo(bot: Bot, place: Place, photo: Photo) -> int:
    """What the caption has no room for comes as a message behind it; all of it, where the chat takes no pictures."""
    first, *rest = split(photo.caption, CAPTION_LIMIT)
    try:
        await tried_twice(lambda: _parsed_or_plain(first, lambda text, mode: _photo(bot, place, photo.png, text, mode)))
        for part in rest:
            await _send_part(bot, place, part, None)
    except TelegramError as exc:
        log.warning("picture not sent", extra={"chat": place.chat_id, "cause": str(exc)})
        if any(sign in str(exc).lower() for sign in NO_PICTURES):
            return await send(bot, place, joined([line(IN_WORDS), photo.caption]))
    return 1 + len(rest)


async def _photo(bot: Bot, place: Place, png: bytes, caption: str, parse_mode: ParseMode | None) -> None:
    await bot.send_photo(
        place.chat_id,
        png,
        caption=caption,
        parse_mode=parse_mode,
        message_thread_id=place.thread_id,
        filename="heatmap.png",
    )


async def edit(bot: Bot, chat_id: int, message_id: int, menu: Menu) -> None:
    """Puts `menu` in place of an earlier one. One that is gone, or says the same, is left alone."""

    async def change() -> None:
        await bot.edit_message_text(
            menu.text.html,
            chat_id=chat_id,
            message_id=message_id,
            parse_mode=ParseMode.HTML,
            link_preview_options=NO_PREVIEW,
            reply_markup=keyboard(menu.rows),
        )

    try:
        await tried_twice(change)
    except TelegramError as exc:
        log.info("menu not edited", extra={"chat": chat_id, "cause": str(exc)})


def keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    buttons = [[InlineKeyboardButton(label, callback_data=data) for label, data in row] for row in rows]
    return InlineKeyboardMarkup(buttons) if buttons else None


def told_s(error: RetryAfter) -> float:
    """How long Telegram says to wait: the library gives a number or, in its next version, a timedelta."""
    told = error.retry_after
    return told.total_seconds() if isinstance(told, timedelta) else float(told)


async def tried_twice(call: Callable[[], Awaitable[object]]) -> None:
    """A broken connection may mean that the answer has arrived: seeing it twice is better than not at all. Beside a
    storm of alerts Telegram may want a moment's pause."""
    try:
        await call()
        return
    except BadRequest:
        raise
    except NetworkError:
        wait_s = SECOND_TRY_S
    except RetryAfter as exc:
        wait_s = told_s(exc)
        if wait_s > LONGEST_WAIT_S:
            raise
    await asyncio.sleep(wait_s)
    await call()


async def _send_part(bot: Bot, place: Place, part: Text, markup: InlineKeyboardMarkup | None) -> None:
    await tried_twice(lambda: _parsed_or_plain(part, lambda text, mode: _message(bot, place, text, mode, markup)))


async def _parsed_or_plain(text: Text, call: Callable[[str, ParseMode | None], Awaitable[None]]) -> None:
    try:
        await call(text.html, ParseMode.HTML)
    except BadRequest as exc:
        if "parse entities" not in str(exc).lower():
            raise
        log.error("HTML refused, sent as plain text", extra={"cause": str(exc)})
        await call(text.plain, None)


async def _message(
    bot: Bot, place: Place, text: str, parse_mode: ParseMode | None, markup: InlineKeyboardMarkup | None
) -> None:
    await bot.send_message(
        place.chat_id,
        text,
        parse_mode=parse_mode,
        message_thread_id=place.thread_id,
        link_preview_options=NO_PREVIEW,
        reply_markup=markup,
    )
