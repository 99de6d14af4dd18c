"""Who is enrolled: by a one-time code, listed for the owner, removed by him, and back when he could not be reached."""

from __future__ import annotations

import logging

from liqalert.bot.arguments import CannotAnswer, shown
from liqalert.bot.desk import Asked, Desk
from liqalert.ports import Chat, Role, StorageError
from liqalert.ports.channels import TELEGRAM
from liqalert.render import replies
from liqalert.render.text import Text

log = logging.getLogger(__name__)


async def enrol(desk: Desk, code: str, address: str) -> Text:
    """/start CODE, from anyone. The code is used up."""
    chat = await desk.enrolments.redeem(code, TELEGRAM, address, desk.clock.now())
    if chat is None:
        return replies.code_refused()
    await desk.chats.hold_defaults(chat.id, desk.standard, desk.clock.now())
    await desk.rules_changed()
    return replies.enrolled(chat.role, await desk.chats.subscriptions(chat.id), desk.view(chat).numbers)


async def revive(desk: Desk, chat: Chat) -> None:
    """Who writes, or presses a button, can be written to again."""
    try:
        await desk.chats.revive(chat.id)
        # Rules that nobody else holds have not been looked at since.
        await desk.rules_changed()
    except StorageError as exc:
        log.error("cannot revive a chat", extra={"chat": chat.address, "cause": str(exc)})


async def chats(desk: Desk, asked: Asked) -> Text:
    return replies.chats(desk.view(asked.chat), await desk.enrolments.chats(), mine=asked.chat.id)


async def remove(desk: Desk, asked: Asked) -> Text:
    if len(asked.arguments) != 1:
        raise CannotAnswer(replies.wrong("/remove takes the address of one chat; /chats lists them.", "/remove 123456"))
    known = await desk.enrolments.chats()
    gone = next((chat for chat in known if chat.address == asked.arguments[0]), None)
    if gone is None:
        problem = f"No chat has the address {shown(asked.arguments[0])}; /chats lists them."
        raise CannotAnswer(replies.wrong(problem, f"/remove {known[-1].address}"))
    # An owner elsewhere, or one whom Telegram no longer reaches, cannot do in the bot what only an owner may.
    others = [chat for chat in known if _owns_the_bot(chat) and chat.dead_since is None and chat.id != gone.id]
    if _owns_the_bot(gone) and not others:
        raise CannotAnswer(replies.wrong("The last owner cannot be removed: enrol another first.", "liqalert pair"))
    await desk.enrolments.remove(gone.id, desk.clock.now())
    await desk.rules_changed()
    return replies.removed(gone.address)


def _owns_the_bot(chat: Chat) -> bool:
    return chat.role is Role.OWNER and chat.channel == TELEGRAM
