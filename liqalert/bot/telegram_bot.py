"""The bot's life inside our loop: introduce itself, ask Telegram for messages, and say when it cannot."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any, TypeAlias

from telegram import BotCommand, Update
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.ext import Application, ContextTypes, ExtBot, TypeHandler

from liqalert.bot.aiohttp_request import AiohttpRequest
from liqalert.bot.commands import MENU
from liqalert.bot.desk import Desk
from liqalert.bot.reception import Reception
from liqalert.bot.sending import told_s
from liqalert.core.market import UnixTime

log = logging.getLogger(__name__)

# The Any stand for the library's chat, user and bot data, which liqalert does not use.
TelegramApplication: TypeAlias = Application[
    ExtBot[None], ContextTypes.DEFAULT_TYPE, dict[Any, Any], dict[Any, Any], dict[Any, Any], None
]

WANTED = [
    Update.MESSAGE,
    Update.EDITED_MESSAGE,
    Update.CHANNEL_POST,
    Update.EDITED_CHANNEL_POST,
    Update.CALLBACK_QUERY,
    Update.MY_CHAT_MEMBER,
]
"""Named, because without names Telegram goes on with what an earlier program with this token asked for."""

READ_S = 10.0
WAITING_UPDATES = 200
POLL_GRACE_S = 15.0
STOP_S = 3.0
"""For each of the two halves of stopping; the daemon has 20 s for everything."""


def build_application(token: str, api_url: str) -> TelegramApplication:
    """The library's application for `token`. Its `.bot` also sends the alerts; nothing is connected yet.

    There is no Updater: its polling task ends silently when Telegram once answers 401, and cannot be started again.
    The queue is bounded, so that a flood of messages waits at Telegram and not in our memory.
    """
    return (
        Application.builder()
        .token(token)
        .base_url(f"{api_url}/bot")
        .base_file_url(f"{api_url}/file/bot")
        .request(AiohttpRequest(READ_S))
        .get_updates_request(AiohttpRequest(READ_S))
        .updater(None)
        .job_queue(None)
        .update_queue(asyncio.Queue(WAITING_UPDATES))
        .build()
    )


class TelegramBot:
    """Answers commands. The daemon lives with or without it: what is wrong stands in `problem`."""

    def __init__(self, application: TelegramApplication, desk: Desk, *, poll_s: int = 25, pace: float = 1.0) -> None:
        """`poll_s`: how long Telegram may hold a question for messages. `pace` stretches the pauses after errors."""
        self.problem: str | None = None
        """Why commands are not answered, and what can be done about it; None while they are."""
        self.polled_at: UnixTime | None = None
        """When Telegram last answered a question for messages; 90 s ago or more means that the bot is deaf."""
        self.cut_off_since: UnixTime | None = None
        """Since when Telegram cannot be reached or refuses the token, so that alerts do not get through either."""
        self._application = application
        self._clock = desk.clock
        self._reception = Reception(application.bot, desk)
        self._poll_s = poll_s
        self._pace = pace
        self._introduced = False
        self._offset = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str | None:
        """Without the @; None until Telegram has told it."""
        return self._application.bot.username if self._introduced else None

    async def start(self) -> None:
        """Begins in the background and returns at once, whether or not Telegram can be reached."""
        self._application.add_handler(TypeHandler(Update, self._received))
        self._application.add_error_handler(self._failed)
        self._task = asyncio.create_task(self._run(), name="bot")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Finishes the answers under way and closes the connections. The alerts' sender shares them: stop it before."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=STOP_S)
        try:
            async with asyncio.timeout(STOP_S):
                await self._finish()
        except (TelegramError, TimeoutError) as exc:
            log.warning("bot stopped with messages unanswered", extra={"cause": str(exc) or type(exc).__name__})
        try:
            await self._application.shutdown()
            # Not done by the application when it was never introduced, nor by the bot when only alerts were sent.
            await self._application.bot.shutdown()
            await self._application.bot.request.shutdown()
        except (TelegramError, RuntimeError) as exc:
            log.warning("connections to Telegram not closed", extra={"cause": str(exc)})

    async def _finish(self) -> None:
        if self._application.running:
            await self._application.stop()
        if self._offset and self.problem is None:
            # Acknowledges what has been answered: Telegram would send it again to the next process.
            await self._application.bot.get_updates(offset=self._offset, timeout=0, allowed_updates=WANTED)

    async def _run(self) -> None:
        """Asks for messages for ever. Errors of Telegram and of the network become a problem and a pause."""
        failures = 0
        while True:
            try:
                if not self._introduced:
                    await self._introduce()
                await self._poll()
            except (TelegramError, TimeoutError) as exc:
                failures += 1
                self.cut_off_since = (self.cut_off_since or self._clock.now()) if stops_alerts(exc) else None
                self._say(problem_of(exc, failures) or self.problem)
                await asyncio.sleep(pause_s(exc, failures) * self._pace)
            else:
                failures = 0
                self.cut_off_since = None
                self._say(None)

    async def _introduce(self) -> None:
        application = self._application
        # The same token may have been used with a webhook before; Telegram then refuses questions for messages.
        await application.initialize()
        await application.bot.delete_webhook()
        await application.bot.set_my_commands([BotCommand(name, does) for name, does in MENU])
        if not application.running:
            await application.start()
        self._introduced = True
        log.info("bot introduced", extra={"bot": application.bot.username})

    async def _poll(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s + POLL_GRACE_S):
                updates = await self._application.bot.get_updates(
                    offset=self._offset, timeout=timedelta(seconds=self._poll_s), allowed_updates=WANTED
                )
        except (TypeError, KeyError, ValueError, AttributeError) as exc:
            # The library's own errors about an answer it cannot read; it does not say which update it was.
            raise TelegramError(f"its answer cannot be read: {exc!r}") from exc
        self.polled_at = self._clock.now()
        for update in updates:
            # Waits without a limit while the queue is full: answering is what makes room.
            await self._application.update_queue.put(update)
            self._offset = update.update_id + 1

    async def _received(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        await self._reception.receive(update)

    async def _failed(self, update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
        """The library has caught an exception of ours: an error in liqalert."""
        log.error("command failed", exc_info=context.error)
        if isinstance(update, Update):
            await self._reception.apologise(update)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Only an error in liqalert ends the task, other than `stop`."""
        if not task.cancelled() and task.exception() is not None:
            log.error("bot ended", exc_info=task.exception())
            self.problem = "The bot has stopped by an error in liqalert (see its log): restart liqalert."

    def _say(self, problem: str | None) -> None:
        if problem == self.problem:
            return
        # The library's texts should not hold the token; what people read must not.
        self.problem = problem and problem.replace(self._application.bot.token, "***")
        if problem:
            log.warning("bot in trouble", extra={"problem": self.problem})
        else:
            log.info("bot answers again")


