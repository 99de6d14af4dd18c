"""The commands, in one table: what is registered, what /help says, and Telegram's menu."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from liqalert.bot import answers
from liqalert.bot.arguments import CannotAnswer, shown
from liqalert.bot.desk import Asked, Desk
from liqalert.render import replies
from liqalert.render.text import Text

Answer: TypeAlias = Callable[[Desk, Asked], Awaitable[Text]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `does` stands in /help and in Telegram's menu."""

    name: str
    arguments: str
    does: str
    answer: Answer

    @property
    def usage(self) -> str:
        return f"/{self.name} {self.arguments}".rstrip()


async def help_answer(desk: Desk, asked: Asked) -> Text:
    """/help and /start: written from the table below."""
    return replies.help_text((command.usage, command.does) for command in COMMANDS.values())


COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command("clusters", "[SYMBOL]", "where positions have been liquidated, nearest first", answers.clusters),
        Command("watch", "SYMBOL|all [DISTANCE%] [STRENGTH]", "be told when price nears a zone", answers.watch),
        Command("unwatch", "SYMBOL|all", "no longer be told", answers.unwatch),
        Command("rules", "", "what this chat is told about", answers.rules),
        Command("alerts", "", "the last alerts and how they turned out", answers.alerts),
        Command("why", "ID", "why one alert was sent, with the evidence", answers.why),
        Command("status", "", "feeds, gaps, database and outbox", answers.status),
        Command("test", "", "a test alert by the real path", answers.test),
        Command("help", "", "this list", help_answer),
        Command("start", "", "this list", help_answer),
    )
}

MENU = tuple((command.name, command.does) for command in COMMANDS.values() if command.name != "start")
"""What Telegram offers while a person types a slash; /start has a button of its own there."""


def command_named(name: str) -> Command:
    """The command; raises CannotAnswer with the nearest one."""
    if name in COMMANDS:
        return COMMANDS[name]
    nearest = get_close_matches(name[:32], COMMANDS, n=1) or ["help"]
    raise CannotAnswer(replies.wrong(f"There is no command /{shown(name)}.", f"/{nearest[0]}"))
