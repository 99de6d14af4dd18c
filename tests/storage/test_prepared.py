"""Prepared statements: the same rows as SQLAlchemy gives, and the same transaction."""

from __future__ import annotations

import pytest
from sqlalchemy import Boolean, Connection, Text, bindparam, insert, select, update

from liqalert.ports import RowRefused, StorageError
from liqalert.storage.database import Database
from liqalert.storage.prepared import Prepared, Values
from liqalert.storage.tables import FEED_GAPS, FEED_HEARTBEATS

HEARTBEATS = FEED_HEARTBEATS.c
NAMES = ("binance", "bybit", "okx")
OF_THESE = select(HEARTBEATS.exchange, HEARTBEATS.alive_at).where(
    HEARTBEATS.exchange.in_(bindparam("names", expanding=True)),
    HEARTBEATS.exchange.not_in(["kraken", "deribit"]),
    HEARTBEATS.alive_at >= bindparam("since"),
)
STORE = Prepared(insert(FEED_HEARTBEATS))


def row(name: str, alive_at: float = 2.0) -> Values:
    return {"exchange": name, "watching_since": 1.0, "alive_at": alive_at}


def store(connection: Connection, *names: str) -> None:
    STORE.run(connection, [row(name, alive_at) for alive_at, name in enumerate(names)])


def names(connection: Connection) -> list[str]:
    return sorted(connection.scalars(select(HEARTBEATS.exchange)))


@pytest.mark.parametrize("wanted", [[], ["okx"], ["binance", "okx"], ["okx", "binance", "nowhere"]])
async def test_rows_are_those_that_sqlalchemy_gives(wanted: list[str], database: Database) -> None:
    prepared, values = Prepared(OF_THESE, lists=("names",)), {"since": 0.5, "names": wanted}

    def ask(connection: Connection) -> None:
        store(connection, *NAMES)
        # Another length, and another order of the names, before.
        prepared.rows(connection, {"names": [*wanted, "more"], "since": 0.0})
        rows = prepared.rows(connection, values)
        assert {tuple(each) for each in rows} == {tuple(each) for each in connection.execute(OF_THESE, values)}
        assert len(rows) == len({"okx"} & set(wanted))

    await database.write_at_once("test", ask)


async def test_none_and_truth_arrive_as_they_were_given(database: Database) -> None:
    change = update(FEED_GAPS).values(end_at=bindparam("end"), cause=bindparam("why", type_=Text))
    prepared = Prepared(change.where(bindparam("really", type_=Boolean)))
    gap = {"exchange": "binance", "start_at": 1.0, "end_at": 2.0, "cause": "silent"}

    def ask(connection: Connection) -> None:
        connection.execute(insert(FEED_GAPS), [gap])
        prepared.run(connection, [{"end": None, "why": "changed", "really": False}])
        assert [each.cause for each in connection.execute(select(FEED_GAPS))] == ["silent"]
        prepared.run(connection, [{"really": True, "end": None, "why": "changed"}])
        assert [(each.end_at, each.cause) for each in connection.execute(select(FEED_GAPS))] == [(None, "changed")]

    await database.write_at_once("test", ask)


async def test_only_rows_that_are_new_are_given_back(database: Database) -> None:
    prepared = database.prepared_insert_new(FEED_HEARTBEATS, returning=("exchange",))

    def ask(connection: Connection) -> None:
        store(connection, "bybit")
        assert sorted(prepared.rows_of_each(connection, [row(name) for name in NAMES])) == [("binance",), ("okx",)]

    await database.write_at_once("test", ask)


async def test_what_breaks_a_constraint_is_about_a_row_and_leaves_nothing(database: Database) -> None:
    def twice(connection: Connection) -> None:
        connection.execute(insert(FEED_HEARTBEATS), [row("okx")])
        store(connection, "binance")
        store(connection, "binance")

    with pytest.raises(RowRefused, match=r"storing twice failed on (sqlite|postgresql)"):
        await database.write_at_once("storing twice", twice)

    assert await database.read_at_once("test", names) == []
    await database.write_at_once("test", lambda connection: store(connection, "binance"))
    assert await database.read_at_once("test", names) == ["binance"]


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StorageError, match=r"read-?only"):
        await database.read_at_once("test", lambda connection: store(connection, "binance"))


async def test_connections_that_are_asked_statement_by_statement_take_them_as_well(database: Database) -> None:
    async with database.write("test") as connection:
        await connection.run_sync(lambda each: store(each, *NAMES))

    assert await database.read_at_once("test", names) == sorted(NAMES)


async def test_writers_of_both_kinds_take_turns(database: Database) -> None:
    for number in range(10):
        async with database.write("test") as connection:
            await connection.execute(insert(FEED_HEARTBEATS), [row(f"slow {number}")])
        await database.write_at_once("test", lambda each, number=number: store(each, f"quick {number}"))

    assert len(await database.read_at_once("test", names)) == 20