def stops_alerts(error: TelegramError | TimeoutError) -> bool:
    """Whether alerts meet it, too: Telegram takes them where it only refuses to be asked for messages, or for now."""
    # To the library what Telegram finds wrong with a question is an error of the network as well.
    return isinstance(error, (InvalidToken, NetworkError, TimeoutError)) and not isinstance(error, BadRequest)


def problem_of(error: TelegramError | TimeoutError, failures: int) -> str | None:
    """What the owner is told after `failures` failures in a row; None for what is likely to pass by itself.

    The library's own text for a refused token is left out: it holds the token.
    """
    match error:
        case InvalidToken():
            return (
                "Telegram refuses the bot token: neither commands nor alerts get through. "
                "Put the token from @BotFather in telegram.token and restart liqalert."
            )
        case Conflict():
            return (
                "Another program asks Telegram for this bot's messages: commands are not answered, alerts are still "
                "sent. Stop the other program, or get a token of its own for liqalert from @BotFather."
            )
        case RetryAfter():
            return None
        case _ if failures < 2:
            return None
    cause = str(error) or "no answer in time"
    return f"Telegram cannot be reached ({cause}): commands wait until it can, and liqalert keeps trying."


def pause_s(error: TelegramError | TimeoutError, failures: int) -> float:
    """How long to wait after `failures` failures in a row."""
    match error:
        case RetryAfter():
            return 0.5 + told_s(error)
        case InvalidToken():
            # Kept up, slowly: Telegram has been seen to refuse a good token for a while.
            return min(300.0, 30.0 * 2.0 ** min(failures - 1, 10))
        case Conflict():
            return 10.0
    return float(min(30.0, 2.0 ** min(failures - 1, 10)))
