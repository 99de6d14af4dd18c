"""Where a database is, and the engines that connect to it. What they are for is in `database.py`."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import URL, Connection, ExceptionContext, event, make_url
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from liqalert.ports import StorageError

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection

READERS = 4
STATEMENTS_KEPT = 32
"""By each connection, some 10 kB each: more than are used over and over. A list of ids gives a statement its length."""
PROBED_AFTER_S, PROBED_EVERY_S, PROBES = 20, 5, 3
"""A server asks a connection that is silent for so long whether somebody is still there. By itself it would do so after
two hours, in which a machine that has lost its power could not start again: the lock would be held against it."""
READ_ONLY = "25006"
ANSWER_WITHIN_S = 60.0
"""What a server may take for a statement."""
CLOSED_WITHIN_S = 1.0
"""The driver would wait a minute for a server that answers nothing, and systemd kills after half of one."""
LOG_PAGES = 16_000
"""At 64 MB of SQLite's write-ahead log whoever commits has to move it into the file, which takes ten times as long as
to record an alert. So a job does that before, every minute: in which five alerts a second leave 25 MB."""
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


def parse_url(text: str) -> URL:
    """The URL with the driver we use. Raises StorageError, without quoting the text, where it is none of ours."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Without its cause: that quotes the text, and with it a password.
        raise StorageError(
            "the database address cannot be read: give sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER@HOST/NAME"
        ) from None
    backend = url.get_backend_name()
    if backend not in DRIVERS:
        raise StorageError(f"no database of kind {backend}: give sqlite+aiosqlite:///FILE or postgresql+asyncpg://...")
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise StorageError("an SQLite database needs a file: give sqlite+aiosqlite:///FILE")
    return url.set(drivername=DRIVERS[backend])


def sqlite_path(url: URL) -> Path | None:
    """Without symbolic links: two names of one file are one database, which only one may write."""
    return Path(url.database).resolve() if url.get_backend_name() == "sqlite" and url.database else None


def make_private(path: Path) -> None:
    """Makes an empty file that nobody else can read, unless it is there. A database holds who is told what.

    SQLite itself would let everybody read it; the files that SQLite puts beside it get the rights of this one.
    """
    with suppress(OSError):  # there already, or not to be made: SQLite says that better
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def migration_engine(url: URL) -> AsyncEngine:
    """A writing engine that does not enforce foreign keys: SQLite changes a table by making it anew.

    A server may take as long as it needs for each step: a table of millions of rows gets its index in minutes.
    """
    if sqlite_path(url) is None:
        return _postgresql_engine(url, reading=False, answer_within_s=None)
    return make_engine(url, 5.0, reading=False, foreign_keys="OFF")


def make_engine(url: URL, timeout_s: float, *, reading: bool, foreign_keys: str = "ON") -> AsyncEngine:
    """`timeout_s`: how long a lock of SQLite's is waited for; for a server there are timeouts of its own."""
    path = sqlite_path(url)
    if path is None:
        return _postgresql_engine(url, reading=reading, answer_within_s=ANSWER_WITHIN_S)
    mode = "ro" if reading else "rwc"
    engine = create_async_engine(
        URL.create(url.drivername, database=f"file:{quote(str(path))}", query={"mode": mode, "uri": "true"}),
        # SQLAlchemy issues BEGIN (below): the driver's own way leaves SELECT and CREATE TABLE outside a transaction.
        connect_args={"timeout": timeout_s, "isolation_level": None, "cached_statements": STATEMENTS_KEPT},
        pool_size=READERS if reading else 1,
        max_overflow=0,
    )
    settings = ["PRAGMA foreign_keys = " + foreign_keys]
    if not reading:
        settings += ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA journal_size_limit = 67108864"]
        settings += [f"PRAGMA wal_autocheckpoint = {LOG_PAGES}"]

        @event.listens_for(engine.sync_engine, "do_connect")
        def create(*_: object) -> None:
            make_private(path)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: sqlite.aiosqlite.AsyncAdapt_aiosqlite_connection, _: object) -> None:
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(setting)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin_statement(reading=reading))

    return engine


def begin_statement(*, reading: bool) -> str:
    # A writer takes the lock at once: waiting for it in mid-transaction would fail instead of wait.
    return "BEGIN" if reading else "BEGIN IMMEDIATE"


def _postgresql_engine(url: URL, *, reading: bool, answer_within_s: float | None) -> AsyncEngine:
    try:
        engine = create_async_engine(
            url,
            connect_args={
                "timeout": 10,
                "command_timeout": answer_within_s,
                "server_settings": {
                    "application_name": "liqalert",
                    "default_transaction_read_only": "on" if reading else "off",
                    "tcp_keepalives_idle": str(PROBED_AFTER_S),
                    "tcp_keepalives_interval": str(PROBED_EVERY_S),
                    "tcp_keepalives_count": str(PROBES),
                },
            },
            pool_size=READERS if reading else 1,
            max_overflow=0,
            # A server that was restarted costs one round trip here instead of one failed write.
            pool_pre_ping=True,
            # Else each query of one read would see what was committed before it, and not the same as the others.
            **({"isolation_level": "REPEATABLE READ"} if reading else {}),
        )
    except (ModuleNotFoundError, NoSuchModuleError) as exc:
        raise StorageError("PostgreSQL needs its driver: pip install 'liqalert[postgresql]'") from exc

    @event.listens_for(engine.sync_engine, "handle_error")
    def give_up(context: ExceptionContext) -> None:
        # A server that has become a standby keeps its connections. A new one may lead to the server in its place.
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True

    return engine


async def close_engine(engine: AsyncEngine) -> None:
    """Closes the connections that `engine` keeps. On a server that does not answer they are cut off."""
    if engine.dialect.name == "sqlite":
        await engine.dispose()
        return
    try:
        async with asyncio.timeout(CLOSED_WITHIN_S):
            await engine.dispose()
    except TimeoutError:
        event.listen(engine.sync_engine, "close", _cut_off)
        await engine.dispose()


def _cut_off(connection: AsyncAdapt_asyncpg_connection, _: object) -> None:
    connection.driver_connection.terminate()


def driver_errors(url: URL) -> tuple[type[Exception], ...]:
    """What the driver of `url` raises where no SQLAlchemy stands before it."""
    if sqlite_path(url) is not None:
        # From prepared statements.
        return (sqlite3.Error,)
    import asyncpg

    # From rows that are fetched one batch after the other.
    return (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
