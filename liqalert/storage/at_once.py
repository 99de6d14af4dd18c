"""A whole transaction in one visit to the thread of an SQLite connection.

Asked statement by statement, aiosqlite crosses to its thread and back for each cursor, each statement, each fetch and
the commit, a dozen times and more for a small transaction; each crossing waits for the other thread to be woken, and
for the interpreter's lock. Here the crossing is made once, with a function that does all of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

import aiosqlite
from sqlalchemy import Connection, StaticPool, create_engine

T = TypeVar("T")


class InThread(Connection):
    """A connection of SQLAlchemy with the driver's at hand, to which its own way leads through five objects."""

    raw: sqlite3.Connection


class AtOnce:
    """Runs functions on connections of aiosqlite, each in its thread and in a transaction of its own."""

    def __init__(self) -> None:
        # SQLAlchemy's synchronous half. One engine for all connections: it remembers how statements are put in SQL.
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        self._connections: WeakKeyDictionary[aiosqlite.Connection, InThread] = WeakKeyDictionary()

    async def run(self, driver: aiosqlite.Connection, begin: str, work: Callable[[Connection], T]) -> T:
        """What `work` gives, once it is committed; the transaction begins with `begin`.

        When cancelled, the transaction is committed all the same, or not at all; it is never left open.
        """
        # The private name of what every method of aiosqlite calls: there is no public one for a function of one's own.
        execute: Callable[..., Awaitable[T]] = driver._execute
        return await execute(self._in_its_thread, driver, begin, work)

    def _in_its_thread(self, driver: aiosqlite.Connection, begin: str, work: Callable[[Connection], T]) -> T:
        # The connection that aiosqlite has made, and will close.
        raw = driver._conn
        connection = self._connections.get(driver)
        if connection is None:
            # SQLAlchemy's own drivers do not fit its type of a connection either.
            pool = StaticPool(lambda: raw, reset_on_return=None)  # type: ignore[arg-type]
            connection = self._connections[driver] = InThread(self._engine, pool.connect())
            connection.raw = raw
        raw.execute(begin)
        try:
            result = work(connection)
            # It has begun one of its own if it was asked anything; to SQLite both are one.
            connection.commit()
            raw.commit()
        except BaseException:
            connection.rollback()
            raw.rollback()
            raise
        return result
