"""Transactions that are one visit to the connection's thread: nothing else is different about them."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from sqlalchemy import Connection, insert, select

from liqalert.ports import RowRefused, StorageError
from liqalert.storage.database import Database
from liqalert.storage.tables import FEED_HEARTBEATS

ROW = {"exchange": "binance", "watching_since": 1.0, "alive_at": 2.0}


def count(connection: Connection) -> int:
    return len(connection.execute(select(FEED_HEARTBEATS)).all())


def store(connection: Connection) -> str:
    connection.execute(insert(FEED_HEARTBEATS), [ROW])
    return "stored"


async def test_what_was_written_is_committed(database: Database) -> None:
    assert await database.write_at_once("test", store) == "stored"

    assert await database.read_at_once("test", count) == 1
    async with database.read("test") as connection:
        assert await connection.run_sync(count) == 1


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def store_twice(connection: Connection) -> None:
        store(connection)
        store(connection)

    with pytest.raises(RowRefused, match=r"storing twice failed on (sqlite|postgresql)"):
        await database.write_at_once("storing twice", store_twice)

    assert await database.read_at_once("test", count) == 0
    await database.write_at_once("test", store)
    assert await database.read_at_once("test", count) == 1


async def test_an_error_of_ours_leaves_nothing_and_keeps_its_kind(database: Database) -> None:
    def give_up(connection: Connection) -> None:
        store(connection)
        raise StorageError("not like this")

    with pytest.raises(StorageError, match=r"^not like this$"):
        await database.write_at_once("test", give_up)

    assert await database.read_at_once("test", count) == 0


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StorageError, match=r"read-?only"):
        await database.read_at_once("test", store)


async def test_a_reader_sees_one_state_throughout(sqlite_database: Database) -> None:
    began, written = threading.Event(), threading.Event()

    def count_twice(connection: Connection) -> tuple[int, int]:
        before = count(connection)
        began.set()
        written.wait(5.0)
        return before, count(connection)

    reading = asyncio.create_task(sqlite_database.read_at_once("test", count_twice), name="reader")
    await asyncio.to_thread(began.wait, 5.0)
    await sqlite_database.write_at_once("test", store)
    written.set()

    assert await reading == (0, 0)


async def test_a_locked_database_is_explained(sqlite_database: Database) -> None:
    with closing(sqlite3.connect(str(sqlite_database.path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match=r"^storing failed on sqlite.*database is locked"):
            await sqlite_database.write_at_once("storing", store)
        other.rollback()

    assert await sqlite_database.write_at_once("storing", store) == "stored"


async def test_one_that_is_cancelled_under_way_is_whole_and_does_not_hurt_the_next(sqlite_database: Database) -> None:
    began = threading.Event()

    def slowly(connection: Connection) -> None:
        store(connection)
        began.set()
        time.sleep(0.2)

    writing = asyncio.create_task(sqlite_database.write_at_once("test", slowly), name="writer")
    await asyncio.to_thread(began.wait, 5.0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert await sqlite_database.write_at_once("test", count) == 1
