"""One liqalert at a time on a database: two would tell everything twice, and could corrupt an SQLite file."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.ports import StorageError
from liqalert.storage.database import REFUSALS, Database
from liqalert.storage.engines import close_engine, make_engine, make_private, parse_url, sqlite_path

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 4.0
REMEDIES = {
    errno.EROFS: "the file system is read-only, which it also becomes when its disk fails: look at dmesg",
    errno.ENOSPC: "make room on the disk",
}
ADVISORY_KEY = 0x6C6971616C657274
"""`liqalert` in ASCII: PostgreSQL's advisory locks are numbers, per database."""


class HeldByAnother(StorageError):
    """Another process has the database, and decides and tells what is on it."""


class Hold:
    """A database held for this process. A file stays held by itself; a server forgets it with the connection."""

    def __init__(self) -> None:
        self.problem: str | None = None
        """Why it is not known that others are kept out; None while they are."""
        self.lost_to: HeldByAnother | None = None
        """For good: what this process has in memory is no longer what is on the database."""

    async def renew(self) -> None:
        """Takes the lock again where it was lost to nobody. Never raises: `problem` and `lost_to` say what is wrong."""


class _ServerHold(Hold):
    def __init__(self, database: Database, lost: Callable[[], None]) -> None:
        super().__init__()
        self._database = database
        self._call_lost = lost
        self._engine = make_engine(database.url, database.busy_timeout_s, reading=False)
        self._connection: AsyncConnection | None = None
        self._backend: int | None = None
        """The server's process that holds the lock for us."""

    async def take(self) -> None:
        """Raises StorageError."""
        try:
            connection = await self._engine.connect()
            # Else its transaction would stay open as long as the daemon runs.
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            ghost_stays = not await self._end_our_ghost(connection)
            taken = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY})
            backend = await connection.scalar(text("SELECT pg_backend_pid()"))
        except REFUSALS as exc:
            raise self._database.refusal("locking the database", exc) from exc
        if not taken:
            await connection.close()
            if ghost_stays:
                name, cause = self._database.name, "the connection that held it before lives on"
                raise StorageError(f"locking the database failed on {name}: {cause}")
            raise _held(self._database.name, "")
        self._connection, self._backend = connection, backend

    async def renew(self) -> None:
        if self.lost_to is not None:
            return
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                if not await self._stands():
                    await self.take()
                    log.info("database locked again")
        except HeldByAnother as exc:
            log.error("database lost to another liqalert")
            self.problem, self.lost_to = None, exc
            self._call_lost()
        except TimeoutError:
            self.problem = f"{self._database.name} does not answer within {ANSWER_WITHIN_S:.0f} s"
        except StorageError as exc:
            self.problem = str(exc)
        else:
            self.problem = None

    async def release(self) -> None:
        with suppress(*REFUSALS):
            if self._connection is not None:
                await self._connection.close()
        await close_engine(self._engine)

    async def _stands(self) -> bool:
        if self._connection is None:
            return False
        try:
            # A lock that a standby has given keeps nobody from the server in its place.
            if not await self._connection.scalar(text("SELECT pg_is_in_recovery()")):
                return True
        except REFUSALS:
            pass
        connection, self._connection = self._connection, None
        with suppress(*REFUSALS):
            await connection.invalidate()
            await connection.close()
        return False

    async def _end_our_ghost(self, connection: AsyncConnection) -> bool:
        """A connection that broke on the way here may live on at the server, and hold the lock against ourselves.

        False while it does not end.
        """
        if self._backend is None:
            return True
        holder = "SELECT pg_terminate_backend(pid, 1000) FROM pg_locks WHERE pid = :pid AND locktype = 'advisory'"
        return await connection.scalar(text(holder), {"pid": self._backend}) is not False


@asynccontextmanager
async def exclusively(database: Database, *, lost: Callable[[], None] = lambda: None) -> AsyncIterator[Hold]:
    """Holds `database` for this process; a process that dies lets go. Raises HeldByAnother when another holds it.

    `lost` is called once a renewal finds that another process has taken it.
    """
    if database.path is not None:
        with exclusive_file(database.path):
            yield Hold()
        return
    hold = _ServerHold(database, lost)
    try:
        await hold.take()
        yield hold
    finally:
        await hold.release()


@contextmanager
def exclusively_by_command(url: str) -> Iterator[None]:
    """The same for a command that restores an SQLite database; PostgreSQL is left to tools of its own."""
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
    # Whoever may read it could hold it, and keep us from starting.
    make_private(Path(f"{path}.lock"))
    try:
        file = Path(f"{path}.lock").open("a+", encoding="ascii")  # noqa: SIM115 - closed below, and by the end of us
    except OSError as exc:
        remedy = REMEDIES.get(exc.errno or 0, "change the owner of the directory")
        raise StorageError(f"{path}.lock cannot be written ({exc.strerror}): {remedy}") from exc
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


def _held(name: str, pid: str) -> HeldByAnother:
    who = f"another liqalert (process {pid})" if pid else "another liqalert"
    return HeldByAnother(f"{who} uses {name}: stop it first, or give this one a database.url of its own")
