"""The commands, in one table: what is registered, what /help says, Telegram's menu, and the table of the README."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from liqalert.bot import answers, changes, enrolling, settings_menu
from liqalert.bot.arguments import CannotAnswer, shown
from liqalert.bot.desk import Asked, Desk
from liqalert.render import replies
from liqalert.render.captions import Photo
from liqalert.render.menu import Menu
from liqalert.render.text import Text

Answer: TypeAlias = Callable[[Desk, Asked], Awaitable[Text | Menu | Photo]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `does` stands in /help, in Telegram's menu and in the README."""

    name: str
    arguments: str
    does: str
    answer: Answer
    changes: bool = False
    """Needs the right to change what the chat is told."""
    owner_only: bool = False

    @property
    def usage(self) -> str:
        return f"/{self.name} {self.arguments}".rstrip()


async def help_answer(desk: Desk, asked: Asked) -> Text:
    """/help and /start: written from the table below."""
    return replies.help_text(((each.usage, each.does) for each in COMMANDS.values()), BUTTONS.items())


COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command("clusters", "[SYMBOL]", "where positions have been liquidated, nearest first", answers.clusters),
        Command("heatmap", "[SYMBOL] [RANGE]", "a picture of where liquidations stand, over time", answers.heatmap),
        Command(
            "watch", "SYMBOL|all [DISTANCE%] [STRENGTH]", "be told when price nears a zone", changes.watch, changes=True
        ),
        Command("unwatch", "SYMBOL|all", "no longer be told", changes.unwatch, changes=True),
        Command("rules", "", "what this chat is told about", answers.rules),
        Command("alerts", "[COUNT]", "the last alerts and how they turned out", answers.alerts),
        Command("why", "ID", "why one alert was sent, with the evidence", answers.why),
        Command("mute", "[SYMBOL] [DURATION]", "tell nothing for a while (1 h)", changes.mute, changes=True),
        Command("unmute", "[SYMBOL]", "end every mute, or one", changes.unmute, changes=True),
        Command("quiet", "23:00-07:00 [ZONE] | off", "hours whose alerts wait", changes.quiet, changes=True),
        Command("settings", "", "kinds, loudness, distance, quiet hours", settings_menu.shown, changes=True),
        Command("status", "", "feeds, gaps, database and outbox", answers.status),
        Command("test", "", "a test alert by the real path", answers.test),
        Command("chats", "", "who may ask", enrolling.chats, owner_only=True),
        Command("remove", "ADDRESS", "a chat may no longer ask", enrolling.remove, owner_only=True),
        Command("help", "", "this list", help_answer),
        Command("start", "[CODE]", "enrol this chat by a one-time code, or this list", help_answer),
    )
}

BUTTONS: Mapping[str, str] = {
    "Mute 1 h": "nothing about this instrument for an hour",
    "Ack": "no more about this zone until its episode has ended",
    "Chart": "the picture of this instrument's last 24 h",
    "Why": "the same as /why",
}
"""The buttons under an alert, for /help and the README."""

MENU = tuple((command.name, command.does) for command in COMMANDS.values() if command.name != "start")
"""What Telegram offers while a person types a slash; /start has a button of its own there."""


def readme_table() -> str:
    """Commands and buttons as Markdown. Who may change nothing may still ask."""
    rows = [(f"`{command.usage}`", _with_rights(command)) for command in COMMANDS.values()]
    rows += [(f"button *{name}*", does) for name, does in BUTTONS.items()]
    cells = ["| command | what it does |", "|---|---|"]
    # A bar in a cell would end it.
    cells += [f"| {asked.replace('|', chr(92) + '|')} | {does} |" for asked, does in rows]
    return "\n".join(cells)


def _with_rights(command: Command) -> str:
    rights = "owner only" if command.owner_only else "not for readers" if command.changes else ""
    return f"{command.does} ({rights})" if rights else command.does


def command_named(name: str) -> Command:
    """The command; raises CannotAnswer with the nearest one."""
    if name in COMMANDS:
        return COMMANDS[name]
    nearest = get_close_matches(name[:32], COMMANDS, n=1) or ["help"]
    raise CannotAnswer(replies.wrong(f"There is no command /{shown(name)}.", f"/{nearest[0]}"))
