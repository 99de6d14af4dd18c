"""`liqalert db`: the schema, copies and housekeeping of the database."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from liqalert.cli.options import CommandFailed, Commands, Parser, add_command, settings_of, storage_errors

if TYPE_CHECKING:
    from liqalert.settings import Settings


def add_commands(commands: Commands) -> None:
    parser: Parser = commands.add_parser("db", help="schema, backup, restore and housekeeping of the database")
    actions = parser.add_subparsers(prog="liqalert db", title="commands", metavar="COMMAND", required=True)
    add_command(
        actions,
        "upgrade",
        _upgrade,
        summary="create the tables, or bring them to the version this liqalert needs",
        examples="  liqalert db upgrade                           # after installing a new version\n",
    )
    add_command(
        actions,
        "current",
        _current,
        summary="show which version the tables have; exit code 1 if it is not the one this liqalert needs",
        examples="  liqalert db current\n",
    )
    backup = add_command(
        actions,
        "backup",
        _backup,
        summary="write a consistent copy of the database, also while liqalert runs (SQLite)",
        examples="  liqalert db backup liqalert-2026-11-23.db     # a new file; never overwrites one\n",
    )
    backup.add_argument("file", type=Path, metavar="FILE", help="must not exist yet")
    restore = add_command(
        actions,
        "restore",
        _restore,
        summary="put a backup in the place of the database; what was there is kept beside it (SQLite)",
        examples="  liqalert db restore liqalert-2026-11-23.db    # stop liqalert first\n",
    )
    restore.add_argument("file", type=Path, metavar="FILE", help="made by `liqalert db backup`")
    add_command(
        actions,
        "prune",
        _prune,
        summary="delete rows older than [retention] says; the running daemon does this by itself",
        examples="  liqalert db prune                             # stop liqalert first\n",
    )


def _upgrade(args: argparse.Namespace) -> int:
    from liqalert.storage.schema import head, upgrade

    settings = _settings_without_daemon(args)
    with storage_errors():
        upgrade(settings.database.url)
    print(f"The tables have version {head()}.")
    return 0


def _current(args: argparse.Namespace) -> int:
    import asyncio

    from liqalert.storage.database import Database
    from liqalert.storage.schema import current_revision, head, remedy

    async def found(url: str) -> str | None:
        async with Database(url) as database:
            return await current_revision(database)

    with storage_errors():
        revision = asyncio.run(found(settings_of(args).database.url))
    if revision == head():
        print(f"The tables have version {revision}, which is current.")
        return 0
    if revision is None:
        print("The tables do not exist yet: run `liqalert db upgrade`.")
    else:
        print(f"The tables have version {revision}, not {head()}: {remedy(revision)}.")
    return 1


def _backup(args: argparse.Namespace) -> int:
    import asyncio

    from liqalert.storage.copies import backup
    from liqalert.storage.database import Database

    async def copy(url: str) -> None:
        async with Database(url) as database:
            await backup(database, args.file)

    with storage_errors():
        asyncio.run(copy(settings_of(args).database.url))
    print(f"{args.file} is a whole and checked copy.")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from liqalert.clock import SystemClock
    from liqalert.storage.copies import restore
    from liqalert.storage.lock import exclusively_by_command

    settings = _settings_without_daemon(args)
    with storage_errors(), exclusively_by_command(settings.database.url):
        kept = restore(settings.database.url, args.file, SystemClock().now())
    print(f"{args.file} is now the database.{f' What was there is kept as {kept}.' if kept else ''}")
    return 0


def _prune(args: argparse.Namespace) -> int:
    import asyncio

    from liqalert.clock import SystemClock
    from liqalert.storage.database import Database
    from liqalert.storage.engines import parse_url
    from liqalert.storage.housekeeping import prune
    from liqalert.storage.lock import exclusively
    from liqalert.storage.schema import expect_ours

    settings = _settings_without_daemon(args)

    async def delete() -> dict[str, int]:
        async with Database(settings.database.url) as database, exclusively(database):
            await expect_ours(database)
            return await prune(database, now=SystemClock().now(), retention_days=settings.retention.by_table())

    with storage_errors():
        deleted = asyncio.run(delete())
    for name, rows in deleted.items():
        print(f"{name}: {rows} rows deleted")
    if any(deleted.values()) and parse_url(settings.database.url).get_backend_name() == "sqlite":
        print("The file keeps its size, and new rows use the room in it. A backup, restored, is smaller.")
    return 0


def _settings_without_daemon(args: argparse.Namespace) -> Settings:
    """The settings, once it is clear that no daemon writes to the same database."""
    from liqalert.cli.client import DaemonClient

    settings = settings_of(args)
    client = DaemonClient.of(settings)
    if settings.web.enabled and client.running():
        raise CommandFailed(f"liqalert runs on {client.address}: stop it first, because only one may write")
    return settings
