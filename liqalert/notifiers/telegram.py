"""Alerts over the Telegram Bot API."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import TypeVar

import msgspec
from telegram import Bot, ReplyParameters
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

from liqalert.ports import Button, DeliveryError, Event, Message, Place, place_of
from liqalert.ports.channels import TELEGRAM

log = logging.getLogger(__name__)

T = TypeVar("T")

_CHAT_GONE = ("chat not found", "user not found", "peer_id_invalid", "chat_id is empty", "group chat was deactivated")
_TOPIC_GONE = ("message thread not found", "topic_deleted")
_TOPIC_CLOSED = ("topic_closed",)
_MAY_NOT_WRITE = (
    "not enough rights to send text messages",
    "have no rights to send a message",
    "have no write access to the chat",
    "need administrator rights in the channel chat",
    "chat_write_forbidden",
    "chat_send_plain_forbidden",
    "chat_restricted",
    "chat_admin_required",
)
_HTML = ParseMode.HTML.value
_CANNOT_PARSE = "can't parse entities"
_NOT_MODIFIED = "message is not modified"
_CANNOT_EDIT = ("message can't be edited", "message_edit_time_expired")
_NO_SUCH_MESSAGE = ("message to edit not found", "message_id_invalid", "message to be replied not found")

NO_PREVIEW = {"link_preview_options": '{"is_disabled":true}'}
"""As Telegram's interface wants it. To make that from objects of its own, for this and the buttons, python-telegram-bot
takes as long as for all else that it does with a message."""


class TelegramNotifier:
    """Sends over `bot`. Addresses are chat ids as text, with a topic's id after a slash. Pacing is the sender's."""

    def __init__(self, bot: Bot, counts: Counter[tuple[str, str]] | None = None) -> None:
        """`counts`, by channel: messages `sent_as_plain`, because Telegram could not parse their HTML, and
        `edits_in_vain`, of messages that are no more."""
        self._bot = bot
        self._counts: Counter[tuple[str, str]] = Counter() if counts is None else counts

    async def send(self, address: str, message: Message) -> str:
        """Telegram's message id. Raises DeliveryError; its text never holds the token."""
        place = place_of(address)

        async def send(text: str, parse_mode: str | None) -> int:
            # What `send_message` comes to. It makes an object with a hundred fields of the answer besides, of which one
            # is wanted: half of what a message costs.
            sent = await self._bot._post(
                "sendMessage",
                {
                    "chat_id": place.chat_id,
                    "text": text,
                    "parse_mode": parse_mode,
                    "message_thread_id": place.thread_id,
                    "disable_notification": message.silent,
                    **NO_PREVIEW,
                    **_keyboard(message),
                },
            )
            return int(sent["message_id"])

        try:
            return str(await self._parsed_or_plain(message, send))
        except TelegramError as exc:
            # Not chained: the errors of python-telegram-bot and httpx may hold the token, alone or in an address.
            raise delivery_error(exc, self._bot.token, place) from None

    async def amend(self, address: str, message_id: str, whole: Message | None, news: Message) -> str:
        """Edits the message; where that is not wanted, or Telegram no longer allows it, replies without a sound.

        A list that would grow and cannot (it was deleted, perhaps) raises a permanent DeliveryError: what is new on it
        has not been told yet.
        """
        place = place_of(address)
        if whole is None:
            return await self._reply(place, message_id, news)
        keyboard = _keyboard(whole)

        async def edit(text: str, parse_mode: str | None) -> None:
            await self._bot.edit_message_text(
                text,
                chat_id=place.chat_id,
                message_id=int(message_id),
                parse_mode=parse_mode,
                api_kwargs=NO_PREVIEW | keyboard,
            )

        try:
            await self._parsed_or_plain(whole, edit)
        except BadRequest as exc:
            return await self._after_refusal(exc, place, message_id, news)
        except TelegramError as exc:
            raise delivery_error(exc, self._bot.token, place) from None
        return message_id

    async def _after_refusal(self, refusal: BadRequest, place: Place, message_id: str, news: Message) -> str:
        reason = str(refusal).lower()
        if _NOT_MODIFIED in reason:
            return message_id
        if news.event is Event.LIST and any(sign in reason for sign in (*_NO_SUCH_MESSAGE, *_CANNOT_EDIT)):
            raise delivery_error(refusal, self._bot.token, place) from None
        if any(sign in reason for sign in _NO_SUCH_MESSAGE):
            self._counts[TELEGRAM, "edits_in_vain"] += 1
            return message_id
        if not any(sign in reason for sign in _CANNOT_EDIT):
            raise delivery_error(refusal, self._bot.token, place) from None
        return await self._reply(place, message_id, news)

    async def _reply(self, place: Place, message_id: str, news: Message) -> str:
        async def reply(text: str, parse_mode: str | None) -> None:
            await self._bot.send_message(
                place.chat_id,
                text,
                parse_mode=parse_mode,
                message_thread_id=place.thread_id,
                disable_notification=True,
                api_kwargs=NO_PREVIEW,
                reply_parameters=ReplyParameters(int(message_id)),
            )

        try:
            await self._parsed_or_plain(news, reply)
        except TelegramError as exc:
            if not any(sign in str(exc).lower() for sign in _NO_SUCH_MESSAGE):
                raise delivery_error(exc, self._bot.token, place) from None
            self._counts[TELEGRAM, "edits_in_vain"] += 1
        # Still the first message's: later news reply to that one, too.
        return message_id

    async def _parsed_or_plain(self, message: Message, call: Callable[[str, str | None], Awaitable[T]]) -> T:
        """`call` with the HTML; at once with the plain text where Telegram cannot parse that."""
        try:
            return await call(message.html, _HTML)
        except BadRequest as exc:
            if _CANNOT_PARSE not in str(exc).lower():
                raise
        self._counts[TELEGRAM, "sent_as_plain"] += 1
        log.error("telegram could not parse a message, sent as plain text", extra={"html": message.html})
        return await call(message.plain, None)


