"""What every command shares: its help with examples, --config, and the settings."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

if TYPE_CHECKING:
    from liqalert.settings import Settings

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
Run: TypeAlias = Callable[[argparse.Namespace], int]


class CommandFailed(Exception):
    """A command cannot go on; the text is one sentence for the user."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Parser(argparse.ArgumentParser):
    """argparse with wrong usage answered in one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_command(
    commands: Commands, name: str, run: Run, *, summary: str, examples: str, reads_settings: bool = True
) -> Parser:
    """A command called `name` with --help, and --config where it reads settings; `run` gets the parsed arguments."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if reads_settings:
        parser.add_argument("--config", type=Path, metavar="FILE", help="the settings file (default: the usual places)")
    parser.set_defaults(run=run)
    return parser


def port(text: str) -> int:
    """An argument's type."""
    if not (text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 to 65535")
    return int(text)


def readable(text: str) -> str:
    """An argument's type: what names an instrument, an alert or a chat.

    Bytes that are no text come as half surrogates, which neither an address nor a database can hold: as escapes they
    are what nobody knows.
    """
    return text.encode("utf-8", "backslashreplace").decode()


def settings_of(
    args: argparse.Namespace, overrides: Mapping[str, object] | None = None, *, serves: bool = False
) -> Settings:
    """The settings this command line asks for. A mistake in them ends the command with exit code 2.

    A web.token that is missing is one only for a command that serves the page.
    """
    from liqalert.settings import SettingsError, load_settings

    try:
        return load_settings(args.config, os.environ, overrides=overrides, serves=serves)
    except SettingsError as exc:
        raise CommandFailed(str(exc), exit_code=2) from None


def configure_logs(settings: Settings) -> None:
    from liqalert.logs import configure

    configure(settings.log.level, settings.log.format, settings.secrets())


@contextmanager
def storage_errors() -> Iterator[None]:
    """What the database refuses inside ends the command with that one sentence."""
    from liqalert.ports import StorageError

    try:
        yield
    except StorageError as exc:
        raise CommandFailed(str(exc)) from None
