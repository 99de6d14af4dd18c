"""From an update to an answer: who asks, what, and what goes back. No update ends in a traceback in the chat."""

from __future__ import annotations

import logging

from telegram import Bot, ChatMember, ChatMemberUpdated, Message, Update

from liqalert.bot import enrolling
from liqalert.bot.arguments import CannotAnswer, Words, words_of
from liqalert.bot.commands import COMMANDS, Command, command_named
from liqalert.bot.desk import Asked, Desk
from liqalert.bot.gate import Gate
from liqalert.bot.pressing import Pressing
from liqalert.bot.room import Room
from liqalert.bot.sending import send
from liqalert.ports import Chat, Place, Role, StorageError
from liqalert.ports.channels import TELEGRAM
from liqalert.render import replies
from liqalert.render.captions import Photo
from liqalert.render.menu import Menu
from liqalert.render.text import Text

log = logging.getLogger(__name__)

GONE = (ChatMember.LEFT, ChatMember.BANNED)
READER = "This chat may ask, but not change anything: it is enrolled as reader."
NOT_IN_PERSON = (
    "In a group only people who are enrolled themselves may change anything: send me /start CODE in a private chat, "
    "with a code from liqalert pair. Anonymous administrators cannot be told apart, so they may only ask."
)
NOT_OWNER = "Only the owner may do this."


