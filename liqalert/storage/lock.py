"""One liqalert at a time on a database: two would tell everything twice, and could corrupt an SQLite file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from sqlalchemy import text

from liqalert.ports import StorageError
from liqalert.storage.database import Database, migration_engine, parse_url, sqlite_path

ADVISORY_KEY = 0x6C6971616C657274
"""`liqalert` in ASCII: PostgreSQL's advisory locks are numbers, per database."""


@asynccontextmanager
async def exclusively(database: Database) -> AsyncIterator[None]:
    """Holds `database` for this process; a process that dies lets go. Raises StorageError when another holds it."""
    if database.path is not None:
        with exclusive_file(database.path):
            yield
        return
    engine = migration_engine(database.url)
    try:
        async with engine.connect() as connection:
            if not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY}):
                raise _held(database.name, "")
            yield
    finally:
        await engine.dispose()


@contextmanager
def exclusively_by_command(url: str) -> Iterator[None]:
    """The same for a command on an SQLite database; on PostgreSQL the server keeps writers apart."""
    path = sqlite_path(parse_url(url))
    if path is None:
        yield
        return
    with exclusive_file(path):
        yield


@contextmanager
def exclusive_file(path: Path) -> Iterator[None]:
    """Holds the SQLite database at `path`, by a lock on a file beside it that names this process."""
    if not path.parent.is_dir():
        yield  # there is nothing to hold yet, and whoever opens it says so better
        return
    try:
        file = Path(f"{path}.lock").open("a+", encoding="ascii")  # noqa: SIM115 - closed below, and by the end of us
    except OSError as exc:
        raise StorageError(
            f"{path}.lock cannot be written ({exc.strerror}): change the owner of the directory"
        ) from exc
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise _held(str(path), file.read().strip()) from None
        with suppress(OSError):  # a full disk: the lock holds without the number
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        yield


def _held(name: str, pid: str) -> StorageError:
    who = f"another liqalert (process {pid})" if pid else "another liqalert"
    return StorageError(f"{who} uses {name}: stop it first, or give this one a database.url of its own")
