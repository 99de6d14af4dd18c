"""`liqalert init`: from a bot token to settings with which `liqalert run` tells the person who asked."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from telegram import Bot, Message, Update
from telegram.error import Conflict, InvalidToken, TelegramError

from liqalert.app.introduction import bot_of
from liqalert.app.pairing import link_of, new_code
from liqalert.notifiers.telegram import delivery_error
from liqalert.render.numbers import one_line
from liqalert.settings import Settings

TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
WAIT_S = 600.0
POLL_S = 25
PAUSE_S = 2.0


class InitFailed(Exception):
    """It cannot go on; the text is one sentence without the token. Nothing has been written."""


@dataclass(frozen=True, slots=True)
class Account:
    """The bot that is to speak for liqalert."""

    token: str = field(repr=False)
    api_url: str
    token_file: Path | None = None
    """Where the token is already kept: the settings then name this file."""


@dataclass(frozen=True, slots=True)
class Written:
    """What has come of it."""

    path: Path
    chat_id: int
    """The owner's."""
    kept: Path | None
    """What stood at `path` before."""


async def init(
    account: Account, path: Path, *, force: bool, say: Callable[[str], None], wait_s: float = WAIT_S
) -> Written:
    """Checks the token, waits for its owner's `/start CODE`, and writes `path`. Raises InitFailed."""
    check_target(path, force=force)
    try:
        async with bot_of(account.token, account.api_url) as bot:
            # Other programs may have used this token before; nothing from then counts.
            await bot.delete_webhook(drop_pending_updates=True)
            start = await _invited(bot, say, wait_s)
            say(f"{_who(start.message)} is the owner now.")
            written = write_settings(path, account, start.message.chat.id)
            await _welcome(bot, start)
            return written
    except InvalidToken:
        raise InitFailed("Telegram does not know this token: copy it again from @BotFather") from None
    except Conflict:
        raise InitFailed("another program asks Telegram for this bot's messages: stop it first") from None
    except TelegramError as exc:
        # Not chained: the library's errors may hold the token.
        raise InitFailed(f"{delivery_error(exc, account.token)}: check network and address") from None


# ---------------------------------------------------------------- the chat


@dataclass(frozen=True, slots=True)
class Start:
    """The message that brings the code."""

    update_id: int
    message: Message


async def _invited(bot: Bot, say: Callable[[str], None], wait_s: float) -> Start:
    """Shows a code and waits for it. Raises InitFailed when it has not come in time."""
    code = new_code()
    say(f"The token belongs to @{bot.username}. Open this on the phone that is to be told, and press Start:")
    say(f"\n  {link_of(bot.username, code)}\n")
    say(f"Or send it: /start {code}")
    say(f"Waiting {wait_s / 60:.0f} minutes for that. Ctrl-C ends it.")
    try:
        async with asyncio.timeout(wait_s):
            return await _start_with(bot, code)
    except TimeoutError:
        raise InitFailed("nobody has sent the code in time: run `liqalert init` again for a new one") from None


async def _start_with(bot: Bot, code: str) -> Start:
    """The caller sets the timeout. A network that fails for a while is only waited for."""
    offset = 0
    while True:
        try:
            updates = await bot.get_updates(offset=offset, timeout=POLL_S, allowed_updates=[Update.MESSAGE])
        except (InvalidToken, Conflict):
            raise
        except TelegramError:
            await asyncio.sleep(PAUSE_S)
            continue
        for update in updates:
            offset = update.update_id + 1
            if update.message is not None and await _brings(update.message, code):
                return Start(update.update_id, update.message)


async def _brings(message: Message, code: str) -> bool:
    """Whether the owner has sent `code`. Whoever comes close is told what is missing."""
    command, *words = (message.text or "").split()[:2] or [""]
    if command.partition("@")[0] != "/start" or not words:
        return False
    if words[0].upper() != code:
        await _reply(message, "This is not the code that liqalert init shows.")
        return False
    if message.chat.type != message.chat.PRIVATE:
        await _reply(message, "The owner is a person: send this to me alone. A group can be added with liqalert pair.")
        return False
    return True


def _who(message: Message) -> str:
    """By name, so that a stranger who got hold of the link is noticed; by id alone where Telegram gives no name."""
    person = message.from_user
    name = one_line(person.full_name) if person is not None else "Whoever sent it"
    handle = f"@{person.username}, " if person is not None and person.username else ""
    return f"{name} ({handle}chat {message.chat.id})"


async def _welcome(bot: Bot, start: Start) -> None:
    """The settings are written: whether Telegram takes these two no longer matters."""
    await _reply(start.message, "This chat is now the owner's. Next, on the server: liqalert run")
    with suppress(TelegramError):
        # Acknowledges the message: the daemon would be sent it again, and not know the code.
        await bot.get_updates(offset=start.update_id + 1, timeout=0, allowed_updates=[Update.MESSAGE])


async def _reply(message: Message, text: str) -> None:
    with suppress(TelegramError):
        await message.reply_text(text)


# ---------------------------------------------------------------- the file


def check_target(path: Path, *, force: bool) -> None:
    """Raises InitFailed where `path` could not be written in the end."""
    if path.is_dir():
        raise InitFailed(f"{path} is a directory: name a file in it, like {path / 'settings.toml'}")
    if path.exists() and not force:
        raise InitFailed(f"{path} exists: give --force to write it anew (it is kept as {path.name}.old)")
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise InitFailed(f"{path.absolute().parent} cannot be written: give another place with --config FILE")


def write_settings(path: Path, account: Account, chat_id: int) -> Written:
    """Whole or not at all, readable by its owner only; what stood there is kept beside it. Raises InitFailed."""
    fresh, kept = path.with_name(f"{path.name}.new"), path.with_name(f"{path.name}.old")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(settings_text(account, chat_id))
        replaces = path.exists()
        if replaces:
            kept.unlink(missing_ok=True)
            os.link(path, kept)
        fresh.replace(path)
    except (OSError, UnicodeError) as exc:
        raise InitFailed(f"{path} cannot be written: {exc}") from None
    return Written(path, chat_id, kept if replaces else None)


def settings_text(account: Account, chat_id: int) -> str:
    """The settings as TOML."""
    lines = ["# Written by `liqalert init`. settings.example.toml explains every key.", "", "[telegram]"]
    if account.token_file is None:
        lines.append(f"token = {_quoted(account.token)}")
    else:
        lines.append(f"token_file = {_quoted(str(account.token_file.absolute()))}")
    if account.api_url != Settings().telegram.api_url:
        lines.append(f"api_url = {_quoted(account.api_url)}")
    lines += ["# The owner. `liqalert pair` enrols others without changing this file.", f"allowed_chats = [{chat_id}]"]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    """As a string of TOML."""
    return json.dumps(text, ensure_ascii=False)