class Reception:
    """Receives every update, whatever its kind."""

    def __init__(self, bot: Bot, desk: Desk) -> None:
        self._bot = bot
        self._desk = desk
        self._gate = Gate(desk.chats, desk.clock)
        self._room = Room(self._gate, desk.clock)
        self._pressing = Pressing(bot, desk, self._gate, self._room)

    async def receive(self, update: Update) -> None:
        """Answers a command of an allowed chat; tells a stranger once an hour; leaves everything else alone."""
        if update.callback_query is not None:
            await self._pressing.pressed(update.callback_query)
        elif update.my_chat_member is not None:
            await self._membership(update.my_chat_member)
        elif update.effective_chat is not None:
            # An edited message is not run again.
            await self._message(update.message or update.channel_post, Place(update.effective_chat.id))

    async def apologise(self, update: Update) -> None:
        """One plain sentence after a failure in liqalert itself, to chats that may ask."""
        chat = update.effective_chat
        message = update.effective_message
        place = _place(message) if isinstance(message, Message) else Place(chat.id) if chat else None
        if place is not None and any(self._gate.has_admitted(address) for address in place.addresses):
            await send(self._bot, place, replies.broken())

    async def _message(self, message: Message | None, place: Place) -> None:
        place = _place(message) if message is not None else place
        words = words_of(message.text, self._bot.username) if message is not None and message.text else None
        if message is not None and words is not None and words.command == "start" and words.arguments:
            await self._enrol(message, place, words)
            return
        if message is not None and message.migrate_from_chat_id is not None:
            # What the old group says moves its rules here: it may come later than this.
            return
        chat = await self._admitted(place, words)
        if chat is None or message is None:
            return
        if message.migrate_to_chat_id is not None:
            await self._migrated(chat, message.migrate_to_chat_id)
        elif (answer := await self._answer_in_time(chat, message, words)) is not None:
            self._room.answered(place.chat_id, await send(self._bot, place, self._headed(answer)))

    def _headed(self, answer: Text | Menu | Photo) -> Text | Menu | Photo:
        if isinstance(answer, Menu):
            return answer
        if isinstance(answer, Photo):
            return Photo(answer.png, replies.with_warnings(answer.caption, self._desk.board.said_above()))
        return replies.with_warnings(answer, self._desk.board.said_above())

    # ------------------------------------------------------------ who

    async def _admitted(self, place: Place, words: Words | None) -> Chat | None:
        """The chat if it may ask. Whoever may not is told so here, at most once an hour."""
        address, talk = place.addresses[-1], False
        try:
            chat = await self._gate.admitted(place.addresses)
            text = replies.refusal(address)
            if chat is None and words is None:
                # Where one topic of a forum is allowed, people talk in the others, and have asked for nothing.
                talk = bool(await self._desk.chats.chat_and_topics(TELEGRAM, address))
        except StorageError as exc:
            log.error("cannot look up a chat", extra={"cause": str(exc)})
            chat, text = None, replies.cannot_check()
        if chat is None and not talk and self._gate.may_tell(address):
            await send(self._bot, place, text)
        if chat is not None and chat.dead_since is not None:
            await enrolling.revive(self._desk, chat)
        return chat

    async def _enrol(self, message: Message, place: Place, words: Words) -> None:
        """/start CODE, from anyone, a few times an hour."""
        if not self._gate.may_try_code(_person(message) or place.addresses[-1]):
            return
        try:
            text = await enrolling.enrol(self._desk, words.arguments[0], place.addresses[0])
        except StorageError as exc:
            log.error("enrolment failed", extra={"cause": str(exc)})
            text = replies.cannot_check()
        await send(self._bot, place, text)

    async def _membership(self, change: ChatMemberUpdated) -> None:
        """The bot was thrown out of a chat, blocked by its person, or let in again: with all the chat's topics."""
        address = str(change.chat.id)
        try:
            known = await self._desk.chats.chat_and_topics(TELEGRAM, address)
            if change.new_chat_member.status in GONE:
                for chat in known:
                    await self._desk.chats.mark_dead(chat.id, self._desk.clock.now())
            elif (dead := next((chat for chat in known if chat.dead_since is not None), None)) is not None:
                await enrolling.revive(self._desk, dead)
        except StorageError as exc:
            log.error("cannot note that a chat has come or gone", extra={"chat": address, "cause": str(exc)})

    async def _migrated(self, chat: Chat, new_id: int) -> None:
        """The group became a supergroup. Its rules follow; the settings must be changed by hand."""
        try:
            await self._desk.chats.migrate(TELEGRAM, chat.address, str(new_id))
            await self._desk.rules_changed()
            text = replies.moved(chat.address, str(new_id))
        except StorageError as exc:
            log.error("cannot follow a chat to its new id", extra={"chat": chat.address, "cause": str(exc)})
            text = replies.not_moved_yet(str(new_id))
        await send(self._bot, Place(new_id), text)

    # ------------------------------------------------------------ what

    async def _answer_in_time(self, chat: Chat, message: Message, words: Words | None) -> Text | Menu | Photo | None:
        """The answer to a message, or how long to wait for it; None when nothing is to be said."""
        if words is not None and (wait_s := await self._room.wait_s(message.chat.id, _person(message))):
            return replies.wait(wait_s) if self._room.may_tell(message.chat.id) else None
        return await self._answer(chat, message, words)

    async def _answer(self, chat: Chat, message: Message, words: Words | None) -> Text | Menu | Photo | None:
        """The answer to a message; None when it is not meant for us."""
        if not message.text:
            return None
        private = message.chat.type == message.chat.PRIVATE
        if words is None:
            return replies.wrong("Commands begin with a slash.", "/clusters BTC") if private else None
        try:
            command = command_named(words.command)
            refusal = await self._refusal(chat, message, command)
            if refusal is not None:
                return replies.may_not_change(refusal)
            asked = Asked(chat, words.arguments, _person(message), message.date.timestamp())
            answer = await command.answer(self._desk, asked)
            if words.command == "remove":
                self._gate.forget(words.arguments[0])
            return answer
        except CannotAnswer as exc:
            # In a group, a command nobody knows may be for another bot.
            return exc.text if private or words.mine or words.command in COMMANDS else None
        except StorageError as exc:
            log.error("command failed", extra={"command": words.command, "cause": str(exc)})
            return replies.database_refused(str(exc))

    async def _refusal(self, chat: Chat, message: Message, command: Command) -> str | None:
        """Why this person may not give this command here; None where he may. Raises StorageError."""
        # A channel's posts are its own: who may post there may speak for it.
        own = message.chat.type in (message.chat.PRIVATE, message.chat.CHANNEL)
        if command.owner_only:
            owner = chat.role is Role.OWNER and own
            person = None if own else await self._gate.enrolled(_person(message))
            return None if owner or (person is not None and person.role is Role.OWNER) else NOT_OWNER
        if not command.changes or await self._gate.may_change(chat, _person(message), private=own):
            return None
        return READER if chat.role is Role.READER else NOT_IN_PERSON


def _place(message: Message) -> Place:
    return Place(message.chat.id, message.message_thread_id if message.is_topic_message else None)


def _person(message: Message) -> str | None:
    """The address of who wrote; None for a channel, and for administrators who hide behind their group."""
    if message.sender_chat is not None or message.from_user is None:
        return None
    return str(message.from_user.id)