def _keyboard(message: Message) -> dict[str, str]:
    """The buttons under the message, if any, as Telegram's interface wants them."""
    if not message.buttons:
        return {}
    rows = [[_button(button) for button in row] for row in message.buttons]
    return {"reply_markup": msgspec.json.encode({"inline_keyboard": rows}).decode()}


def _button(button: Button) -> dict[str, str | None]:
    pressed = {"callback_data": button.data} if button.url is None else {"url": button.url}
    return {"text": button.text, **pressed}


def delivery_error(error: TelegramError, token: str, place: Place | None = None) -> DeliveryError:
    """What an error of python-telegram-bot means for the delivery, most specific first."""
    # In any case: python-telegram-bot capitalises the texts of some errors, which makes the rest small letters.
    text = re.sub(re.escape(token), "***", f"Telegram: {error}", flags=re.IGNORECASE)
    match error:
        case RetryAfter():
            return DeliveryError(text, retry_after_s=_seconds(error))
        case ChatMigrated():
            topic = f"/{place.thread_id}" if place and place.thread_id else ""
            return DeliveryError(text, moved_to=f"{error.new_chat_id}{topic}")
        case BadRequest() | Forbidden() if place and _says(error, _MAY_NOT_WRITE):
            # The rights are the whole chat's, and whoever took them may give them back.
            return DeliveryError(text, closed=str(place.chat_id))
        case Forbidden():
            return DeliveryError(text, permanent=True, address_dead=True)
        case InvalidToken():
            # 401, and 404: that is how Telegram answers a token of the wrong shape.
            return DeliveryError("Telegram refuses the token: check telegram.token", permanent=True, channel_dead=True)
        case TimedOut():
            return DeliveryError(f"{text}: whether it arrived is unknown")
        case BadRequest() if place and _says(error, _TOPIC_CLOSED):
            # Whoever closed it may open it again: it keeps its row.
            return DeliveryError("Telegram: the topic is closed", closed=place.addresses[0])
        case BadRequest() if place and place.thread_id and _says(error, _TOPIC_GONE):
            # The topic is no more, the chat is.
            return DeliveryError(text, moved_to=str(place.chat_id))
        case BadRequest():
            return DeliveryError(text, permanent=True, address_dead=_says(error, _CHAT_GONE))
        case _:
            return DeliveryError(text)


def _says(error: TelegramError, signs: Iterable[str]) -> bool:
    return any(sign in str(error).lower() for sign in signs)


def _seconds(error: RetryAfter) -> float:
    """python-telegram-bot gives a number or, where PTB_TIMEDELTA is set and in its next version, a timedelta."""
    value = error.retry_after
    return value.total_seconds() if isinstance(value, timedelta) else float(value)
