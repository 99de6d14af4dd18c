"""From a pressed button to what it does. Every press is answered, so that no button goes on spinning."""

from __future__ import annotations

import logging

from telegram import Bot, CallbackQuery, Message
from telegram.constants import ChatType
from telegram.error import TelegramError

from liqalert.bot import enrolling
from liqalert.bot.arguments import CannotAnswer
from liqalert.bot.desk import Asked, Desk
from liqalert.bot.gate import Gate
from liqalert.bot.presses import CHANGING, OLD, Pressed, do
from liqalert.bot.room import Room
from liqalert.bot.sending import edit, send, tried_twice
from liqalert.ports import Chat, Place, StorageError
from liqalert.render import replies
from liqalert.render.callbacks import Press, press_of

log = logging.getLogger(__name__)

NOT_ALLOWED = "Nothing was changed: only people who are enrolled with liqalert may press this."
NOT_IN_CHANNEL = "Nothing was posted: in a channel only people who are enrolled with liqalert get an answer."
NOTICE_LIMIT = 200
"""Telegram's, in characters."""


class Pressing:
    """Receives every callback query."""

    def __init__(self, bot: Bot, desk: Desk, gate: Gate, room: Room) -> None:
        self._bot = bot
        self._desk = desk
        self._gate = gate
        self._room = room

    async def pressed(self, query: CallbackQuery) -> None:
        place = _place(query)
        try:
            result, alarm = await self._do(query, place)
        except StorageError as exc:
            log.error("button failed", extra={"cause": str(exc)})
            result, alarm = Pressed("liqalert cannot do this now: its database refuses."), True
        await self._answer(query, result.notice, alarm=alarm)
        if place is None:
            return
        if result.reply is not None:
            self._room.answered(place.chat_id, await send(self._bot, place, result.reply))
        if result.menu is not None and query.message is not None:
            self._room.answered(place.chat_id)
            await edit(self._bot, place.chat_id, query.message.message_id, result.menu)

    async def _do(self, query: CallbackQuery, place: Place | None) -> tuple[Pressed, bool]:
        """What comes of it, and whether its notice must be confirmed. Raises StorageError."""
        chat = await self._gate.admitted(place.addresses) if place else None
        if place is None or chat is None:
            return Pressed(NOT_ALLOWED), True
        if chat.dead_since is not None:
            await enrolling.revive(self._desk, chat)
        press = press_of(query.data or "")
        if press is None:
            return Pressed(OLD), True
        refusal = await self._refusal(press, query, chat)
        if refusal is not None:
            return Pressed(refusal), True
        if wait_s := await self._room.wait_s(place.chat_id, str(query.from_user.id)):
            return Pressed(replies.wait(wait_s).plain), True
        try:
            return await do(self._desk, Asked(chat, person=str(query.from_user.id)), press), False
        except CannotAnswer as exc:
            return Pressed(reply=exc.text), False

    async def _refusal(self, press: Press, query: CallbackQuery, chat: Chat) -> str | None:
        """As for a command: whoever is in an allowed chat may ask; in a group only who is enrolled may change.

        An answer in a channel goes to all its subscribers, who may not post there: there only who is enrolled may ask.
        """
        person, kind = str(query.from_user.id), query.message.chat.type if query.message is not None else None
        if press.action in CHANGING:
            private = isinstance(query.message, Message) and kind == ChatType.PRIVATE
            return None if await self._gate.may_change(chat, person, private=private) else NOT_ALLOWED
        if kind == ChatType.CHANNEL and await self._gate.enrolled(person) is None:
            return NOT_IN_CHANNEL
        return None

    async def _answer(self, query: CallbackQuery, notice: str, *, alarm: bool) -> None:
        try:
            # For most buttons this is all that shows that they have done something.
            await tried_twice(lambda: query.answer(notice[:NOTICE_LIMIT] or None, show_alert=alarm))
        except TelegramError as exc:
            # Telegram takes answers for a few minutes only; what the button does has been done.
            log.info("press not answered", extra={"cause": str(exc)})


def _place(query: CallbackQuery) -> Place | None:
    message = query.message
    if not isinstance(message, Message):
        return Place(message.chat.id) if message is not None else None
    return Place(message.chat.id, message.message_thread_id if message.is_topic_message else None)
