"""Copies of an SQLite database: made while it is in use, and put back in its place."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from liqalert.core.market import UnixTime
from liqalert.ports import StorageError
from liqalert.storage.aside import COMPANIONS, is_damage, set_aside
from liqalert.storage.database import Database
from liqalert.storage.engines import make_private, parse_url, sqlite_path
from liqalert.storage.schema import refuse_newer


async def backup(database: Database, file: Path) -> None:
    """Writes a consistent copy of a running SQLite database to `file`, which must not exist. Raises StorageError."""
    path = _sqlite_only(database.path, "back it up with pg_dump")
    await asyncio.to_thread(_copy, path, file)


def restore(url: str, file: Path, now: UnixTime) -> Path | None:
    """Puts `file`, once it has passed its check, in the place of the SQLite database at `url`.

    Gives the path under which what was there before is kept, whatever state it is in: the database, or the log of one
    that is gone. Raises StorageError, for example while liqalert runs; then everything is as it was.
    """
    path = _sqlite_only(sqlite_path(parse_url(url)), "restore it with pg_restore")
    arriving = path.with_name(path.name + ".arriving")
    arriving.unlink(missing_ok=True)
    try:
        refuse_newer(str(file), _copy(file, arriving))
        kept = _replaced(path, now)
        arriving.replace(path)
    except OSError as exc:
        raise StorageError(f"{path} cannot be replaced: {exc.strerror}") from exc
    finally:
        arriving.unlink(missing_ok=True)
    return kept


def _sqlite_only(path: Path | None, otherwise: str) -> Path:
    if path is None:
        raise StorageError(f"this is a PostgreSQL database: {otherwise}")
    return path


def _copy(source: Path, target: Path) -> str:
    """A checked copy that appears under its name only when it is whole; the version of its tables."""
    unfinished = target.parent / f"{target.name}.part"
    try:
        if not source.is_file():
            raise StorageError(f"there is no file {source}: give the path of a liqalert database")
        if target.exists():
            raise StorageError(f"{target} exists already: give another name")
        _discard(unfinished)
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            revision = _verified(source, connection)
            make_private(unfinished)
            connection.execute("VACUUM INTO ?", (str(unfinished),))
        with unfinished.open("rb") as copy:
            os.fsync(copy.fileno())
        unfinished.replace(target)
    except (sqlite3.Error, OSError) as exc:
        with suppress(OSError):
            _discard(unfinished)
        raise StorageError(f"copying {source} to {target} failed: {exc}") from exc
    return revision


def _discard(unfinished: Path) -> None:
    """SQLite leaves a journal beside a large copy that the disk had no room for."""
    for suffix in ("", "-journal"):
        unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)


def _verified(file: Path, connection: sqlite3.Connection) -> str:
    """The version of the tables in `file`, which is sound and ours."""
    try:
        [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as exc:
        if not is_damage(exc):
            raise
        verdict = str(exc)
    if verdict != "ok":
        raise StorageError(f"{file} is damaged: {' '.join(str(verdict).split())}")
    ours = {"alembic_version", "liquidations"}
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone() if ours <= tables else None
    if found is None:
        raise StorageError(f"{file} is not a liqalert database")
    return str(found[0])


def _replaced(path: Path, now: UnixTime) -> Path | None:
    """Sets aside what is there under the database's name; the first of it, under its new name."""
    if path.exists():
        _let_go(path)
    # A log is set aside without its database too: SQLite replays one into any file that comes to lie beside it.
    first = next((suffix for suffix in ("", *COMPANIONS) if path.with_name(path.name + suffix).exists()), None)
    if first is None:
        return None
    kept = set_aside(path, "replaced", now)
    return kept.with_name(kept.name + first)


def _let_go(path: Path) -> None:
    """Moves what is in the log into the database; refuses while another process has it open."""
    try:
        # Read-only first: opening a file that is no database for writing can cost its log.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0.0)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
        with closing(sqlite3.connect(path, timeout=0.0)) as connection:
            # Leaving the write-ahead log needs the file for itself alone, and moves what is in the log into it.
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as exc:
        if "locked" in str(exc):
            raise StorageError(f"{path} is in use ({exc}): stop liqalert first") from exc
        raise StorageError(f"{path} cannot be replaced: {exc}") from exc
    except sqlite3.DatabaseError as exc:
        if not is_damage(exc):
            raise
