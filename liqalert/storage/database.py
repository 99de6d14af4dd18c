"""The database: one connection that writes, a few that only read, and errors a person can act on.

SQLite before 3.51.3 can corrupt a write-ahead log when two connections write and checkpoint at the same moment. So all
writes and checkpoints of a process go through one connection, and readers cannot write at all. On PostgreSQL the same
shape holds, which keeps the order of writes the same on both.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

import aiosqlite
from msgspec import MsgspecError
from sqlalchemy import URL, Connection, Insert, Table, bindparam, or_
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.ports import DatabaseAway, RowRefused, StorageError
from liqalert.storage.at_once import AtOnce
from liqalert.storage.engines import (
    CLOSED_WITHIN_S,
    begin_statement,
    close_engine,
    driver_errors,
    make_engine,
    parse_url,
    sqlite_path,
)
from liqalert.storage.prepared import Prepared

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

T = TypeVar("T")

# UnicodeError: text that the driver cannot encode. OSError: no connection, and every timeout.
REFUSALS = (SQLAlchemyError, OSError, MsgspecError, UnicodeError)
PASSING = ("08", "25", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE: connection, state of the transaction (only reading, idle for too long), given up for the sake of
another transaction, resources, locks, an operator who stops or starts it, its disk."""


class Database:
    """One database by its URL. Entering it does no work: connections are made when first needed."""

    def __init__(self, url: str, *, busy_timeout_s: float = 5.0) -> None:
        self.url = parse_url(url)
        self.path: Path | None = sqlite_path(self.url)
        """The file of an SQLite database; None for a server."""
        self.busy_timeout_s = busy_timeout_s
        self._writer = make_engine(self.url, busy_timeout_s, reading=False)
        self._reader = make_engine(self.url, busy_timeout_s, reading=True)
        self.refusals: tuple[type[Exception], ...] = (*REFUSALS, *driver_errors(self.url))
        """What is raised by whoever asks the database, and becomes StorageError."""
        self._at_once = AtOnce()
        self._turn = asyncio.Lock()
        """Who holds it, writes."""
        self._driver: aiosqlite.Connection | None = None
        """The one connection of `_writer` to SQLite, as long as nothing has gone wrong with it."""
        self._inserts: dict[tuple[Table, tuple[str, ...]], Prepared] = {}
        self._returning: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """The URL without user, password and options: fit for messages and logs."""
        url = self.url
        return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        self._driver = None
        if self._returning:
            _, hanging = await asyncio.wait(self._returning, timeout=CLOSED_WITHIN_S)
            for task in hanging:
                task.cancel()
        # Readers first: the connection that closes last checkpoints SQLite's write-ahead log, and readers cannot.
        await close_engine(self._reader)
        await close_engine(self._writer)

    @asynccontextmanager
    async def write(self, operation: str) -> AsyncIterator[AsyncConnection]:
        """The writing connection inside one transaction, committed at the end. Raises StorageError."""
        async with self._turn:
            with _Explained(self, operation, self._doubt_driver):
                async with self._writer.begin() as connection:
                    yield connection

    @asynccontextmanager
    async def read(self, operation: str) -> AsyncIterator[AsyncConnection]:
        """A read-only connection inside one transaction: all its queries see the same state. Raises StorageError."""
        with _Explained(self, operation):
            async with self._reader.connect() as connection:
                yield connection

    async def write_at_once(self, operation: str, work: Callable[[Connection], T]) -> T:
        """What `work` gives, in a transaction of its own; on SQLite it runs in the thread. Raises StorageError.

        Several times faster than `write` where there are several statements, and `work` cannot wait for anything else.
        """
        async with self._turn:
            with _Explained(self, operation, self._doubt_driver):
                if self.path is None:
                    async with self._writer.begin() as connection:
                        return await connection.run_sync(work)
                # Going through the pool for it each time would take as long as the transaction does.
                if self._driver is None:
                    async with self._writer.connect() as connection:
                        self._driver = await _driver_of(connection)
                return await self._at_once.run(self._driver, begin_statement(reading=False), work)

    async def read_at_once(self, operation: str, work: Callable[[Connection], T]) -> T:
        """As `write_at_once`, on a connection that only reads."""
        with _Explained(self, operation):
            connection = await self._reader.connect()
            try:
                if self.path is None:
                    return await connection.run_sync(work)
                return await self._at_once.run(await _driver_of(connection), begin_statement(reading=True), work)
            finally:
                # Going back costs another visit to the thread, to roll back what is not there: nobody waits for that.
                returning = asyncio.create_task(connection.close(), name="return a connection")
                self._returning.add(returning)
                returning.add_done_callback(self._returning.discard)

    async def only_reads(self) -> bool:
        """Whether a PostgreSQL server refuses whatever is written, as a standby does."""
        async with self.write("asking whether it can be written") as connection:
            only_reads: str = (await connection.exec_driver_sql("SHOW transaction_read_only")).scalar_one()
            return only_reads == "on"

    def _doubt_driver(self) -> None:
        """SQLAlchemy may have given the connection up."""
        self._driver = None

    async def checkpoint(self, *, truncate: bool = True) -> None:
        """Moves SQLite's write-ahead log into the database file and truncates it; nothing on PostgreSQL.

        Without `truncate` nobody who reads is waited for. Whoever writes waits: SQLite would let both go on beside each
        other, but before 3.51.3 that may damage the database (https://www.sqlite.org/wal.html#walresetbug).
        """
        if self.path is None:
            return
        async with self._turn:
            with _Explained(self, "checkpoint", self._doubt_driver):
                async with self._writer.connect() as connection:
                    # Through the driver, because SQLite refuses a checkpoint inside a transaction.
                    driver = await _driver_of(connection)
                    await driver.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if truncate else 'PASSIVE'})")

    def insert_new(self, table: Table) -> Insert:
        """An INSERT that leaves rows which exist already as they are."""
        return self._insert(table).on_conflict_do_nothing()

    def prepared_insert_new(self, table: Table, *, returning: tuple[str, ...]) -> Prepared:
        """The same, which gives these columns of the rows that are new."""
        key = (table, returning)
        if key not in self._inserts:
            self._inserts[key] = Prepared(self.insert_new(table).returning(*(table.c[name] for name in returning)))
        return self._inserts[key]

    def insert_new_rows(self, table: Table, columns: tuple[str, ...]) -> str:
        """The same as text, for many rows at once: tuples in the order of `columns`, through `exec_driver_sql`.

        SQLAlchemy looks at each value of each row, which costs more than the database does.
        """
        insert = self._insert(table).values({name: bindparam(name) for name in columns}).on_conflict_do_nothing()
        compiled = insert.compile(dialect=self._writer.dialect)
        # Tables know their own order.
        assert tuple(compiled.positiontup or ()) == columns
        return str(compiled)

    def upsert(
        self, table: Table, columns: tuple[str, ...] | None = None, *, unless_older: str | None = None
    ) -> Insert:
        """An INSERT that overwrites `columns` (None: all but the key) of a row with the same primary key.

        With `unless_older`, a row whose value in that column is greater than ours stays as it is.
        """
        insert = self._insert(table)
        keys = [column.name for column in table.primary_key]
        names = columns or tuple(column.name for column in table.columns if column.name not in keys)
        newer = None
        if unless_older:
            present = table.c[unless_older]
            newer = or_(present.is_(None), insert.excluded[unless_older] >= present)
        values = {name: insert.excluded[name] for name in names}
        return insert.on_conflict_do_update(index_elements=keys, set_=values, where=newer)

    def _insert(self, table: Table) -> sqlite_dialect.Insert | postgresql.Insert:
        if self.path:
            return sqlite_dialect.insert(table)
        # Not loaded where it is not used: it takes as long as a tenth of all that is liqalert's own.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    def refusal(self, operation: str, exc: Exception) -> StorageError:
        """What to raise for `exc`: a sentence with the operation, the database and the cause, without the password."""
        text = f"{operation} failed on {self.name}: {self._cause(exc)}"
        if _is_about_a_row(exc):
            return RowRefused(text)
        return DatabaseAway(text) if _may_pass(exc) else StorageError(text)

    def _cause(self, exc: Exception) -> str:
        cause = exc.orig if isinstance(exc, DBAPIError) and exc.orig else exc
        unsaid = "it does not answer" if isinstance(cause, TimeoutError) else type(cause).__name__
        text = " ".join(str(cause).split()) or unsaid
        return text.replace(self.url.password, "***") if self.url.password else text


