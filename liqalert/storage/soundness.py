"""The database at the start: checked, and set aside where it is damaged, so that a broken file stops no alert."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from liqalert.core.market import UnixTime
from liqalert.ports import StorageError
from liqalert.render.numbers import counted
from liqalert.storage.aside import is_damage, set_aside
from liqalert.storage.database import Database
from liqalert.storage.schema import prepare

log = logging.getLogger(__name__)

CHECK_WITHIN_S = 30.0
"""About 4 GB on a small server. What is larger starts with the rest unchecked: systemd waits 90 s for READY."""
STEPS_BETWEEN_LOOKS = 100_000
DATABASE_NAMES = ("", ".db", ".sqlite", ".sqlite3")
"""What is called so and is none any more is set aside, so that liqalert lives."""
WHO_IS_TOLD = ("chats", "rules", "subscriptions", "mutes")
"""Taken over from a damaged file where they are sound, in an order in which each finds what it refers to. Without them
a chat that was enrolled by a code would hear nothing any more, not even of the damage."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What became of a database that did not pass its check."""

    kept: Path
    """Where the damaged file is now."""
    cause: str
    taken_over: Mapping[str, int]
    """Rows, by table."""

    @property
    def sentence(self) -> str:
        chats, rules = self.taken_over.get("chats", 0), self.taken_over.get("subscriptions", 0)
        return (
            f"The database was damaged ({self.cause}) and is kept as {self.kept.name}. liqalert began with an empty "
            f"one. Taken over: {counted(chats, 'chat')} with {counted(rules, 'rule')}. For the rest: stop liqalert, "
            "then `liqalert db restore FILE` with a backup."
        )


async def begin(database: Database, now: UnixTime) -> Damage | None:
    """Makes `database` ready to work with; what became of it where it was damaged.

    For its only user, before anything else is done with it. Raises StorageError when it cannot be used.
    """
    cause = await asyncio.to_thread(_damage, database.path, database.busy_timeout_s) if database.path else None
    if database.path is None or cause is None:
        await prepare(database)
        return None
    if database.path.suffix not in DATABASE_NAMES and _is_text(database.path):
        raise StorageError(f"{database.path} is a text file and no database: check database.url")
    # Whoever has it open already would go on reading the file that is set aside.
    await database.close()
    kept = set_aside(database.path, "damaged", now)
    log.error("database damaged, set aside", extra={"cause": cause, "kept": str(kept)})
    await prepare(database)
    taken_over = await asyncio.to_thread(_take_over, kept, database.path)
    return Damage(kept, cause, taken_over)


def _damage(path: Path, busy_timeout_s: float) -> str | None:
    """What SQLite finds wrong in the file at `path`; None when all is well, there is none, or it cannot be told."""
    if not path.exists():
        return None
    try:
        with closing(_opened(path, busy_timeout_s)) as connection:
            _give_up_after(connection, CHECK_WITHIN_S)
            [verdict] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as exc:
        if is_damage(exc):
            return str(exc)
        log.warning("database not checked", extra={"reason": str(exc)})
        return None
    return None if verdict == "ok" else " ".join(str(verdict).replace("*** in database main ***", "").split())


def _is_text(path: Path) -> bool:
    """Whether it is somebody's file, and its address a mistake: a damaged database hardly ever begins so."""
    with path.open("rb") as file:
        beginning = file.read(4096)
    try:
        # A sign may be cut in two at the end.
        text = beginning[:-4].decode() if len(beginning) == 4096 else beginning.decode()
    except UnicodeDecodeError:
        return False
    return bool(text) and "\0" not in text


def _take_over(damaged: Path, path: Path) -> dict[str, int]:
    """Copies the tables of WHO_IS_TOLD that are sound into the database at `path`; how many rows of each."""
    taken: dict[str, int] = {}
    with closing(sqlite3.connect(path.as_uri(), uri=True)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        try:
            connection.execute("ATTACH ? AS damaged", (f"{damaged.as_uri()}?mode=ro",))
            for table in WHO_IS_TOLD:
                taken[table] = _take_table(connection, table)
        except sqlite3.Error as exc:
            log.warning("not everything could be taken over", extra={"reason": str(exc), "taken_over": taken})
    return taken


def _take_table(connection: sqlite3.Connection, table: str) -> int:
    """Raises sqlite3.Error, and copies nothing, when the table is damaged or of another version."""
    [verdict] = connection.execute(f"PRAGMA damaged.quick_check('{table}')").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    names = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info('{table}')"))
    with connection:
        return connection.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM damaged.{table}").rowcount


def _opened(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    # Read-only: closing the last connection that can write would change the very file that is to be kept as it is.
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=busy_timeout_s)


def _give_up_after(connection: sqlite3.Connection, within_s: float) -> None:
    until = time.monotonic() + within_s
    connection.set_progress_handler(lambda: time.monotonic() > until, STEPS_BETWEEN_LOOKS)
