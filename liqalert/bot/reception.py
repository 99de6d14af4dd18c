"""From an update to an answer: who asks, what, and what goes back. No update ends in a traceback in the chat."""

from __future__ import annotations

import logging

from telegram import Bot, Message, Update

from liqalert.bot.arguments import CannotAnswer, words_of
from liqalert.bot.commands import COMMANDS, command_named
from liqalert.bot.desk import Asked, Desk
from liqalert.bot.gate import CHANNEL, Gate
from liqalert.bot.sending import Place, send
from liqalert.ports import Chat, StorageError
from liqalert.render import replies
from liqalert.render.text import Text

log = logging.getLogger(__name__)


class Reception:
    """Receives every update, whatever its kind."""

    def __init__(self, bot: Bot, desk: Desk) -> None:
        self._bot = bot
        self._desk = desk
        self._gate = Gate(desk.chats, desk.clock)

    async def receive(self, update: Update) -> None:
        """Answers a command of an allowed chat; tells a stranger once an hour; leaves everything else alone."""
        if update.effective_chat is None:
            return
        chat = await self._admitted(update.effective_chat.id)
        # An edited message is not run again, and a press on a button that liqalert never sent means nothing.
        message = update.message or update.channel_post
        if chat is None or message is None:
            return
        if message.migrate_to_chat_id is not None:
            await self._migrated(chat, message.migrate_to_chat_id)
        elif (text := await self._answer(chat, message)) is not None:
            await send(self._bot, _place(message), replies.with_warnings(text, self._desk.board.said_above()))

    async def apologise(self, update: Update) -> None:
        """One plain sentence after a failure in liqalert itself, to chats that may ask."""
        chat = update.effective_chat
        if chat is not None and self._gate.has_admitted(str(chat.id)):
            place = _place(update.effective_message) if update.effective_message else Place(chat.id)
            await send(self._bot, place, replies.broken())

    async def _admitted(self, chat_id: int) -> Chat | None:
        """The chat if it may ask. Whoever may not is told so here, at most once an hour."""
        address = str(chat_id)
        try:
            chat = await self._gate.admitted(address)
            text = replies.refusal(address)
        except StorageError as exc:
            log.error("cannot look up a chat", extra={"cause": str(exc)})
            chat, text = None, replies.cannot_check()
        if chat is None and self._gate.may_tell(address):
            await send(self._bot, Place(chat_id), text)
        if chat is not None and chat.dead_since is not None:
            await self._revived(chat)
        return chat

    async def _revived(self, chat: Chat) -> None:
        """Who writes can be written to again."""
        try:
            await self._desk.chats.revive(chat.id)
        except StorageError as exc:
            log.error("cannot revive a chat", extra={"chat": chat.address, "cause": str(exc)})

    async def _migrated(self, chat: Chat, new_id: int) -> None:
        """The group became a supergroup. Its rules follow; the settings must be changed by hand."""
        try:
            await self._desk.chats.migrate(CHANNEL, chat.address, str(new_id))
        except StorageError as exc:
            log.error("cannot follow a chat to its new id", extra={"chat": chat.address, "cause": str(exc)})
        await send(self._bot, Place(new_id), replies.moved(chat.address, str(new_id)))

    async def _answer(self, chat: Chat, message: Message) -> Text | None:
        """The answer to a message; None when it is not meant for us."""
        if not message.text:
            return None
        private = message.chat.type == message.chat.PRIVATE
        words = words_of(message.text, self._bot.username)
        if words is None:
            return replies.wrong("Commands begin with a slash.", "/clusters BTC") if private else None
        try:
            return await command_named(words.command).answer(self._desk, Asked(chat, words.arguments))
        except CannotAnswer as exc:
            # In a group, a command nobody knows may be for another bot.
            return exc.text if private or words.mine or words.command in COMMANDS else None
        except StorageError as exc:
            log.error("command failed", extra={"command": words.command, "cause": str(exc)})
            return replies.database_refused(str(exc))


def _place(message: Message) -> Place:
    return Place(message.chat.id, message.message_thread_id if message.is_topic_message else None)
