"""`liqalert init` and `liqalert pair`: who is told, without looking up an id."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from liqalert.cli.options import CommandFailed, Commands, add_command, settings_of, storage_errors

if TYPE_CHECKING:
    from liqalert.app.init import Account, Written
    from liqalert.cli.tables import Offer
    from liqalert.settings import Settings

_ROLES = ("owner", "user", "reader")
_TRIES = 3


def add_commands(commands: Commands) -> None:
    init = add_command(
        commands,
        "init",
        _init,
        summary="ask for the bot's token, wait for your /start, and write the settings",
        examples="""\
  liqalert init                                 # writes settings.toml here
  liqalert init --config /etc/liqalert/settings.toml
  liqalert init --token-file /etc/liqalert/telegram-token    # asks nothing; the settings will name that file
""",
    )
    init.add_argument("--token-file", type=Path, metavar="FILE", help="holds the token (default: it is asked for)")
    init.add_argument("--force", action="store_true", help="write over settings that exist; they are kept as FILE.old")
    pair = add_command(
        commands,
        "pair",
        _pair,
        summary="give a one-time code with which one more chat enrols itself",
        examples="""\
  liqalert pair                                 # somebody, or a group, that may change what it is told
  liqalert pair --role reader                   # may ask, but not change
  liqalert pair --role owner                    # may do everything, like the first
""",
    )
    pair.add_argument("--role", choices=_ROLES, metavar="ROLE", default="user", help="owner, user (default) or reader")


# ---------------------------------------------------------------- init


def _init(args: argparse.Namespace) -> int:
    import asyncio

    from liqalert import logs
    from liqalert.app.init import InitFailed, check_target, init
    from liqalert.settings import config_path

    # What goes wrong is told in a sentence: the terminal belongs to the questions.
    logs.configure("critical", "text", ())
    # The file that would be read, if there is one: a new one in another place would hide it, or be hidden by it.
    path = config_path(args.config, os.environ) or Path("settings.toml")
    try:
        check_target(path, force=args.force)
        written = asyncio.run(init(_account(args), path, force=args.force, say=_say))
    except InitFailed as exc:
        raise CommandFailed(str(exc)) from None
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the prompt of the shell on a line of its own
        raise
    _print_next(written)
    return 0


def _say(text: str) -> None:
    """At once, also into a pipe: the next line comes only when somebody has read this one."""
    print(text, flush=True)


def _account(args: argparse.Namespace) -> Account:
    from liqalert.app.init import Account
    from liqalert.settings import SettingsError, load_settings

    try:
        # The environment alone: the file is about to be written.
        api_url = load_settings(Path(os.devnull), os.environ, serves=False).telegram.api_url
    except SettingsError as exc:
        raise CommandFailed(str(exc), exit_code=2) from None
    if args.token_file is not None:
        return Account(_token_in(args.token_file), api_url, args.token_file)
    return Account(_token_asked(), api_url)


def _token_in(path: Path) -> str:
    from liqalert.app.init import TOKEN

    try:
        token = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as exc:
        cause = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise CommandFailed(f"{path} cannot be read: {cause}", exit_code=2) from None
    if not TOKEN.fullmatch(token):
        raise CommandFailed(f"{path} holds no token of the form 123456789:AA...", exit_code=2)
    return token


def _token_asked() -> str:
    from getpass import getpass

    from liqalert.app.init import TOKEN

    if not sys.stdin.isatty():
        raise CommandFailed("there is no terminal to ask for the token: give --token-file FILE", exit_code=2)
    _say("Telegram's @BotFather makes a bot (/newbot) and gives its token.")
    for _ in range(_TRIES):
        try:
            token = getpass("Token of the bot (it is not shown): ").strip()
        except EOFError:
            break
        except UnicodeDecodeError:  # of a terminal that is not UTF-8
            token = ""
        if TOKEN.fullmatch(token):
            return token
        _say("That is not of the form 123456789:AA...")
    raise CommandFailed("no token was given: nothing has been written")


def _print_next(written: Written) -> None:
    from liqalert.settings import config_path

    found = config_path(None, os.environ)
    read_anyway = found is not None and found.exists() and found.samefile(written.path)
    option = "" if read_anyway else f" --config {written.path}"
    kept = f" What stood there is kept as {written.kept}." if written.kept else ""
    print(f"{written.path} is written; only its owner can read it.{kept}")
    print(f"Next:\n  liqalert check --online{option}\n  liqalert run{option}")


# ---------------------------------------------------------------- pair


def _pair(args: argparse.Namespace) -> int:
    import msgspec

    from liqalert import logs
    from liqalert.cli.client import DaemonClient, NotRunning
    from liqalert.cli.tables import Offer, decoded
    from liqalert.render.numbers import one_line

    settings = settings_of(args)
    logs.configure("critical", "text", settings.secrets())
    try:
        offer = decoded(DaemonClient.of(settings).post("/api/v1/pair", msgspec.json.encode({"role": args.role})), Offer)
    except NotRunning as exc:
        offer = _from_database(settings, args.role)
        print(f"liqalert: {exc}: start it with `liqalert run` before the code expires", file=sys.stderr)
    code, link = one_line(offer.code), one_line(offer.link or "")
    print(f"Code {code} enrols one chat as {args.role}, once, until {one_line(offer.expires_at[11:16])} UTC.")
    if link:
        print(f"Open {link} and press Start,")
    print(f"{'or send' if link else 'Send'} the bot /start {code} from that chat, which may be a group.")
    return 0


def _from_database(settings: Settings, role: str) -> Offer:
    import asyncio

    from liqalert.app.pairing import offer_without_daemon
    from liqalert.cli.tables import Offer
    from liqalert.clock import SystemClock
    from liqalert.ports import Role
    from liqalert.web.answers import iso
    from liqalert.web.pairing import CannotPair

    try:
        with storage_errors():
            offer = asyncio.run(offer_without_daemon(settings, Role(role), SystemClock()))
    except CannotPair as exc:
        raise CommandFailed(str(exc)) from None
    return Offer(offer.code, offer.link, iso(offer.expires_at))
