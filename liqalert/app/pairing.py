"""One-time codes for chats: made here, handed out by the daemon or by a command, redeemed by `/start CODE`."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from telegram.error import TelegramError

from liqalert.app.introduction import bot_of
from liqalert.clock import Clock
from liqalert.ports import Enrolment, Role
from liqalert.settings import Settings
from liqalert.storage.database import Database
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.lock import exclusively
from liqalert.storage.schema import prepare
from liqalert.web.pairing import CannotPair, Offer

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 signs, without those that are taken for one another: I and 1, O and 0."""
LENGTH = 10
"""50 bits: at the bot's five tries an hour, nobody guesses one within its ten minutes."""
VALID_S = 600.0
NO_TOKEN = "telegram.token is not set: run `liqalert init`, or set it and restart liqalert"


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def link_of(bot_name: str, code: str) -> str:
    """Opens the chat with the bot; its button Start then sends `/start CODE`."""
    return f"https://t.me/{bot_name}?start={code}"


class Pairing:
    """Makes codes. `bot_name` gives None while it is not known; no `bot_name` means that there is no bot."""

    def __init__(self, enrolment: Enrolment, clock: Clock, bot_name: Callable[[], str | None] | None) -> None:
        self._enrolment = enrolment
        self._clock = clock
        self._bot_name = bot_name

    async def offer(self, role: Role) -> Offer:
        """A new code for `role`. Raises CannotPair, StorageError."""
        if self._bot_name is None:
            raise CannotPair(NO_TOKEN)
        now, code, name = self._clock.now(), new_code(), self._bot_name()
        await self._enrolment.offer(code, role, expires_at=now + VALID_S, now=now)
        return Offer(code, link_of(name, code) if name else None, now + VALID_S)


async def offer_without_daemon(settings: Settings, role: Role, clock: Clock) -> Offer:
    """A new code, written to a database that no daemon holds. Raises CannotPair, and then no database is made, and
    StorageError."""
    if settings.telegram.token is None:
        raise CannotPair(NO_TOKEN)
    name = await _bot_name(settings.telegram.token.get_secret_value(), settings.telegram.api_url)
    async with Database(settings.database.url) as database, exclusively(database):
        await prepare(database)
        return await Pairing(Enrolments(database), clock, lambda: name).offer(role)


async def _bot_name(token: str, api_url: str) -> str | None:
    """Asks Telegram. None where there is no answer: the code is worth having without a link."""
    try:
        async with bot_of(token, api_url) as bot:
            return bot.username
    except TelegramError:
        return None