class _Explained:
    """Around what asks a database: what it refuses becomes StorageError. A generator of `contextlib` would be as long
    under way as a statement, and stands between an alert and its message."""

    __slots__ = ("_database", "_failed", "_operation")

    def __init__(self, database: Database, operation: str, failed: Callable[[], None] = lambda: None) -> None:
        """`failed`: to be called first, whatever went wrong."""
        self._database = database
        self._operation = operation
        self._failed = failed

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> None:
        if exc is not None:
            self._failed()
        if isinstance(exc, self._database.refusals):
            raise self._database.refusal(self._operation, exc) from exc


async def _driver_of(connection: AsyncConnection) -> aiosqlite.Connection:
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, aiosqlite.Connection)
    return driver


def storable(text: str) -> str:
    """`text` without what a database cannot hold: NUL (PostgreSQL), half surrogate pairs from undecodable bytes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _may_pass(exc: Exception) -> bool:
    """Whether the server, the disk or a lock is in the way, and neither the address nor the file is wrong."""
    if isinstance(exc, OSError) or (isinstance(exc, DBAPIError) and exc.connection_invalidated):
        return True
    in_the_way = ("disk I/O error", "disk is full", "is locked")
    return _sqlstate(exc)[:2] in PASSING or any(words in str(exc) for words in in_the_way)


def _is_about_a_row(exc: Exception) -> bool:
    """Whether the values are at fault: they cannot be encoded, or break a constraint."""
    # SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation).
    about_a_row = IntegrityError | DataError | sqlite3.IntegrityError | sqlite3.DataError | UnicodeError
    return isinstance(exc, about_a_row) or _sqlstate(exc)[:2] in ("22", "23")


def _sqlstate(exc: Exception) -> str:
    """As PostgreSQL gives it; empty where the refusal is another's."""
    state: str | None = getattr(getattr(exc, "orig", exc), "sqlstate", None)
    return state or ""
